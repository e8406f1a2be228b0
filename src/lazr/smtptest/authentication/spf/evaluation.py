"""check_host() of RFC 7208 4: evaluate the record of a domain, and those that it names."""

from __future__ import annotations

from lazr.smtptest.authentication.domain_name import to_ascii_domain
from lazr.smtptest.authentication.excerpt import shorten
from lazr.smtptest.authentication.spf.context import SpfContext, SpfError, Verdict, build_temperror
from lazr.smtptest.authentication.spf.macro import EXPLANATION_LETTERS, MacroError, parse_macro_string
from lazr.smtptest.authentication.spf.mechanisms import find_match
from lazr.smtptest.authentication.spf.record import SpfSyntaxError, parse_record, select_records
from lazr.smtptest.dns import DnsError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lazr.smtptest.authentication.spf.record import Mechanism, SpfRecord

__all__ = ["SpfEvaluation"]

_MAX_EXPLANATION_CHARACTERS = 1_000


class SpfEvaluation:
    """Evaluate the records of one check.

    Args:
        context: The identity, the lookups and their counters.
    """

    def __init__(self, context: SpfContext) -> None:
        self._context = context

    def check_host(self, domain: str) -> Verdict:
        """Return the result of the domain's record (RFC 7208 4).

        Raises:
            SpfError: The result is `permerror` or `temperror`.
        """
        name = to_ascii_domain(domain)
        if name is None or "." not in name:
            return Verdict("none", f"{shorten(domain)!r} is not a domain name of at least two labels")
        if name in self._context.domains:
            path = ", ".join([*self._context.domains[self._context.domains.index(name) :], name])
            raise SpfError("permerror", f"the records include each other without end: {path}")
        record = self._find_record(name)
        if record is None:
            return Verdict("none", f"{name} has no SPF record")
        self._context.domains.append(name)
        try:
            return self._evaluate(record, name)
        finally:
            self._context.domains.pop()

    def explain(self, verdict: Verdict) -> str:
        """Return the explanation of `exp=`; empty if none or an invalid one (RFC 7208 6.2)."""
        if verdict.result != "fail" or verdict.explanation is None:
            return ""
        try:
            target = self._context.expand_target(verdict.explanation, verdict.domain)
            texts = self._context.resolver.find_txt(target) if target else []
            if len(texts) != 1:
                return ""
            text = parse_macro_string(texts[0].decode("ascii"), EXPLANATION_LETTERS, has_spaces=True)
            if text.names_local_part and not self._context.identity.local_part.isascii():
                return ""
            explanation = text.expand(lambda letter: self._context.find_value(letter, verdict.domain))
        except (DnsError, MacroError, SpfError, UnicodeDecodeError):
            return ""
        # A macro may bring control characters from the envelope.
        return "".join(one if " " <= one <= "~" else "?" for one in explanation[:_MAX_EXPLANATION_CHARACTERS])

    def _find_record(self, domain: str) -> SpfRecord | None:
        try:
            records = select_records(self._context.resolver.find_txt(domain))
        except DnsError as error:
            raise build_temperror(error) from error
        if len(records) > 1:
            raise SpfError("permerror", f"{domain} has {len(records)} SPF records; RFC 7208 4.5 allows one")
        if not records:
            return None
        try:
            return parse_record(records[0])
        except SpfSyntaxError as error:
            raise SpfError("permerror", f"in the record of {domain}, {error}") from None

    def _evaluate(self, record: SpfRecord, domain: str) -> Verdict:
        for mechanism in record.mechanisms:
            match = find_match(mechanism, domain, self._context, self.check_host)
            if match is not None:
                return Verdict(
                    mechanism.result,
                    self._describe(mechanism, domain, match),
                    mechanism.text,
                    domain,
                    record.explanation,
                )
        if record.redirect is None:
            reason = f"no term of the record of {domain} matches {self._context.identity.ip}"
            return Verdict("neutral", reason, "", domain)
        term = f"redirect={shorten(record.redirect.text)}"
        if record.redirect.names_local_part and not self._context.identity.local_part.isascii():
            return Verdict("neutral", f"{term} does not match a non-ASCII local part (RFC 8616 4)", "", domain)
        self._context.count_lookup(term)
        target = self._context.expand_target(record.redirect, domain)
        verdict = self.check_host(target or "")
        if verdict.result == "none":  # RFC 7208 6.1
            why = verdict.reason if target else "it expands to no domain name"
            raise SpfError("permerror", f"the record of {domain} has {term}, but {why}")
        return verdict

    def _describe(self, mechanism: Mechanism, domain: str, match: str) -> str:
        if mechanism.name == "all":
            return f"no term before {mechanism.label} in the record of {domain} matches {self._context.identity.ip}"
        detail = f" ({match})" if match else ""
        return f"{self._context.identity.ip} matches {mechanism.label} in the record of {domain}{detail}"
