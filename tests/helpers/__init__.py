"""Servers, clients and test data that tests of several folders share."""
