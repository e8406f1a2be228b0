"""Read and write archives of mails: an mbox file, a Maildir, or a folder of .eml files.

An .eml file keeps every byte of a mail.  An mbox and a Maildir store lines that end in LF, as other programs expect, so
a mail with bare CR or LF changes; `ArchiveWriter.add` returns False for it.  File names consist of a number and the
mail's ID, without unsafe characters: no text of a mail or a server becomes a path (threat W14).
"""

from __future__ import annotations

import io
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, NamedTuple, Protocol

from lazr.smtptest.cli.client.line_ends import convert_to_crlf, convert_to_lf
from lazr.smtptest.cli.client.mbox import MboxMessage, is_separator, read_mbox, write_mbox_message
from lazr.smtptest.cli.errors import CommandError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

__all__ = [
    "FORMATS",
    "ArchiveWriter",
    "ArchivedMail",
    "detect_format",
    "find_return_path",
    "open_writer",
    "read_archive",
    "read_standard_input",
]

FORMATS = ("mbox", "maildir", "eml")

_UNSAFE_CHARACTERS = re.compile(r"[^0-9A-Za-z]")
_MAX_ID_CHARACTERS = 40
_MAX_SHOWN_NAMES = 3
_MAX_FIRST_LINE_BYTES = 1_000
_HEADER_LINE = re.compile(rb"[!-9;-~]{1,100}[ \t]*:")  # RFC 5322 2.2, and the obsolete space of 4.5
_RETURN_PATH = re.compile(rb"return-path:[ \t]*<([^<>\r\n]{0,320})>[ \t]*\r?\n", re.IGNORECASE)
# The flags after the name; a file system without colons has another character in its place.
_MAILDIR_FLAGS = re.compile(r"[:;!]2,([^:;!]*)\Z")
# cr.yp.to/proto/maildir.html: the time of the delivery, a dot, and what makes the name unique.
_MAILDIR_NAME = re.compile(r"[0-9]+\.")


class ArchivedMail(NamedTuple):
    """A mail of an archive.

    `sender` is its reverse-path, "" for the null one, and None if unknown.
    """

    content: bytes
    id: str = ""
    sender: str | None = None
    received_at: float = 0.0
    is_read: bool = False


class ArchiveWriter(Protocol):
    """Writer of mails to an archive."""

    def add(self, mail: ArchivedMail) -> bool:
        """Write a mail; return whether the archive keeps every byte of it."""

    def close(self) -> None:
        """Finish the archive."""


def detect_format(path: Path, explicit_format: str | None) -> str:
    """Return the explicit format, or else that of the existing files or of the suffix.

    The content of an existing file decides: it is an mbox if it begins with a separator.  The default is "eml".
    """
    if explicit_format is not None:
        return explicit_format
    if (path / "cur").is_dir() or (path / "new").is_dir():
        return "maildir"
    suffix_format = {".mbox": "mbox", ".mbx": "mbox"}.get(path.suffix.lower(), "eml")
    if path.is_file():
        return "mbox" if is_separator(_read_first_line(path)) else suffix_format
    return suffix_format


def open_writer(path: Path, format: str) -> ArchiveWriter:
    """Return a writer for a new archive; the path must not exist, or be an empty folder.

    Raises:
        CommandError: If the path exists, or cannot be created.
    """
    if format == "mbox" and str(path) == "-":
        return _MboxWriter(sys.stdout.buffer)
    try:
        if format == "mbox":
            return _MboxWriter(path.open("xb"))
        path.mkdir(parents=True, exist_ok=True)
        if any(path.iterdir()):
            raise CommandError(f"{path} is not empty; choose a new folder")
        return _MaildirWriter(path) if format == "maildir" else _FolderWriter(path)
    except FileExistsError:
        raise CommandError(f"{path} exists already; choose another name") from None
    except OSError as error:
        raise CommandError(f"{path}: {error.strerror or error}") from None


class _FolderWriter:
    """Writer of the files 000001-ID.eml, 000002-ID.eml and so on."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._count = 0

    def add(self, mail: ArchivedMail) -> bool:
        self._count += 1
        with (self._path / f"{self._count:06}{_sanitize_id(mail.id)}.eml").open("xb") as file:
            file.write(mail.content)
        return True

    def close(self) -> None:
        pass


class _MaildirWriter:
    """Writer of a Maildir (cr.yp.to/proto/maildir.html).

    Unread mails go to new/, read ones to cur/.
    The time of a file is the time at which the mail was received.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._count = 0
        for name in ("tmp", "new", "cur"):
            (path / name).mkdir()

    def add(self, mail: ArchivedMail) -> bool:
        import os

        self._count += 1
        name = f"{int(mail.received_at)}.{self._count:06}{_sanitize_id(mail.id)}.smtptest"
        content, is_reversible = convert_to_lf(mail.content)
        unfinished = self._path / "tmp" / name
        with unfinished.open("xb") as file:
            file.write(content)
        os.utime(unfinished, (mail.received_at, mail.received_at))
        unfinished.rename(self._path / "cur" / f"{name}:2,S" if mail.is_read else self._path / "new" / name)
        return is_reversible

    def close(self) -> None:
        pass


class _MboxWriter:
    """Writer of an mbox file."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def add(self, mail: ArchivedMail) -> bool:
        return write_mbox_message(self._file, MboxMessage(mail.content, mail.sender, mail.received_at))

    def close(self) -> None:
        self._file.flush()
        if self._file.name != "<stdout>":
            self._file.close()


def read_archive(path: Path, format: str, warn: Callable[[str], object] = lambda _: None) -> Iterator[ArchivedMail]:
    """Yield the mails of an archive, in the order of the file or of the file names.

    Args:
        path: the file or folder; "-" is standard input.
        format: one of `FORMATS`.
        warn: receives a text about each kind of content that is left out.

    Raises:
        CommandError: If the archive cannot be read, or is not in this format.
    """
    try:
        if format == "mbox":
            yield from _read_mbox_file(path)
        elif format == "maildir":
            yield from _read_maildir(path, warn)
        elif path.is_dir():
            yield from _read_folder(path, warn)
        else:
            yield _parse_single_mail(path.read_bytes(), path)
    except OSError as error:
        raise CommandError(f"{error.filename or path}: {error.strerror or error}") from None


def read_standard_input(format: str | None) -> Iterator[ArchivedMail]:
    """Yield the mails of standard input: an mbox, or one mail.

    It is an mbox if it begins with a separator.

    Raises:
        CommandError: If the input is neither, or the format is "maildir".
    """
    if format == "maildir":
        raise CommandError("standard input takes --format mbox or eml, got maildir; name the folder", 2)
    content = sys.stdin.buffer.read()
    if format == "mbox" or (format is None and is_separator(content.partition(b"\n")[0])):
        yield from _convert_messages(io.BytesIO(content), "standard input")
    else:
        yield _parse_single_mail(content, "standard input")


def _read_mbox_file(path: Path) -> Iterator[ArchivedMail]:
    with path.open("rb") as file:
        yield from _convert_messages(file, path)


def _convert_messages(file: BinaryIO, name: object) -> Iterator[ArchivedMail]:
    for _ in _skip_blank_lines(file, name):
        for message in read_mbox(file):
            yield ArchivedMail(message.content, sender=message.sender, received_at=message.received_at)


def _read_maildir(path: Path, warn: Callable[[str], object]) -> Iterator[ArchivedMail]:
    files = sorted((*_list_files(path / "new"), *_list_files(path / "cur")), key=lambda file: file.name)
    other_names, trashed = [], 0
    for file in files:
        match = _MAILDIR_FLAGS.search(file.name)
        flags = match[1] if match else ""
        if not _MAILDIR_NAME.match(file.name):
            other_names.append(file.name)
        elif "T" in flags:
            trashed += 1
        else:
            content = convert_to_crlf(file.read_bytes())
            at = file.stat().st_mtime
            yield ArchivedMail(content, file.name, find_return_path(content), at, "S" in flags)
    if trashed:
        warn(f"{path}: {trashed} mail{'' if trashed == 1 else 's'} in the trash (flag T) left out")
    if other_names:
        warn(f"{path}: {_format_names(other_names)} left out: a mail's name begins with a number and a dot")
    # Maildir++: the subfolders of a Maildir are Maildirs whose names begin with a dot.
    subfolders = [folder.name for folder in sorted(path.iterdir()) if (folder / "cur").is_dir()]
    if subfolders:
        warn(f"{path}: the subfolders {_format_names(subfolders)} left out; name them to import them")


def _read_folder(path: Path, warn: Callable[[str], object]) -> Iterator[ArchivedMail]:
    other_names = []
    for file in sorted(_list_files(path)):
        if file.suffix.lower() == ".eml" or _HEADER_LINE.match(_read_first_line(file)):
            content = file.read_bytes()
            yield ArchivedMail(content, file.name, find_return_path(content), file.stat().st_mtime)
        else:
            other_names.append(file.name)
    if other_names:
        warn(f"{path}: {_format_names(other_names)} left out: a mail is a .eml, or begins with a header field")
    subfolders = [folder.name for folder in sorted(path.iterdir()) if folder.is_dir()]
    if subfolders:
        warn(f"{path}: the subfolders {_format_names(subfolders)} left out; name them to import them")


def _parse_single_mail(content: bytes, name: Path | str) -> ArchivedMail:
    has_eml_suffix = isinstance(name, Path) and name.suffix.lower() == ".eml"
    if not has_eml_suffix and not _HEADER_LINE.match(content):
        raise CommandError(f"{name}: expected a mail, or an mbox that begins with a line 'From SENDER DATE'")
    at = name.stat().st_mtime if isinstance(name, Path) else 0.0
    return ArchivedMail(content, "", find_return_path(content), at)


def _skip_blank_lines(file: BinaryIO, name: object) -> Iterator[None]:
    """Move to the first separator; yield once if there is one.

    Raises:
        CommandError: If other text comes first.
    """
    while True:
        position = file.tell()
        line = file.readline()
        if not line:
            return
        if is_separator(line):
            file.seek(position)
            yield
            return
        if line.strip():
            raise CommandError(
                f"{name}: an mbox must begin with a line 'From SENDER DATE', got other text; set --format eml"
            )


def find_return_path(content: bytes) -> str | None:
    """Return the reverse-path of the Return-Path that a delivery has put first (RFC 5321 4.4)."""
    found = _RETURN_PATH.match(content)
    return None if found is None else found[1].decode("utf-8", "replace")


def _format_names(names: Sequence[str]) -> str:
    shown = ", ".join(names[:_MAX_SHOWN_NAMES])
    return shown if len(names) <= _MAX_SHOWN_NAMES else f"{shown} and {len(names) - _MAX_SHOWN_NAMES} more"


def _read_first_line(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.readline(_MAX_FIRST_LINE_BYTES)


def _list_files(path: Path) -> Iterator[Path]:
    return (
        (one for one in path.iterdir() if one.is_file() and not one.name.startswith(".")) if path.is_dir() else iter(())
    )


def _sanitize_id(id: str) -> str:
    """Return the ID as a part of a file name: at most 40 letters and digits."""
    cleaned = _UNSAFE_CHARACTERS.sub("", id)[:_MAX_ID_CHARACTERS]
    return f"-{cleaned}" if cleaned else ""
