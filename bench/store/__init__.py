"""Benchmark of the store behind `smtptest serve` (`make bench-store`).

It drives the real command by SMTP and HTTP, so it also measures another checkout of this project, and Mailpit.
`__main__` has the options; `lifecycle` fills one database and measures it from its start to its deletion; `throughput`
compares mails per second; `report` names the rows.  `load` and `listeners` are the client processes.
"""
