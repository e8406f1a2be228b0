"""Mail protocols without I/O: bytes in, events and bytes out.

The modules use no sockets, clocks, threads, random numbers or logs.  A session can be replayed from a list of byte
strings, and the result does not depend on how they were split.
"""
