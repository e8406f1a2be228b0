"""Mails as files: mbox, Maildir, or a folder of .eml files, written and read.

A .eml file has the octets of the mail.  mbox and Maildir hold lines that end in LF, as all that reads them expects, so
a mail with other line ends does not come back from there as it was: `Written.changed` says so.  Names of files are
ours; nothing that a mail or a server says becomes one (threat W14).
"""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, BinaryIO, NamedTuple, Protocol

from lazr.smtptest.cli.failure import Failure

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["FORMATS", "Kept", "Writer", "format_of", "read", "writer"]

FORMATS = ("mbox", "maildir", "eml")

# RFC 4155 and mboxrd: a line that begins with From, behind any number of >, gets one more.
_FROM = re.compile(rb"^(>*From )", re.MULTILINE)
_QUOTED = re.compile(rb"^>(>*From )", re.MULTILINE)
_SEPARATOR = re.compile(rb"From (\S*)[ \t]+(.*)\n")
_BARE = re.compile(rb"\r(?!\n)|(?<!\r)\n")
_NAME = re.compile(r"[^0-9A-Za-z]")


class Kept(NamedTuple):
    """A mail out of a file, or on its way into one; `sender` None is not known."""

    content: bytes
    id: str = ""
    sender: str | None = None
    received_at: float = 0.0
    read: bool = False


class Writer(Protocol):
    """Something that mails are written to."""

    def add(self, mail: Kept) -> bool:
        """Write it; whether it can be read back to the octet."""

    def close(self) -> None:
        """No more is written."""


def format_of(path: Path, named: str | None) -> str:
    """The format: as it was named, as what is there looks, or as the file is called; else a folder of .eml files."""
    if named is not None:
        return named
    if (path / "cur").is_dir() or (path / "new").is_dir():
        return "maildir"
    if path.is_file() and path.suffix != ".eml":
        return "mbox"
    return {".mbox": "mbox", ".mbx": "mbox"}.get(path.suffix, "eml")


def writer(path: Path, format: str) -> Writer:
    """Something to write to, which is not there yet, or is an empty folder; raises `Failure`."""
    if format == "mbox" and str(path) == "-":
        import sys

        return _Mbox(sys.stdout.buffer)
    try:
        if format == "mbox":
            return _Mbox(path.open("xb"))
        path.mkdir(parents=True, exist_ok=True)
        if any(path.iterdir()):
            raise Failure(f"{path} is not empty")
        return _Maildir(path) if format == "maildir" else _Folder(path)
    except FileExistsError:
        raise Failure(f"{path} is there already") from None
    except OSError as error:
        raise Failure(f"{path}: {error.strerror or error}") from None


class _Folder:
    """Files 000001-ID.eml and so on."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._count = 0

    def add(self, mail: Kept) -> bool:
        self._count += 1
        with (self._path / f"{self._count:06}{_safe(mail.id)}.eml").open("xb") as file:
            file.write(mail.content)
        return True

    def close(self) -> None:
        pass


class _Maildir:
    """A Maildir (cr.yp.to/proto/maildir.html): unread mails in new/, read ones in cur/; times are the files'."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._count = 0
        for name in ("tmp", "new", "cur"):
            (path / name).mkdir()

    def add(self, mail: Kept) -> bool:
        import os

        self._count += 1
        name = f"{int(mail.received_at)}.{self._count:06}{_safe(mail.id)}.smtptest"
        content, same = _with_lf(mail.content)
        unfinished = self._path / "tmp" / name
        with unfinished.open("xb") as file:
            file.write(content)
        os.utime(unfinished, (mail.received_at, mail.received_at))
        unfinished.rename(self._path / "cur" / f"{name}:2,S" if mail.read else self._path / "new" / name)
        return same

    def close(self) -> None:
        pass


class _Mbox:
    """An mbox file (RFC 4155), with lines quoted so that they can be told from separators (mboxrd)."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def add(self, mail: Kept) -> bool:
        content, same = _with_lf(mail.content)
        finished = content.endswith(b"\n")
        # The separator's sender is one word of printable ASCII; its time is UTC, in the form of asctime.
        sender = "".join(letter for letter in mail.sender or "" if "!" <= letter <= "~") or "MAILER-DAEMON"
        at = time.asctime(time.gmtime(mail.received_at))
        self._file.write(f"From {sender} {at}\n".encode("ascii"))
        self._file.write(_FROM.sub(rb">\1", content) + (b"" if finished else b"\n") + b"\n")
        return same and finished

    def close(self) -> None:
        self._file.flush()
        if self._file.name != "<stdout>":
            self._file.close()


def read(path: Path, format: str) -> Iterator[Kept]:
    """The mails of a file or folder, in the order of their names or places; raises `Failure`."""
    try:
        if format == "mbox":
            with path.open("rb") as file:
                yield from _read_mbox(path, file)
        elif format == "maildir":
            for one in sorted((*_files(path / "new"), *_files(path / "cur")), key=lambda one: one.name):
                flags = one.name.rpartition(":2,")[2] if ":2," in one.name else ""
                at = one.stat().st_mtime
                yield Kept(_with_crlf(one.read_bytes()), one.name, received_at=at, read="S" in flags)
        else:
            for one in [path] if path.is_file() else sorted(_files(path)):
                if one.suffix == ".eml":
                    yield Kept(one.read_bytes(), one.name, received_at=one.stat().st_mtime)
    except OSError as error:
        raise Failure(f"{error.filename or path}: {error.strerror or error}") from None


def _files(path: Path) -> Iterator[Path]:
    return (
        (one for one in path.iterdir() if one.is_file() and not one.name.startswith(".")) if path.is_dir() else iter(())
    )


def _read_mbox(path: Path, file: BinaryIO) -> Iterator[Kept]:
    """Messages between separators; a separator is at the start, or behind an empty line."""
    separator: re.Match[bytes] | None = None
    lines: list[bytes] = []
    blank = True
    for line in file:
        found = _SEPARATOR.fullmatch(line.replace(b"\r\n", b"\n")) if blank and line.startswith(b"From ") else None
        if found is not None:
            if separator is not None:
                yield _from_mbox(separator, lines)
            separator, lines = found, []
        elif separator is None:
            if line.strip():
                raise Failure(f"{path} is no mbox: it does not begin with a line From")
        else:
            lines.append(line)
        blank = not line.rstrip(b"\r\n")
    if separator is not None:
        yield _from_mbox(separator, lines)


def _from_mbox(separator: re.Match[bytes], lines: list[bytes]) -> Kept:
    if lines and not lines[-1].rstrip(b"\r\n"):
        lines.pop()  # the empty line before the next separator
    sender, at = separator[1].decode("ascii", "replace"), separator[2].decode("ascii", "replace").strip()
    try:
        when = datetime.strptime(at, "%a %b %d %H:%M:%S %Y").replace(tzinfo=UTC).timestamp()
    except ValueError:
        when = 0.0
    content = _QUOTED.sub(rb"\1", b"".join(lines))
    return Kept(_with_crlf(content), sender=None if sender == "MAILER-DAEMON" else sender, received_at=when)


def _with_lf(content: bytes) -> tuple[bytes, bool]:
    """The content with LF as line end, and whether that can be undone."""
    return content.replace(b"\r\n", b"\n"), _BARE.search(content) is None


def _with_crlf(content: bytes) -> bytes:
    return re.sub(rb"(?<!\r)\n", b"\r\n", content)


def _safe(id: str) -> str:
    """An ID as part of a name: letters and digits, and not many."""
    cleaned = _NAME.sub("", id)[:40]
    return f"-{cleaned}" if cleaned else ""
