"""What a trial has shown: what the client said, what the server saw, and what arrived."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from enum import Enum

from lazr.smtptest.grading.message import find_alteration

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from lazr.smtptest.mail import Mail
    from lazr.smtptest.protocol.smtp import SessionRecord

__all__ = ["Arrivals", "Claim", "Observation", "count_attempts", "find_message"]


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
