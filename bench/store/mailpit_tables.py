"""Measure Mailpit's tables and statements, without Mailpit (`--mailpit-source`).

Where Mailpit cannot be compiled, its source still says how it stores mails: `internal/storage/schemas/*.sql` creates
the tables, and each mail is one transaction, with a row for the searchable text and one for the compressed content.
This module reads the schema from a clone, and executes the same statements in SQLite with the same settings (WAL,
`synchronous=NORMAL`, one connection).  Parsing, SMTP and HTTP are left out.  So the times are lower bounds of
Mailpit's, and the sizes are those of its file.
"""

from __future__ import annotations

import importlib
import json
import re
import sqlite3
import statistics
import subprocess
import time
import zlib
from email import message_from_bytes, policy
from typing import TYPE_CHECKING

from bench.store.mails import COMMON_WORD, MailBuilder
from bench.store.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from bench.store.report import Results

NAME = "Mailpit's SQL"

_SCHEMAS = "internal/storage/schemas"
_ROUNDS = 5
_PREPARED_MAILS = 1000
_LIST = (
    "SELECT Created, ID, MessageID, Subject, Metadata, Size, Attachments, Read, Snippet FROM mailbox"
    " ORDER BY Created DESC"
)
_SEARCH = _LIST.replace(" ORDER", " WHERE SearchText LIKE ? ORDER")


class MailpitTables:
    """A database with Mailpit's tables.

    Args:
        source: a clone of Mailpit's repository.
        path: the file to create.
        results: where the measurements go.
    """

    def __init__(self, source: Path, path: Path, results: Results) -> None:
        self._path = path
        self._results = results
        self._progress = Progress(NAME)
        self._connection = sqlite3.connect(path, isolation_level=None, cached_statements=10)
        self._connection.execute("PRAGMA journal_mode=WAL")
        self._connection.execute("PRAGMA synchronous=NORMAL")
        for script in read_schema(source):
            self._connection.executescript(script)

    def run(self, mails: int) -> None:
        """Measure all rows that need only SQL."""
        self._fill(mails)
        self._measure_queries(mails)
        self._measure_deletion()
        self._connection.close()
        self._progress.clear()

    def _fill(self, mails: int) -> None:
        """Store the mails; only the transactions are timed."""
        builder = MailBuilder()
        seconds = 0.0
        self._octets = 0
        for first in range(0, mails, _PREPARED_MAILS):
            self._progress.show(f"{first:,} of {mails:,} mails stored")
            numbers = range(first, min(first + _PREPARED_MAILS, mails))
            contents = [builder.build(number)[1] for number in numbers]
            rows = [build_row(number, content) for number, content in zip(numbers, contents, strict=True)]
            self._octets += sum(map(len, contents))
            before = time.perf_counter()
            for row, content in zip(rows, contents, strict=True):
                self._store(row, content)
            seconds += time.perf_counter() - before
        self._record("receive", mails / seconds)

    def _store(self, row: tuple[object, ...], content: bytes) -> None:
        execute = self._connection.execute
        execute("BEGIN")
        execute(
            "INSERT INTO mailbox (Created, ID, MessageID, Subject, Metadata, Size, Inline, Attachments, SearchText,"
            " Read, Snippet) VALUES (?, ?, ?, ?, ?, ?, 0, 0, ?, 0, ?)",
            row,
        )
        execute("INSERT INTO mailbox_data (ID, Email, Compressed) VALUES (?, ?, 1)", (row[1], compress(content)))
        execute("COMMIT")

    def _measure_queries(self, mails: int) -> None:
        """Measure the queries of a list, of one mail, of totals and of a search, whose rows are all read."""
        middle_id = f"{mails // 2:022}"
        self._record("list", self._time(f"{_LIST} LIMIT 50", ()))
        self._record("latest", self._time("SELECT ID FROM mailbox ORDER BY Created DESC LIMIT 1", ()))
        self._record("message", self._time("SELECT Email FROM mailbox_data WHERE ID = ?", (middle_id,)))
        counts = ("SELECT count(*) FROM mailbox", "SELECT count(*) FROM mailbox WHERE Read = 0")
        self._record("totals", sum(self._time(query, ()) for query in counts))
        search = self._time(_SEARCH, (f"%{COMMON_WORD}%",))
        unread = self._time("SELECT count(*) FROM mailbox WHERE SearchText LIKE ? AND Read = 0", (f"%{COMMON_WORD}%",))
        self._record("common word", search + unread)
        self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self._record("disk", self._get_size() / self._octets)

    def _measure_deletion(self) -> None:
        self._record("size before", self._get_size() / 1e6)
        before = time.perf_counter()
        self._connection.execute("BEGIN")
        for table in ("mailbox", "mailbox_data", "tags", "message_tags"):
            self._connection.execute(f"DELETE FROM {table}")
        self._connection.execute("COMMIT")
        for statement in ("PRAGMA wal_checkpoint", "VACUUM", "PRAGMA wal_checkpoint(TRUNCATE)"):
            self._connection.execute(statement)
        self._record("delete", time.perf_counter() - before)
        self._record("size after", self._get_size() / 1e6)

    def _time(self, query: str, arguments: tuple[object, ...]) -> float:
        """Return the milliseconds of a query, as a median."""
        seconds = []
        for _ in range(_ROUNDS):
            before = time.perf_counter()
            self._connection.execute(query, arguments).fetchall()
            seconds.append(time.perf_counter() - before)
        return statistics.median(seconds) * 1000

    def _get_size(self) -> int:
        return sum(file.stat().st_size for file in self._path.parent.glob(f"{self._path.name}*"))

    def _record(self, name: str, value: float) -> None:
        self._results.add(f"SQLite {name}", NAME, value)


def read_schema(source: Path) -> list[str]:
    """Return the scripts of the newest schema, from the oldest version to the newest."""

    def run_git(*arguments: str) -> str:
        command = ["git", "-C", str(source), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    names = [name for name in run_git("ls-tree", "--name-only", f"HEAD:{_SCHEMAS}").split() if name.endswith(".sql")]
    names.sort(key=lambda name: [int(part) for part in name.removesuffix(".sql").split(".")])
    # The scripts are Go templates with one function, which adds a prefix to the names of the tables; it is empty.
    return [re.sub(r'\{\{ tenant "(\w+)" \}\}', r"\1", run_git("show", f"HEAD:{_SCHEMAS}/{name}")) for name in names]


def build_row(number: int, content: bytes) -> tuple[object, ...]:
    """Return the values of a row of `mailbox`, as Mailpit computes them from a mail with text and HTML."""
    mail = message_from_bytes(content, policy=policy.default)
    html = mail.get_body(("html",))
    markup = html.get_content() if html is not None else ""
    text = " ".join(re.sub(r"<[^>]+>", " ", markup).split())
    fields = {name: str(mail[name] or "") for name in ("From", "Subject", "To", "Cc", "Bcc", "Reply-To", "Return-Path")}
    links = " ".join(re.findall(r'href="([^"]+)"', markup))  # the searchable text has the targets of links
    searchable = re.sub(r'\r?\n|[\t><",;()]', " ", " ".join([*fields.values(), text, links]))
    addresses = {name: parse_addresses(mail[name]) for name in ("From", "To", "Cc", "Bcc", "Reply-To")}
    metadata = {name.replace("-", ""): value for name, value in addresses.items()} | {"From": addresses["From"][0]}
    return (
        1_790_000_000_000 + number,
        f"{number:022}",
        str(mail["Message-ID"]).strip("<>"),
        fields["Subject"],
        json.dumps(metadata, separators=(",", ":")),
        len(content),
        " ".join(searchable.split()).lower(),
        text[:200] + "...",
    )


def parse_addresses(field: object) -> list[dict[str, str]]:
    addresses = getattr(field, "addresses", ())
    return [{"Name": address.display_name, "Address": address.addr_spec} for address in addresses]


def _find_compression() -> Callable[[bytes], bytes]:
    """Return zstd at its fastest level, as in Mailpit; else zlib, which makes these mails 5 % smaller."""
    try:
        compressor = importlib.import_module("zstandard").ZstdCompressor(level=1)
    except ImportError:
        return lambda content: zlib.compress(content, 1)
    return lambda content: bytes(compressor.compress(content))


compress = _find_compression()
