"""A mail as text for people: in colours on a terminal, plain elsewhere."""

from __future__ import annotations

import os
import textwrap
from typing import TYPE_CHECKING

from lazr.smtptest.cli.visible import visible

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import TextIO

    from lazr.smtptest.mail.mail import Mail

__all__ = ["Paint", "colourful"]

_HEADERS = ("From", "To", "Cc", "Reply-To", "Date", "Message-ID", "Subject")
_DEFECTS = 5


def colourful(out: TextIO) -> bool:
    """Whether colours are wanted there: on a terminal, unless NO_COLOR is set (to anything, no-color.org)."""
    return out.isatty() and not os.environ.get("NO_COLOR")


class Paint:
    """Mails and refusals as text; a stranger's words with escapes (threat W18)."""

    def __init__(self, *, colours: bool) -> None:
        self._bold, self._dim, self._red, self._end = (
            ("\x1b[1m", "\x1b[2m", "\x1b[31m", "\x1b[0m") if colours else ("", "", "", "")
        )

    def bold(self, text: str) -> str:
        """Text that stands out."""
        return f"{self._bold}{text}{self._end}"

    def listening(self, places: list[str], kept: tuple[str, int] | None, trust: str | None) -> str:
        """What is said first: where the server is, what mails are kept in and how many, whom clients are to trust."""
        keeps = f"; {_mails(kept[1])} in {visible(kept[0].rstrip(':'))}" if kept else ""
        trusted = f"; clients are to trust {trust}" if trust else ""
        return f"listening on {' and '.join(places)}{keeps}{trusted}; Ctrl-C stops"

    def stopped(self, mails: int, unseen: int) -> str:
        """What is said last: how many mails came, and how many of them were not printed."""
        missing = f", {unseen} of them not printed" if unseen else ""
        return f"stopped; {_mails(mails)} received{missing}"

    def refusal(self, what: str, reply: str) -> str:
        """A command that was refused, and the reply, which may have lines."""
        said = " / ".join(reply.splitlines())
        return f"{self._red}refused {visible(what, keep_lines=False)}: {visible(said, keep_lines=False)}{self._end}"

    def mail(self, mail: Mail) -> str:
        """A mail: its envelope, the header fields that people read, the text, and what else there is."""
        envelope = mail.envelope
        facts = (
            f"── mail {mail.id}",
            f"{mail.received_at:%H:%M:%S} UTC",
            f"{mail.size:,} octets",
            f"from {envelope.peer} ({visible(envelope.helo)})",
        )
        lines = [
            f"{self._bold}{' ── '.join(facts)}{self._end}",
            f"{self._dim}MAIL FROM{self._end} <{visible(envelope.mail_from)}>{_parameters(envelope.mail_parameters)}",
        ]
        for recipient, parameters in zip(envelope.rcpt_tos, envelope.rcpt_parameters, strict=True):
            lines.append(f"{self._dim}RCPT TO{self._end}   <{visible(recipient)}>{_parameters(parameters)}")
        lines.append("")
        return "\n".join([*lines, *self.fields(mail), *self.body(mail)]) + "\n"

    def fields(self, mail: Mail) -> list[str]:
        """The header fields that people read."""
        return [
            f"{self._dim}{name}:{self._end} {visible(value, keep_lines=False)}"
            for name in _HEADERS
            if (value := mail.header(name))
        ]

    def body(self, mail: Mail) -> list[str]:
        """The text, what there is besides, and what is wrong with it."""
        lines = []
        if mail.text:
            said = [f"  {self._dim}(text of the HTML){self._end}"] if mail.text_is_derived else []
            lines += ["", *said, textwrap.indent(visible(mail.text.rstrip("\n")), "  ")]
        others = [f"  also: (text/html, {len(mail.html):,} characters)"] if mail.html else []
        for part in mail.attachments:
            name = visible(part.filename, keep_lines=False)
            kind = "shown in the HTML" if part.inline else "attached"
            others.append(
                f"  {kind}: {f'{name} ' if name else ''}({visible(part.content_type)}, {len(part.content):,} octets)"
            )
        defects = [
            f"  {self._red}{visible(str(defect), keep_lines=False)}{self._end}" for defect in mail.defects[:_DEFECTS]
        ]
        return [*lines, *([""] if others or defects else []), *others, *defects]


def _parameters(parameters: Mapping[str, str]) -> str:
    said = (f" {key}={value}" if value else f" {key}" for key, value in parameters.items())
    return visible("".join(said), keep_lines=False)


def _mails(count: int) -> str:
    return f"{count} mail{'' if count == 1 else 's'}"
