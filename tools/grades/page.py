"""The page of the grades, as Markdown: a table of groups, a table of behaviors for each group, and the faults."""

from __future__ import annotations

import textwrap
import tomllib
from dataclasses import dataclass
from pathlib import Path

from lazr.smtptest.grading import BEHAVIORS, GROUPS, Behavior

from .clients import CLIENTS, NOT_GRADED, Client

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from .data import ClientGrades, Grade, Table

__all__ = ["Fault", "find_open_faults", "read_faults", "render_page"]

FAULTS = Path(__file__).with_name("faults.toml")
RIGHT, WRONG, NOT_TRIED, UNKNOWN = "✓", "**✗**", "–", "?"

INTRODUCTION = """\
How do the mail clients that people use cope with the servers out there? `smtptest grade` ran each of them once against
each of {behaviors} [behaviors](behaviors.md) of a server, and judged by the RFCs what became of the mail. The versions
are those of {date}. Each fault below was checked in the dialogue of its trial.

A grade is about **one way to use a client**: the shortest program that its documentation recommends, with a timeout and
verified certificates. With other options, a client may do better. Read a fault as "this is what you get unless you
take care of it".

Run it again with the clients that you have:

```console
$ make grades                                            # all installed clients; writes this page
$ python -m tools.grades --client msmtp --only starttls  # prints the verdicts of one group
```

With `--transcripts FOLDER`, it writes the dialogue of each wrong verdict. Each client has a short
[wrapper](../../tools/grades/wrappers).

## Clients
"""

LEGEND = """\
- {right} is right: the mail was delivered, kept or refused as the RFC asks.
- {wrong} is wrong: see the [faults](#faults).
- {not_tried} was not tried: the client lacks what the behavior is about, such as PIPELINING, or cannot send such
  a mail.
"""


@dataclass(frozen=True)
class Fault:
    """What a client does wrong, in one sentence, and the behaviors that show it."""

    client: str
    behaviors: tuple[str, ...]
    text: str


def read_faults() -> tuple[Fault, ...]:
    """Return the faults that were checked by hand."""
    values = tomllib.loads(FAULTS.read_text("utf-8"))
    return tuple(
        Fault(client, tuple(fault["behaviors"]), " ".join(fault["text"].split()))
        for client, faults in values.items()
        for fault in faults
    )


def find_open_faults(table: Table) -> list[tuple[str, str]]:
    """Return the client and the behavior of each wrong grade that no fault explains."""
    explained = {(fault.client, behavior) for fault in read_faults() for behavior in fault.behaviors}
    return [
        (client, behavior)
        for client, results in table.clients.items()
        for behavior, grade in results.grades.items()
        if not grade.right and (client, behavior) not in explained
    ]


def render_page(table: Table) -> str:
    """Return the page."""
    clients = [client for client in CLIENTS if client.name in table.clients]
    names = {name for client in table.clients.values() for name in client.grades}
    behaviors = [behavior for behavior in BEHAVIORS if behavior.name in names]
    introduction = INTRODUCTION.format(behaviors=len(behaviors), date=table.date)
    return "\n".join(
        [
            "# Grades of mail clients",
            "",
            introduction,
            *_render_clients(clients, table),
            "",
            "## Groups",
            "",
            "The number of right grades, and of all behaviors that were tried.",
            "",
            *_render_groups(clients, behaviors, table),
            "",
            "## Behaviors",
            "",
            LEGEND.format(right=RIGHT, wrong=WRONG, not_tried=NOT_TRIED),
            *_render_behaviors(clients, behaviors, table),
            "## Faults",
            "",
            *_render_faults(clients, table),
        ]
    )


def _render_clients(clients: list[Client], table: Table) -> Iterator[str]:
    yield "| client | kind | version | right | use |"
    yield "|---|---|---|---|---|"
    for client in clients:
        results = table.clients[client.name]
        link = f"[{client.title}](#{_make_anchor(client.title)})"
        yield f"| {link} | {client.kind} | {results.version} | {_count(results.grades.values())} | {client.use} |"
    yield ""
    for title, reason in NOT_GRADED:
        yield f"{title} is not graded: {reason}"


def _render_groups(clients: list[Client], behaviors: list[Behavior], table: Table) -> Iterator[str]:
    groups = [group for group in GROUPS if any(behavior.group == group for behavior in behaviors)]
    yield f"| client | {' | '.join(groups)} | all |"
    yield f"|---|{'---|' * (len(groups) + 1)}"
    for client in clients:
        grades = table.clients[client.name].grades
        counts = [
            _count(
                grades[behavior.name] for behavior in behaviors if behavior.group == group and behavior.name in grades
            )
            for group in groups
        ]
        yield f"| {client.title} | {' | '.join(counts)} | {_count(grades.values())} |"


def _count(grades: Iterable[Grade]) -> str:
    tried = [grade.right for grade in grades if grade.outcome != "not tried"]
    return f"{sum(tried)}/{len(tried)}" if tried else NOT_TRIED


def _render_behaviors(clients: list[Client], behaviors: list[Behavior], table: Table) -> Iterator[str]:
    for group in GROUPS:
        members = [behavior for behavior in behaviors if behavior.group == group]
        if not members:
            continue
        yield f"### {group}"
        yield ""
        yield f"| behavior | {' | '.join(client.title for client in clients)} |"
        yield f"|---|{'---|' * len(clients)}"
        for behavior in members:
            marks = [_get_mark(table.clients[client.name], behavior) for client in clients]
            yield f"| **`{behavior.name}`** {_escape(behavior.title)} ({behavior.rfc}) | {' | '.join(marks)} |"
        yield ""


def _get_mark(results: ClientGrades, behavior: Behavior) -> str:
    grade = results.grades.get(behavior.name)
    if grade is None:
        return UNKNOWN
    if grade.outcome == "not tried":
        return NOT_TRIED
    return RIGHT if grade.right else WRONG


def _render_faults(clients: list[Client], table: Table) -> Iterator[str]:
    for client in clients:
        results = table.clients[client.name]
        yield f"### {client.title}"
        yield ""
        score = _count(results.grades.values())
        yield _wrap(f"{client.title} {results.version}: {score} are right. {_list_skipped(results)}")
        yield ""
        faults = [_wrap(fault, indent="  ") for fault in _list_faults(client, results, table)]
        yield from [*faults, ""] if faults else []
        yield f"To install it: `{client.install}`"
        yield ""


def _wrap(text: str, indent: str = "") -> str:
    return textwrap.fill(text, 120, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)


def _list_skipped(results: ClientGrades) -> str:
    skipped = [f"`{name}`" for name, grade in results.grades.items() if grade.outcome == "not tried"]
    return f"Not tried: {', '.join(skipped)}." if skipped else ""


def _list_faults(client: Client, results: ClientGrades, table: Table) -> Iterator[str]:
    for fault in read_faults():
        if fault.client == client.name and any(_is_wrong(results, name) for name in fault.behaviors):
            yield f"- {fault.text} ({_list_behaviors(fault.behaviors, results)})"
    for client_name, name in find_open_faults(table):
        if client_name == client.name:
            outcome = results.grades[name].outcome
            yield f"- Not yet checked in the dialogue: {outcome}. ({_list_behaviors((name,), results)})"


def _is_wrong(results: ClientGrades, behavior: str) -> bool:
    grade = results.grades.get(behavior)
    return grade is not None and not grade.right


def _list_behaviors(names: tuple[str, ...], results: ClientGrades) -> str:
    wrong = [name for name in names if _is_wrong(results, name)]
    sections = dict.fromkeys(behavior.rfc for behavior in BEHAVIORS if behavior.name in wrong)
    return f"{', '.join(f'`{name}`' for name in wrong)}; {', '.join(sections)}"


def _make_anchor(title: str) -> str:
    kept = "".join(character for character in title.lower() if character.isalnum() or character in " -")
    return kept.replace(" ", "-")


def _escape(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;")
