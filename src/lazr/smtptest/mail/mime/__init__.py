"""Decode the bytes of a message: header fields, parts, charsets, addresses, dates.

All functions take untrusted input.  They never raise because of it, take time in proportion to its length, and do not
recurse.  What cannot be decoded is recorded as a defect and kept undecoded.  Envelopes and inboxes are outside of this
room.
"""
