"""Parse a message with Python's `email` package, in bounded time and without exceptions.

`email` raises for some messages, recurses for each nested part, works line by line, and takes quadratic time for some
header fields.  Therefore it gets a skeleton: the message with its long bodies replaced by short placeholders, which are
put back afterwards.  The structure is the one that `email` sees, and the cost is that of the header blocks.

If even the skeleton is too expensive, or `email` raises, the result is a fallback: a message with the header fields,
the undecoded body as payload, and a defect.
"""

from __future__ import annotations

import re

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

__all__ = ["parse_compat32", "parse_email_message", "serialize_message"]

# A message of this size is cheap to parse, whatever its content.
_MAX_UNCHECKED_BYTES = 2_048
# `email` takes time for each line at each level of nesting: limits for a whole message, and for a skeleton.
_MAX_WHOLE_LINES_TIMES_DEPTH = 2_000
_MAX_SKELETON_LINES_TIMES_DEPTH = 100_000
# The cost of the header fields that the parser of `email` reads: bytes times semicolons, and bytes of one field.
_MAX_BYTES_TIMES_SEMICOLONS = 2_000_000
_MAX_FIELD_BYTES = 8_192
_MAX_FALLBACK_FIELD_CHARACTERS = 2_048
_PARSER_FIELDS = frozenset({"content-type", "content-transfer-encoding"})


class _ParsingRefused(Exception):
    """The message is too expensive for `email`; the text is the reason."""


def serialize_message(message: Message) -> tuple[bytes, bytes]:
    """Return a message with and without its Bcc fields, as smtplib sends it: with CRLF.

    Raises:
        TypeError: if this is not a message.
    """
    import copy
    from email.generator import BytesGenerator
    from email.message import Message
    from io import BytesIO

    if not isinstance(message, Message):
        raise TypeError(f"message must be an email.message.EmailMessage, got {type(message).__name__}")

    def flatten(message: Message) -> bytes:
        out = BytesIO()
        policy = message.policy.clone(linesep="\r\n")
        BytesGenerator(out, policy=policy).flatten(message)
        return out.getvalue()

    sent = copy.copy(message)
    for name in ("Bcc", "Resent-Bcc"):
        del sent[name]
    return flatten(message), flatten(sent)


def parse_compat32(content: bytes) -> Message:
    """Return a message of the policy `compat32`, for the API of 2009 and the aliases."""
    from email.message import Message

    return _parse_as(content, Message)


def parse_email_message(content: bytes) -> EmailMessage:
    """Return a message of `policy.default` with guarded header parsers (`stdlib_policy`)."""
    from email.message import EmailMessage

    from lazr.smtptest.mail.stdlib_policy import build_safe_policy

    # The parser reads Content-Type by the rules of compat32, which are simple and equal in all Python versions.
    message = _parse_as(content, EmailMessage)
    policy = build_safe_policy()
    for part in _iter_parts(message):
        part.policy = policy
    return message


def _parse_as(content: bytes, message_class: type[M]) -> M:
    from email import message_from_bytes
    from email.errors import MessageDefect

    if len(content) <= _MAX_UNCHECKED_BYTES:
        try:
            return message_from_bytes(content, _class=message_class)
        except Exception as error:  # noqa: BLE001 - untrusted input can raise anything in the parser
            root = read_tree(content, Defects())
            return _build_fallback(content, root, message_class, MessageDefect(f"{type(error).__name__}: {error}"))
    defects = Defects()
    root = read_tree(content, defects, include_embedded=True)
    try:
        _check_cost(root, defects)
        return _parse_skeleton(content, root, message_class)
    except _ParsingRefused as reason:
        return _build_fallback(content, root, message_class, MessageDefect(str(reason)))
    except Exception as error:  # noqa: BLE001 - as above
        return _build_fallback(content, root, message_class, MessageDefect(f"{type(error).__name__}: {error}"))


def _check_cost(root: Part, defects: Defects) -> None:
    """Raise if the structure, or a header field that the parser reads, is too expensive."""
    for limit in defects.limits_to_tuple():
        raise _ParsingRefused(f"not parsed: {limit}")
    cost = 0
    for part in root.walk():
        for name, raw in part.fields:
            if name.lower() in _PARSER_FIELDS:
                cost += len(raw) * raw.count(b";")
                if cost > _MAX_BYTES_TIMES_SEMICOLONS or len(raw) > _MAX_FIELD_BYTES:
                    raise _ParsingRefused(f"not parsed: {part.location}: {name} has too many parameters: truncated")


def _parse_skeleton(content: bytes, root: Part, message_class: type[M]) -> M:
    from email import message_from_bytes

    parts = list(root.walk())
    depth = max(part.depth for part in parts) + 1
    if _count_lines(content) * depth <= _MAX_WHOLE_LINES_TIMES_DEPTH:
        return message_from_bytes(content, _class=message_class)
    mark = "=body="
    while mark.encode("ascii") in content:
        mark += "="
    bodies: dict[str, Part] = {}
    pieces = []
    at = 0
    for part in parts:
        # A delivery status (RFC 3464 2.1) consists of header blocks, which the parser parses.
        if (
            part.children
            or part.type.value == "message/delivery-status"
            or part.body_end - part.body_start < len(mark) + 9
        ):
            continue
        name = f"{mark}{len(bodies)}"
        bodies[name] = part
        pieces += [content[at : part.body_start], name.encode("ascii")]
        at = part.body_end
    pieces.append(content[at:])
    skeleton = b"".join(pieces)
    if _count_lines(skeleton) * depth > _MAX_SKELETON_LINES_TIMES_DEPTH:
        raise _ParsingRefused("not parsed: too many lines in nested parts: truncated")
    message = message_from_bytes(skeleton, _class=message_class)
    pattern = re.compile(re.escape(mark) + "[0-9]+")

    def restore(match: re.Match[str]) -> str:
        body = bodies.pop(match[0])
        return content[body.body_start : body.body_end].decode("ascii", "surrogateescape")

    for one in _iter_parts(message):
        # `get_payload` would decode the payload, with an arbitrary charset.
        payload = vars(one)["_payload"]
        if isinstance(payload, str) and mark in payload:
            one.set_payload(pattern.sub(restore, payload))
        # Where the readers see different parts, a body may be outside of them.
        if one.preamble and mark in one.preamble:
            one.preamble = pattern.sub(restore, one.preamble)
        if one.epilogue and mark in one.epilogue:
            one.epilogue = pattern.sub(restore, one.epilogue)
    if bodies:
        raise _ParsingRefused("not parsed: the parser did not find all parts")
    return message


def _count_lines(content: bytes) -> int:
    return content.count(b"\n") + content.count(b"\r")  # the parser ends a line at both


def _iter_parts(message: Message) -> Iterator[Message]:
    """Yield all parts without recursion, unlike `Message.walk`."""
    stack: list[Message] = [message]
    while stack:
        part = stack.pop()
        yield part
        payload = part.get_payload() if part.is_multipart() else None
        if isinstance(payload, list):
            stack.extend(child for child in reversed(payload) if not isinstance(child, str))


def _build_fallback(content: bytes, root: Part, message_class: type[M], defect: MessageDefect) -> M:
    message = message_class()
    for name, raw in root.fields:
        text = raw.decode("ascii", "surrogateescape").lstrip(" \t")
        if name.lower().startswith("content-") and len(text) > _MAX_FALLBACK_FIELD_CHARACTERS:
            text = text[:_MAX_FALLBACK_FIELD_CHARACTERS]
        message.set_raw(name, text)
    message.set_payload(content[root.body_start :].decode("ascii", "surrogateescape"))
    message.defects.append(defect)
    return message
