"""Run `smtptest serve`: the mail server, its store, its web server and its output.

The files `*_options` declare options.  `mail_store`, `web_server` and `outbound` build what the options describe, and
`command` connects the parts.
"""
