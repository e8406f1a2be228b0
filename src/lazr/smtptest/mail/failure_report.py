"""Build the report of a failed expectation: what was expected, what arrived, and why.

A report has three parts, and every part of the package that reports a missing mail builds them here:

1. `format_headline`: the expectation and the number of mails that arrived.
2. `format_mails`: a line for each mail, and below it the criteria that the mail fails (`criterion_mismatch`).
3. `explain_server`: what the server knows, such as refused commands and the last lines of the dialogue.

`Inbox` joins all three; `GET /api/v1/wait` and `smtptest wait` do the same for mails in a store.  All text that came
from a client is shortened and escaped.
"""

from __future__ import annotations

import time

from lazr.smtptest._util.escape import escape_unprintable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from typing import Protocol

    from lazr.smtptest.mail.mail import Mail
    from lazr.smtptest.protocol.smtp import SessionRecord

    class Expected(Protocol):
        """The part of a `Condition` that a report needs."""

        def __call__(self, mail: Mail) -> object: ...
        def describe_briefly(self) -> str: ...
        def describe_mismatches(self, mail: Mail) -> list[str]: ...


__all__ = [
    "FailedExpectation",
    "count_mails",
    "describe_defects",
    "explain_server",
    "format_headline",
    "format_mail",
    "format_mails",
    "is_match",
]

_MAX_LISTED_MAILS = 10
_MAX_MAIL_LINE_CHARACTERS = 300
_MAX_COMPARED_MAILS = 1_000  # the listed mails are the best matches among the latest ones

_MAX_LISTED_DEFECTS = 3
_HEADER_CRITERIA = frozenset({"subject", "from_", "cc", "reply_to"})

_MAX_LISTED_SESSIONS = 2
_MAX_LISTED_BROKEN_SESSIONS = 3
_MAX_LINES_PER_SESSION = 8
_ENDING_PHRASES = {
    "QUIT": "by QUIT",
    "EOF": "without QUIT",
    "reset": "by a reset",
    "timeout": "by a timeout",
    "421": "by a 421",
    "rule": "by a rule",
    "stop": "with the server",
    "TLS failed": "in the handshake",
    "PROXY failed": "in the PROXY header",
}


# -- the headline ---------------------------------------------------------------------------


def format_headline(
    criteria: str,
    got: int,
    *,
    expected: int = 1,
    other_count: int | None = None,
    timeout: float | None = None,
) -> str:
    """Return the first line of a report: what arrived, and what was expected.

    The fact comes first, because test runners cut the line at the width of the terminal.

    Args:
        criteria: the criteria of the expected mails, such as "to ann@example.com"; "" if there are none.
        got: the number of matching mails.
        expected: the number of expected mails.
        other_count: the number of mails that do not match; None leaves it out.  Without criteria, all mails match.
        timeout: the time waited, in seconds; None leaves it out.

    >>> format_headline("to ann@example.com", 0, other_count=1, timeout=0.1)
    'no mail to ann@example.com within 0.1 s (1 other mail arrived)'
    >>> format_headline("with subject='Hi'", 2, expected=3)
    "2 mails with subject='Hi', expected 3"
    """
    within = "" if timeout is None else f" within {timeout:g} s"
    wanted = "" if (got, expected) == (0, 1) else f", expected {expected or 'none'}"
    others = "" if other_count is None or not criteria else f" ({count_mails(other_count, 'other ')} arrived)"
    return f"{' '.join(filter(None, (count_mails(got), criteria)))}{within}{wanted}{others}"


def count_mails(count: int, kind: str = "") -> str:
    """Return the number with the noun.

    >>> count_mails(0), count_mails(1, "other "), count_mails(3)
    ('no mail', '1 other mail', '3 mails')
    """
    return f"{count or 'no'} {kind}mail{'s' if count > 1 else ''}"


class FailedExpectation:
    """An expectation that was not met: a condition, a timeout, and the time of the failure.

    Args:
        expected: the number of expected mails.
        condition: the condition that each of them must meet.
        timeout: the time waited, in seconds; None if there was no deadline.
    """

    __slots__ = ("_condition", "_criteria", "_expected", "_failed_at", "_timeout")

    def __init__(self, expected: int, condition: Expected, timeout: float | None = None) -> None:
        self._criteria = condition.describe_briefly()
        self._expected = expected
        self._condition = condition
        self._timeout = timeout
        self._failed_at = time.time()

    def __str__(self) -> str:
        within = "" if self._timeout is None else f"within {self._timeout:g} s"
        return " ".join(filter(None, (count_mails(self._expected), self._criteria, within)))

    def format(self, matches: Sequence[Mail], mails: Sequence[Mail]) -> str:
        """Return the headline, and the list of the mails that arrived.

        Args:
            matches: the mails that meet the condition.
            mails: all mails that arrived.
        """
        matching_ids = set(map(id, matches))
        others = [mail for mail in mails if id(mail) not in matching_ids]
        return self._append_mails(self._format_headline(len(matches), len(others)), [*matches, *others])

    def format_unwanted(self, matches: Sequence[Mail]) -> str:
        """Return the headline, and the list of the matching mails, of which there are too many."""
        return self._append_mails(self._format_headline(len(matches), None), matches)

    def _format_headline(self, got: int, other_count: int | None) -> str:
        return format_headline(
            self._criteria, got, expected=self._expected, other_count=other_count, timeout=self._timeout
        )

    def _append_mails(self, headline: str, mails: Sequence[Mail]) -> str:
        if not mails:
            return headline
        rows = [(mail, self._condition.describe_mismatches(mail)) for mail in mails[-_MAX_COMPARED_MAILS:]]
        nearest = sorted(range(len(rows)), key=lambda index: len(rows[index][1]))[:_MAX_LISTED_MAILS]
        shown = [
            (format_mail(repr(mail)), [*mismatches, *describe_defects(mail, mismatches)])
            for mail, mismatches in (rows[index] for index in sorted(nearest))
        ]
        return "\n".join([f"{headline}:", *format_mails(shown, len(mails))])

    def describe_late_mails(self, mails: Iterable[Mail]) -> list[str]:
        """Return a line for each mail that meets the condition but arrived after the timeout."""
        return [
            f"{format_mail(repr(mail))} arrived {mail.timestamp - self._failed_at:.3f} s after the timeout of: {self}"
            for mail in mails
            if mail.timestamp > self._failed_at and is_match(mail, self._condition)
        ]


# -- the mails ------------------------------------------------------------------------------


def format_mails(rows: Collection[tuple[str, Iterable[str]]], total: int) -> list[str]:
    """Return the lines that list mails, each with the criteria that it fails.

    Args:
        rows: each mail's line, and its mismatches.
        total: the number of mails that arrived, listed or not.

    >>> format_mails([("ann@example.com -> bob@example.com 'Hi'", ["to is 'bob@example.com'"])], 3)
    ["  ann@example.com -> bob@example.com 'Hi'", "      to is 'bob@example.com'", '  … and 2 more']
    """
    lines = []
    for summary, mismatches in rows:
        lines.append(f"  {summary}")
        lines += [f"      {line}" for mismatch in mismatches for line in mismatch.splitlines()]
    return lines if total <= len(rows) else [*lines, f"  … and {total - len(rows)} more"]


def format_mail(summary: str) -> str:
    """Return a mail's summary, escaped and shortened to one line of bounded length."""
    text = escape_unprintable(summary)
    return text if len(text) <= _MAX_MAIL_LINE_CHARACTERS else f"{text[:_MAX_MAIL_LINE_CHARACTERS]}…"


def describe_defects(mail: Mail, mismatches: Iterable[str]) -> list[str]:
    """Return a line for each of the first defects in what the unmet criteria compare.

    Args:
        mail: the mail.
        mismatches: the descriptions of the unmet criteria; each begins with the criterion.
    """
    places = tuple(place for line in mismatches for place in _list_compared_places(line))
    found = [defect for defect in mail.defects if defect.where.lower().startswith(places)] if places else []
    lines = [format_mail(f"defect: {defect}") for defect in found[:_MAX_LISTED_DEFECTS]]
    more = len(found) - _MAX_LISTED_DEFECTS
    return lines + [f"… and {more} more defect{'s' if more > 1 else ''}"] * (more > 0)


def _list_compared_places(mismatch: str) -> tuple[str, ...]:
    """Return where a criterion's defects are: beginnings of `Defect.where`, lower case."""
    criterion, _, rest = mismatch.partition(" ")
    if criterion in ("text", "html", "code", "attachment"):
        return "content", "part", "text", "html"
    if criterion == "header":
        return (f"header {rest.partition(' ')[0].lower()}",)
    return (f"header {criterion.strip('_').replace('_', '-')}",) if criterion in _HEADER_CRITERIA else ()


def is_match(mail: Mail, condition: Expected) -> bool:
    """Return whether the mail meets the condition; a condition that raises counts as not met."""
    try:
        return bool(condition(mail))
    except Exception:  # noqa: BLE001 - a criterion is code of the test
        return False


# -- the server -----------------------------------------------------------------------------


def explain_server(
    *,
    is_running: bool,
    refusals: Sequence[str],
    refusal_count: int,
    sessions: Sequence[SessionRecord],
    addresses: Sequence[str],
    dice: Iterable[str],
) -> list[str]:
    """Return the facts about a server that may explain why a mail did not arrive, one a line.

    Args:
        is_running: whether the server accepts mail.
        refusals: the latest refused commands, each with its reply.
        refusal_count: the number of all refused commands.
        sessions: the records of the SMTP sessions, oldest first.
        addresses: the addresses that the server listens on, or has listened on.
        dice: how to repeat the random decisions of the rules.
    """
    lines = [] if is_running else ["the server is not running; `with MailServer() as server:` starts it"]
    if refusal_count:
        lines.append(f"{refusal_count} command{'s were' if refusal_count > 1 else ' was'} refused:")
        if refusal_count > len(refusals):
            lines.append(f"  (the last {len(refusals)})")
        lines.extend(f"  {refusal}" for refusal in refusals)
    broken = [session for session in sessions if session.tls_failure or session.proxy_failure]
    for session in broken[-_MAX_LISTED_BROKEN_SESSIONS:]:
        stage = "TLS handshake" if session.tls_failure else "PROXY header"
        lines.append(
            f"the session from {session.peer} failed in the {stage}: {session.tls_failure or session.proxy_failure}"
        )
    lines += [f"some rules act at random: {line}" for line in dice]
    if not sessions and addresses:
        lines.append(f"no client has connected to {' or '.join(addresses)}")
    for session in sessions[-_MAX_LISTED_SESSIONS:]:
        lines += _format_session_end(session)
    return lines


def _format_session_end(session: SessionRecord) -> list[str]:
    ended = session.ended
    state = "is still open" if ended is None else f"ended {_ENDING_PHRASES.get(ended, ended)}"
    shown = [str(line) for line in session.transcript if not line.content][-_MAX_LINES_PER_SESSION:]
    return [f"the session from {session.peer} {state}; its last lines:", *shown]
