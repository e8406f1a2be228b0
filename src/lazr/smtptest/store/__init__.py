"""Where `smtptest serve` keeps mail: in memory, or in an SQLite file; one contract for both.

It knows mails and how to keep, list, search and forget them.  It has not heard of SMTP sessions, sockets or HTTP.
"""
