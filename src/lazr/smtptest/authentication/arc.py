"""Validate the ARC chain of a mail (RFC 8617 5.2), and say which set fails and why.

`verify_arc` collects the sets (`arc_sets.py`), checks the ARC-Message-Signature as a DKIM signature and each ARC-Seal
over the fields of all sets up to it.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace

from lazr.smtptest.authentication.arc_sets import MAX_SETS, ArcSet, collect_sets
from lazr.smtptest.authentication.dkim.extra import require_dkimpy
from lazr.smtptest.authentication.dkim.field import Field
from lazr.smtptest.authentication.dkim.header_changes import SignedHeader, explain_header
from lazr.smtptest.authentication.dkim.key import MIN_KEY_BITS, find_key
from lazr.smtptest.authentication.dkim.message import MAX_HEADER_OCTETS, parse_message
from lazr.smtptest.authentication.dkim.problem import DkimProblem
from lazr.smtptest.authentication.dkim.search_budget import SearchBudget
from lazr.smtptest.authentication.dkim.signature import HASHES, describe_names, read_signature, read_tags
from lazr.smtptest.authentication.dkim.tags import TagError, decode_base64, remove_value, show
from lazr.smtptest.authentication.dkim.verification import check_signature, describe_changes
from lazr.smtptest.authentication.results import ArcInstance, ArcResult

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lazr.smtptest.authentication.dkim.key import PublicKey
    from lazr.smtptest.authentication.dkim.message import Message
    from lazr.smtptest.dns import Resolver

__all__ = ["verify_arc", "verify_chain"]

# Only the newest must pass; the others tell since when the mail is unchanged.
MAX_MESSAGE_SIGNATURES = 10
_SEAL_TAGS = ("i", "a", "b", "cv", "d", "s")


def verify_arc(content: bytes, resolver: Resolver, now: float | None = None) -> ArcResult:
    """Return the result of the ARC chain; any content is accepted.

    Args:
        content: The mail as it was received.
        resolver: The source of the key records.
        now: The time, in seconds since 1970, that the tags x= and t= of the newest ARC-Message-Signature are compared
            with.  Default: they are not compared.

    Raises:
        MissingExtra: dkimpy or PyNaCl is not installed.

    >>> from lazr.smtptest.dns import Zone
    >>> print(verify_arc(b"From: ann@example.com\\r\\n\\r\\nHi\\r\\n", Zone()))
    arc=none: the mail has no ARC fields
    """
    return verify_chain(parse_message(content), resolver, now)


def verify_chain(message: Message, resolver: Resolver, now: float | None) -> ArcResult:
    """Return the result of `verify_arc` for a mail that is parsed already."""
    require_dkimpy()
    if message.long_header:
        reason = f"the header has more than {MAX_HEADER_OCTETS} bytes: ARC is not checked"
        return ArcResult("fail", (), reason) if b"arc-seal" in message.long_header.lower() else ArcResult()
    sets, problem = collect_sets(message)
    if problem:
        return ArcResult("fail", tuple(_describe(one) for one in sets[:MAX_SETS]), problem)
    if not sets:
        return ArcResult()
    if sets[-1].cv == "fail":
        # Such a seal covers its own set only, and nothing after it can repair the chain (RFC 8617 5.1.2, 5.2).
        reason = f"set {sets[-1].number} of {sets[-1].domain} says cv=fail: the chain was broken before it"
        return ArcResult("fail", tuple(map(_describe, sets)), reason)
    check = _ChainCheck(message, resolver, now)
    return _summarize(tuple(check.check_set(sets[: number + 1], len(sets)) for number in range(len(sets))))


def _summarize(instances: tuple[ArcInstance, ...]) -> ArcResult:
    newest = instances[-1]
    if "temperror" in (newest.message_signature, *(one.seal for one in instances)):
        failing = next(one for one in instances if "temperror" in (one.seal, one.message_signature))
        return ArcResult("temperror", instances, f"set {failing.instance}: {failing.reason}")
    if newest.message_signature != "pass":
        return ArcResult("fail", instances, f"set {newest.instance}, of {newest.domain}: {newest.reason}")
    # The oldest seal that fails names the set that changed: each later seal covers this set, too.
    for one in instances:
        if one.seal != "pass":
            return ArcResult("fail", instances, f"set {one.instance}, of {one.domain}: {one.reason}")
    oldest = newest
    for one in reversed(instances):
        if one.message_signature != "pass":
            break
        oldest = one
    sets = "the set matches" if len(instances) == 1 else f"all {len(instances)} sets match"
    unchanged = f"; the mail is unchanged since set {oldest.instance}" if len(instances) > 1 else ""
    return ArcResult("pass", instances, f"{sets}{unchanged}")


def _describe(one: ArcSet) -> ArcInstance:
    return ArcInstance(
        one.number, one.cv, one.domain, one.selector, authentication_results=one.authentication_results_text
    )


class _ChainCheck:
    """Check the sets of one mail."""

    def __init__(self, message: Message, resolver: Resolver, now: float | None) -> None:
        self._message = message
        self._resolver = resolver
        self._now = now
        self._budget = SearchBudget()

    def check_set(self, chain: list[ArcSet], total: int) -> ArcInstance:
        """Check the last set of the first part of a chain, which has `total` sets."""
        newest = chain[-1]
        found = _describe(newest)
        reasons = []
        if newest.number > total - MAX_MESSAGE_SIGNATURES:
            try:
                # Forwarding may take days, so only the newest signature can be too old.
                self._check_message_signature(newest, self._now if newest.number == total else None)
                found = replace(found, message_signature="pass")
            except DkimProblem as problem:
                found = replace(found, message_signature=problem.result, changed=problem.changed)
                reasons.append(f"the ARC-Message-Signature does not match: {problem.reason}")
        try:
            self._check_seal(chain)
            found = replace(found, seal="pass")
        except DkimProblem as problem:
            found = replace(found, seal=problem.result, changed=found.changed or problem.changed)
            reasons.append(f"the ARC-Seal does not match: {problem.reason}")
        return replace(found, reason="; ".join(reasons))

    def _check_message_signature(self, one: ArcSet, now: float | None) -> None:
        field = one.message_signature
        tags = read_tags(field)
        if now is None:
            tags = {tag: value for tag, value in tags.items() if tag not in ("t", "x")}
        signature = read_signature(field, tags, now or 0.0, is_arc=True)
        if "arc-seal" in signature.names:
            raise DkimProblem("permerror", "its h= lists ARC-Seal, which must not be signed (RFC 8617 4.1.2)")
        key = find_key(self._resolver, signature.domain, signature.selector, signature.algorithm)
        check_signature(signature, key, self._message, self._budget)

    def _check_seal(self, chain: list[ArcSet]) -> None:
        algorithm, value = _read_seal(chain[-1])
        names = describe_names(chain[-1].seal_tags)
        key = find_key(self._resolver, names["domain"], names["selector"], algorithm)
        if key.type == "rsa" and key.bits < MIN_KEY_BITS:
            raise DkimProblem("policy", f"the key has {key.bits} bits, expected at least {MIN_KEY_BITS} (RFC 8301 3.2)")
        header = _build_seal_header(chain)
        if not key.verify(b"".join(header.canonicalize()), value):
            raise _explain_seal(header, key, value, self._message, self._budget)


def _read_seal(one: ArcSet) -> tuple[str, bytes]:
    """Return algorithm and signature of a seal with valid tags (RFC 8617 4.1.3)."""
    tags = one.seal_tags
    missing = [f"{tag}=" for tag in _SEAL_TAGS if not tags.get(tag)]
    if missing:
        raise DkimProblem("permerror", f"it has no {', '.join(missing)}")
    if "h" in tags:
        raise DkimProblem("permerror", "it has a tag h=, which must not be there (RFC 8617 4.1.3)")
    expected = "none" if one.number == 1 else "pass"
    if one.cv != expected:
        raise DkimProblem("permerror", f"it says cv={one.cv[:20]}, expected cv={expected}")
    algorithm = describe_names(tags)["algorithm"].lower()
    if algorithm not in HASHES:
        raise DkimProblem("permerror", f"the algorithm a={show(tags['a'])} is unknown; known: rsa-sha256")
    if algorithm == "rsa-sha1":
        raise DkimProblem("policy", "the algorithm rsa-sha1 must not be used any more (RFC 8301 3.1)")
    try:
        return algorithm, decode_base64(tags["b"])
    except TagError as error:
        raise DkimProblem("permerror", f"b= cannot be read: {error}") from error


def _build_seal_header(chain: list[ArcSet]) -> SignedHeader:
    """Return the fields of all sets, in the order of RFC 8617 5.1.1."""
    fields: list[Field | None] = []
    for one in chain:
        fields += [one.authentication_results, one.message_signature, one.seal]
    fields.pop()
    seal = chain[-1].seal
    # No field has these names: a chain has one field of each kind in each set, which `collect_sets` has checked.
    names = tuple(f"arc {position}" for position in range(len(fields)))
    return SignedHeader(names, fields, Field(seal.name, remove_value(seal.value, "b")), "relaxed")


def _explain_seal(
    header: SignedHeader, key: PublicKey, value: bytes, message: Message, budget: SearchBudget
) -> DkimProblem:
    recovered = key.recover_digest(value)
    if key.type == "rsa" and recovered is None:
        return DkimProblem("fail", f"it was made with another key than the one at {key.name}, or b= is damaged")

    def matches(text: bytes) -> bool:
        if recovered:
            return hashlib.new(recovered[0], text, usedforsecurity=False).digest() == recovered[1]
        return key.verify(text, value)

    changes = explain_header(header, message, b"", matches, budget, use_pairs=recovered is not None)
    if changes:
        return DkimProblem("fail", describe_changes(changes), changes[0].place)
    return DkimProblem("fail", "an ARC field of this set, or of a set before it, was changed", "header ARC")
