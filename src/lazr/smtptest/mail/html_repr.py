"""Render mails as HTML for a notebook; all text of the mails is escaped."""

from __future__ import annotations

from html import escape

from lazr.smtptest._util.escape import escape_unprintable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["render_fields", "render_rows"]

_MAX_TEXT_CHARACTERS = 2_000
_MAX_CELL_CHARACTERS = 200


def render_fields(caption: str, rows: Sequence[tuple[str, str]], text: str) -> str:
    """Return a table of names and values, without the empty ones, and a text below it."""
    cells = "".join(f"<tr><th>{name}</th><td>{_escape(value)}</td></tr>" for name, value in rows if value)
    rest = len(text) - _MAX_TEXT_CHARACTERS
    more = f"\n… {rest:,} more characters" if rest > 0 else ""
    return f"<table><caption>{_escape(caption)}</caption>{cells}</table><pre>{_escape(text)}{more}</pre>"


def render_rows(caption: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table with a row of column names; long values are cut."""
    head = "".join(f"<th>{name}</th>" for name in columns)
    body = "".join(f"<tr>{''.join(map(_render_cell, row))}</tr>" for row in rows)
    return f"<table><caption>{_escape(caption)}</caption><tr>{head}</tr>{body}</table>"


def _render_cell(text: str) -> str:
    return f"<td>{_escape(escape_unprintable(text[:_MAX_CELL_CHARACTERS]))}</td>"


def _escape(text: str) -> str:
    """Return the beginning of a text, escaped; a notebook also reads `$` as mathematics."""
    return escape(text[:_MAX_TEXT_CHARACTERS]).replace("$", "&#36;")
