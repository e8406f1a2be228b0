"""Bytes in, events and bytes out.

This room knows octets and RFCs.  It has never heard of sockets, clocks, threads, dice, logs or
tests: a session can be replayed from a list of byte strings, and the outcome is the same however
they were cut.
"""
