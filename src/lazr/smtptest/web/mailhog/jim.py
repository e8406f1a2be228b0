"""Jim: MailHog's faults at random, as rules with a probability."""

from __future__ import annotations

import threading
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from lazr.smtptest.protocol.smtp import Reply
from lazr.smtptest.rules import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lazr.smtptest.rules import Rules

__all__ = ["Jim", "JimSettings"]

_COMMANDS_BEFORE_DISCONNECT = ("EHLO", "HELO", "MAIL", "RCPT", "DATA")


@dataclass(frozen=True, slots=True)
class JimSettings:
    """How likely each fault is, from 0 to 1; the defaults are those of MailHog.

    Args:
        AcceptChance: that a connection is accepted.
        DisconnectChance: that a command ends the connection without a reply.
        LinkSpeedAffect: that a connection is slow.
        LinkSpeedMin: the lowest speed of a slow connection, in bytes per second.
        LinkSpeedMax: the highest speed of a slow connection, in bytes per second.
        RejectSenderChance: that MAIL is refused with 550.
        RejectRecipientChance: that RCPT is refused with 550.
        RejectAuthChance: that AUTH is refused with 535.

    Raises:
        ValueError: for a chance that is not from 0 to 1, or speeds that are not positive or in the wrong order.
    """

    DisconnectChance: float = 0.005
    AcceptChance: float = 0.99
    LinkSpeedAffect: float = 0.1
    LinkSpeedMin: float = 1024.0
    LinkSpeedMax: float = 10240.0
    RejectSenderChance: float = 0.05
    RejectRecipientChance: float = 0.05
    RejectAuthChance: float = 0.05

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            if not name.startswith("LinkSpeedM") and not 0 <= value <= 1:
                raise ValueError(f"{name} must be a number from 0 to 1, got {value}")
        if self.LinkSpeedAffect and not 1 <= self.LinkSpeedMin <= self.LinkSpeedMax <= 1e12:
            raise ValueError(
                "LinkSpeedMin and LinkSpeedMax must be 1 or more bytes per second, the lower one first, "
                f"got {self.LinkSpeedMin} and {self.LinkSpeedMax}"
            )


class Jim:
    """The faults at random of one server: on with settings, or off.

    >>> from lazr.smtptest import Rules
    >>> rules = Rules()
    >>> jim = Jim(rules)
    >>> jim.settings is None
    True
    >>> jim.set(JimSettings(0, 1, 0, RejectSenderChance=0, RejectRecipientChance=0.5, RejectAuthChance=0))
    >>> rules
    <Rules: RCPT probability=0.5 → reply(550, 'This recipient is refused by chance').optional()>
    """

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._settings: JimSettings | None = None
        self._active_rules: list[Rule] = []
        self._lock = threading.Lock()

    @property
    def settings(self) -> JimSettings | None:
        """The settings; None while Jim is off, also after its rules have been removed."""
        with self._lock:
            present_ids = {id(rule) for rule in self._rules[:]}
            if any(id(rule) not in present_ids for rule in self._active_rules):
                return None
            return self._settings

    def set(self, settings: JimSettings | None) -> None:
        """Replace the rules by those of these settings; None switches Jim off."""
        new_rules = [] if settings is None else [rule.optional() for rule in _build_rules(settings)]
        with self._lock:
            for rule in self._active_rules:
                self._rules.remove(rule)
            self._rules.add(*new_rules)
            self._active_rules, self._settings = new_rules, settings


def _build_rules(settings: JimSettings) -> Iterator[Rule]:
    """Yield a rule for each fault with a chance above 0."""
    if settings.AcceptChance < 1:
        yield Rule("CONNECT", probability=1 - settings.AcceptChance).drop()
    if settings.LinkSpeedAffect:
        speed = int((settings.LinkSpeedMin + settings.LinkSpeedMax) / 2)
        yield Rule("CONNECT", probability=settings.LinkSpeedAffect).throttle(speed, "both")
    if settings.DisconnectChance:
        for verb in _COMMANDS_BEFORE_DISCONNECT:
            yield Rule(verb, probability=settings.DisconnectChance).drop()
    for verb, chance, code, what in (
        ("MAIL", settings.RejectSenderChance, 550, "This sender is"),
        ("RCPT", settings.RejectRecipientChance, 550, "This recipient is"),
        ("AUTH", settings.RejectAuthChance, 535, "These credentials are"),
    ):
        if chance:
            yield Rule(verb, probability=chance).reply(Reply(code, f"{what} refused by chance"))
