"""The replies of large mail providers that refuse a mail, from their published codes."""

from __future__ import annotations

from lazr.smtptest._util.suggestion import build_getattr, describe_unknown
from lazr.smtptest.protocol.smtp import Reply
from lazr.smtptest.rules.counters import RateLimit
from lazr.smtptest.rules.rule import Rule

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, Final, Unpack

    from lazr.smtptest.rules.counters import CountingCondition
    from lazr.smtptest.rules.selectors import Selectors

__all__ = ["PROVIDERS", "Provider", "build_counting_rule", "build_provider_rule"]

# Codes, enhanced codes and marks are the provider's.  The words beside them are not: the provider's words change.
#
# gmail: "Gmail SMTP errors and codes" in the help of Google Workspace for administrators.
# outlook: "Fix email delivery issues for error code 451 4.7.500-699", "554 5.2.2 mailbox full" and "Email non-delivery
#   reports" on Microsoft Learn; "Fix NDR error 550 5.7.515" at Microsoft Support; S3140 is of Outlook.com's Postmaster.
# yahoo: "SMTP Error Codes" at Yahoo's Sender Hub, and its older help pages for the marks in brackets.  Those pages have
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


def build_counting_rule(trigger: str, condition: CountingCondition, selectors: Selectors) -> Rule:
    """Return a rule with `condition` as its `where=`.

    Raises `TypeError` if `selectors` has another `where`.
    """
    if selectors.get("where") is not None:
        raise TypeError(f"where= cannot be used: the preset has {condition!r} there; write a Rule for another where=")
    selectors = selectors.copy()
    selectors["where"] = condition
    return Rule(trigger, **selectors)


class Provider:
    """The refusals of one provider; each method makes a rule for one of them.

    The table `PROVIDERS` has the trigger and the reply.  The methods take the selectors of that trigger: Gmail replies
    "over_quota" at RCPT, so `to="ann@*"` is possible.

    Args:
        name: "gmail", "outlook" or "yahoo".

    Raises:
        ValueError: For another name.

    >>> Provider("yahoo").rate_limit(2, per=60)
    <Rule MAIL where=rate(n=2, per=60) → reply(421, '4.7.0', '[TSS04] Temporarily deferred'), never acted>
    """

    def __init__(self, name: str) -> None:
        if name not in tuple(PROVIDERS):
            raise ValueError(describe_unknown("provider", name, PROVIDERS))
        self.name: Final[str] = name

    def _build_rule(self, situation: str, **selectors: Unpack[Selectors]) -> Rule:
        trigger, reply = PROVIDERS[self.name][situation]
        return Rule(trigger, **selectors).reply(reply)

    def rate_limit(self, n: int, per: float, **selectors: Unpack[Selectors]) -> Rule:
        """Refuse more than `n` mails of a client in `per` seconds.

        Args:
            n: The number of mails that pass, 0 or more.
            per: The length of the window in seconds, greater than 0.
            **selectors: Selectors of the trigger, but for `where`.

        Raises:
            TypeError: If there is an unknown selector, or `where`.
            ValueError: If a number or a selector is wrong.
        """
        trigger, reply = PROVIDERS[self.name]["rate_limit"]
        return build_counting_rule(trigger, RateLimit(n, per), selectors).reply(reply)

    def unauthenticated(self, **selectors: Unpack[Selectors]) -> Rule:
        """Refuse mail as if neither SPF nor DKIM passed, or DMARC failed."""
        return self._build_rule("unauthenticated", **selectors)

    def blocked_sender(self, **selectors: Unpack[Selectors]) -> Rule:
        """Refuse mail as if the address or the network of the client were blocked."""
        return self._build_rule("blocked_sender", **selectors)

    def over_quota(self, **selectors: Unpack[Selectors]) -> Rule:
        """Refuse mail as if the mailbox of the recipient were full."""
        return self._build_rule("over_quota", **selectors)

    if not TYPE_CHECKING:  # a type checker would take every name for an attribute
        __getattr__ = build_getattr({"quota_full": "provider.over_quota()"})

    def __repr__(self) -> str:
        return f"<Provider {self.name}>"


def build_provider_rule(*, name: str, what: str, **arguments: Any) -> Rule:
    """Return the rule for `{"preset": "provider", "name": "gmail", "what": "over_quota"}`.

    Args:
        name: The provider.
        what: The name of its reply: a method of `Provider`.
        **arguments: The arguments of that method.

    Raises:
        TypeError: If an argument is missing, unknown, or of the wrong type.
        ValueError: If the provider or its reply is unknown, or an argument is wrong.
    """
    provider = Provider(name)
    if what not in tuple(PROVIDERS[name]):
        raise ValueError(describe_unknown("provider reply", what, PROVIDERS[name]))
    rule: Rule = getattr(provider, what)(**arguments)
    return rule
