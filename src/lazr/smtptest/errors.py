"""The exceptions of the package; all derive from `SmtptestError`."""

__all__ = [
    "BadSearch",
    "MissingExtra",
    "NotificationFailed",
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
    """Base class of all exceptions that this package defines."""


class WaitTimeout(SmtptestError, AssertionError):
    """An expected mail or rule action did not happen in time; the text lists what arrived.

    It is an `AssertionError`, so test runners report a failure and not an error.
    """


class RuleNeverActed(SmtptestError, AssertionError):
    """A rule never acted; the text shows the nearest miss, and how to allow this."""


class StartError(SmtptestError, RuntimeError):
    """The server is already running, or not running and so without an address."""


class StopTimeout(SmtptestError, TimeoutError):
    """The server's thread did not end before the deadline of `stop()`.

    The port is closed all the same.  The usual cause is a handler that does not return.  The text shows the stack of
    the thread.
    """


class MissingExtra(SmtptestError, ImportError):
    """A library that a feature needs is not installed; the text has the `pip install` line."""


class NotificationFailed(SmtptestError):
    """A bounce, or another mail that comes back, failed; the text has the reason."""


class StoreError(SmtptestError):
    """Base class of the errors of stores."""


class StoreUnavailable(StoreError):
    """The store does not respond now; a later call may succeed."""


class StoreFull(StoreError):
    """The store has no space for another mail."""


class StoreTooNew(StoreError):
    """A later version of this package created the store; this version could damage it."""


class StoreInUse(StoreError):
    """Another process uses the store, which allows only one."""


class SearchTooSlow(StoreError, TimeoutError):
    """The search exceeded its time limit."""


class BadSearch(SmtptestError, ValueError):
    """The search is invalid; the text shows where, and a valid form."""


# Tracebacks and test reports then show the public names.
for _error in (SmtptestError, WaitTimeout, RuleNeverActed, StartError, StopTimeout, MissingExtra, NotificationFailed):
    _error.__module__ = "lazr.smtptest"
