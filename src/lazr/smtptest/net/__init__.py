"""Sockets, the one thread that owns them, and the clock.

This room carries out what the protocol decides.  It knows no messages: what is kept, and what a
handler thinks of it, is decided by the functions that it is given.
"""
