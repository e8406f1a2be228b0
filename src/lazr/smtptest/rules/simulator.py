"""Addresses that stand for an outcome: `bounce@simulator.amazonses.com`.

`SIMULATOR_ADDRESSES` is the table: which addresses, what happens, and who has this convention.  `presets` makes the
preset `simulator_addresses` of it.

Sources: "Using the mailbox simulator manually" in the developer guide of Amazon SES, "Send Test Emails" in the
documentation of Resend, and the help of `mox localserve`.  Codes of other refusals are RFC 5321's, with RFC 3463's.
"""

from __future__ import annotations

import re

from lazr.smtptest.rules.rule import Rule

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Final

__all__ = ["SIMULATOR_ADDRESSES", "SimulatorAddress", "build_simulator_rules"]


class SimulatorAddress:
    """Addresses that stand for one outcome.

    - `example`: one of the addresses.
    - `trigger`: where it happens: "MAIL" is about the sender, the others about recipients.
    - `pattern`: matches the addresses, in any case.
    - `outcome`: what happens, in a few words.
    - `origin`: the service or program that has this convention.
    """

    __slots__ = ("_apply", "example", "origin", "outcome", "pattern", "trigger")

    def __init__(
        self,
        example: str,
        trigger: str,
        pattern: str,
        *,
        outcome: str,
        origin: str,
        apply: Callable[[Rule, float, str | None], Rule],
    ) -> None:
        self.example: Final = example
        self.trigger: Final = trigger
        self.pattern: Final = re.compile(pattern, re.IGNORECASE)
        self.outcome: Final = outcome
        self.origin: Final = origin
        self._apply = apply

    def build_rule(self, after: float, style: str | None) -> Rule:
        """Return the rule for these addresses; it need not act.

        Args:
            after: The seconds until something comes back.
            style: The server whose wording it has; None for the default.
        """
        rule = (
            Rule(self.trigger, sender=self.pattern) if self.trigger == "MAIL" else Rule(self.trigger, to=self.pattern)
        )
        return self._apply(rule, after, style).optional()

    def __repr__(self) -> str:
        return f"<SimulatorAddress {self.example}: {self.outcome}>"


# The enhanced codes and texts beside the reply codes that an address can end with.
_REFUSALS = {
    421: ("4.3.2", "Service not available"),
    450: ("4.2.1", "Mailbox busy"),
    451: ("4.3.0", "Local error"),
    452: ("4.2.2", "Mailbox full"),
    550: ("5.1.1", "No such mailbox"),
    551: ("5.1.6", "Mailbox has moved"),
    552: ("5.2.2", "Mailbox full"),
    553: ("5.1.3", "Mailbox name not allowed"),
    554: ("5.7.1", "Not accepted"),
}

_OWN = "this server"
_MOX = "mox"
_SES = "Amazon SES"
_RESEND = "Resend"

# The words of mox, at the end of a local part, and what they stand for.
_MOX_WORDS = {
    "temperror": ("451 4.3.0", lambda rule, _after, _style: rule.reply(451, "4.3.0", "Temporary error")),
    "permerror": ("554 5.3.0", lambda rule, _after, _style: rule.reply(554, "5.3.0", "Permanent error")),
    "timeout": ("no reply", lambda rule, _after, _style: rule.stall()),
}
# Where mox fails, by the beginning of the local part.
_MOX_TRIGGERS = {"mailfrom": "MAIL", "rcptto": "RCPT", "": "END_OF_DATA"}


def _bounce(rule: Rule, after: float, style: str | None) -> Rule:
    return rule.then_bounce("5.1.1", after=after, style=style)


def _bounce_suppressed(rule: Rule, after: float, style: str | None) -> Rule:
    return rule.then_bounce("5.1.1", "Recipient address is on the suppression list", after=after, style=style)


def _complain(rule: Rule, after: float, style: str | None) -> Rule:
    return rule.then_complaint(after=after, style=style)


def _be_away(rule: Rule, after: float, style: str | None) -> Rule:
    return rule.then_out_of_office(after=after, style=style)


def _build_refusal(code: int) -> SimulatorAddress:
    enhanced, text = _REFUSALS[code]
    return SimulatorAddress(
        f"ann-{code}@example.com",
        "RCPT",
        rf"-{code}@",
        outcome=f"{code} {enhanced}",
        origin=_OWN,
        apply=lambda rule, _after, _style: rule.reply(code, enhanced, text),
    )


# With a label after +, these addresses mean the same, as the two services have it.
SIMULATOR_ADDRESSES: Final[tuple[SimulatorAddress, ...]] = (
    *map(_build_refusal, _REFUSALS),
    *(
        SimulatorAddress(
            f"{prefix or 'ann-'}{'-' if prefix else ''}{word}@example.com",
            trigger,
            rf"^{prefix}[^@]*{word}@",
            outcome=outcome,
            origin=_MOX,
            apply=apply,
        )
        for word, (outcome, apply) in _MOX_WORDS.items()
        for prefix, trigger in _MOX_TRIGGERS.items()
    ),
    *(
        SimulatorAddress(
            f"{word}@simulator.amazonses.com",
            "END_OF_DATA",
            rf"^{word}(\+[^@]*)?@simulator\.",
            outcome=outcome,
            origin=_SES,
            apply=apply,
        )
        for word, outcome, apply in (
            ("bounce", "a bounce, 5.1.1", _bounce),
            ("suppressionlist", "a bounce, 5.1.1", _bounce_suppressed),
            ("complaint", "a complaint", _complain),
            ("ooto", "an out-of-office reply", _be_away),
        )
    ),
    *(
        SimulatorAddress(
            f"{word}@resend.dev",
            "END_OF_DATA",
            rf"^{word}(\+[^@]*)?@resend\.dev$",
            outcome=outcome,
            origin=_RESEND,
            apply=apply,
        )
        for word, outcome, apply in (
            ("bounced", "a bounce, 5.1.1", _bounce),
            ("suppressed", "a bounce, 5.1.1", _bounce_suppressed),
            ("complained", "a complaint", _complain),
        )
    ),
)


def build_simulator_rules(after: float, style: str | None) -> list[Rule]:
    """Return the rules of the table: those that refuse come first."""
    return [address.build_rule(after, style) for address in SIMULATOR_ADDRESSES]
