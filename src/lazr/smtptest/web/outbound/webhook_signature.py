"""Sign webhooks as https://www.standardwebhooks.com specifies.

The signature covers the name of the delivery, its time, and the bytes of the body.  So an attacker cannot send a
recorded delivery again an hour later, or change it.  `docs/how-to/webhooks.md` shows how a receiver checks it.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import secrets
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["new_secret", "read_secret", "sign"]

_SECRET_PREFIX = "whsec_"  # noqa: S105
_MIN_KEY_BYTES, _MAX_KEY_BYTES = 24, 64


def new_secret() -> str:
    """Return a new random secret.

    >>> len(read_secret(new_secret()))
    32
    """
    return _SECRET_PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()


def read_secret(secret: str) -> bytes:
    """Return the key of a secret.

    Raises:
        ValueError: the secret is invalid; the text does not have the secret.

    >>> read_secret("hunter2")
    Traceback (most recent call last):
    ValueError: a webhook secret must be whsec_ and 24 to 64 bytes in base64
    """
    try:
        key = base64.b64decode(secret.removeprefix(_SECRET_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not secret.startswith(_SECRET_PREFIX) or not _MIN_KEY_BYTES <= len(key) <= _MAX_KEY_BYTES:
        raise ValueError(
            f"a webhook secret must be {_SECRET_PREFIX} and {_MIN_KEY_BYTES} to {_MAX_KEY_BYTES} bytes in base64"
        )
    return key


def sign(keys: Sequence[bytes], id: str, sent_at: float, body: bytes) -> dict[str, str]:
    """Return the header fields that sign a delivery.

    Args:
        keys: the keys of the secrets; the receiver must know one of them.
        id: the name of the delivery; it stays the same when the delivery is repeated.
        sent_at: when it is sent, in seconds since 1970.
        body: the body of the request.

    >>> sign([b"key"], "msg_1", 1_700_000_000.5, b"{}")["webhook-timestamp"]
    '1700000000'
    """
    timestamp = str(int(sent_at))
    signed = f"{id}.{timestamp}.".encode() + body
    signatures = (base64.b64encode(hmac.digest(key, signed, "sha256")).decode() for key in keys)
    return {
        "webhook-id": id,
        "webhook-timestamp": timestamp,
        "webhook-signature": " ".join(f"v1,{signature}" for signature in signatures),
    }
