"""Count what a client does besides sending mail, so that it cannot do so without end."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lazr.smtptest.protocol.smtp.limits import Limits

__all__ = ["MisuseCounter"]


class MisuseCounter:
    """The counts of one session; each method returns whether the count is over its limit.

    >>> from lazr.smtptest import Limits
    >>> counter = MisuseCounter()
    >>> [counter.count_error(Limits(errors=2)) for _ in range(2)]
    [False, True]
    """

    __slots__ = ("_commands_without_mail", "_errors", "_refused_commands")

    def __init__(self) -> None:
        self._commands_without_mail = 0
        self._refused_commands = 0  # since the last mail
        self._errors = 0

    def count_command_without_mail(self, limits: Limits) -> bool:
        """Count a command that brings no mail nearer."""
        self._commands_without_mail += 1
        limit = limits.commands_without_mail
        return limit is not None and self._commands_without_mail > limit

    def count_refused_command(self, limits: Limits) -> bool:
        """Count a command that a limit refuses; above the limit, each further one is an error.

        Postfix counts recipients above its limit in the same way (smtpd_recipient_overshoot_limit).
        """
        self._refused_commands += 1
        limit = limits.refused_commands
        return limit is not None and self._refused_commands > limit and self.count_error(limits)

    def count_error(self, limits: Limits) -> bool:
        """Count an error of the client; the last one that is allowed ends the session."""
        self._errors += 1
        return limits.errors is not None and self._errors >= limits.errors

    def note_mail(self) -> None:
        """Begin to count again, because a mail was accepted; errors are not forgiven."""
        self._commands_without_mail = self._refused_commands = 0
