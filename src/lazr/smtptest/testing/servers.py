"""The servers of one test: started, asked what their handlers raised, stopped, and heard as witnesses."""

from __future__ import annotations

import contextlib

from lazr.smtptest.mailserver import MailServer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import Any

__all__ = ["Servers"]

# Seconds for clients that have sent their last, and gone, to be heard before a rule is said not to have acted.
_PATIENCE = 1.0

_PACKAGE = __name__.partition(".testing")[0] + "."


class Servers:
    """The servers of one test by name, in the order in which they came.

    >>> servers = Servers()
    >>> servers.start("shop", {"hostname": "mail.shop.example"}).running
    True
    >>> servers.stop()
    """

    def __init__(self) -> None:
        self._servers: dict[str, MailServer] = {}
        self._started: list[MailServer] = []

    def start(self, name: str, options: Mapping[str, Any]) -> MailServer:
        """Start one with these options, which `stop` will stop.  Raises what `MailServer` and its `start` raise."""
        server = MailServer(**options)
        server.start()
        self._started.append(server)
        self.add(name, server)
        return server

    def add(self, name: str, server: MailServer) -> None:
        """One more, which somebody else stops.  A name that is taken gets a number."""
        base, number = name, 1
        while name in self._servers:
            number += 1
            name = f"{base} {number}"
        self._servers[name] = server

    def by_name(self) -> dict[str, MailServer]:
        """All of them."""
        return dict(self._servers)

    def error(self, *, skipped: bool = False) -> BaseException | None:
        """What handlers have raised since the last time, and rules that never acted; several are a group; None if none.

        Its traceback begins in the handler.  Of a test that was `skipped`, no rule needs to have acted.
        """
        calls: list[Callable[[], None]] = []
        if skipped:
            self.excuse()
        for server in self._servers.values():
            _hear_out(server)
            calls += server.raise_errors, server.check_rules
        return _one_of(calls)

    def excuse(self) -> None:
        """No rule needs to have acted so far."""
        for server in self._servers.values():
            server.rules.excuse()

    def stop(self) -> None:
        """Stop those that were started here, the last one first, whatever happens.  Raises what that raised."""
        __tracebackhide__ = True  # pytest then shows the handler alone
        started, self._started = self._started, []
        error = _one_of(server.stop for server in reversed(started))
        if error is not None:
            raise error

    def sections(self) -> list[tuple[str, str]]:
        """What a report of a failure is to show: titles, and bounded texts."""
        from lazr.smtptest.testing.evidence import dialogue, harmless, received

        sections = []
        for name, server in self._servers.items():
            whose = f" of {name}, {server.host}:{server.port}" if len(self._servers) > 1 else ""
            sections.append((f"mail received{whose}", received(server)))
            sections.append((f"SMTP transcript{whose}", dialogue(server)))
            dice = server.rules.explain_dice()
            if dice:
                sections.append((f"dice of the rules{whose}", "\n".join(map(harmless, dice))))
        return sections


def _hear_out(server: MailServer) -> None:
    """Let the server catch up with its clients, if a rule still has to act; who stays connected is not waited for."""
    if server.rules.unused and server.running and not server.runs_here:
        with contextlib.suppress(TimeoutError):
            server.settle(_PATIENCE)


def _one_of(calls: Iterable[Callable[[], None]]) -> BaseException | None:
    """Make all the calls, and return what they raised, as one."""
    errors: list[BaseException] = []
    for call in calls:
        try:
            call()
        except BaseException as error:  # noqa: BLE001 - a handler may raise what it likes
            errors.append(_from_the_handler_on(error))
    if len(errors) < 2:
        return errors[0] if errors else None
    return BaseExceptionGroup("the handlers of several servers raised", errors)


def _from_the_handler_on(error: BaseException) -> BaseException:
    """The exception without the frames of this package at the beginning of its traceback: how it got here."""
    trace = error.__traceback__
    while trace is not None and f"{trace.tb_frame.f_globals.get('__name__')}.".startswith(_PACKAGE):
        trace = trace.tb_next
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            _from_the_handler_on(inner)
    return error.with_traceback(trace)
