"""A message as Python's `email` parses it, with a fence round what that does not survive.

`email` splits a body into lines and asks several questions of each, calls itself for each part within a part, and
takes time by the square of the length for some header fields.  So it is given the message with its long bodies taken
out, which are put back afterwards: the structure is `email`'s own, and the cost is that of the header blocks.  Where
even these are too much, or it raises, the message has the header fields that could be read, all the rest as its
payload, and a defect.
"""

from __future__ import annotations

from lazr.smtptest.mail.mime.defect import Defects
from lazr.smtptest.mail.mime.tree import read_tree

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from email.errors import MessageDefect
    from email.message import EmailMessage, Message
    from typing import TypeVar

    from lazr.smtptest.mail.mime.tree import Part

    M = TypeVar("M", bound=Message)

__all__ = ["parse", "parse_email_message"]

# Below this, `email` is quick whatever it is given.
_SMALL = 2_048
# Lines times the depth that they are at: what `email` may be given, with all bodies, and without the long ones.
_WHOLE = 2_000
_SKELETON = 100_000
# The octets of the fields that `email` itself reads, times their semicolons.
_PARAMETERS = 2_000_000
_LONGEST_FIELD = 8_192
# What a field is cut to in a message that was given up.
_CUT = 2_048
_READ_BY_PARSER = frozenset({"content-type", "content-transfer-encoding"})


class _GivenUp(Exception):
    """Why `email` is not asked."""


def parse(content: bytes) -> Message:
    """The message, with the policy of 2009 (`compat32`)."""
    from email.message import Message

    return _parse(content, Message)


def parse_email_message(content: bytes) -> EmailMessage:
    """The message, with today's (`policy.default`), whose header fields are fenced too."""
    from email.message import EmailMessage

    from lazr.smtptest.mail.fencedpolicy import fenced_policy

    # The parser reads Content-Type by compat32's rules, which are simple, and alike in all Pythons.
    message = _parse(content, EmailMessage)
    policy = fenced_policy()
    for part in _walk(message):
        part.policy = policy
    return message


def _parse(content: bytes, make: type[M]) -> M:
    from email import message_from_bytes
    from email.errors import MessageDefect

    if len(content) <= _SMALL:
        try:
            return message_from_bytes(content, _class=make)
        except Exception as error:  # noqa: BLE001 - whatever a client's message does to the parser
            root = read_tree(content, Defects())
            return _given_up(content, root, make, MessageDefect(f"{type(error).__name__}: {error}"))
    defects = Defects()
    root = read_tree(content, defects, embedded=True)
    try:
        _judge(root, defects)
        return _fenced(content, root, make)
    except _GivenUp as reason:
        return _given_up(content, root, make, MessageDefect(str(reason)))
    except Exception as error:  # noqa: BLE001 - as above
        return _given_up(content, root, make, MessageDefect(f"{type(error).__name__}: {error}"))


def _judge(root: Part, defects: Defects) -> None:
    """Raise where the structure, or a field that the parser itself reads, is too much for it."""
    for defect in defects.all():
        if "truncated" in defect.reason:
            raise _GivenUp(f"not parsed: {defect}")
    price = 0
    for part in root.walk():
        for name, raw in part.fields:
            if name.lower() in _READ_BY_PARSER:
                price += len(raw) * raw.count(b";")
                if price > _PARAMETERS or len(raw) > _LONGEST_FIELD:
                    raise _GivenUp(f"not parsed: {part.where}: {name} has too many parameters: truncated")


def _fenced(content: bytes, root: Part, make: type[M]) -> M:
    from email import message_from_bytes

    parts = list(root.walk())
    depth = max(part.depth for part in parts) + 1
    if _lines(content) * depth <= _WHOLE:
        return message_from_bytes(content, _class=make)
    mark = "=body="
    while mark.encode("ascii") in content:
        mark += "="
    bodies: dict[str, Part] = {}
    pieces = []
    at = 0
    for part in parts:
        # A delivery status (RFC 3464 2.1) is a sequence of header blocks, which the parser takes apart.
        if part.children or part.type.value == "message/delivery-status" or part.end - part.start < len(mark) + 9:
            continue
        name = f"{mark}{len(bodies)}"
        bodies[name] = part
        pieces += [content[at : part.start], name.encode("ascii")]
        at = part.end
    pieces.append(content[at:])
    skeleton = b"".join(pieces)
    if _lines(skeleton) * depth > _SKELETON:
        raise _GivenUp("not parsed: too many lines at too great a depth: truncated")
    message = message_from_bytes(skeleton, _class=make)
    for one in _walk(message):
        # Asked by its own method, a payload is decoded first, by a charset that may be anything.
        payload = vars(one)["_payload"]
        body = bodies.pop(payload, None) if isinstance(payload, str) else None
        if body is not None:
            one.set_payload(content[body.start : body.end].decode("ascii", "surrogateescape"))
    if bodies:
        raise _GivenUp("not parsed: it has parts where the parser sees none")
    return message


def _lines(content: bytes) -> int:
    return content.count(b"\n") + content.count(b"\r")  # both end a line, for the parser


def _walk(message: Message) -> Iterator[Message]:
    """All parts; `Message.walk` calls itself."""
    stack: list[Message] = [message]
    while stack:
        part = stack.pop()
        yield part
        payload = part.get_payload() if part.is_multipart() else None
        if isinstance(payload, list):
            stack.extend(one for one in reversed(payload) if not isinstance(one, str))


def _given_up(content: bytes, root: Part, make: type[M], defect: MessageDefect) -> M:
    message = make()
    for name, raw in root.fields:
        text = raw.decode("ascii", "surrogateescape").lstrip(" \t")
        if name.lower().startswith("content-") and len(text) > _CUT:
            text = text[:_CUT]
        message.set_raw(name, text)
    message.set_payload(content[root.start :].decode("ascii", "surrogateescape"))
    message.defects.append(defect)
    return message
