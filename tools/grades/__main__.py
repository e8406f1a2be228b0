"""Grade the installed clients, and write the table into docs/reference.

python -m tools.grades                                  all clients; writes grades.json and grades.md
python -m tools.grades --client curl --client msmtp     the others keep their grades of an earlier run
python -m tools.grades --client curl --only starttls    prints the verdicts, and writes nothing
python -m tools.grades --render                         writes grades.md from grades.json
"""

from __future__ import annotations

import argparse
import os
import sys
from datetime import UTC, datetime
from pathlib import Path

from lazr.smtptest.grading import grade_command

from .clients import CLIENTS, ROOT, Client, ClientMissing
from .data import Table, read_table, write_table
from .page import render_page

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from lazr.smtptest.grading import Grades, Result

FOLDER = ROOT / "docs" / "reference"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command, and return its exit status."""
    options = parse_options(arguments)
    output: Path = options.output
    # The page is about all behaviors: some alone are not written there, unless that is asked for.
    is_writing = options.write or not options.only or output != FOLDER
    table = read_table(output / "grades.json")
    if not options.render:
        for client in options.clients or CLIENTS:
            try:
                version = client.prepare()
            except ClientMissing as error:
                print(f"{client.title} is not graded: {error}; install it with: {client.install}", file=sys.stderr)
                continue
            grades = grade_client(client, options)
            print(f"{client.title} {version}: {grades.score} right, {len(grades.skipped)} not tried", flush=True)
            table.add(client.name, version, grades, keep=bool(options.only))
            if is_writing:
                write_table(table, output / "grades.json")
    if not is_writing:
        return 0
    table.date = table.date if options.render else datetime.now(UTC).date().isoformat()
    write_files(table, output)
    return 0


def parse_options(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Return the options of the command line."""
    parser = argparse.ArgumentParser(prog="python -m tools.grades", description=__doc__.splitlines()[0])
    names = {client.name: client for client in CLIENTS}
    parser.add_argument(
        "--client", dest="clients", action="append", metavar="NAME", help=f"one of {', '.join(names)}; all by default"
    )
    parser.add_argument("--only", action="append", default=[], metavar="BEHAVIOR", help="a behavior or a group")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="behaviors at the same time")
    parser.add_argument("--output", type=Path, default=FOLDER, metavar="FOLDER", help="of grades.json and grades.md")
    parser.add_argument("--write", action="store_true", help="with --only: write the files, too")
    parser.add_argument("--render", action="store_true", help="only write grades.md from grades.json")
    parser.add_argument("--transcripts", type=Path, metavar="FOLDER", help="write the dialogue of each wrong verdict")
    options = parser.parse_args(arguments)
    unknown = sorted(set(options.clients or ()) - set(names))
    if unknown:
        parser.error(f"unknown client {', '.join(unknown)}; expected {', '.join(names)}")
    options.clients = [names[name] for name in options.clients or ()]
    return options


def grade_client(client: Client, options: argparse.Namespace) -> Grades:
    """Grade a client, and print each verdict that is wrong or not tried."""

    def report(result: Result) -> None:
        if not result.is_right or options.only:
            mark = "not tried" if result.is_skipped else "right" if result.is_right else "wrong"
            print(f"  {client.name} {result.behavior.name}: {mark}: {result.outcome}: {result.reason}", flush=True)
        if options.transcripts and not result.is_right:
            write_transcript(client, result, options.transcripts)

    return grade_command(
        client.command,
        only=options.only,
        client=client.title,
        timeout=client.limit,
        jobs=options.jobs,
        on_result=report,
        env=os.environ | client.environment | {"LC_ALL": "C.UTF-8"},
    )


def write_transcript(client: Client, result: Result, folder: Path) -> None:
    """Write what is needed to check a verdict by hand."""
    folder.mkdir(parents=True, exist_ok=True)
    behavior = result.behavior
    lines = [
        f"{client.title}: {behavior.name} ({behavior.rfc}): {result.outcome}",
        f"server: {behavior.title}",
        f"expected: {behavior.expected}",
        f"reason: {result.reason}",
        f"exit status {result.exit_status} after {result.seconds:.1f} s, {result.attempts} attempts",
        *(f"finding: {finding.code}: {finding.text}" for finding in result.findings),
        "",
        *result.transcripts,
        "",
        "stderr:",
        result.stderr,
    ]
    (folder / f"{client.name}.{behavior.name}.txt").write_text("\n".join(lines) + "\n", "utf-8")


def write_files(table: Table, folder: Path) -> None:
    """Write the data and the page."""
    folder.mkdir(parents=True, exist_ok=True)
    write_table(table, folder / "grades.json")
    (folder / "grades.md").write_text(render_page(table), "utf-8")


if __name__ == "__main__":
    sys.exit(main())
