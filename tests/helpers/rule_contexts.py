"""Rule contexts for each kind of event, without a server."""

from lazr.smtptest import Credentials, Reply, RuleContext, SessionRecord, TlsFacts
from lazr.smtptest.protocol.smtp import events
from lazr.smtptest.protocol.smtp.address import Path


def make_session(**facts):
    """Return the record of a session with these attributes."""
    record = SessionRecord()
    record.peer = "192.0.2.7:40000"
    record.helo = "Client.Example"
    for name, value in facts.items():
        setattr(record, name, value)
    return record


MAIL = events.Mail(Path("ann@example.org"), {"SIZE": "2000"})
RCPTS = (events.Rcpt(Path("bob@example.com"), {}), events.Rcpt(Path("Carol@Example.net"), {}))
SESSION = make_session(tls=TlsFacts("TLSv1.3", "X"), auth=Credentials("PLAIN", "ann"))
MESSAGE = events.EndOfData(MAIL, RCPTS, [b"Subject: Hello\r\nX-Tag: a\r\n\r\nText\r\n"], SESSION)

EVENTS = {
    "CONNECT": events.Connect("192.0.2.7:40000"),
    "EHLO": events.Ehlo("other.example"),
    "AUTH": events.Auth(Credentials("SCRAM-SHA-256", "bart")),
    "MAIL": MAIL,
    "RCPT": RCPTS[1],
    "DATA": events.Data(),
    "BDAT": events.Bdat(70, last=False),
    "END_OF_DATA": MESSAGE,
    "DELIVERY": events.Delivery(MESSAGE, RCPTS[1]),
    "NOOP": events.Noop(""),
    "STAT": events.Unknown("STAT", ""),
}


def make_context(verb, session=SESSION, **facts):
    """Return the context of an event in the middle of a session."""
    when = "END_OF_DATA" if verb == "DELIVERY" else verb
    if verb == "EHLO":
        facts["reply"] = Reply(250, "localhost", "SIZE 10")
    transaction = (None, ()) if verb in ("CONNECT", "EHLO", "AUTH", "MAIL") else (MAIL, RCPTS)
    return RuleContext(when, session, event=EVENTS.get(verb), transaction=transaction, **facts)


CLEAR = make_session()  # no TLS, no AUTH
