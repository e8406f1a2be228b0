"""What large providers say when they do not want a mail: a table of their published codes."""

from __future__ import annotations

from lazr.smtptest.faults.counting import Rate
from lazr.smtptest.faults.rule import Rule
from lazr.smtptest.protocol.smtp.reply import Reply

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, Final, Unpack

    from lazr.smtptest.faults.counting import Counting
    from lazr.smtptest.faults.selector import Selectors

__all__ = ["PROVIDERS", "Provider", "counted", "of_provider"]

# Codes, enhanced codes and marks are the provider's; the words beside them are ours, for theirs change.
#
# gmail: "Gmail SMTP errors and codes" in the help of Google Workspace for administrators.
# outlook: "Fix email delivery issues for error code 451 4.7.500-699", "554 5.2.2 mailbox full" and "Email non-delivery
#   reports" on Microsoft Learn; "Fix NDR error 550 5.7.515" at Microsoft Support; S3140 is of Outlook.com's Postmaster.
# yahoo: "SMTP Error Codes" at Yahoo's Sender Hub, and for the marks in brackets its help pages before that; those have
#   "over quota" at the end of the data, without an enhanced code.
PROVIDERS: Final[Mapping[str, Mapping[str, tuple[str, Reply]]]] = {
    "gmail": {
        "rate_limit": ("END_OF_DATA", Reply(421, "4.7.28", "Unusual rate of mail from this address", "gsmtp")),
        "unauthenticated": ("END_OF_DATA", Reply(550, "5.7.26", "Unauthenticated mail is not accepted", "gsmtp")),
        "blocked_sender": ("END_OF_DATA", Reply(550, "5.7.1", "Very low reputation of the sending address", "gsmtp")),
        "over_quota": ("RCPT", Reply(452, "4.2.2", "The recipient is out of storage space", "gsmtp")),
    },
    "outlook": {
        "rate_limit": ("END_OF_DATA", Reply(451, "4.7.500", "Server busy")),
        "unauthenticated": ("END_OF_DATA", Reply(550, "5.7.515", "Required authentication level not met")),
        "blocked_sender": ("MAIL", Reply(550, "5.7.1", "This network is on our block list (S3140)")),
        "over_quota": ("END_OF_DATA", Reply(554, "5.2.2", "mailbox full; STOREDRV.Deliver.Exception")),
    },
    "yahoo": {
        "rate_limit": ("MAIL", Reply(421, "4.7.0", "[TSS04] Temporarily deferred")),
        "unauthenticated": ("END_OF_DATA", Reply(554, "5.7.9", "Not accepted for policy reasons")),
        "blocked_sender": ("CONNECT", Reply(553, "5.7.1", "[BL21] Connections are not accepted")),
        "over_quota": ("END_OF_DATA", Reply(554, "delivery error: dd This account is over quota")),
    },
}


def counted(when: str, counting: Counting, selectors: Selectors) -> Rule:
    """A rule that counts by its `where=`; raises `TypeError` for selectors with another one."""
    if selectors.get("where") is not None:
        raise TypeError(f"{counting!r} is this preset's where= already; for another one write a Rule")
    selectors = selectors.copy()
    selectors["where"] = counting
    return Rule(when, **selectors)


class Provider:
    """What one provider says, at the moment at which it says it; each method makes a rule.

    The selectors are those of the moment: "over_quota" of Gmail is said to one recipient, `to="ann@*"`.

    Raises `ValueError` for a provider that is not in the table.

    >>> Provider("yahoo").rate_limit(2, per=60)
    <Rule MAIL where=rate(n=2, per=60) → reply(421, '4.7.0', '[TSS04] Temporarily deferred'), never acted>
    """

    def __init__(self, name: str) -> None:
        if name not in tuple(PROVIDERS):
            raise ValueError(f"no provider {name!r}; there are {', '.join(PROVIDERS)}")
        self.name: Final[str] = name

    def _rule(self, what: str, **selectors: Unpack[Selectors]) -> Rule:
        when, reply = PROVIDERS[self.name][what]
        return Rule(when, **selectors).reply(reply)

    def rate_limit(self, n: int, per: float, **selectors: Unpack[Selectors]) -> Rule:
        """More than `n` mails of a client in `per` seconds."""
        when, reply = PROVIDERS[self.name]["rate_limit"]
        return counted(when, Rate(n, per), selectors).reply(reply)

    def unauthenticated(self, **selectors: Unpack[Selectors]) -> Rule:
        """Neither SPF nor DKIM passes, or DMARC fails."""
        return self._rule("unauthenticated", **selectors)

    def blocked_sender(self, **selectors: Unpack[Selectors]) -> Rule:
        """The client's address, or its network, is not welcome."""
        return self._rule("blocked_sender", **selectors)

    def over_quota(self, **selectors: Unpack[Selectors]) -> Rule:
        """The recipient's mailbox is full."""
        return self._rule("over_quota", **selectors)

    def __repr__(self) -> str:
        return f"<Provider {self.name}>"


def of_provider(*, name: str, what: str, **arguments: Any) -> Rule:
    """What a provider says, for a form: `{"preset": "provider", "name": "gmail", "what": "over_quota"}`."""
    provider = Provider(name)
    if what not in PROVIDERS[name]:
        raise ValueError(f"a provider has {', '.join(PROVIDERS[name])}, not {what!r}")
    rule: Rule = getattr(provider, what)(**arguments)
    return rule
