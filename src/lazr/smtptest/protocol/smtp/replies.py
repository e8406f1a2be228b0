"""What a session says of itself: the replies that RFC 5321 and its extensions suggest, by name."""

from __future__ import annotations

from lazr.smtptest.protocol.smtp.reply import Reply

SENDER_OK = Reply(250, "2.1.0", "Sender ok")
RECIPIENT_OK = Reply(250, "2.1.5", "Recipient ok")
GO_AHEAD = Reply(354, "End data with <CR><LF>.<CR><LF>")
ACCEPTED = Reply(250, "2.0.0", "Message accepted")
OK = Reply(250, "2.0.0", "Ok")
BYE = Reply(221, "2.0.0", "Bye")
CANNOT_VRFY = Reply(252, "2.1.5", "Cannot VRFY a user, but will accept mail for it")
HELP = Reply(
    214, "2.0.0", "Commands:", "EHLO HELO MAIL RCPT DATA BDAT RSET", "NOOP VRFY EXPN HELP QUIT", "See RFC 5321"
)

NOT_RECOGNIZED = Reply(500, "5.5.2", "Command not recognized")
NOT_IMPLEMENTED = Reply(502, "5.5.1", "Command not implemented")
TOO_LONG = Reply(500, "5.5.2", "Command line too long")
BARE_LINE_END = Reply(500, "5.5.2", "A bare CR or LF; a command ends with CRLF")
NOT_UTF8 = Reply(501, "5.5.2", "Neither ASCII nor UTF-8")
GREET_FIRST = Reply(503, "5.5.1", "Say EHLO first")
BAD_SEQUENCE = Reply(503, "5.5.1", "Bad sequence of commands")
NEEDS_MAIL = Reply(503, "5.5.1", "Bad sequence of commands; MAIL comes before RCPT")
NEEDS_RCPT = Reply(503, "5.5.1", "Bad sequence of commands; MAIL and an accepted RCPT come before DATA")
ALREADY_MAIL = Reply(503, "5.5.1", "Bad sequence of commands; a transaction is under way, which RSET aborts")
BINARY_NEEDS_BDAT = Reply(503, "5.5.1", "BODY=BINARYMIME goes with BDAT, not DATA (RFC 3030 3)")
NO_TRANSACTION = Reply(503, "5.5.1", "No transaction for this chunk")
TOO_BIG = Reply(552, "5.3.4", "Message too big")
TOO_MANY_RECIPIENTS = Reply(452, "4.5.3", "Too many recipients")
BARE_IN_CONTENT = Reply(550, "5.5.2", "Bare CR, bare LF or NUL in the message")

TOO_MANY_ERRORS = Reply(421, "4.7.0", "Too many errors, goodbye")
TOO_MANY_COMMANDS = Reply(421, "4.7.0", "Too many commands without mail, goodbye")
ENDLESS_LINE = Reply(421, "4.7.0", "Command line without end, goodbye")
ENDLESS_MESSAGE = Reply(421, "4.7.0", "Message far too big, goodbye")
NOT_SMTP = Reply(421, "4.7.0", "This is an SMTP server; goodbye")
BDAT_SYNTAX = Reply(501, "5.5.4", "Syntax: BDAT octets [LAST]")
CHUNK_SIZE = Reply(501, "5.5.4", "No such number of octets, goodbye")
OVERFLOW = Reply(421, "4.3.1", "Too much input while a reply is due, goodbye")
TOO_MANY_CONNECTIONS = Reply(421, "4.3.2", "Too many connections, try later")
TIMEOUT = Reply(421, "4.4.2", "Timeout, goodbye")
SHUTTING_DOWN = Reply(421, "4.3.2", "Server shutting down, goodbye")
