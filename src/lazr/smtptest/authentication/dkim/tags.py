"""Tag lists of signatures and key records: `v=1; a=rsa-sha256; ...` (RFC 6376 3.2)."""

from __future__ import annotations

import base64
import binascii

from lazr.smtptest._util.lazy_pattern import compile_lazily

__all__ = ["MAX_TAG_LIST_OCTETS", "TagError", "decode_base64", "parse_tags", "remove_value", "show"]

# Real signatures have less than 2 KB; with a copy of the header fields (z=), 10 KB.
MAX_TAG_LIST_OCTETS = 32_768

_WHITE_SPACE = b" \t\r\n"
_FOLDING = compile_lazily(rb"[ \t\r\n]+")
_TAG_NAME = compile_lazily(rb"[A-Za-z][A-Za-z0-9_]*")


class TagError(ValueError):
    """A tag list is invalid; the text says why."""


def parse_tags(text: bytes) -> dict[str, bytes]:
    """Return the values by tag, without the white space around them.

    Raises:
        TagError: The list is too long, a tag occurs twice, or a part is not `name=value`.

    >>> parse_tags(b" v=1; bh = a\\r\\n b ;")
    {'v': b'1', 'bh': b'a\\r\\n b'}
    """
    if len(text) > MAX_TAG_LIST_OCTETS:
        raise TagError(f"it has {len(text)} bytes, and at most {MAX_TAG_LIST_OCTETS} are checked")
    specs = text.split(b";")
    if not specs[-1].strip(_WHITE_SPACE):
        specs.pop()
    tags: dict[str, bytes] = {}
    for spec in specs:
        name, equals, value = spec.partition(b"=")
        name = name.strip(_WHITE_SPACE)
        if not equals or not _TAG_NAME.fullmatch(name):
            raise TagError(f"{show(spec)!r} is not a tag of the form name=value")
        key = name.decode("ascii")
        if key in tags:
            raise TagError(f"the tag {key[:20]}= occurs twice")
        tags[key] = value.strip(_WHITE_SPACE)
    return tags


def decode_base64(text: bytes) -> bytes:
    """Return the bytes of a base64 text, which may be folded.

    Raises:
        TagError: The text is not base64.

    >>> decode_base64(b"aGVs\\r\\n bG8=")
    b'hello'
    """
    try:
        return base64.b64decode(_FOLDING.sub(b"", text), validate=True)
    except (binascii.Error, ValueError) as error:
        raise TagError(f"{show(text)!r} is not base64") from error


def remove_value(text: bytes, tag: str) -> bytes:
    """Return a tag list with an empty value of one tag, as it is hashed (RFC 6376 3.7).

    >>> remove_value(b" v=1; b = abc\\r\\n def ; c=simple\\r\\n", "b")
    b' v=1; b =; c=simple\\r\\n'
    >>> remove_value(b" v=1; b=abc\\r\\n def\\r\\n", "b")
    b' v=1; b='
    """
    specs = text.split(b";")
    for position, spec in enumerate(specs):
        name, equals, _ = spec.partition(b"=")
        if equals and name.strip(_WHITE_SPACE) == tag.encode("ascii"):
            specs[position] = name + equals
    return b";".join(specs)


def show(text: bytes, limit: int = 40) -> str:
    """Return a short text for a reason."""
    shown = _FOLDING.sub(b" ", text[: limit * 2]).strip().decode("utf-8", "replace")
    return shown if len(shown) <= limit and len(text) <= limit * 2 else f"{shown[:limit]}..."
