"""Where `smtptest serve` keeps mail: in memory, in an SQLite file or in PostgreSQL; one contract for the three.

It knows mails and how to keep, list, search and forget them.  It has not heard of SMTP sessions, sockets or HTTP.
"""
