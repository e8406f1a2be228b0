"""Read the header fields List-Unsubscribe (RFC 2369) and List-Unsubscribe-Post (RFC 8058)."""

from __future__ import annotations

import re
from typing import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lazr.smtptest.mail.headers import Headers

__all__ = ["ONE_CLICK", "UnsubscribeFields", "is_one_click", "read_unsubscribe_fields"]

ONE_CLICK = "List-Unsubscribe=One-Click"
"""The only value of List-Unsubscribe-Post (RFC 8058 3.1)."""

_COMMENT_PATTERN = re.compile(r"\([^()]*+\)")
_ANGLE_BRACKETS_PATTERN = re.compile(r"<([^<>]*+)>")
_URL_PATTERN = re.compile(r"(?:mailto:|https?://)[A-Za-z0-9]\S*", re.IGNORECASE)


class UnsubscribeFields(NamedTuple):
    """The two fields: their values, the valid links, and a reason for each error."""

    header: str
    links: list[str]
    errors: list[str]
    post_header: str


def read_unsubscribe_fields(headers: Headers) -> UnsubscribeFields:
    """Return what the two header fields say; empty values if they are absent."""
    header = headers.get("list-unsubscribe")
    value = _COMMENT_PATTERN.sub("", header)
    candidates = _ANGLE_BRACKETS_PATTERN.findall(value)
    links = [link for link in candidates if _URL_PATTERN.fullmatch(link)]
    errors = [
        f'"{link}" must be a mailto: or http(s):// URL' for link in candidates if not _URL_PATTERN.fullmatch(link)
    ]
    if header and _ANGLE_BRACKETS_PATTERN.sub("", value).replace(",", "").strip():
        errors.append(f'"{header}" must be URLs in <>, separated by commas')  # RFC 2369 2
    return UnsubscribeFields(header, links, errors, headers.get("list-unsubscribe-post"))


def is_one_click(value: str) -> bool:
    """Return whether this is the value of List-Unsubscribe-Post; spaces and case are ignored."""
    return value.replace(" ", "").strip().lower() == ONE_CLICK.lower()
