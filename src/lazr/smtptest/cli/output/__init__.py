"""Render what the commands print: text for terminals, tables, JSON and logs.

Every renderer escapes untrusted input, so that a mail cannot control the terminal (threat W18).
"""
