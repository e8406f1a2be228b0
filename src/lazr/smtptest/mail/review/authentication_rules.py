"""Rules about DKIM, SPF and DMARC, for mails whose server knows DNS records."""

from __future__ import annotations

from lazr.smtptest.mail.review.rule import Problem, ReviewRule, shorten

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from lazr.smtptest.mail.review.source import ReviewSource

__all__ = ["RULES"]

_BROKEN_RESULTS = frozenset({"fail", "permerror", "neutral", "policy"})


def _find_broken_signatures(source: ReviewSource) -> Iterator[Problem]:
    signatures = () if source.authentication is None else source.authentication.dkim
    for index, signature in enumerate(signatures):
        if signature.result in _BROKEN_RESULTS:
            text = (
                f"The DKIM signature of {shorten(signature.domain) or 'no domain'} does not verify: {signature.reason}"
            )
            yield Problem(
                _shorten_reason(text), "header DKIM-Signature", source.find_field_line("dkim-signature", index)
            )


def _find_failed_spf(source: ReviewSource) -> Iterator[Problem]:
    spf = None if source.authentication is None else source.authentication.spf
    if spf is not None and spf.result in ("fail", "softfail", "permerror"):
        yield Problem(_shorten_reason(f"SPF is {spf.result}: {spf.reason}"), "content")


def _find_failed_dmarc(source: ReviewSource) -> Iterator[Problem]:
    dmarc = None if source.authentication is None else source.authentication.dmarc
    if dmarc is not None and dmarc.result in ("fail", "permerror"):
        text = f"DMARC is {dmarc.result}: {dmarc.reason}"
        yield Problem(_shorten_reason(text), "header From", source.find_field_line("from"))


def _shorten_reason(text: str) -> str:
    """Return a sentence that quotes untrusted text, on one line of bounded length."""
    text = " ".join(text.split())[:400]
    return text if text.isprintable() else repr(text)[1:-1]


RULES: tuple[ReviewRule, ...] = (
    ReviewRule(
        "dkim-fails",
        "error",
        "A DKIM signature does not verify, by the DNS records of the server.",
        "RFC 6376 6.1",
        _find_broken_signatures,
    ),
    ReviewRule(
        "spf-fails",
        "warning",
        "SPF fails, by the DNS records of the server.",
        "RFC 7208 8",
        _find_failed_spf,
    ),
    ReviewRule(
        "dmarc-fails",
        "warning",
        "DMARC fails, by the DNS records of the server.",
        "RFC 7489 6.6.2",
        _find_failed_dmarc,
    ),
)
