"""Values as JSON in UTF-8, in which every string comes back as it was."""

from __future__ import annotations

import json
from typing import Any

__all__ = ["pack", "unpack"]

_encode = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, check_circular=False).encode


def pack(value: object) -> bytes:
    r"""The value, which is made of what JSON has.

    Surrogates stand as they are: escaped, as JSON would have it, two of them next to each other would come back as one
    character.

    >>> pack({"a": "\0ü"}), unpack(pack("\ud800\udc00")) == "\ud800\udc00"
    (b'{"a":"\\u0000\xc3\xbc"}', True)
    """
    return _encode(value).encode("utf-8", "surrogatepass")


def unpack(octets: bytes) -> Any:
    """What `pack` packed."""
    return json.loads(octets.decode("utf-8", "surrogatepass"))
