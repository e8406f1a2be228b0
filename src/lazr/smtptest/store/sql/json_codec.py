"""Encode values as JSON in UTF-8, and decode them without any loss.

Every string survives the round trip, also with lone surrogates.
"""

from __future__ import annotations

import json
from typing import Any

__all__ = ["decode_json", "encode_json"]

_encode = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, check_circular=False).encode


def encode_json(value: object) -> bytes:
    r"""Return a value of JSON's types as bytes.

    Surrogates are not escaped: `json` would decode two adjacent escapes as one character.

    >>> encode_json({"a": "\0ü"}), decode_json(encode_json("\ud800\udc00")) == "\ud800\udc00"
    (b'{"a":"\\u0000\xc3\xbc"}', True)
    """
    return _encode(value).encode("utf-8", "surrogatepass")


def decode_json(data: bytes) -> Any:
    """Return the value that `encode_json` encoded."""
    return json.loads(data.decode("utf-8", "surrogatepass"))
