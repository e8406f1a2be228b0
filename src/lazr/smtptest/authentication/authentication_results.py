"""The Authentication-Results field (RFC 8601), written by authres.

Domains and reasons come from untrusted mails and DNS records, and authres quotes only some of what needs it.  So each
value is reduced first to characters that cannot end it.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from lazr.smtptest.authentication.domain_name import is_mail_domain, to_ascii_domain
from lazr.smtptest.errors import MissingExtra

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Clause", "build_authentication_results"]

_AUTHSERV_ID = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,252})")
_UNSAFE_IN_LOCAL_PART = re.compile(r"[^A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+")
_QUOTED_PAIRS = str.maketrans({'"': "'", "\\": "/"})
_UNSAFE_IN_REASON = re.compile(r"[^\x20-\x7e]+")
# RFC 5322 2.1.1: a line has at most 998 characters; each clause is a line.
_MAX_REASON_CHARACTERS = 400
_MAX_VALUE_CHARACTERS = 253


class Clause(NamedTuple):
    """One method of the field.

    Args:
        method: `dkim`, `arc`, `spf` or `dmarc`.
        result: The result, a word of RFC 8601 2.7.
        reason: Why; empty for none.
        properties: Names such as `header.d`, and their values: domains, addresses and words.  Empty values are left
            out, and so are those that are no valid domain.
    """

    method: str
    result: str
    reason: str = ""
    properties: tuple[tuple[str, str], ...] = ()


def build_authentication_results(authserv_id: str, clauses: Iterable[Clause]) -> str:
    """Return the field with its name, a line for each clause, without a final CRLF.

    Args:
        authserv_id: The name of the server that checked: letters, digits, `.`, `-` and `_`.
        clauses: The results.

    Raises:
        ValueError: `authserv_id` has other characters.
        MissingExtra: authres is not installed.

    >>> print(build_authentication_results("mx.example.org", [
    ...     Clause("spf", "pass", "192.0.2.1 matches a", (("smtp.mailfrom", "example.com"),)), Clause("dkim", "none")
    ... ]).replace("\\r", ""))
    Authentication-Results: mx.example.org;
     spf=pass reason="192.0.2.1 matches a" smtp.mailfrom=example.com;
     dkim=none
    """
    try:
        from authres.core import AuthenticationResult, AuthenticationResultProperty, AuthenticationResultsHeader
    except ImportError as error:
        raise MissingExtra('Authentication-Results needs authres: pip install "lazr.smtptest[checks]"') from error
    if _AUTHSERV_ID.fullmatch(authserv_id) is None:
        raise ValueError(
            f"authserv_id must be a host name such as 'mx.example.org', got {authserv_id!r}; use letters, digits, dots"
            " and hyphens"
        )
    results = []
    for clause in clauses:
        properties = [
            AuthenticationResultProperty(*name.split(".", 1), value)
            for name, raw in clause.properties
            if (value := _clean_value(raw))
        ]
        reason = _clean_reason(clause.reason) or None
        results.append(AuthenticationResult(clause.method, None, clause.result, None, reason, None, properties))
    # authres folds nothing, and a `; ` may also be in a reason.
    head = f"{AuthenticationResultsHeader.HEADER_FIELD_NAME}: {authserv_id.lower()}"
    return ";\r\n ".join([head, *map(str, results or [AuthenticationResultsHeader.NONE_RESULT])])


def _clean_value(text: str) -> str:
    """Return a domain, or an address with a harmless local part; empty if invalid."""
    local_part, at, domain = text[-_MAX_VALUE_CHARACTERS * 2 :].rpartition("@")
    name = to_ascii_domain(domain)
    if name is None or not is_mail_domain(name):
        return ""
    local_part = ".".join(_UNSAFE_IN_LOCAL_PART.sub("?", atom) for atom in local_part.split(".") if atom)
    return f"{local_part[-_MAX_VALUE_CHARACTERS:].lstrip('.')}{at}{name}"


def _clean_reason(text: str) -> str:
    # authres quotes no text that has an @, and parses no quoted pairs.
    text = text[: _MAX_REASON_CHARACTERS + 1].replace("…", "...").replace("@", "(at)").translate(_QUOTED_PAIRS)
    text = _UNSAFE_IN_REASON.sub("?", text).strip()
    return text if len(text) <= _MAX_REASON_CHARACTERS else f"{text[: _MAX_REASON_CHARACTERS - 3].rstrip()}..."
