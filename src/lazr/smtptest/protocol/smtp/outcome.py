"""The outcome of events: the reply that an RFC suggests for each, and what follows from the one given.

The other half of `Session`, and a friend of it: tables, one row for each kind of event.
"""

from __future__ import annotations

from lazr.smtptest.protocol.smtp import event, replies
from lazr.smtptest.protocol.smtp.state import ROWS, State
from lazr.smtptest.protocol.smtp.transcript import Raw

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from lazr.smtptest.protocol.smtp.reply import Reply
    from lazr.smtptest.protocol.smtp.session import Session

__all__ = ["EFFECTS", "SUGGESTED", "just_say"]

# RFC 5321 4.2.2, 4.2.3: what says that the client broke the grammar or the order, and so counts
# as an error.  A refusal that somebody decided on (a full mailbox, an unknown user) does not.
_ERRORS = frozenset({500, 501, 502, 503, 504, 553, 555})

# What the RFC suggests to say to a command that is well-formed and in order.


def _unless_auth_is_missing(session: Session, reply: Reply) -> Reply:
    """RFC 4954 6: what a server says who wants AUTH first."""
    auth = session._profile.auth
    missing = auth is not None and auth.required and session.record.auth is None
    return replies.AUTH_REQUIRED if missing else reply


def _suggest_starttls(session: Session, starttls: event.StartTls) -> Reply:
    session._be_silent()  # from here on, whatever is decided, and however late
    refused = session._profile.tls == "refused"
    return replies.TLS_NOT_AVAILABLE if refused else replies.READY_FOR_TLS


def _suggest_mail(session: Session, mail: event.Mail) -> Reply:
    size = mail.parameters.get("SIZE")
    most = session._profile.limits.message_size
    # RFC 1870 6.1: a declared size over the limit is refused before a single octet is sent.
    too_big = size and most is not None and int(size) > most
    return _unless_auth_is_missing(session, replies.TOO_BIG if too_big else replies.SENDER_OK)


def _suggest_rcpt(session: Session, rcpt: event.Rcpt) -> Reply:
    most = session._profile.limits.recipients
    full = most is not None and len(session._rcpts) >= most
    return replies.TOO_MANY_RECIPIENTS if full else replies.RECIPIENT_OK


def _suggest_data(session: Session, data: event.Data) -> Reply:
    return replies.BINARY_NEEDS_BDAT if session._binary() else replies.GO_AHEAD


SUGGESTED: dict[str, Reply | Callable[[Session, Any], Reply]] = {
    "EHLO": lambda session, ehlo: session._profile.ehlo,
    "HELO": lambda session, helo: session._profile.helo,
    "LHLO": lambda session, lhlo: session._profile.ehlo,
    "STARTTLS": _suggest_starttls,
    "XCLIENT": lambda session, xclient: session._profile.greeting,
    "MAIL": _suggest_mail,
    "RCPT": _suggest_rcpt,
    "DATA": _suggest_data,
    "RSET": replies.OK,
    "NOOP": replies.OK,
    "VRFY": lambda session, vrfy: _unless_auth_is_missing(session, replies.CANNOT_VRFY),
    "EXPN": lambda session, expn: _unless_auth_is_missing(session, replies.NOT_IMPLEMENTED),
    "HELP": replies.HELP,
    "QUIT": replies.BYE,
}


# What an event leads to, once its reply is decided on: each says the reply, and then does what it
# allows.  An event without a row is answered, and that is all.


def just_say(session: Session, asked: event.Event, reply: Reply) -> None:
    """What follows from most events: nothing but the reply."""
    session._say(reply)


def _after_connect(session: Session, connect: event.Connect, reply: Reply) -> None:
    session._say(reply)
    if not reply.positive:  # RFC 5321 3.1: the client may stay to say QUIT
        session.state, session._allowed = State.UNWELCOME, ROWS[State.UNWELCOME]


def _after_greeting(session: Session, greeting: event.Ehlo | event.Helo | event.Lhlo, reply: Reply) -> None:
    session._say(reply)
    if reply.positive:
        session._abort()
        session.record.helo = greeting.domain
        session.record.greetings += (greeting.verb,)
        session._speak(extended=not isinstance(greeting, event.Helo), utf8=False)
        session._enter(greeting.verb)


def _after_starttls(session: Session, starttls: event.StartTls, reply: Reply) -> None:
    if reply.code == 220:
        session._ready_for_tls = reply  # said when it is sure that nothing came behind the command
    else:
        session._say(reply)


def _after_auth(session: Session, auth: event.Auth, reply: Reply) -> None:
    exchange = session._exchange
    word = None if exchange is None else exchange.last_word(reply.positive)
    if word is None:
        session._tell(auth.credentials, reply)
    else:
        session._verdict = auth.credentials, reply
        session._challenge(word)


def _after_xclient(session: Session, xclient: event.Xclient, reply: Reply) -> None:
    from lazr.smtptest.protocol.smtp.sasl import Credentials

    session._say(reply)
    if not reply.positive:
        return
    record, attributes = session.record, xclient.attributes
    earlier = record.auth
    session._start_over()
    if "ADDR" in attributes or "PORT" in attributes:
        before, _, port = record.peer.rpartition(":")
        host = attributes["ADDR"] or "unknown" if "ADDR" in attributes else before.strip("[]")
        port = attributes.get("PORT") or ("0" if "ADDR" in attributes else port)
        record.peer = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    record.client_name = attributes.get("NAME") or record.client_name
    record.helo = attributes.get("HELO") or ""
    login = attributes.get("LOGIN")
    record.auth = earlier if "LOGIN" not in attributes else Credentials("XCLIENT", login) if login else None


def _after_mail(session: Session, mail: event.Mail, reply: Reply) -> None:
    session._say(reply)
    if reply.positive:
        session._mail = mail
        if "SMTPUTF8" in mail.parameters:
            session._speak(extended=session._context.extended, utf8=True)
        session._enter("MAIL")


def _after_rcpt(session: Session, rcpt: event.Rcpt, reply: Reply) -> None:
    session._say(reply)
    if reply.positive:
        session._rcpts.append(rcpt)
        session._enter("RCPT")


def _after_data(session: Session, data: event.Data, reply: Reply) -> None:
    session._say(reply)
    # RFC 5321 4.1.1.4: 354 is the one reply after which the client sends content.
    if reply.code == 354:
        session._enter("DATA")
        session._expect_data()


def _after_chunk(session: Session, chunk: event.Bdat, reply: Reply) -> None:
    if not reply.positive:  # RFC 3030 2: after a chunk that failed, the rest of its transaction fails too
        for _ in range(session._replies_due() if chunk.last else 1):
            session._say(reply)
        session._abort()
        return
    session._enter("BDAT")
    if chunk.last and not reply.closes:  # two questions, but one reply: the chunk is welcome; is the message?
        # Octets of its own are what somebody wants to be said now, and the message's reply is what is said.
        session._end_of_data(reply if isinstance(reply.wire, Raw) else replies.ACCEPTED)
    else:
        session._say(reply)


def _after_delivery(session: Session, delivery: event.Delivery, reply: Reply) -> None:
    session._verdicts.append(reply)


def _after_end_of_data(session: Session, message: event.EndOfData, reply: Reply) -> None:
    if reply.positive:
        session._commands_without_mail = 0
        session.record.mails += 1
        session.record.octets += sum(map(len, message.parts))
    if session._profile.lmtp:
        session._finish_delivery(reply)
    else:
        session._say(reply)
        session._abort()


def _after_rset(session: Session, rset: event.Rset, reply: Reply) -> None:
    session._say(reply)
    if reply.positive:
        session._abort()


def _after_quit(session: Session, quit: event.Quit, reply: Reply) -> None:
    session._say(reply)
    session.record.end("QUIT")
    session._close(orderly=True)


def _after_error(session: Session, mistake: event.Malformed | event.Unknown, reply: Reply) -> None:
    if reply.code in _ERRORS:
        session._errors += 1
        most = session._profile.limits.errors
        if most is not None and session._errors >= most:
            session._give_up(replies.TOO_MANY_ERRORS)
            return
    for _ in range(mistake.replies if isinstance(mistake, event.Malformed) else 1):
        session._say(reply)


EFFECTS: dict[type[event.Event], Callable[[Session, Any, Reply], None]] = {
    event.Connect: _after_connect,
    event.Ehlo: _after_greeting,
    event.Helo: _after_greeting,
    event.Lhlo: _after_greeting,
    event.StartTls: _after_starttls,
    event.Auth: _after_auth,
    event.Xclient: _after_xclient,
    event.Mail: _after_mail,
    event.Rcpt: _after_rcpt,
    event.Data: _after_data,
    event.Bdat: _after_chunk,
    event.Delivery: _after_delivery,
    event.EndOfData: _after_end_of_data,
    event.Rset: _after_rset,
    event.Quit: _after_quit,
    event.Malformed: _after_error,
    event.Unknown: _after_error,
}
