"""Check DKIM signatures (RFC 6376, RFC 8301, RFC 8463), and say why one fails.

`verify_dkim` reads each signature (`signature.py`), finds its key (`key.py`) and compares both hashes.  If
one differs, `body_changes.py` and `header_changes.py` search for the change.  dkimpy and PyNaCl do the
cryptography.  Everything else is here, because each step must take linear time on untrusted mails.
"""

from __future__ import annotations

import hashlib

from lazr.smtptest.authentication.dkim.body_changes import MAX_SEARCHED_OCTETS, explain_body
from lazr.smtptest.authentication.dkim.change import Change
from lazr.smtptest.authentication.dkim.extra import require_dkimpy
from lazr.smtptest.authentication.dkim.field import Field
from lazr.smtptest.authentication.dkim.header_changes import (
    build_signed_header,
    explain_header,
    locate_part,
    write_name,
)
from lazr.smtptest.authentication.dkim.key import MIN_KEY_BITS, RECOMMENDED_KEY_BITS, find_key
from lazr.smtptest.authentication.dkim.message import MAX_HEADER_OCTETS, parse_message
from lazr.smtptest.authentication.dkim.problem import DkimProblem
from lazr.smtptest.authentication.dkim.search_budget import SearchBudget
from lazr.smtptest.authentication.dkim.signature import describe_names, read_signature, read_tags
from lazr.smtptest.authentication.dkim.single_byte import find_changed_byte
from lazr.smtptest.authentication.dkim.tags import remove_value
from lazr.smtptest.authentication.results import DkimResult

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from lazr.smtptest.authentication.dkim.header_changes import SignedHeader
    from lazr.smtptest.authentication.dkim.key import PublicKey
    from lazr.smtptest.authentication.dkim.message import Message
    from lazr.smtptest.authentication.dkim.signature import Signature
    from lazr.smtptest.dns import Resolver

__all__ = [
    "MAX_SIGNATURES",
    "check_signature",
    "describe_changes",
    "find_header_changes",
    "verify_dkim",
    "verify_signatures",
]

# A mail may have any number of signatures, and each costs a lookup (RFC 6376 8.4).
MAX_SIGNATURES = 10
_MAX_NAMES_IN_REASON = 12

_SINGLE_FIELDS = (b"subject", b"to", b"cc", b"date", b"reply-to", b"content-type", b"message-id")
_FIELD_NAME = b"dkim-signature"


def verify_dkim(content: bytes, resolver: Resolver, now: float) -> tuple[DkimResult, ...]:
    """Return one result for each DKIM signature, in the order of the header.

    At most 10 signatures are checked; a last result says how many are not.  Any content is accepted.

    Args:
        content: The mail as it was received.
        resolver: The source of the key records.
        now: The time, in seconds since 1970, that the tags x= and t= are compared with.

    Raises:
        MissingExtra: dkimpy or PyNaCl is not installed.

    >>> from lazr.smtptest.dns import Zone
    >>> content = b"DKIM-Signature: v=1; a=rsa-sha256; d=example.com\\r\\nFrom: ann@example.com\\r\\n\\r\\nHi\\r\\n"
    >>> print(*verify_dkim(content, Zone(), now=0.0))
    dkim=neutral d=example.com s=: the signature has no tags b=, bh=, h=, s=
    """
    return verify_signatures(parse_message(content), resolver, now)


def verify_signatures(message: Message, resolver: Resolver, now: float) -> tuple[DkimResult, ...]:
    """Return the results of `verify_dkim` for a mail that is parsed already."""
    require_dkimpy()
    if message.long_header:
        reason = f"the header has more than {MAX_HEADER_OCTETS} bytes: DKIM is not checked"
        return (DkimResult("neutral", reason=reason),) if _FIELD_NAME in message.long_header.lower() else ()
    signatures = message.find_fields(_FIELD_NAME)
    budget = SearchBudget()
    results = [_verify(field, message, resolver, now, budget) for field in signatures[:MAX_SIGNATURES]]
    rest = len(signatures) - MAX_SIGNATURES
    if rest > 0:
        reason = f"{rest} more signatures are not checked: at most {MAX_SIGNATURES} of a mail are"
        results.append(DkimResult("policy", reason=reason))
    return tuple(results)


def _verify(field: Field, message: Message, resolver: Resolver, now: float, budget: SearchBudget) -> DkimResult:
    details: dict[str, Any] = {}
    try:
        tags = read_tags(field)
        details = dict(describe_names(tags))
        signature = read_signature(field, tags, now)
        details |= _describe_hashed(signature, message)
        key = find_key(resolver, signature.domain, signature.selector, signature.algorithm)
        details |= {"key_bits": key.bits, "is_test_key": key.is_test}
        remark = check_signature(signature, key, message, budget)
    except DkimProblem as problem:
        test = "; the domain only tests DKIM (t=y)" if details.get("is_test_key") else ""
        return DkimResult(problem.result, **details, reason=problem.reason + test, changed=problem.changed)
    return DkimResult("pass", **details, reason=remark)


def _describe_hashed(signature: Signature, message: Message) -> dict[str, Any]:
    body = message.canonicalize_body(signature.body_algorithm)
    length = len(body) if signature.length is None else min(signature.length, len(body))
    return {
        "signed_headers": signature.names,
        "canonical_header": b"".join(_build_header(signature, message).canonicalize()),
        "body_length": length,
        "whole_body": body,
    }


def _build_header(signature: Signature, message: Message) -> SignedHeader:
    field = Field(signature.field.name, remove_value(signature.field.value, "b"))
    return build_signed_header(message, signature.names, field, signature.header_algorithm)


def check_signature(signature: Signature, key: PublicKey, message: Message, budget: SearchBudget) -> str:
    """Return a sentence about a signature that passes (RFC 6376 6.1.3).

    Args:
        signature: The signature of a DKIM-Signature or an ARC-Message-Signature.
        key: Its key.
        message: The mail.
        budget: How much the search for a change may hash.

    Raises:
        DkimProblem: It does not pass; the reason says what changed.
    """
    if key.bits < MIN_KEY_BITS and key.type == "rsa":
        reason = f"the key has {key.bits} bits, and RSA keys must have at least {MIN_KEY_BITS} (RFC 8301 3.2)"
        raise DkimProblem("policy", reason)
    identity_domain = signature.identity.rpartition("@")[2].lower()
    if key.is_strict and not signature.is_arc and identity_domain != signature.domain.lower():
        reason = f"the key record demands that i= has the domain {signature.domain} (t=s), got i={signature.identity}"
        raise DkimProblem("permerror", reason)
    header = _build_header(signature, message)
    text = b"".join(header.canonicalize())
    is_header_intact = key.verify(text, signature.value, signature.hash_name)
    _check_body(signature, key, message, header, budget, is_header_intact=is_header_intact)
    if not is_header_intact:
        raise _explain_header(signature, key, message, header, budget)
    _check_from(signature, message)
    return _describe_pass(signature, key, message)


def _check_body(
    signature: Signature,
    key: PublicKey,
    message: Message,
    header: SignedHeader,
    budget: SearchBudget,
    *,
    is_header_intact: bool,
) -> None:
    body = message.canonicalize_body(signature.body_algorithm)
    if signature.length is not None and signature.length > len(body):
        missing = f"{signature.length} bytes of the body are signed (l=), but it has only {len(body)}"
        raise DkimProblem("fail", f"{missing}: text was removed, or l= is wrong", "body end")
    signed = body if signature.length is None else memoryview(body)[: signature.length]
    if hashlib.new(signature.hash_name, signed, usedforsecurity=False).digest() == signature.body_hash:
        return
    change = explain_body(message, signature.body_algorithm, signature.length, signature.body_hash, budget)
    if change:
        reason = f"the body hash differs: {change.text}{_name_line(change.place)}"
    elif len(message.body) > MAX_SEARCHED_OCTETS:
        reason = f"the body hash differs: the body was changed; it is too long to search for the change, with \
{len(message.body)} bytes"
    else:
        reason = "the body hash differs: the body was changed, and no well-known change explains it"
    if not is_header_intact:
        if key.type == "rsa" and key.recover_digest(signature.value) is None:
            reason += f"; the signature was made with another key than the one at {key.name}"
        else:
            header_changes = find_header_changes(signature, key, message, header, budget)
            reason += (
                f"; the header changed, too: {describe_changes(header_changes)}"
                if header_changes
                else ("; the signed header fields do not match, either")
            )
    raise DkimProblem("fail", reason, change.place if change else "body")


def _name_line(place: str) -> str:
    return f" ({place})" if place.startswith("body line ") else ""


def describe_changes(changes: list[Change]) -> str:
    """Return the changes as one clause."""
    return ", and ".join(change.text for change in changes)


def find_header_changes(
    signature: Signature, key: PublicKey, message: Message, header: SignedHeader, budget: SearchBudget
) -> list[Change]:
    """Return the changes of the header that explain why a signature does not match."""
    recovered = key.recover_digest(signature.value)
    hash_name = recovered[0] if recovered else signature.hash_name

    def matches(text: bytes) -> bool:
        if recovered:
            return hashlib.new(hash_name, text, usedforsecurity=False).digest() == recovered[1]
        return key.verify(text, signature.value)

    # A verification with Ed25519 takes 50 times as long as a hash.
    changes = explain_header(
        header, message, signature.tags.get("z", b""), matches, budget, use_pairs=recovered is not None
    )
    if recovered and not changes:
        found = find_changed_byte(b"".join(header.canonicalize()), hash_name, recovered[1], budget)
        place = locate_part(header, found.position) if found else None
        if found and place:
            return [Change(f"{place.text}: {found.text}", place.place)]
    return changes


def _explain_header(
    signature: Signature, key: PublicKey, message: Message, header: SignedHeader, budget: SearchBudget
) -> DkimProblem:
    intact = "the body is intact"
    recovered = key.recover_digest(signature.value)
    if key.type == "rsa":
        if recovered is None:
            octets = (key.bits + 7) // 8
            reason = f"it was signed with another key than the one at {key.name}, or b= is damaged"
            if len(signature.value) != octets:
                reason += f": b= has {len(signature.value)} bytes, and the key makes {octets}"
            return DkimProblem("fail", reason)
        if recovered[0] != signature.hash_name:
            reason = f"it was signed with {recovered[0]}, but a= says {signature.algorithm}"
            return DkimProblem("fail", reason, signature.field.label)
    changes = find_header_changes(signature, key, message, header, budget)
    if changes:
        return DkimProblem("fail", f"{describe_changes(changes)}; {intact}", changes[0].place)
    names = dict.fromkeys(signature.names)
    missing = [name for name, field in zip(names, message.select_fields(names), strict=True) if field is None]
    # Signers may list fields that the mail never had, so that these cannot be added; but most list what there is.
    place = f"header {write_name(missing[0])}" if len(missing) == 1 else "header"
    return DkimProblem("fail", _describe_unknown_change(signature, key, missing, intact), place)


def _describe_unknown_change(signature: Signature, key: PublicKey, missing: list[str], intact: str) -> str:
    names = list(dict.fromkeys(signature.names))
    shown = ", ".join(names[:_MAX_NAMES_IN_REASON]) + (", ..." if len(names) > _MAX_NAMES_IN_REASON else "")
    reason = f"one of the signed header fields was changed, added or removed ({shown}); {intact}"
    if missing:
        reason += f"; signed and not in the mail: {', '.join(missing[:_MAX_NAMES_IN_REASON])}"
    if key.type == "ed25519":
        reason += f"; or it was signed with another key than the one at {key.name}"
    return reason


def _check_from(signature: Signature, message: Message) -> None:
    """Refuse a second From field that is not signed (RFC 6376 8.15)."""
    count = len(message.find_fields(b"from"))
    if count > 1 and signature.names.count("from") < count:
        signed = signature.names.count("from")
        reason = f"the mail has {count} From fields, and the signature covers only {signed} (RFC 6376 8.15)"
        raise DkimProblem("fail", reason, "header From")


def _describe_pass(signature: Signature, key: PublicKey, message: Message) -> str:
    reason = "the signature matches"
    if message.has_bare_lf:
        reason += "; line ends of a bare LF count as CRLF"
    length = len(message.canonicalize_body(signature.body_algorithm))
    if signature.length is not None and signature.length < length:
        reason += f"; only the first {signature.length} of {length} bytes of the body are signed (l=)"
    if key.type == "rsa" and key.bits < RECOMMENDED_KEY_BITS:
        reason += f"; the key has {key.bits} bits, and at least {RECOMMENDED_KEY_BITS} are recommended (RFC 8301 3.2)"
    unsigned = _find_unsigned_duplicates(signature, message)
    if unsigned:
        reason += f"; a second field {unsigned[0]} is not signed"
    if key.is_test:
        reason += "; the domain only tests DKIM (t=y)"
    return reason


def _find_unsigned_duplicates(signature: Signature, message: Message) -> list[str]:
    """Return fields that may occur once (RFC 5322 3.6), but have an unsigned duplicate."""
    found = []
    for name in _SINGLE_FIELDS:
        fields = message.find_fields(name)
        if len(fields) > max(1, signature.names.count(name.decode("ascii"))) and name.decode() in signature.names:
            found.append(fields[0].label)
    return found
