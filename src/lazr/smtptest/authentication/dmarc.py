"""Check DMARC (RFC 7489): whether DKIM or SPF speaks for the domain of the From field."""

from __future__ import annotations

from itertools import islice
from typing import NamedTuple

from lazr.smtptest.authentication.dmarc_record import (
    DmarcRecord,
    DmarcSyntaxError,
    is_dmarc_record,
    parse_dmarc_record,
)
from lazr.smtptest.authentication.domain_name import is_mail_domain, to_ascii_domain
from lazr.smtptest.authentication.organizational_domain import find_organizational_domain
from lazr.smtptest.authentication.results import DmarcResult
from lazr.smtptest.dns import DnsError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Literal

    from lazr.smtptest.authentication.dmarc_record import Policy
    from lazr.smtptest.authentication.results import DkimResult, SpfResult
    from lazr.smtptest.dns import Resolver

__all__ = ["check_dmarc"]

# A From field may have any number of addresses; each domain costs two lookups.
MAX_FROM_DOMAINS = 10
_MAX_LISTED_SIGNATURES = 5

# The first is the strictest.
_SEVERITY = (
    ("fail", "reject"),
    ("fail", "quarantine"),
    ("fail", "none"),
    ("temperror", "none"),
    ("permerror", "none"),
    ("none", "none"),
    ("pass", "none"),
)
# RFC 7489 6.6.4: what applies to the mails that pct= does not select.
_NEXT_LOWER: dict[Policy, Policy] = {"reject": "quarantine", "quarantine": "none", "none": "none"}


class _Alignment(NamedTuple):
    """Whether one mechanism speaks for the From domain, and the text that says why."""

    is_aligned: bool
    is_undecided: bool  # a lookup of an aligned domain failed
    reason: str


def check_dmarc(
    from_domains: Iterable[str], dkim: Sequence[DkimResult], spf: SpfResult, resolver: Resolver
) -> DmarcResult:
    """Return the DMARC result of a mail, and what a receiver does with it.

    Of several domains in the From field, the strictest result counts (RFC 7489 6.6.1).  With `pct=` from 1 to 99, the
    disposition is that of a selected mail, so that it does not change from run to run.

    Args:
        from_domains: The domains of the addresses of the From field.
        dkim: The results of the signatures.
        spf: The result of SPF.
        resolver: Finds the DMARC records.

    Raises:
        MissingExtra: publicsuffixlist is not installed.

    >>> from lazr.smtptest.authentication.results import DkimResult, SpfResult
    >>> from lazr.smtptest.dns import Zone
    >>> zone = Zone({"_dmarc.example.com TXT": "v=DMARC1; p=reject"})
    >>> result = check_dmarc(["example.com"], [DkimResult("pass", "mailer.example.net")], SpfResult(), zone)
    >>> result.result, result.disposition
    ('fail', 'reject')
    >>> result.reason
    'DKIM passed for mailer.example.net, which is not aligned with example.com; SPF is none'
    """
    spellings = list(islice(dict.fromkeys(from_domains), MAX_FROM_DOMAINS + 1))
    names = dict.fromkeys(map(to_ascii_domain, spellings))
    domains = [name for name in names if name and is_mail_domain(name)]
    if not domains:
        return DmarcResult(reason="the mail has no From field with a domain name")
    results = [_check_domain(domain, dkim, spf, resolver) for domain in domains[:MAX_FROM_DOMAINS]]
    # An address that is not checked must not pass together with one that passes.
    if len(spellings) > MAX_FROM_DOMAINS:
        reason = f"the From field has more than {MAX_FROM_DOMAINS} domains, and no more are checked"
        results.append(DmarcResult("permerror", reason=reason))
    if len(domains) < len(names):
        results.append(DmarcResult(reason="an address of the From field has no valid domain name"))
    return min(results, key=lambda result: _SEVERITY.index((result.result, result.disposition)))


def _check_domain(domain: str, dkim: Sequence[DkimResult], spf: SpfResult, resolver: Resolver) -> DmarcResult:
    organizational_domain = find_organizational_domain(domain)
    try:
        found = _discover_record(domain, organizational_domain, resolver)
    except DnsError as error:
        return DmarcResult("temperror", domain, organizational_domain, reason=str(error))
    if isinstance(found, str):
        return DmarcResult("none", domain, organizational_domain, reason=found)
    text, place = found
    try:
        record = parse_dmarc_record(text)
    except DmarcSyntaxError as error:
        return DmarcResult(
            "permerror",
            domain,
            organizational_domain,
            record=text.decode("utf-8", "replace"),
            reason=f"the DMARC record of {place} has no effect: {error}",
        )
    dkim_alignment = _align_dkim(domain, dkim, record)
    spf_alignment = _align_spf(domain, spf, record)
    policy = record.policy if place == domain else record.subdomain_policy
    disposition: Policy = "none"
    result: Literal["pass", "fail", "temperror"]
    if dkim_alignment.is_aligned or spf_alignment.is_aligned:
        result = "pass"
        reason = " and ".join(one.reason for one in (dkim_alignment, spf_alignment) if one.is_aligned)
    else:
        is_undecided = dkim_alignment.is_undecided or spf_alignment.is_undecided
        result = "temperror" if is_undecided else "fail"
        reason = f"{dkim_alignment.reason}; {spf_alignment.reason}"
        if not is_undecided:
            disposition = policy if record.percent else _NEXT_LOWER[policy]
            if record.percent < 100 and policy != "none":
                reason += f"; with pct={record.percent}, {_describe_share(record.percent, policy)}"
    if record.note:
        reason += f"; {record.note}"
    return DmarcResult(
        result=result,
        domain=domain,
        organizational_domain=organizational_domain,
        policy=policy,
        disposition=disposition,
        dkim_aligned=dkim_alignment.is_aligned,
        spf_aligned=spf_alignment.is_aligned,
        record=record.text,
        reason=reason,
    )


def _discover_record(domain: str, organizational_domain: str, resolver: Resolver) -> tuple[bytes, str] | str:
    """Return the record and the domain that has it (RFC 7489 6.6.3), or why there is none."""
    for place in dict.fromkeys((domain, organizational_domain)):
        records = [text for text in resolver.find_txt(f"_dmarc.{place}") if is_dmarc_record(text)]
        if len(records) > 1:
            return f"_dmarc.{place} has {len(records)} DMARC records; with more than one, DMARC does not apply"
        if records:
            return records[0], place
    places = " nor ".join(f"_dmarc.{place}" for place in dict.fromkeys((domain, organizational_domain)))
    return f"neither {places} has a DMARC record" if " nor " in places else f"{places} has no DMARC record"


def _is_aligned(authenticated: str, domain: str, *, is_strict: bool) -> bool:
    """Return whether two domains are aligned (RFC 7489 3.1)."""
    name = to_ascii_domain(authenticated)
    if name is None or name == domain or is_strict:
        return name == domain
    return find_organizational_domain(name) == find_organizational_domain(domain)


def _align_dkim(domain: str, results: Sequence[DkimResult], record: DmarcRecord) -> _Alignment:
    if not results:
        return _Alignment(is_aligned=False, is_undecided=False, reason="the mail has no DKIM signature")
    reasons: list[str] = []
    is_undecided = False
    for result in results:
        is_aligned = _is_aligned(result.domain, domain, is_strict=record.is_dkim_strict)
        if result.result == "pass":
            if is_aligned:
                return _Alignment(True, False, f"DKIM passed for {_describe_domain(result.domain)}")
            reasons.append(_describe_misalignment("DKIM", result.domain, domain, is_strict=record.is_dkim_strict))
        else:
            is_undecided |= is_aligned and result.result == "temperror"
            reasons.append(f"{_describe_result('DKIM', result.result)} for {_describe_domain(result.domain)}")
    listed = list(dict.fromkeys(reasons))
    if len(listed) > _MAX_LISTED_SIGNATURES:
        listed[_MAX_LISTED_SIGNATURES:] = [f"{len(listed) - _MAX_LISTED_SIGNATURES} other signatures do not count"]
    return _Alignment(False, is_undecided, "; ".join(listed))


def _align_spf(domain: str, spf: SpfResult, record: DmarcRecord) -> _Alignment:
    is_aligned = _is_aligned(spf.domain, domain, is_strict=record.is_spf_strict)
    if spf.result == "pass":
        if is_aligned:
            return _Alignment(True, False, f"SPF passed for {_describe_domain(spf.domain)}")
        reason = _describe_misalignment("SPF", spf.domain, domain, is_strict=record.is_spf_strict)
        return _Alignment(False, False, reason)
    place = f" for {_describe_domain(spf.domain)}" if spf.domain else ""
    return _Alignment(False, is_aligned and spf.result == "temperror", f"{_describe_result('SPF', spf.result)}{place}")


def _describe_misalignment(method: str, authenticated: str, domain: str, *, is_strict: bool) -> str:
    mode = f" in strict mode (a{method.lower()}=s)" if is_strict else ""
    return f"{method} passed for {_describe_domain(authenticated)}, which is not aligned with {domain}{mode}"


def _describe_result(method: str, result: str) -> str:
    return f"{method} failed" if result == "fail" else f"{method} is {result}"


def _describe_domain(domain: str) -> str:
    return to_ascii_domain(domain) or "an invalid domain name"


def _describe_share(percent: int, policy: Policy) -> str:
    lower = "accept" if _NEXT_LOWER[policy] == "none" else _NEXT_LOWER[policy]
    return f"receivers {policy} {percent} % of such mails and {lower} the others"
