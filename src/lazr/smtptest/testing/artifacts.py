"""Write the mails, transcripts and sequence diagrams of a failed test into a folder."""

from __future__ import annotations

import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from lazr.smtptest.mailserver import MailServer
    from lazr.smtptest.protocol.smtp import SessionRecord
    from lazr.smtptest.testing.shared_server import SharedServer

__all__ = ["build_folder_name", "write_artifacts"]

_UNSAFE_CHARACTERS = re.compile(r"[^A-Za-z0-9_.=+]+")
_MAX_FOLDER_NAME_CHARACTERS = 100  # a name has at most 255 bytes on most file systems, a path 260 characters on Windows
_MAX_DIAGRAMS = 100


def build_folder_name(test_id: str) -> str:
    """Return the name of the folder of a test: short, of plain characters, and unique.

    >>> build_folder_name("tests/test_signup.py::test_welcome[../../etc]")
    'tests-test_signup.py-test_welcome-..-..-etc-a789023f'
    """
    from zlib import crc32

    readable = _UNSAFE_CHARACTERS.sub("-", test_id).strip("-.")
    # Names of tests may differ only in case, or in replaced characters; the checksum keeps the folders apart.
    checksum = crc32(test_id.encode("utf-8", "surrogatepass"))
    return f"{readable[:_MAX_FOLDER_NAME_CHARACTERS].rstrip('-.')}-{checksum:08x}"


def write_artifacts(folder: Path, servers: Mapping[str, MailServer | SharedServer]) -> list[Path]:
    """Replace a folder by one with mails and transcripts, and return the written files.

    Args:
        folder: the folder to write; several servers get a folder each within it.
        servers: the servers by name.

    Raises:
        OSError: if the folder cannot be written.
    """
    import shutil

    if folder.exists():
        shutil.rmtree(folder)  # from an earlier run
    written: list[Path] = []
    for name, server in servers.items():
        server_folder = folder if len(servers) == 1 else folder / build_folder_name(name)
        server_folder.mkdir(parents=True)
        written += _write_server_artifacts(server_folder, server)
    return written


def _write_server_artifacts(folder: Path, server: MailServer | SharedServer) -> list[Path]:
    from lazr.smtptest.mailserver import MailServer

    files: dict[str, bytes] = {f"{number}.eml": mail.content for number, mail in enumerate(server.inbox, 1)}
    if isinstance(server, MailServer):  # a shared server keeps its sessions itself
        files |= _render_sessions(server.sessions)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return [folder / name for name in files]


def _render_sessions(sessions: Sequence[SessionRecord]) -> dict[str, bytes]:
    """Return the content of the files about sessions, by name."""
    texts = [f"{session!r}\n{session.transcript}\n" for session in sessions]
    files = {"transcript.txt": "\n".join(texts).encode("utf-8", "backslashreplace")}
    for number, session in list(enumerate(sessions, 1))[-_MAX_DIAGRAMS:]:
        files[f"session-{number}.svg"] = session.to_svg().encode("utf-8", "backslashreplace")
    return files
