"""MailServerMixin: a mail server for each test of a unittest class."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any
    from unittest import TestCase, TestResult

    from lazr.smtptest.mailserver import MailServer
    from lazr.smtptest.testing.servers import Servers

    _Case = TestCase
else:
    _Case = object

__all__ = ["MailServerMixin"]


class MailServerMixin(_Case):
    """Gives a `unittest.TestCase`, or an `IsolatedAsyncioTestCase`, a server as `self.smtptest`.

    Name it before the other class.  The server starts when the test first asks for it, in a thread of
    its own, and is stopped behind `tearDown`.  What its handlers raised is an error of the test, and a
    failure has a note of the mails that came, and of the dialogue.

    - `smtptest_options`: the keyword arguments of `MailServer`, of the class or of a single test.

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
        """Raises `TypeError` where the other class comes first: this one's `run` would never be called."""
        super().__init_subclass__(**kwargs)
        first = next((base for base in cls.__mro__ if "run" in vars(base)), None)
        if first is not None and not issubclass(first, MailServerMixin) and issubclass(first, _test_case()):
            raise TypeError(f"class {cls.__name__}: name MailServerMixin before {first.__name__}")

    @property
    def smtptest(self) -> MailServer:
        """The server of this test; the same one each time.  Raises what `MailServer` and its `start` raise."""
        server: MailServer | None = self.__dict__.get("_smtptest")
        if server is None:
            server = self.__dict__["_smtptest"] = self._start("smtptest", self.smtptest_options)
            self.__dict__["_smtptest_made_with"] = dict(self.smtptest_options)
        elif self.smtptest_options != self.__dict__["_smtptest_made_with"]:
            raise RuntimeError(
                "smtptest_options were changed when the server ran already; set them before self.smtptest"
            )
        return server

    def smtptest_factory(self, **options: Any) -> MailServer:
        """A further server: these options, and for the rest `smtptest_options`.  Raises as `smtptest` does."""
        return self._start("smtptest_factory", {**self.smtptest_options, **options})

    def run(self, result: TestResult | None = None) -> TestResult | None:
        """Run the test as any other, but its failures tell what the servers saw."""
        for name in ("_smtptest", "_smtptest_servers"):  # of an earlier run of the same object
            self.__dict__.pop(name, None)
        if result is not None:
            super().run(_Noting(result, self))  # type: ignore[arg-type]
            return result
        # What unittest does itself when it is given none; here, so that it can be noted in.
        result = self.defaultTestResult()
        result.startTestRun()
        try:
            super().run(_Noting(result, self))  # type: ignore[arg-type]
        finally:
            result.stopTestRun()
        return result

    def _start(self, name: str, options: Mapping[str, Any]) -> MailServer:
        servers: Servers | None = self.__dict__.get("_smtptest_servers")
        if servers is None:
            from lazr.smtptest.testing.servers import Servers

            servers = self.__dict__["_smtptest_servers"] = Servers()
            self.addCleanup(self._stop)
        from lazr.smtptest.testing.options import checked

        return servers.start(name, checked(options, f"{type(self).__name__}.smtptest_options"))

    def _stop(self) -> None:
        # A cleanup of the test's own may come later; the server is still there to be asked what it got.
        self.__dict__["_smtptest_servers"].stop()


def _test_case() -> type:
    from unittest import TestCase

    return TestCase


# The methods of a TestResult whose last argument is what went wrong.
_FAILURES = frozenset({"addError", "addFailure", "addSubTest"})


class _Noting:
    """A TestResult whose failures have a note of what the servers saw."""

    def __init__(self, result: TestResult, test: MailServerMixin) -> None:
        self._result = result
        self._test = test

    def __getattr__(self, name: str) -> Any:
        if name == "addSkip":
            self._excuse()
        method = getattr(self._result, name)  # a result may be one that has not all of them
        if name not in _FAILURES:
            return method
        return lambda *arguments: method(*arguments[:-1], self._noted(arguments[-1]))

    def _excuse(self) -> None:
        """A test that is skipped need not have met its rules."""
        servers: Servers | None = self._test.__dict__.get("_smtptest_servers")
        if servers is not None:
            servers.excuse()

    def _noted(self, error: Any) -> Any:
        servers: Servers | None = self._test.__dict__.get("_smtptest_servers")
        if servers is not None and error is not None:  # None: a subtest has passed
            for title, text in servers.sections():
                error[1].add_note(f"-- {title}\n{text}")
        return error
