"""Start and stop the servers of one test, collect their errors, and report their mails."""

from __future__ import annotations

import contextlib

from lazr.smtptest.mailserver import MailServer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import Any

    from lazr.smtptest.protocol.smtp import SessionRecord
    from lazr.smtptest.testing.snapshot import ServerSnapshot

__all__ = ["Servers"]

# Clients that have disconnected get this time to be processed, before an unused rule is an error.
_SETTLE_TIMEOUT_SECONDS = 1.0

# Servers that the test did not get from a fixture of this package, in a report.
_MAX_OTHER_SERVERS = 5
_MAX_IDLE_SERVERS = 20

_PACKAGE_PREFIX = __name__.partition(".testing")[0] + "."


class Servers:
    """The servers of one test by name, in the order of their start.

    >>> servers = Servers()
    >>> servers.start("shop", {"hostname": "mail.shop.example"}).running
    True
    >>> servers.stop()
    """

    def __init__(self) -> None:
        self._servers: dict[str, MailServer] = {}
        self._servers_to_stop: list[MailServer] = []

    def start(self, name: str, options: Mapping[str, Any]) -> MailServer:
        """Start a server, which `stop` stops.  Raises what `MailServer` and its `start` raise.

        The option `rules` has rules, presets and definitions; the server gets copies of them.
        """
        settings = dict(options)
        rules = settings.pop("rules", None)
        server = MailServer(**settings)
        if rules is not None:
            from lazr.smtptest.rules import copy_rules

            server.rules.add(copy_rules(rules))
        server.start()
        self._servers_to_stop.append(server)
        self.add(name, server)
        return server

    def add(self, name: str, server: MailServer) -> None:
        """Add a running server, which `stop` does not stop.  A name in use gets a number."""
        base, number = name, 1
        while name in self._servers:
            number += 1
            name = f"{base} {number}"
        self._servers[name] = server

    def to_dict(self) -> dict[str, MailServer]:
        """Return all servers by name."""
        return dict(self._servers)

    def collect_error(self, *, is_skipped: bool = False) -> BaseException | None:
        """Return new exceptions of handlers and unused rules as one exception, or None.

        Several exceptions are a group.  The traceback begins in the handler.

        Args:
            is_skipped: whether the test was skipped: then its rules need not have acted.
        """
        calls: list[Callable[[], None]] = []
        if is_skipped:
            self.excuse_unused_rules()
        for server in self._servers.values():
            _wait_for_pending_rules(server)
            calls += server.raise_errors, server.check_rules
        return _run_and_collect_error(calls)

    def excuse_unused_rules(self) -> None:
        """Mark all present rules as optional: they need not have acted."""
        for server in self._servers.values():
            server.rules.excuse_unused()

    def stop(self) -> None:
        """Stop all started servers, the last one first, and then raise their exceptions."""
        __tracebackhide__ = True  # pytest then shows the handler alone
        started, self._servers_to_stop = self._servers_to_stop, []
        error = _run_and_collect_error(server.stop for server in reversed(started))
        if error is not None:
            raise error

    def build_report_sections(self, before: ServerSnapshot, used: Iterable[object] = ()) -> list[tuple[str, str]]:
        """Return the sections of a failure report: pairs of title and text.

        The report has all servers that have run since the snapshot, and what they have received since.

        Args:
            before: a snapshot from the start of the test.
            used: the values of the fixtures of the test.  A server that ran before the test, and has received nothing
                in it, is in the report only if it is one of them.
        """
        active, idle = self._divide_others(before)
        is_single = len(self._servers) + len(active) == 1
        sections: list[tuple[str, str]] = []
        for name, server in self._servers.items():
            suffix = "" if is_single else f" of {name}, {server.host}:{server.port}"
            sections += _build_sections(server, suffix, 0, list(server.sessions))
        for server in active[-_MAX_OTHER_SERVERS:]:
            suffix = "" if is_single else f" of MailServer {server.host}:{server.port}"
            sections += _build_sections(server, suffix, before.get_mark(server), before.list_new_sessions(server))
        used_ids = set(map(id, used))
        addresses = [
            f"{server.host}:{server.port}" for server in idle if before.is_new(server) or id(server) in used_ids
        ]
        if addresses:
            text = f"no client connected to {', '.join(addresses[-_MAX_IDLE_SERVERS:])} during this test"
            sections.append(("other SMTP servers" if self._servers or active else "SMTP servers", text))
        return sections

    def list_active(self, before: ServerSnapshot) -> dict[str, MailServer]:
        """Return all servers by name, and others that have received something since a snapshot."""
        active, _ = self._divide_others(before)
        return self.to_dict() | {f"MailServer {server.host} {server.port}": server for server in active}

    def _divide_others(self, before: ServerSnapshot) -> tuple[list[MailServer], list[MailServer]]:
        """Return the other servers: those that have received something, and the idle ones."""
        active: list[MailServer] = []
        idle: list[MailServer] = []
        for server in before.list_servers(exclude=self._servers.values()):
            (active if before.has_received(server) else idle).append(server)
        return active, idle


def _build_sections(
    server: MailServer, suffix: str, mark: int, sessions: list[SessionRecord]
) -> Iterable[tuple[str, str]]:
    from lazr.smtptest._util.escape import escape_unprintable
    from lazr.smtptest.testing.report import (
        describe_mails,
        describe_notifications,
        describe_refusals,
        describe_sessions,
    )

    yield f"mail received{suffix}", describe_mails(server, mark)
    notifications = describe_notifications(server, mark)
    if notifications:
        yield f"sent back{suffix}", notifications
    refusals = describe_refusals(server)
    if refusals:
        yield f"refused SMTP commands{suffix}", refusals
    smtp_sessions = [session for session in sessions if session.protocol not in ("imap", "pop3")]
    yield f"SMTP transcript{suffix}", describe_sessions(smtp_sessions)
    for protocol in ("imap", "pop3"):
        reading_sessions = [session for session in sessions if session.protocol == protocol]
        if reading_sessions:
            yield f"{protocol.upper()} transcript{suffix}", describe_sessions(reading_sessions)
    dice = server.rules.explain_dice()
    if dice:
        yield f"dice of the rules{suffix}", escape_unprintable("\n".join(dice), multiline=True)


def _wait_for_pending_rules(server: MailServer) -> None:
    """Wait until the clients have disconnected, if a rule has not acted yet."""
    if server.rules.unused_rules and server.running and not server.is_in_loop_thread:
        with contextlib.suppress(TimeoutError):
            server.settle(_SETTLE_TIMEOUT_SECONDS)


def _run_and_collect_error(calls: Iterable[Callable[[], None]]) -> BaseException | None:
    """Make all calls, and return their exceptions as one; None if there are none."""
    errors: list[BaseException] = []
    for call in calls:
        try:
            call()
        except BaseException as error:  # noqa: BLE001 - a handler may raise anything
            errors.append(_strip_own_frames(error))
    if len(errors) < 2:
        return errors[0] if errors else None
    return BaseExceptionGroup("the handlers of several servers raised", errors)


def _strip_own_frames(error: BaseException) -> BaseException:
    """Remove the frames of this package from the beginning of a traceback."""
    trace = error.__traceback__
    while trace is not None and f"{trace.tb_frame.f_globals.get('__name__')}.".startswith(_PACKAGE_PREFIX):
        trace = trace.tb_next
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            _strip_own_frames(inner)
    return error.with_traceback(trace)
