"""The events that `decide` and rules get: one class for each kind.

`Event` is the type of any event.  `event.verb` tells the kinds apart, also for type checkers:

>>> from lazr.smtptest import MailServer, Reply
>>> from lazr.smtptest.events import Event
>>> def decide(event: Event, reply: Reply) -> Reply:
...     if event.verb == "RCPT" and event.path.domain == "full.example":  # only `Rcpt` has the verb RCPT, and a path
...         return Reply(452, "4.2.2", "Mailbox full")
...     return reply
>>> server = MailServer(decide=decide)
"""

from __future__ import annotations

from lazr.smtptest.protocol.smtp import events

__all__ = [
    "Auth",
    "Bdat",
    "Connect",
    "Data",
    "Delivery",
    "Ehlo",
    "EndOfData",
    "Event",
    "Expn",
    "Helo",
    "Help",
    "Lhlo",
    "Mail",
    "Malformed",
    "Noop",
    "Quit",
    "Rcpt",
    "Rset",
    "StartTls",
    "Unknown",
    "Vrfy",
    "Xclient",
]

Auth = events.Auth
Bdat = events.Bdat
Connect = events.Connect
Data = events.Data
Delivery = events.Delivery
Ehlo = events.Ehlo
EndOfData = events.EndOfData
Event = events.Event
Expn = events.Expn
Helo = events.Helo
Help = events.Help
Lhlo = events.Lhlo
Mail = events.Mail
Malformed = events.Malformed
Noop = events.Noop
Quit = events.Quit
Rcpt = events.Rcpt
Rset = events.Rset
StartTls = events.StartTls
Unknown = events.Unknown
Vrfy = events.Vrfy
Xclient = events.Xclient
