"""Render mails and refusals as text, with colors on a terminal."""

from __future__ import annotations

import os
import textwrap
from typing import TYPE_CHECKING, Literal

from lazr.smtptest._util.escape import escape_unprintable

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import TextIO

    from lazr.smtptest import Mail

__all__ = ["TextRenderer", "describe_web_access", "is_color_enabled"]

_SHOWN_HEADERS = ("From", "To", "Cc", "Reply-To", "Date", "Message-ID", "Subject")
_MAX_SHOWN_DEFECTS = 5
_MAX_SHOWN_CHARACTERS = 150  # of a subject or an address in one line
_UNLIMITED_NOTE = "all mails are kept; --max-messages, --max-age and --max-bytes limit them"


def describe_web_access(page_url: str | None) -> str | None:
    """Return where the web inbox is, in Mailpit's words; None without HTTP.

    `MailpitContainer` of Testcontainers waits for "accessible via" in the output.

    >>> describe_web_access("http://127.0.0.1:8025/")
    'web inbox and REST API accessible via http://127.0.0.1:8025/'
    """
    return None if page_url is None else f"web inbox and REST API accessible via {page_url}"


def is_color_enabled(out: TextIO) -> bool:
    """Return whether to print colors: on a terminal without NO_COLOR (no-color.org)."""
    return out.isatty() and not os.environ.get("NO_COLOR")


class TextRenderer:
    r"""Renderer of mails and refusals as text; untrusted input is escaped (threat W18).

    Args:
        color: Whether to use the colors of a terminal.
        detail: What to render of a mail.  "line" is one line with facts of the SMTP session, which holds nothing of the
            content, so no secret of a mail gets into a log; "summary" has the Subject too; "full" has the header, the
            text and the attachments.

    >>> from lazr.smtptest import Mail
    >>> mail = Mail.from_bytes(b"From: ann@example.com\nTo: bob@example.com, cy@example.com\nSubject: Hi\n\nHi\n")
    >>> TextRenderer(color=False, detail="line").render_mail(mail)[9:]
    'UTC mail 1: <ann@example.com> -> <bob@example.com> and 1 more, 79 bytes'
    >>> TextRenderer(color=False, detail="summary").render_mail(mail)[9:]
    'UTC <ann@example.com> -> <bob@example.com> and 1 more: Hi (79 bytes)'
    """

    def __init__(self, *, color: bool, detail: Literal["line", "summary", "full"] = "full") -> None:
        self._detail = detail
        self._bold, self._dim, self._red, self._reset = (
            ("\x1b[1m", "\x1b[2m", "\x1b[31m", "\x1b[0m") if color else ("", "", "", "")
        )

    def format_bold(self, text: str) -> str:
        """Return the text in bold, if colors are on."""
        return f"{self._bold}{text}{self._reset}"

    def render_listening(
        self,
        urls: list[str],
        store_summary: tuple[str, int] | None,
        trusted_ca_file: str | None,
        *,
        page_url: str | None = None,
        has_retention: bool,
    ) -> str:
        """Return the first line: the URLs, the store and its mails, and the CA file.

        A second line has the URL of the web inbox.  Without retention, a third one says that all mails are kept.
        """
        line = f"listening on {_join_words(urls)}"
        if store_summary:
            url, mails = store_summary
            line += f"; {_format_mail_count(mails)} in {escape_unprintable(url.rstrip(':'))}"
        if trusted_ca_file:
            line += f"; CA file for clients: {trusted_ca_file}"
        notes = [f"\n{note}" for note in filter(None, [describe_web_access(page_url)])]
        notes += [] if has_retention else [f"\n{self._dim}{_UNLIMITED_NOTE}{self._reset}"]
        return f"{line}; Ctrl-C stops{''.join(notes)}"

    def render_stopped(self, mails: int, unprinted_mails: int) -> str:
        """Return the last line: the number of mails received, and of mails that were not printed."""
        missing = f", {unprinted_mails} of them not printed" if unprinted_mails else ""
        return f"stopped; {_format_mail_count(mails)} received{missing}"

    def render_omission(self, mails: int, refusals: int) -> str:
        """Return the line about mails and refused commands that were not printed."""
        omitted = [f"{mails} more mail{'' if mails == 1 else 's'}"] if mails else []
        omitted += [f"{refusals} more refused command{'' if refusals == 1 else 's'}"] if refusals else []
        return f"{self._dim}… and {' and '.join(omitted)}{self._reset}"

    def render_refusal(self, command: str, reply: str) -> str:
        """Return one line with the refused command and the reply."""
        reply_line = " / ".join(reply.splitlines())
        return f"{self._red}refused {escape_unprintable(command)}: {escape_unprintable(reply_line)}{self._reset}"

    def render_mail(self, mail: Mail) -> str:
        """Return a mail as text, with the detail of this renderer."""
        if self._detail == "line":
            path = _format_paths(mail)
            return f"{mail.received_at:%H:%M:%S} UTC mail {mail.id}: {path}, {mail.size:,} bytes"
        if self._detail == "summary":
            subject = escape_unprintable(mail.subject[:_MAX_SHOWN_CHARACTERS])
            return (
                f"{self._dim}{mail.received_at:%H:%M:%S} UTC{self._reset} {_format_paths(mail)}: "
                f"{self._bold}{subject}{self._reset} {self._dim}({mail.size:,} bytes){self._reset}"
            )
        return self._render_full(mail)

    def _render_full(self, mail: Mail) -> str:
        """Return envelope, main header fields, text, attachments and defects."""
        envelope = mail.envelope
        facts = (
            f"── mail {mail.id}",
            f"{mail.received_at:%H:%M:%S} UTC",
            f"{mail.size:,} bytes",
            f"from {envelope.peer} ({escape_unprintable(envelope.helo)})",
        )
        lines = [
            f"{self._bold}{' ── '.join(facts)}{self._reset}",
            self._format_path("MAIL FROM", envelope.mail_from, envelope.mail_parameters),
        ]
        for recipient, parameters in zip(envelope.rcpt_tos, envelope.rcpt_parameters, strict=True):
            lines.append(self._format_path("RCPT TO", recipient, parameters))
        lines.append("")
        return "\n".join([*lines, *self.render_fields(mail), *self.render_body(mail)]) + "\n"

    def _format_path(self, command: str, address: str, parameters: Mapping[str, str]) -> str:
        padding = " " * (len("MAIL FROM") - len(command))
        words = "".join(f" {key}={value}" if value else f" {key}" for key, value in parameters.items())
        return f"{self._dim}{command}{self._reset}{padding} <{escape_unprintable(address)}>{escape_unprintable(words)}"

    def render_fields(self, mail: Mail) -> list[str]:
        """Return a line for each main header field of the mail."""
        return [
            f"{self._dim}{name}:{self._reset} {escape_unprintable(value)}"
            for name in _SHOWN_HEADERS
            if (value := mail.header(name))
        ]

    def render_body(self, mail: Mail) -> list[str]:
        """Return the lines of the text, and a line for each other part and each defect."""
        lines = []
        if mail.text:
            note = [f"  {self._dim}(text of the HTML){self._reset}"] if mail.text_is_derived else []
            lines += ["", *note, textwrap.indent(escape_unprintable(mail.text.rstrip("\n"), multiline=True), "  ")]
        others = [f"  also: (text/html, {len(mail.html):,} characters)"] if mail.html else []
        for part in mail.attachments:
            kind = "shown in the HTML" if part.inline else "attached"
            name = escape_unprintable(part.filename)
            facts = f"({escape_unprintable(part.content_type)}, {len(part.content):,} bytes)"
            others.append(f"  {kind}: {name} {facts}" if name else f"  {kind}: {facts}")
        defects = [
            f"  {self._red}{escape_unprintable(str(defect))}{self._reset}"
            for defect in mail.defects[:_MAX_SHOWN_DEFECTS]
        ]
        return [*lines, *([""] if others or defects else []), *others, *defects]


def _join_words(words: list[str]) -> str:
    """Return `a`, `a and b`, or `a, b and c`."""
    return " and ".join(filter(None, [", ".join(words[:-1]), words[-1]]))


def _format_paths(mail: Mail) -> str:
    recipients = mail.recipients
    others = f" and {len(recipients) - 1} more" if len(recipients) > 1 else ""
    return f"{_format_address(mail.sender)} -> {_format_address(recipients[0] if recipients else '')}{others}"


def _format_address(address: str) -> str:
    return f"<{escape_unprintable(address[:_MAX_SHOWN_CHARACTERS])}>"


def _format_mail_count(count: int) -> str:
    return f"{count} mail{'' if count == 1 else 's'}"
