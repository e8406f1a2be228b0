"""What test runners need of servers: how to set them up, when they failed a test, what they saw.

It has heard neither of pytest nor of unittest: `pytest_plugin` and `testcase` bring it to them.
"""
