"""DMARC records (RFC 7489 6.3 and 6.4): the tags, and what an invalid one means."""

from __future__ import annotations

import re
from dataclasses import dataclass

from lazr.smtptest.authentication.excerpt import shorten

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Literal

    Policy = Literal["none", "quarantine", "reject"]

__all__ = ["DmarcRecord", "DmarcSyntaxError", "is_dmarc_record", "parse_dmarc_record"]

MAX_RECORD_BYTES = 16_384
_VERSION = re.compile(rb"\s{0,50}v\s{0,50}=\s{0,50}DMARC1\s{0,50}(?:;|\Z)")
_REPORT_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[^\s,!]+")
_POLICIES: dict[str, Policy] = {"none": "none", "quarantine": "quarantine", "reject": "reject"}
_PERCENT = re.compile(r"[0-9]{1,3}")


class DmarcSyntaxError(ValueError):
    """The record has no usable policy; the text says what is wrong."""


@dataclass(frozen=True, slots=True)
class DmarcRecord:
    """The tags of a record that decide about a mail.

    Args:
        text: The record.
        policy: The tag p=.
        subdomain_policy: The tag sp=; by default p=.
        is_dkim_strict: adkim=s: the domains must be equal.
        is_spf_strict: aspf=s.
        percent: The tag pct=: to how many of a hundred mails the policy applies.
        note: Why the policy is not what the record seems to say; "" if it is.
    """

    text: str
    policy: Policy
    subdomain_policy: Policy
    is_dkim_strict: bool = False
    is_spf_strict: bool = False
    percent: int = 100
    note: str = ""


def is_dmarc_record(text: bytes) -> bool:
    """Return whether a TXT record begins with the version of DMARC (RFC 7489 6.6.3).

    >>> is_dmarc_record(b"v=DMARC1; p=none"), is_dmarc_record(b"v=DMARC10; p=none"), is_dmarc_record(b"p=none")
    (True, False, False)
    """
    return _VERSION.match(text) is not None


def parse_dmarc_record(text: bytes) -> DmarcRecord:
    """Return the tags of a record.

    Invalid optional tags have their defaults.  A record with a report address and without a valid policy counts as
    `p=none` (RFC 7489 6.6.3).

    Args:
        text: The record, which begins with `v=DMARC1`.

    Raises:
        DmarcSyntaxError: There is no policy to apply.

    >>> parse_dmarc_record(b"v=DMARC1; p=reject; sp=none; adkim=s").subdomain_policy
    'none'
    >>> parse_dmarc_record(b"v=DMARC1; p=rejected")
    Traceback (most recent call last):
    lazr.smtptest.authentication.dmarc_record.DmarcSyntaxError: p= must be none, quarantine or reject, got 'rejected'
    """
    if len(text) > MAX_RECORD_BYTES:
        raise DmarcSyntaxError(f"it has {len(text)} bytes; this check reads at most {MAX_RECORD_BYTES}")
    decoded = text.decode("utf-8", "replace")
    tags: dict[str, str] = {}
    for pair in decoded.split(";"):
        name, found, value = pair.partition("=")
        name = name.strip().lower()
        if not found:
            if name:
                raise DmarcSyntaxError(f"{shorten(pair.strip())!r} is not a tag such as p=none")
            continue
        if name in tags:  # RFC 6376 3.2
            raise DmarcSyntaxError(f"the tag {shorten(name)}= is in it twice")
        tags[name] = value.strip()
    policy, note = _read_policies(tags)
    return DmarcRecord(
        text=decoded,
        policy=policy[0],
        subdomain_policy=policy[1],
        is_dkim_strict=tags.get("adkim", "").lower() == "s",
        is_spf_strict=tags.get("aspf", "").lower() == "s",
        percent=_read_percent(tags.get("pct", "")),
        note=note,
    )


def _read_policies(tags: dict[str, str]) -> tuple[tuple[Policy, Policy], str]:
    policy = _POLICIES.get(tags.get("p", "").lower())
    subdomain_policy = policy if "sp" not in tags else _POLICIES.get(tags["sp"].lower())
    if policy is not None and subdomain_policy is not None:
        return (policy, subdomain_policy), ""
    if "p" not in tags:
        problem = "p= is missing"
    else:
        name = "p" if policy is None else "sp"
        problem = f"{name}= must be none, quarantine or reject, got {shorten(tags[name])!r}"
    if any(_REPORT_URI.match(uri.strip()) for uri in tags.get("rua", "").split(",")):
        return ("none", "none"), f"{problem}: with a valid rua= it counts as p=none (RFC 7489 6.6.3)"
    raise DmarcSyntaxError(problem)


def _read_percent(text: str) -> int:
    percent = int(text) if _PERCENT.fullmatch(text) else 100
    return min(percent, 100)
