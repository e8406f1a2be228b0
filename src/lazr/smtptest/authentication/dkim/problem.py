"""The exception that ends the check of one signature with a result and its reason."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lazr.smtptest.authentication.results import DkimVerdict

__all__ = ["DkimProblem"]


class DkimProblem(Exception):
    """A signature cannot pass.

    Args:
        result: The result, a word of RFC 8601 2.7.1.
        reason: Why, one sentence.
        changed: The place that differs from what was signed; None if it is unknown.
    """

    def __init__(self, result: DkimVerdict, reason: str, changed: str | None = None) -> None:
        super().__init__(reason)
        self.result = result
        self.reason = reason
        self.changed = changed
