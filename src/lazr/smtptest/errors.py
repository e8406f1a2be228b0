"""The exceptions that a tester can meet, as one tree."""

__all__ = [
    "BadSearch",
    "MissingExtra",
    "RuleNeverActed",
    "SearchTooSlow",
    "SmtptestError",
    "StartError",
    "StopTimeout",
    "StoreError",
    "StoreFull",
    "StoreInUse",
    "StoreTooNew",
    "StoreUnavailable",
    "WaitTimeout",
]


class SmtptestError(Exception):
    """The root: `except SmtptestError` catches whatever this package raises on its own account."""


class WaitTimeout(SmtptestError, AssertionError):
    """An expectation on the inbox, or on a rule, was not met; its text lists what came instead.

    It is an `AssertionError`, so test runners report it as a failure and not as an error.
    """


class RuleNeverActed(SmtptestError, AssertionError):
    """A rule of the server never acted; its text says how near it came, and how to relax it."""


class StartError(SmtptestError, RuntimeError):
    """The server runs already and cannot be started, or does not run yet and has no address."""


class StopTimeout(SmtptestError, TimeoutError):
    """The server's thread had not ended when the deadline of `stop()` passed.

    The port is closed all the same.  The usual cause is a handler that does not return; the text
    shows where the thread stood.
    """


class MissingExtra(SmtptestError, ImportError):
    """A feature was asked for whose library is not installed; the text has the `pip install` line."""


class StoreError(SmtptestError):
    """Something is wrong with where mails are kept."""


class StoreUnavailable(StoreError):
    """The store does not answer now; it is tried again, so a later call may work."""


class StoreFull(StoreError):
    """There is no room for another mail."""


class StoreTooNew(StoreError):
    """A later version of this program made the store; this one would spoil it."""


class StoreInUse(StoreError):
    """Another process has the store, which is one that only one process can have."""


class SearchTooSlow(StoreError, TimeoutError):
    """The search took longer than a search may."""


class BadSearch(SmtptestError, ValueError):
    """The search makes no sense; the text says where, and what would."""


# A traceback, and the last line of a test's report, names them as a test imports them.
for _error in (SmtptestError, WaitTimeout, RuleNeverActed, StartError, StopTimeout, MissingExtra):
    _error.__module__ = "lazr.smtptest"
