"""Domain names as the checks compare them: A-labels in lower case, no final dot."""

from __future__ import annotations

import re

from lazr.smtptest._util.internationalized_domain import encode_domain

__all__ = ["MAX_LABEL_CHARACTERS", "MAX_NAME_CHARACTERS", "has_valid_labels", "is_mail_domain", "to_ascii_domain"]

# RFC 1035 2.3.4, as text without the final dot.
MAX_NAME_CHARACTERS = 253
MAX_LABEL_CHARACTERS = 63
# The underscore is only for the names of records.
_MAIL_DOMAIN = re.compile(r"[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*")


def to_ascii_domain(name: str) -> str | None:
    """Return the name in lower case with A-labels (RFC 8616 3); None if it is invalid.

    >>> to_ascii_domain("Bücher.Example."), to_ascii_domain("a..example"), to_ascii_domain("[192.0.2.1]")
    ('xn--bcher-kva.example', None, '[192.0.2.1]')
    """
    name = name.removesuffix(".")
    if len(name) > MAX_NAME_CHARACTERS:
        return None
    try:
        encoded = encode_domain(name)
    except UnicodeError:
        return None
    return encoded if has_valid_labels(encoded) else None


def is_mail_domain(name: str) -> bool:
    """Return whether the labels have only ASCII letters, digits, hyphens, underscores.

    >>> is_mail_domain("mail.example.com"), is_mail_domain("[192.0.2.1]"), is_mail_domain('example.com"')
    (True, False, False)
    """
    return _MAIL_DOMAIN.fullmatch(name) is not None


def has_valid_labels(name: str) -> bool:
    """Return whether the DNS can have the name: printable ASCII, labels of 1 to 63.

    >>> has_valid_labels("mail.example.com"), has_valid_labels("a" * 64 + ".com"), has_valid_labels("a..b")
    (True, False, False)
    """
    if len(name) > MAX_NAME_CHARACTERS or not name.isascii() or not name.isprintable():
        return False
    return all(1 <= len(label) <= MAX_LABEL_CHARACTERS for label in name.split("."))
