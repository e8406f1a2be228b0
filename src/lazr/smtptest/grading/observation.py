"""What a trial has shown: what the client said, what the server saw, and what arrived."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from enum import Enum
from itertools import pairwise

from lazr.smtptest.grading.message import find_alteration

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from lazr.smtptest.mail import Mail
    from lazr.smtptest.protocol.smtp import Command, SessionRecord

__all__ = [
    "Arrivals",
    "Claim",
    "Observation",
    "count_acceptances",
    "count_attempts",
    "find_last_refusal",
    "find_message",
    "find_refusal_before_content",
    "find_repeated_refusal",
]

_MAIL_VERBS = frozenset({"MAIL", "RCPT", "DATA", "BDAT", "END_OF_DATA"})
_INTERMEDIATE = 3  # the first digit of 354
# Refusals of a transaction that another attempt cannot change.  503 and 530 are about the order of commands.
_FIRST_CODE_OF_PERMANENT_REFUSALS = 550
_LAST_CODE_OF_PERMANENT_REFUSALS = 554


class Claim(Enum):
    """What the client said about its mail."""

    SENT = "the client said that the mail was sent"
    DEFERRED = "the client keeps the mail for a later attempt"
    FAILED = "the client reported a failure"
    HUNG = "the client had not ended in time"
    NOT_SUPPORTED = "the client does not support what the task demands"


@dataclass(frozen=True, slots=True)
class Observation:
    """What a trial has shown.

    - `claim`: what the client said.
    - `subjects`: the subjects of the messages to send.
    - `messages`: the messages to send.
    - `recipients`: the recipients of each message.
    - `mails`: what arrived, in order.
    - `sessions`: the sessions of the client, in order.
    - `has_rule_acted`: whether one of the rules of the behavior acted.
    - `claim_text`: the client's own words: the exception, or the end of its stderr.
    - `seconds`: how long the client took.
    """

    claim: Claim
    subjects: tuple[str, ...]
    messages: tuple[bytes, ...]
    recipients: tuple[str, ...]
    mails: tuple[Mail, ...]
    sessions: tuple[SessionRecord, ...]
    has_rule_acted: bool
    claim_text: str = ""
    seconds: float = 0.0


class Arrivals:
    """How often each message arrived for each recipient, and how it was changed.

    - `counts`: how often, by the index of the message and the recipient in small letters.
    - `most`: the highest of these counts.
    - `missing`: the recipients without one of the messages.
    - `is_nothing`: whether no message arrived at all.
    - `alteration`: how the first altered message was changed; None if there is none.

    Args:
        seen: What the trial has shown.
    """

    def __init__(self, seen: Observation) -> None:
        self.counts: Counter[tuple[int, str]] = Counter()
        self.alteration: str | None = None
        for mail in seen.mails:
            number = find_message(seen.subjects, mail)
            if number is None:
                continue
            self.counts.update((number, recipient.casefold()) for recipient in mail.recipients)
            self.alteration = self.alteration or find_alteration(seen.messages[number], mail.content)
        wanted = [(number, recipient) for number in range(len(seen.messages)) for recipient in seen.recipients]
        self.missing: list[str] = [
            recipient for number, recipient in wanted if not self.counts[number, recipient.casefold()]
        ]
        self.is_nothing: bool = not self.counts
        self.most: int = max(self.counts.values(), default=0)


def find_message(subjects: Sequence[str], mail: Mail) -> int | None:
    """Return the index of the message that arrived; None for another, such as a bounce."""
    subject = mail.subject
    for number, expected in enumerate(subjects):
        if subject == expected:
            return number
    if not mail.sender:  # a bounce of the client has the message in it
        return None
    # The client has lost the subject, or the whole header.
    for number, expected in enumerate(subjects):
        if expected.rpartition(" ")[2].encode() in mail.content:
            return number
    return None


def count_attempts(sessions: Sequence[SessionRecord]) -> int:
    """Return how often a client began to send a mail, or connected if it never did."""
    mails = sum(command.verb == "MAIL" for session in sessions for command in session.commands)
    return mails or len(sessions)


def count_acceptances(sessions: Sequence[SessionRecord]) -> int:
    """Return how many messages the server accepted with a reply that it sent.

    Bounces of the client, which have no sender, do not count.
    """
    count = 0
    for session in sessions:
        sender: str | None = ""
        for command in session.commands:
            if command.verb == "MAIL":
                sender = command.address
            elif command.verb == "END_OF_DATA" and command.reply is not None and command.reply.code < 300:
                count += bool(sender)
    return count


def find_refusal_before_content(sessions: Sequence[SessionRecord]) -> int | None:
    """Return the code of a refusal of DATA after which the client sent its content.

    The server takes such content for commands, which are invalid; None if there is no such refusal.
    """
    for session in sessions:
        for command, following in pairwise(session.commands):
            reply = command.reply
            if (
                command.verb == "DATA"
                and reply is not None
                and reply.code // 100 != _INTERMEDIATE
                and not following.is_valid
            ):
                return reply.code
    return None


def find_last_refusal(sessions: Sequence[SessionRecord]) -> Command | None:
    """Return the last command of a mail with a refusal, if that was a permanent one."""
    commands = [command for session in sessions for command in session.commands if command.verb in _MAIL_VERBS]
    refused = [command for command in commands if command.reply is not None and command.reply.code >= 400]
    if refused and (reply := refused[-1].reply) is not None and _is_permanent(reply.code):
        return refused[-1]
    return None


def find_repeated_refusal(sessions: Sequence[SessionRecord]) -> Command | None:
    """Return the second of two equal commands with a permanent refusal (RFC 5321 4.2.1).

    Two commands are equal if they and those before them in the transaction have the same arguments.
    """
    refused: set[tuple[object, ...]] = set()
    for session in sessions:
        transaction: list[object] = []
        for command in session.commands:
            if command.verb == "MAIL":
                transaction = []
            elif command.verb not in _MAIL_VERBS:
                continue
            transaction.append((command.verb, command.address, frozenset(command.parameters), command.argument))
            if command.reply is not None and _is_permanent(command.reply.code):
                if tuple(transaction) in refused:
                    return command
                refused.add(tuple(transaction))
    return None


def _is_permanent(code: int) -> bool:
    return _FIRST_CODE_OF_PERMANENT_REFUSALS <= code <= _LAST_CODE_OF_PERMANENT_REFUSALS
