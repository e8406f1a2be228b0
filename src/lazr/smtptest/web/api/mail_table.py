"""Render a list of mails as static HTML.

Subjects and names are untrusted input, and escaped.
"""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lazr.smtptest.store import Entry

__all__ = ["render_mail_table"]

_MAX_SHOWN_CHARACTERS = 120


def render_mail_table(entries: Iterable[Entry], webroot: str) -> str:
    """Return a table with a link to the content of each mail, or a hint if there is none.

    >>> render_mail_table([], "")
    '<p>No mail has arrived yet. Send some with <code>smtptest send</code>.</p>'
    """
    rows = [_render_row(entry, webroot) for entry in entries]
    if not rows:
        return "<p>No mail has arrived yet. Send some with <code>smtptest send</code>.</p>"
    head = "<thead><tr><th>Subject</th><th>From</th><th>To</th><th>Received (UTC)</th></tr></thead>"
    return f"<table>{head}<tbody>{''.join(rows)}</tbody></table>"


def _render_row(entry: Entry, webroot: str) -> str:
    sender = (entry.from_ and entry.from_.addr_spec) or entry.envelope.mail_from or "<>"
    recipients = entry.envelope.rcpt_tos
    to = recipients[0] if recipients else ""
    more = f" and {len(recipients) - 1} more" if len(recipients) > 1 else ""
    row_class = "" if entry.read else ' class="unread"'
    received = f"{entry.received_at:%Y-%m-%d %H:%M:%S}"
    return (
        f'<tr{row_class}><td><a href="{escape(webroot)}/view/{escape(entry.id)}">'
        f"{_shorten(entry.subject) or '(no subject)'}</a></td>"
        f"<td>{_shorten(sender)}</td><td>{_shorten(to)}{more}</td><td>{received}</td></tr>"
    )


def _shorten(text: str) -> str:
    """Return the escaped beginning of an untrusted text."""
    return escape(text if len(text) <= _MAX_SHOWN_CHARACTERS else f"{text[:_MAX_SHOWN_CHARACTERS]}…")
