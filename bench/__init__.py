"""Benchmarks of this package and other SMTP servers.

`make bench`, `make bench-nodes` and `make bench-store` run them.
"""
