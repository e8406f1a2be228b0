"""`MailServerMixin`: a mail server for each test of a unittest class."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any
    from unittest import TestCase, TestResult

    from lazr.smtptest.mailserver import MailServer
    from lazr.smtptest.testing import Servers, ServerSnapshot

    _TestCaseBase = TestCase
else:
    _TestCaseBase = object

__all__ = ["MailServerMixin"]


class MailServerMixin(_TestCaseBase):
    """Mixin for test cases with a server as `self.smtptest`.

    It fits `unittest.TestCase` and `IsolatedAsyncioTestCase`.

    Put it before the other class.  The server starts in a separate thread when the test first reads `self.smtptest`,
    and stops after `tearDown`.  An exception of a handler is an error of the test.  A failure has notes with the
    received mails and the SMTP transcript.

    - `smtptest_options`: The keyword arguments of `MailServer`; set it in the class, or in a test before it uses
      `self.smtptest`.  The default is `{}`.

    >>> import smtplib, unittest
    >>> class Signup(MailServerMixin, unittest.TestCase):
    ...     smtptest_options = {"hostname": "mail.example.com"}
    ...
    ...     def test_welcome(self):
    ...         with smtplib.SMTP(*self.smtptest.address) as client:
    ...             client.sendmail("app@example.com", "ann@example.com", "Subject: Welcome\\r\\n\\r\\nHi Ann")
    ...         self.assertEqual(self.smtptest.inbox.one(to="ann@example.com").subject, "Welcome")
    >>> Signup("test_welcome").run().wasSuccessful()
    True
    """

    smtptest_options: Mapping[str, Any] = {}

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Check the order of the base classes.

        Raises:
            TypeError: If a `TestCase` comes before the mixin, whose `run` would then never be called.
        """
        super().__init_subclass__(**kwargs)
        first = next((base for base in cls.__mro__ if "run" in vars(base)), None)
        if first is not None and not issubclass(first, MailServerMixin) and issubclass(first, _get_test_case_class()):
            raise TypeError(f"class {cls.__name__}: name MailServerMixin before {first.__name__}")

    @property
    def smtptest(self) -> MailServer:
        """The server of this test, started at the first use.

        Raises:
            OSError: If the server cannot listen on its port.
            RuntimeError: If `smtptest_options` changed after the server was started.
            ValueError: If `smtptest_options` has an unknown name, or a value that `MailServer` does not accept.
        """
        server: MailServer | None = self.__dict__.get("_smtptest")
        if server is None:
            server = self.__dict__["_smtptest"] = self._start("smtptest", self.smtptest_options)
            self.__dict__["_smtptest_made_with"] = dict(self.smtptest_options)
        elif self.smtptest_options != self.__dict__["_smtptest_made_with"]:
            raise RuntimeError(
                "smtptest_options changed after the server had started; set them before the first use of self.smtptest"
            )
        return server

    def smtptest_factory(self, **options: Any) -> MailServer:
        """Start and return another server; it stops after `tearDown`, too.

        Args:
            **options: Keyword arguments of `MailServer`; they take precedence over `smtptest_options`.

        Raises:
            OSError: If the server cannot listen on its port.
            ValueError: If an option has an unknown name, or a value that `MailServer` does not accept.
        """
        return self._start("smtptest_factory", {**self.smtptest_options, **options})

    def run(self, result: TestResult | None = None) -> TestResult | None:
        """Run the test; add notes with mails and transcripts to its failures."""
        for name in ("_smtptest", "_smtptest_servers"):  # left by an earlier run of the same object
            self.__dict__.pop(name, None)
        self.__dict__["_smtptest_snapshot"] = _take_snapshot()
        if result is not None:
            super().run(_AnnotatingResult(result, self))  # type: ignore[arg-type]
            return result
        # unittest would create this result itself.  Here it is created before, so that it can be wrapped.
        result = self.defaultTestResult()
        result.startTestRun()
        try:
            super().run(_AnnotatingResult(result, self))  # type: ignore[arg-type]
        finally:
            result.stopTestRun()
        return result

    def _start(self, name: str, options: Mapping[str, Any]) -> MailServer:
        servers: Servers | None = self.__dict__.get("_smtptest_servers")
        if servers is None:
            from lazr.smtptest.testing import Servers

            servers = self.__dict__["_smtptest_servers"] = Servers()
            self.addCleanup(self._stop)
        from lazr.smtptest.testing import check_options

        return servers.start(name, check_options(options, f"{type(self).__name__}.smtptest_options"))

    def _stop(self) -> None:
        # Cleanups of the test may run later.  They can still read the stopped server.
        self.__dict__["_smtptest_servers"].stop()


def _get_test_case_class() -> type:
    from unittest import TestCase

    return TestCase


# The methods of a TestResult whose last argument is the error.
_FAILURE_METHODS = frozenset({"addError", "addFailure", "addSubTest"})


class _AnnotatingResult:
    """A TestResult that adds notes with mails and transcripts to failures."""

    def __init__(self, result: TestResult, test: MailServerMixin) -> None:
        self._result = result
        self._test = test

    def __getattr__(self, name: str) -> Any:
        if name == "addSkip":
            self._excuse_rules()
        method = getattr(self._result, name)  # an AttributeError here is right: not every result has every method
        if name not in _FAILURE_METHODS:
            return method
        return lambda *arguments: method(*arguments[:-1], self._add_notes(arguments[-1]))

    def _excuse_rules(self) -> None:
        """Accept unused rules, because the test was skipped."""
        servers: Servers | None = self._test.__dict__.get("_smtptest_servers")
        if servers is not None:
            servers.excuse_unused_rules()

    def _add_notes(self, error: Any) -> Any:
        if error is None or not _is_server_imported():  # None: a subtest that passed
            return error
        from lazr.smtptest.testing import Servers, ServerSnapshot

        servers: Servers = self._test.__dict__.get("_smtptest_servers") or Servers()
        before = self._test.__dict__.get("_smtptest_snapshot") or ServerSnapshot()
        for title, text in servers.build_report_sections(before):
            error[1].add_note(f"-- {title}\n{text}")
        return error


def _is_server_imported() -> bool:
    import sys

    return "lazr.smtptest.mailserver.server" in sys.modules


def _take_snapshot() -> ServerSnapshot | None:
    """Return the servers that run already; None if no server has run in this process."""
    if not _is_server_imported():
        return None
    from lazr.smtptest.testing import ServerSnapshot

    return ServerSnapshot.take()
