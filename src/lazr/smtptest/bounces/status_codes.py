"""Enhanced status codes (RFC 3463): their meaning, and the usual SMTP reply codes."""

from __future__ import annotations

import re
from dataclasses import dataclass

__all__ = ["StatusCode", "find_status_code", "parse_status"]

# RFC 3463 2: class, subject and detail; at most three digits each, without leading zeros.
_STATUS = re.compile(r"([245])\.(0|[1-9][0-9]{0,2})\.(0|[1-9][0-9]{0,2})")

# By subject and detail: the SMTP reply codes of a temporary and of a permanent failure, and the meaning.
# RFC 3463 3 defines the subjects 0 to 7; RFC 4954, RFC 5248, RFC 6710, RFC 7372 and RFC 7505 add details.
_DETAILS: dict[str, tuple[int, int, str]] = {
    "0.0": (450, 550, "Delivery failed for another reason"),
    "1.0": (450, 550, "Another problem with the address"),
    "1.1": (450, 550, "No such mailbox"),
    "1.2": (450, 550, "No such domain"),
    "1.3": (501, 501, "Malformed recipient address"),
    "1.4": (450, 550, "The recipient address is ambiguous"),
    "1.5": (250, 250, "The recipient address is valid"),
    "1.6": (450, 551, "The mailbox has moved"),
    "1.7": (450, 553, "Malformed sender address"),
    "1.8": (450, 550, "The domain of the sender does not exist"),
    "1.10": (450, 556, "The domain of the recipient accepts no mail"),
    "2.0": (450, 550, "Another problem with the mailbox"),
    "2.1": (450, 550, "The mailbox is disabled"),
    "2.2": (452, 552, "The mailbox is full"),
    "2.3": (452, 552, "The message is larger than this mailbox accepts"),
    "2.4": (450, 550, "The mailing list cannot be expanded"),
    "3.0": (451, 554, "Another problem with the mail system"),
    "3.1": (452, 552, "The mail system has no space left"),
    "3.2": (421, 554, "The system accepts no mail at this time"),
    "3.3": (451, 554, "The system lacks a feature that the message needs"),
    "3.4": (452, 552, "The message is larger than the system accepts"),
    "3.5": (451, 554, "The system is not configured correctly"),
    "4.0": (451, 554, "Another problem with the network"),
    "4.1": (451, 554, "The host does not answer"),
    "4.2": (421, 554, "The connection was lost"),
    "4.3": (451, 554, "A directory server does not answer"),
    "4.4": (451, 554, "No route to the host"),
    "4.5": (451, 554, "The system is overloaded"),
    "4.6": (451, 554, "The message is in a routing loop"),
    "4.7": (451, 554, "The message was not delivered in time"),
    "5.0": (451, 554, "Another problem with the protocol"),
    "5.1": (503, 503, "Commands in the wrong order"),
    "5.2": (500, 500, "Syntax error"),
    "5.3": (452, 552, "Too many recipients"),
    "5.4": (501, 501, "Invalid arguments of a command"),
    "5.5": (451, 554, "The protocol versions differ"),
    "6.0": (451, 554, "Another problem with the content"),
    "6.1": (451, 554, "This kind of content is not supported"),
    "6.2": (451, 554, "The content must be converted, which is forbidden"),
    "6.3": (451, 554, "The content must be converted, which is not supported"),
    "6.4": (250, 554, "The content was converted with loss"),
    "6.5": (451, 554, "The content could not be converted"),
    "6.6": (451, 554, "The content is not available"),
    "6.7": (450, 550, "Addresses beyond ASCII are not accepted"),
    "7.0": (451, 550, "Rejected by policy"),
    "7.1": (450, 550, "Not authorized: the message is refused"),
    "7.2": (450, 550, "Posting to this mailing list is not allowed"),
    "7.3": (451, 554, "Security conversion is required and not possible"),
    "7.4": (451, 504, "Security features are not supported"),
    "7.5": (451, 554, "Cryptographic failure"),
    "7.6": (451, 554, "Cryptographic algorithm is not supported"),
    "7.7": (451, 554, "The message was changed"),
    "7.8": (454, 535, "Authentication failed"),
    "7.13": (450, 525, "The account is disabled"),
    "7.20": (450, 550, "No valid DKIM signature"),
    "7.23": (450, 550, "SPF validation failed"),
    "7.24": (451, 550, "SPF validation error"),
    "7.25": (450, 550, "Reverse DNS validation failed"),
    "7.26": (450, 550, "Several authentication checks failed"),
}
_SUCCESS = "Delivered"


@dataclass(frozen=True, slots=True)
class StatusCode:
    """One enhanced status code.

    Args:
        code: class, subject and detail, such as "5.1.1".
        reply_code: the SMTP reply code that a server usually sends with it.
        meaning: a short sentence.
    """

    code: str
    reply_code: int
    meaning: str

    @property
    def is_permanent(self) -> bool:
        """Whether the failure is permanent (class 5)."""
        return self.code.startswith("5")


def parse_status(status: object, classes: str = "245") -> str:
    """Return a valid status code unchanged.

    Args:
        status: the status code, such as "5.1.1".
        classes: the allowed first digits.

    Raises:
        ValueError: if it is not a status code, or of another class.

    >>> parse_status("5.1.1")
    '5.1.1'
    >>> parse_status("550")
    Traceback (most recent call last):
    ValueError: status must be an enhanced status code such as "5.1.1" (RFC 3463), got '550'
    """
    if not (isinstance(status, str) and _STATUS.fullmatch(status) and status[0] in classes):
        example = {"5": "5.1.1", "4": "4.4.1", "2": "2.0.0"}[classes[-1]]
        raise ValueError(f'status must be an enhanced status code such as "{example}" (RFC 3463), got {status!r}')
    return status


def find_status_code(status: str) -> StatusCode:
    """Return the meaning of a status code; an unknown detail has that of its subject.

    Raises:
        ValueError: if it is not a status code.

    >>> find_status_code("5.2.2")
    StatusCode(code='5.2.2', reply_code=552, meaning='The mailbox is full')
    >>> find_status_code("4.7.299").meaning
    'Rejected by policy'
    """
    parse_status(status)
    class_, _, detail = status.partition(".")
    if class_ == "2":
        return StatusCode(status, 250, _SUCCESS)
    temporary, permanent, meaning = (
        _DETAILS.get(detail) or _DETAILS.get(f"{detail.partition('.')[0]}.0") or _DETAILS["0.0"]
    )
    reply_code = permanent if class_ == "5" else temporary
    if reply_code // 100 != int(class_):
        reply_code = {"4": 451, "5": 554}[class_]  # RFC 2034 4: the classes of both codes agree
    return StatusCode(status, reply_code, meaning)
