"""HTTP: the REST API, who may talk to it, and what it tells others.

It knows stores, requests and replies of HTTP, and the wire below them.  It has not heard of SMTP's commands.
"""
