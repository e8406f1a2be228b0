"""Read mails with several parsers, and print a table of their disagreements.

    python tools/compare_parsers mails/ strange.eml

The page README.md in this folder explains how to install the parsers.  A parser that is missing is left out.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import consensus

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
CACHE = ROOT / ".cache" / "compare_parsers"
FIELDS = (*consensus.FIELDS, "attachments")
OURS = "lazr.smtptest"
MAX_SHOWN_CHARACTERS = 200
SECONDS_FOR_EACH_MAIL = 20


@dataclass(frozen=True)
class Reader:
    """A program that reads paths from its input, and writes one JSON object for each mail."""

    name: str
    command: tuple[str, ...]
    build: tuple[str, ...] = ()  # makes the program of the command

    def prepare(self) -> str:
        """Build the program where that is needed; return why it cannot be used, or the empty string."""
        if self.build:
            try:
                done = subprocess.run(self.build, capture_output=True, text=True, check=False, shell=False)
            except OSError as error:
                return str(error)
            if done.returncode:
                return done.stderr.strip().splitlines()[-1]
        return ""

    def read(self, paths: list[Path]) -> tuple[dict[str, dict], str]:
        """Return the answers by path, and the last line of the error output if an answer is missing."""
        environment = {**os.environ, "NODE_PATH": str(CACHE / "node_modules"), "PYTHONPATH": str(ROOT / "src")}
        try:
            done = subprocess.run(
                self.command,
                input="".join(f"{path}\n" for path in paths),
                capture_output=True,
                encoding="utf-8",
                errors="replace",
                env=environment,
                check=False,
                timeout=60 + SECONDS_FOR_EACH_MAIL * len(paths),
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            return {}, str(error)
        answers = {}
        for line in done.stdout.split("\n"):
            if line.strip():
                answer = json.loads(line)
                answers[answer["path"]] = answer
        error = done.stderr.strip().splitlines()[-1:] if len(answers) < len(paths) else []
        return answers, "".join(error)


def list_readers() -> list[Reader]:
    """Return all readers, the one of this repository first."""
    gmime = str(CACHE / "read_gmime")
    build_gmime = (
        f'mkdir -p "{CACHE}" && cc -O1 -o "{gmime}" "{HERE}/read_gmime.c" $(pkg-config --cflags --libs gmime-3.0)'
    )
    return [
        Reader(OURS, (sys.executable, f"{HERE}/read_smtptest.py")),
        Reader("email", (sys.executable, f"{HERE}/read_email.py")),
        Reader("mailparser", ("node", f"{HERE}/read_mailparser.cjs")),
        Reader("postal-mime", ("node", f"{HERE}/read_postal_mime.cjs")),
        Reader("Email::MIME", ("perl", f"{HERE}/read_email_mime.pl")),
        Reader("MIME::Tools", ("perl", f"{HERE}/read_mime_tools.pl")),
        Reader("GMime", (gmime,), ("sh", "-c", build_gmime)),
    ]


def list_mails(names: list[str]) -> list[Path]:
    """Return the files, and all files in the folders, sorted."""
    paths = []
    for name in names:
        path = Path(name).resolve()
        paths += sorted(file for file in path.rglob("*") if file.is_file()) if path.is_dir() else [path]
    return paths


def normalize(field: str, value: object) -> object:
    """Return a value without differences that are matters of taste."""
    if field in {"text", "html", "subject"}:
        lines = str(value or "").replace("\r\n", "\n").replace("\r", "\n").split("\n")
        return "\n".join(line.rstrip() for line in lines).strip()
    if field == "attachments":
        return consensus.normalize_attachments(value)  # type: ignore[arg-type]
    if field in {"from", "to"}:
        return sorted(str(one).lower() for one in value or [])  # type: ignore[attr-defined]
    return value


def render(field: str, value: object) -> str:
    """Return a value in one line, shortened."""
    if field == "attachments":
        value = [f"{one['filename']!r} {one['type']} {one['size']} {one['sha256'][:8]}" for one in value]  # type: ignore[attr-defined]
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= MAX_SHOWN_CHARACTERS else f"{text[:MAX_SHOWN_CHARACTERS]}… ({len(text):,} characters)"


def group_answers(field: str, answers: dict[str, dict]) -> list[tuple[str, list[str]]]:
    """Return each different value with the parsers that read it, the most frequent first."""
    groups: dict[str, list[str]] = {}
    for name, answer in answers.items():
        value = f"error: {answer['error']}" if "error" in answer else render(field, normalize(field, answer.get(field)))
        full = value if "error" in answer else json.dumps(normalize(field, answer.get(field)), sort_keys=True)
        groups.setdefault(full + "\0" + value, []).append(name)
    ordered = sorted(groups.items(), key=lambda item: -len(item[1]))
    return [(key.rpartition("\0")[2], names) for key, names in ordered]


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("mail", nargs="*", help="a file, or a folder with mails; - reads one mail from the input")
    parser.add_argument("--only", metavar="NAME", action="append", help="use this parser; can be repeated")
    parser.add_argument("--field", metavar="NAME", action="append", choices=FIELDS, help="compare this field only")
    parser.add_argument(
        "--outvoted",
        action="store_true",
        help=f"show only values that more parsers read differently than like {OURS}",
    )
    parser.add_argument("--all", action="store_true", help="show agreements, too")
    parser.add_argument(
        "--record",
        metavar="FILE",
        type=Path,
        help="write what most of the other parsers read as JSON; paths are relative to the folder of the file",
    )
    parser.add_argument("--json", action="store_true", help="print all answers as JSON lines instead of the table")
    arguments = parser.parse_args()
    if not arguments.mail:
        parser.error("name a file or a folder with mails")
    return arguments


def run_readers(paths: list[Path], only: list[str] | None) -> dict[str, dict[str, dict]]:
    """Return the answers of each parser by path; say on the error output which parsers are left out."""
    found: dict[str, dict[str, dict]] = {}
    for reader in list_readers():
        if only and reader.name not in {*only, OURS}:
            continue
        error = reader.prepare()
        answers: dict[str, dict] = {}
        if not error:
            answers, error = reader.read(paths)
        if answers:
            found[reader.name] = answers
        if error:
            print(f"{reader.name}: {'incomplete' if answers else 'left out'}: {error}", file=sys.stderr)
    return found


def record_consensus(paths: list[Path], found: dict[str, dict[str, dict]], target: Path) -> None:
    """Write the values that most of the other parsers read, and their names."""
    others = {name: by_path for name, by_path in found.items() if name != OURS}
    missing = [reader.name for reader in list_readers() if reader.name not in found]
    if missing:
        sys.exit(f"--record needs the answers of all parsers, but these have none: {', '.join(missing)}")
    folder = target.resolve().parent
    mails = {
        path.relative_to(folder).as_posix(): consensus.find_consensus(by_path[str(path)] for by_path in others.values())
        for path in paths
        if path.suffix == ".eml"
    }
    text = json.dumps({"parsers": list(others), "mails": mails}, ensure_ascii=False, indent=1)
    target.write_text(f"{text}\n", encoding="utf-8")
    print(f"{len(mails)} mails, {sum(bool(entry['undecided']) for entry in mails.values())} with undecided values")


def main() -> int:
    """Return 1 if the parser of this repository disagrees with a majority somewhere, otherwise 0."""
    arguments = parse_arguments()
    with tempfile.TemporaryDirectory() as folder:
        if arguments.mail == ["-"]:
            path = Path(folder) / "input.eml"
            path.write_bytes(sys.stdin.buffer.read())
            arguments.mail = [str(path)]
        paths = list_mails(arguments.mail)
        found = run_readers(paths, arguments.only)
    if arguments.record:
        record_consensus(paths, found, arguments.record)
        return 0
    outvoted: Counter[str] = Counter()
    for path in paths:
        answers = {name: by_path[str(path)] for name, by_path in found.items() if str(path) in by_path}
        if arguments.json:
            for name, answer in answers.items():
                print(json.dumps({"parser": name, **answer}, ensure_ascii=False))
            continue
        title_is_shown = False
        for field in arguments.field or FIELDS:
            groups = group_answers(field, answers)
            ours = max((len(names) for _, names in groups if OURS in names), default=0)
            is_outvoted = len(groups) > 1 and any(len(names) > ours for _, names in groups)
            outvoted[field] += is_outvoted
            if not (arguments.all or is_outvoted or (len(groups) > 1 and not arguments.outvoted)):
                continue
            if not title_is_shown:
                print(f"\n{path}")
                title_is_shown = True
            print(f"  {field}{' (outvoted)' if is_outvoted else ''}")
            for value, names in groups:
                print(f"    {len(names)}  {', '.join(names)}\n       {value}")
    if not arguments.json:
        print(f"\n{len(paths)} mails, {len(found)} parsers: {', '.join(found)}")
        print("Outvoted: " + (", ".join(f"{field} {count}" for field, count in outvoted.items() if count) or "nowhere"))
    return 1 if sum(outvoted.values()) else 0


sys.exit(main())
