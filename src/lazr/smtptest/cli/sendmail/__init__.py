"""Run `smtptest sendmail`, a replacement of /usr/sbin/sendmail for tests.

`command` parses sendmail's options, `message` completes the message, `exit_codes` maps replies to sysexits.
"""
