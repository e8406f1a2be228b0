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
READY_FOR_TLS = Reply(220, "2.0.0", "Ready to start TLS")
AUTHENTICATED = Reply(235, "2.7.0", "Authentication succeeded")

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

# RFC 3207 4
STARTTLS_FIRST = Reply(530, "5.7.0", "Must issue a STARTTLS command first")
ALREADY_TLS = Reply(503, "5.5.1", "TLS is active already")
TLS_NOT_AVAILABLE = Reply(454, "4.7.0", "TLS not available due to temporary reason")
BEHIND_STARTTLS = Reply(421, "4.7.0", "Octets in clear behind STARTTLS; discarded, goodbye")
# RFC 4954 4, 6
AUTH_INVALID = Reply(535, "5.7.8", "Authentication credentials invalid")
AUTH_REQUIRED = Reply(530, "5.7.0", "Authentication required")
AUTH_NEEDS_TLS = Reply(538, "5.7.11", "Encryption required for authentication")
AUTH_CANCELLED = Reply(501, "5.7.0", "Authentication cancelled")
AUTH_TOO_LONG = Reply(500, "5.5.6", "Authentication exchange line is too long")
AUTH_SYNTAX = Reply(501, "5.5.4", "Syntax: AUTH mechanism [initial-response]")
AUTH_UNKNOWN = Reply(504, "5.5.4", "Unrecognized authentication type; see the reply to EHLO for those offered")
AUTH_AFTER_HELO = Reply(503, "5.5.1", "Say EHLO first; AUTH is an extension")
AUTH_TWICE = Reply(503, "5.5.1", "Already authenticated")
AUTH_IN_TRANSACTION = Reply(503, "5.5.1", "AUTH may not come inside a transaction")
NOT_BASE64 = Reply(501, "5.5.2", "Cannot decode base64")
TOO_SOON = Reply(421, "4.7.0", "Octets behind a command that did not wait for its reply; discarded, goodbye")
TOO_MANY_FAILURES = Reply(421, "4.7.0", "Too many failed authentications, goodbye")
# RFC 2033 4.1
SAY_LHLO = Reply(500, "5.5.1", "This is LMTP; say LHLO")
SAY_EHLO = Reply(500, "5.5.1", "This is SMTP; say EHLO")

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
