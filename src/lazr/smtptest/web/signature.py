"""A signature that tells a receiver that a webhook is from us, and new: https://www.standardwebhooks.com.

Signed are the delivery's name, the time at which it was sent, and the body, as octets: whoever has listened to one
cannot send it again an hour later with other words in it.  `docs/webhooks.md` has the other side.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import secrets
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["new_secret", "read_secret", "signed"]

_PREFIX = "whsec_"
_SHORTEST, _LONGEST = 24, 64


def new_secret() -> str:
    """A secret that nobody has yet.

    >>> len(read_secret(new_secret()))
    32
    """
    return _PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()


def read_secret(secret: str) -> bytes:
    """The key that a secret is; raises `ValueError`, without the secret, where it is none.

    >>> read_secret("hunter2")
    Traceback (most recent call last):
    ValueError: a webhook's secret is whsec_ and 24 to 64 octets in base64
    """
    try:
        key = base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not secret.startswith(_PREFIX) or not _SHORTEST <= len(key) <= _LONGEST:
        raise ValueError(f"a webhook's secret is {_PREFIX} and {_SHORTEST} to {_LONGEST} octets in base64")
    return key


def signed(keys: Sequence[bytes], id: str, at: float, body: bytes) -> dict[str, str]:
    """The header fields of a delivery; with several keys, the receiver may know any of them.

    `at` is in seconds since 1970.

    >>> signed([b"key"], "msg_1", 1_700_000_000.5, b"{}")["webhook-timestamp"]
    '1700000000'
    """
    timestamp = str(int(at))
    to_be_signed = f"{id}.{timestamp}.".encode() + body
    signatures = (base64.b64encode(hmac.digest(key, to_be_signed, "sha256")).decode() for key in keys)
    return {
        "webhook-id": id,
        "webhook-timestamp": timestamp,
        "webhook-signature": " ".join(f"v1,{signature}" for signature in signatures),
    }
