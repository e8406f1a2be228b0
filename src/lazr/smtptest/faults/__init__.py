"""Rules: what a server does wrong, when, and how often.

This room knows events and replies.  It decides, and never does: it has no sockets and no clock, and
no dice but seeded ones, so the same questions in the same order get the same answers.
"""
