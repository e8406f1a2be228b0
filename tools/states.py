"""Draw the states of sessions and connections in the documentation, from the tables in the code.

    python tools/states.py            # exit with 1 if the page differs from the code
    python tools/states.py --write    # update the page

The parts between the marks of `docs/explanation/engine.md` are generated.
"""

import enum
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from lazr.smtptest.net.connection_state import NEXT_PHASES, PauseReason, Phase, ReplyWait
from lazr.smtptest.net.socket_transport import SocketState
from lazr.smtptest.protocol.smtp.states import TRANSITIONS, State
from lazr.smtptest.protocol.smtp.waiting import WAITING_TRANSITIONS, Step, Waiting

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "explanation" / "engine.md"

# Steps that are possible in nearly all conditions; the diagram has one arrow for each.
CLOSING_STEPS = (Step.CLOSE, Step.CLOSE_ORDERLY)


def draw_diagram(edges: Mapping[tuple[str, str], Iterable[str]]) -> str:
    """Return a Mermaid diagram: `edges` has the labels of each arrow."""
    arrows = [
        f"    {start} --> {end}" + (f": {', '.join(labels)}" if labels else "")
        for (start, end), labels in edges.items()
    ]
    return "\n".join(["```mermaid", "stateDiagram-v2", *arrows, "```"])


def render_table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Return a table; the first column has names from the code."""
    titles = list(head)
    lines = [f"| {' | '.join(titles)} |", "|---" * len(titles) + "|"]
    for name, *cells in rows:
        lines.append(f"| {' | '.join([f'`{name}`', *cells])} |")
    return "\n".join(lines)


def render_members(kind: type[enum.Enum], title: str) -> str:
    """Return a table of the members of an enumeration, with their meanings."""
    return render_table((title, "meaning"), [(member.name, member.value) for member in kind])


# -- sessions --------------------------------------------------------------------------------


def draw_states() -> str:
    """Draw the protocol states and the commands that lead from one to another."""
    edges: dict[tuple[str, str], list[str]] = {("[*]", State.START.name): ["CONNECT"]}
    for (state, verb), following in TRANSITIONS.items():
        if following is not state:
            edges.setdefault((state.name, following.name), []).append(verb)
    edges[State.START.name, State.REFUSED.name] = ["a refusal as greeting"]
    edges[State.REFUSED.name, "[*]"] = ["QUIT"]
    return draw_diagram(edges)


def draw_waiting() -> str:
    """Draw the conditions in which a session waits, and the steps between them."""
    edges: dict[tuple[str, str], list[str]] = {("[*]", Waiting.INPUT.name): []}
    for (waiting, step), following in WAITING_TRANSITIONS.items():
        if step not in CLOSING_STEPS or following is Waiting.LAST_GROUP_END is not waiting:
            edges.setdefault((waiting.name, following.name), []).append(step.name)
    edges[Waiting.INPUT.name, Waiting.CLOSE.name] = [Step.CLOSE.name]
    edges[Waiting.INPUT.name, Waiting.ORDERLY_CLOSE.name] = [Step.CLOSE_ORDERLY.name]
    edges[Waiting.CLOSE.name, "[*]"] = edges[Waiting.ORDERLY_CLOSE.name, "[*]"] = []
    return draw_diagram(edges)


def list_states() -> str:
    """Return a table of the protocol states, with the commands that are allowed and change nothing."""
    rows = [(state.name, state.value, ", ".join(find_neutral_verbs(state)) or "—") for state in State]
    return render_table(("state", "meaning", "allowed, and change nothing"), rows)


def find_neutral_verbs(state: State) -> list[str]:
    """Return the commands that do not lead to another state."""
    return [verb for (start, verb), following in TRANSITIONS.items() if start is following is state]


def render_session() -> str:
    """Return the tables and diagrams of a session."""
    return "\n\n".join(
        [
            "### How far the client is",
            "An arrow is an accepted command. `END_OF_DATA` is the end of the content, whatever the reply to it.",
            draw_states(),
            "These commands are allowed and change nothing. All that are neither here nor at an arrow get 503.",
            list_states(),
            "### What the session waits for",
            render_members(Waiting, "condition"),
            draw_waiting(),
            "The steps `CLOSE` and `CLOSE_ORDERLY` are also possible in other conditions than `INPUT`.",
            render_members(Step, "step"),
        ]
    )


# -- connections -----------------------------------------------------------------------------


def draw_phases() -> str:
    """Return a Mermaid diagram of the phases."""
    pairs = [("[*]", "PROXY"), ("[*]", "SMTP")]
    pairs += [(phase.name, following.name) for phase, nexts in NEXT_PHASES.items() for following in nexts]
    return draw_diagram({pair: [] for pair in [*pairs, ("CLOSING", "[*]")]})


def render_connection() -> str:
    """Return the tables and the diagram of a connection."""
    phases = [(phase.name, phase.input, phase.deadline, phase.at_eof, phase.at_stop) for phase in Phase]
    waits = [
        (
            wait.name,
            wait.subject,
            wait.reading.value,
            wait.at_eof,
            "the reply is sent, then 421" if wait.delays_stop else "421 at once",
        )
        for wait in ReplyWait
    ]
    return "\n\n".join(
        [
            "### Phases",
            render_table(("phase", "input goes", "time limit", "the client closes", "the server stops"), phases),
            draw_phases(),
            "### What a pending reply waits for",
            render_table(("wait", "for", "reads on", "the client closes", "the server stops"), waits),
            "### Why a connection does not read",
            render_table(
                ("reason", "before it reads again"), [(reason.name or "", reason.explanation) for reason in PauseReason]
            ),
            "### What its socket still does",
            "Each state may be followed by any later one.",
            render_members(SocketState, "state"),
        ]
    )


# -- the page --------------------------------------------------------------------------------


PARTS: dict[str, Callable[[], str]] = {"session": render_session, "connection": render_connection}


def render_page() -> str:
    """Return the page with its generated parts up to date."""
    page = PAGE.read_text("utf-8")
    for name, render in PARTS.items():
        begin, end = (f"<!-- generated by tools/states.py: {name}: {word} -->\n" for word in ("begin", "end"))
        before, rest = page.split(begin)
        _, after = rest.split(end)
        page = f"{before}{begin}\n{render()}\n\n{end}{after}"
    return page


def main(arguments: list[str]) -> int:
    """Check the page, or write it with `--write`; return the exit status."""
    page = render_page()
    if page == PAGE.read_text("utf-8"):
        return 0
    if "--write" in arguments:
        PAGE.write_text(page, "utf-8")
        return 0
    print(f"{PAGE.relative_to(ROOT)} is out of date; run: python tools/states.py --write", file=sys.stderr)
    return 1


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
