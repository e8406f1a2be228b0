"""The refusals and exceptions of a server: evidence for a mail that does not arrive."""

from __future__ import annotations

from collections import deque

from lazr.smtptest.protocol.smtp import Reply

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import ParamSpec

    P = ParamSpec("P")

__all__ = ["FailureLog"]

_MAX_RECORDED_FAILURES = 10

_HANDLER_ERROR_REPLY = Reply(451, "4.3.0", "Local error: a handler of this server raised an exception")


class FailureLog:
    """The latest refusals and the exceptions of the user's functions, until `clear`.

    `on_command_refused(command, reply)` is called for each refusal, if it is given.
    """

    def __init__(self, on_command_refused: Callable[[str, Reply], object] | None = None) -> None:
        self._on_command_refused = None if on_command_refused is None else self.guard(on_command_refused)
        self._errors: list[BaseException] = []
        self._refusals: deque[str] = deque(maxlen=_MAX_RECORDED_FAILURES)
        self._refusal_count = 0

    def record_refusal(self, command: str, reply: Reply) -> None:
        """Keep a negative reply, with a description of the command or message that it answers."""
        self._add(command, " / ".join(str(reply).splitlines()))
        if self._on_command_refused is not None:
            self._on_command_refused(command, reply)

    def record_failed_login(self, command: str, response: str) -> None:
        """Keep a refused login of IMAP or POP3; observers get refusals of SMTP only."""
        self._add(command, response)

    def _add(self, command: str, reply: str) -> None:
        self._refusal_count += 1
        self._refusals.append(f"{command}: {reply}")

    def record_error(self, error: BaseException) -> Reply:
        """Keep an exception for `raise_errors`; return the reply that its client gets, 451."""
        if len(self._errors) < _MAX_RECORDED_FAILURES:
            self._errors.append(error)
        return _HANDLER_ERROR_REPLY

    def guard(self, function: Callable[P, object]) -> Callable[P, None]:
        """Wrap a function of the user: what it raises is recorded (promise P7)."""

        def guarded(*args: P.args, **kwargs: P.kwargs) -> None:
            try:
                function(*args, **kwargs)
            except BaseException as error:  # noqa: BLE001 - `raise_errors` raises it in the thread of the test
                self.record_error(error)

        return guarded

    def raise_errors(self) -> None:
        """Raise the recorded exceptions, and forget them: one as itself, several as a group."""
        errors, self._errors = self._errors, []
        if len(errors) == 1:
            raise errors[0]
        if errors:
            raise BaseExceptionGroup("several calls of the server's handler raised", errors)

    @property
    def refusals(self) -> list[str]:
        """The latest refusals: each command with its reply."""
        return list(self._refusals)

    @property
    def refusal_count(self) -> int:
        """The number of all refusals."""
        return self._refusal_count

    def clear(self) -> None:
        """Forget all refusals and exceptions."""
        self._errors = []
        self._refusal_count = 0
        self._refusals.clear()
