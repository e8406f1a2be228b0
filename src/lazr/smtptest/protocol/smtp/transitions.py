"""The reply that an RFC suggests for each command, and the effect of each reply.

`SUGGESTED_REPLIES` has the replies.  `EFFECTS` has two effects for each kind of event: one for a positive reply, one
for a refusal.  Both tables are pure data: they read a session through `SessionFacts`, and `SmtpSession` carries the
effects out.  Which command is allowed in which state is in `states`.
"""

from __future__ import annotations

import enum

from lazr.smtptest.protocol.smtp import events, standard_replies

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Protocol

    from lazr.smtptest.protocol.smtp.reply import Reply
    from lazr.smtptest.protocol.smtp.server_settings import ServerSettings
    from lazr.smtptest.protocol.smtp.session_record import SessionRecord

    class SessionFacts(Protocol):
        """The facts of a session that its replies depend on."""

        settings: ServerSettings
        record: SessionRecord

        @property
        def recipient_count(self) -> int:
            """The number of recipients accepted in this transaction."""

        @property
        def is_binary(self) -> bool:
            """Whether MAIL announced BODY=BINARYMIME."""


__all__ = ["EFFECTS", "REPLY_ONLY", "SUGGESTED_REPLIES", "Effect", "is_client_error"]

_CLIENT_ERROR_CODES = frozenset({500, 501, 502, 503, 504, 521, 553, 555})


def is_client_error(reply: Reply) -> bool:
    """Whether the reply means that the client broke the grammar or the order of commands.

    RFC 5321 4.2.2 and 4.2.3 have the codes.  A refusal by decision, such as a full mailbox, is no error.
    """
    # RFC 6531 3.5: 550 5.6.7 is the reply to MAIL with a non-ASCII address; to RCPT it is 553.
    return reply.code in _CLIENT_ERROR_CODES or (reply.code == 550 and reply.enhanced == "5.6.7")


# -- suggested replies -----------------------------------------------------------------------


def _require_auth(session: SessionFacts, reply: Reply) -> Reply:
    """Return the reply, or 530 if the server requires AUTH first (RFC 4954 6)."""
    auth = session.settings.auth
    missing = auth is not None and auth.required and session.record.auth is None
    return standard_replies.AUTH_REQUIRED if missing else reply


def _suggest_starttls(session: SessionFacts, starttls: events.StartTls) -> Reply:
    refused = session.settings.starttls_fault == "refused"
    return standard_replies.TLS_NOT_AVAILABLE if refused else standard_replies.READY_FOR_TLS


def _suggest_mail(session: SessionFacts, mail: events.Mail) -> Reply:
    reply = standard_replies.SENDER_OK
    if mail.parameters:
        size, limit = mail.declared_size, session.settings.limits.message_size
        # RFC 1870 6.1: a declared size over the limit is refused before any content is sent.
        if size is not None and limit is not None and size > limit:
            reply = standard_replies.MESSAGE_TOO_BIG
    return reply if session.settings.auth is None else _require_auth(session, reply)


def _suggest_rcpt(session: SessionFacts, rcpt: events.Rcpt) -> Reply:
    limit = session.settings.limits.recipients
    full = limit is not None and session.recipient_count >= limit
    return standard_replies.TOO_MANY_RECIPIENTS if full else standard_replies.RECIPIENT_OK


def _suggest_data(session: SessionFacts, data: events.Data) -> Reply:
    return standard_replies.BINARY_NEEDS_BDAT if session.is_binary else standard_replies.START_MAIL_INPUT


# The reply to a command that is well-formed and in order.
SUGGESTED_REPLIES: dict[str, Reply | Callable[[SessionFacts, Any], Reply]] = {
    "EHLO": lambda session, ehlo: session.settings.ehlo_reply,
    "HELO": lambda session, helo: session.settings.helo_reply,
    "LHLO": lambda session, lhlo: session.settings.ehlo_reply,
    "STARTTLS": _suggest_starttls,
    "XCLIENT": lambda session, xclient: session.settings.greeting_reply,
    "MAIL": _suggest_mail,
    "RCPT": _suggest_rcpt,
    "DATA": _suggest_data,
    "RSET": standard_replies.OK,
    "NOOP": standard_replies.OK,
    "VRFY": lambda session, vrfy: _require_auth(session, standard_replies.CANNOT_VRFY),
    "EXPN": lambda session, expn: _require_auth(session, standard_replies.NOT_IMPLEMENTED),
    "HELP": lambda session, _: session.settings.help_reply,
    "QUIT": standard_replies.BYE,
}


# -- effects ---------------------------------------------------------------------------------


class Effect(enum.Enum):
    """What a session does with the reply to an event."""

    REPLY = "send the reply; nothing else changes"
    REFUSE_CLIENT = "send the reply; the client may only send QUIT (RFC 5321 3.1)"
    GREET = "send the reply; a greeted session begins (RFC 5321 4.1.4)"
    START_TLS = "for 220, begin the handshake if no input follows the command (RFC 3207 4); else send the reply"
    FINISH_AUTH = "send the final challenge if the mechanism has one, else the reply (RFC 4954 4)"
    REPLACE_CLIENT = "send the reply; the session starts again with the facts of XCLIENT"
    BEGIN_TRANSACTION = "send the reply; the transaction has a reverse-path (RFC 5321 3.3)"
    ADD_RECIPIENT = "send the reply; the transaction has one more forward-path (RFC 5321 3.3)"
    EXPECT_DATA = "send the reply; for 354, content follows (RFC 5321 4.1.1.4)"
    ACCEPT_CHUNK = "send the reply; the last chunk is followed by the decision about the message (RFC 3030 2)"
    REFUSE_CHUNK = "send the reply, for each recipient in LMTP; the transaction is over (RFC 3030 2)"
    COLLECT_VERDICT = "keep the reply for this recipient until the end (RFC 2033 4.2)"
    ACCEPT_MESSAGE = "count the mail, send the reply or replies; the transaction is over (RFC 5321 4.1.1.4)"
    REFUSE_MESSAGE = "send the reply or replies; the transaction is over (RFC 5321 4.1.1.4)"
    ABORT_TRANSACTION = "send the reply; the transaction is over (RFC 5321 4.1.1.5)"
    QUIT = "send the reply and close (RFC 5321 4.1.1.10)"
    COUNT_ERROR = "send the reply, or 421 if the client made too many errors"


REPLY_ONLY = (Effect.REPLY, Effect.REPLY)

# For each event, the effect of a positive reply (2yz, 3yz) and that of a refusal.
EFFECTS: dict[type[events.Event], tuple[Effect, Effect]] = {
    events.Connect: (Effect.REPLY, Effect.REFUSE_CLIENT),
    events.Ehlo: (Effect.GREET, Effect.REPLY),
    events.Helo: (Effect.GREET, Effect.REPLY),
    events.Lhlo: (Effect.GREET, Effect.REPLY),
    events.StartTls: (Effect.START_TLS, Effect.REPLY),
    events.Auth: (Effect.FINISH_AUTH, Effect.FINISH_AUTH),
    events.Xclient: (Effect.REPLACE_CLIENT, Effect.REPLY),
    events.Mail: (Effect.BEGIN_TRANSACTION, Effect.REPLY),
    events.Rcpt: (Effect.ADD_RECIPIENT, Effect.REPLY),
    events.Data: (Effect.EXPECT_DATA, Effect.REPLY),
    events.Bdat: (Effect.ACCEPT_CHUNK, Effect.REFUSE_CHUNK),
    events.Delivery: (Effect.COLLECT_VERDICT, Effect.COLLECT_VERDICT),
    events.EndOfData: (Effect.ACCEPT_MESSAGE, Effect.REFUSE_MESSAGE),
    events.Rset: (Effect.ABORT_TRANSACTION, Effect.REPLY),
    events.Quit: (Effect.QUIT, Effect.QUIT),
    events.Malformed: (Effect.COUNT_ERROR, Effect.COUNT_ERROR),
    events.Unknown: (Effect.COUNT_ERROR, Effect.COUNT_ERROR),
    events.Noop: REPLY_ONLY,
    events.Vrfy: REPLY_ONLY,
    events.Expn: REPLY_ONLY,
    events.Help: REPLY_ONLY,
}
