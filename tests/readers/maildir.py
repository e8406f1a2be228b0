"""Maildirs that a program keeps equal to the folders of a server: one for each folder."""

import re

__all__ = ["find_files", "read_contents"]


def find_files(maildir, folder="INBOX"):
    """Return the files of the mails of a folder, in the order of the UIDs in their names."""
    files = [path for name in ("new", "cur") for path in (maildir / folder / name).glob("*")]
    return sorted(files, key=lambda path: int(re.search(r",U=(\d+)", path.name)[1]))


def read_contents(maildir, folder="INBOX"):
    """Return the contents of the mails of a folder; a Maildir has LF as line end."""
    return [path.read_bytes().replace(b"\n", b"\r\n") for path in find_files(maildir, folder)]
