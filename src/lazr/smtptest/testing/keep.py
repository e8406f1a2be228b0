"""Keeps what the servers of a failed test saw: a folder with its mails, its transcripts and their pictures."""

from __future__ import annotations

import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from lazr.smtptest.mailserver import MailServer

__all__ = ["folder_name", "keep"]

_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9_.=+]+")
_LONGEST = 100  # characters of a folder's name; file systems stop at 255 octets, Windows at 260 for the whole path
_SESSIONS = 100  # so many pictures, of the last sessions


def folder_name(test: str) -> str:
    """A name for a test's folder: of plain characters, not too long, and no other test's.

    >>> folder_name("tests/test_signup.py::test_welcome[../../etc]")
    'tests-test_signup.py-test_welcome-..-..-etc-a789023f'
    """
    from zlib import crc32

    readable = _NOT_IN_NAMES.sub("-", test).strip("-.")
    # Tests may differ in case, or in characters that are not in the name; file systems and people mix them up.
    number = crc32(test.encode("utf-8", "surrogatepass"))
    return f"{readable[:_LONGEST].rstrip('-.')}-{number:08x}"


def keep(folder: Path, servers: Mapping[str, MailServer]) -> list[Path]:
    """Write what the servers have into the folder, in place of what is there, and return what was written.

    Of several servers each gets a folder in it.  Raises `OSError` where that cannot be written.
    """
    import shutil

    if folder.exists():
        shutil.rmtree(folder)  # an earlier run's
    written: list[Path] = []
    for name, server in servers.items():
        own = folder if len(servers) == 1 else folder / folder_name(name)
        own.mkdir(parents=True)
        written += _keep_one(own, server)
    return written


def _keep_one(folder: Path, server: MailServer) -> list[Path]:
    files: dict[str, bytes] = {f"{number}.eml": mail.content for number, mail in enumerate(server.inbox, 1)}
    sessions = server.sessions
    texts = [f"{session!r}\n{session.transcript}\n" for session in sessions]
    files["transcript.txt"] = "\n".join(texts).encode("utf-8", "backslashreplace")
    for number, session in list(enumerate(sessions, 1))[-_SESSIONS:]:
        files[f"session-{number}.svg"] = session.to_svg().encode("utf-8", "backslashreplace")
    for name, octets in files.items():
        (folder / name).write_bytes(octets)
    return [folder / name for name in files]
