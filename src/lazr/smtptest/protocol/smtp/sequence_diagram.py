"""Render a dialogue as a sequence diagram in SVG: client left, server right."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from typing import Protocol

    from lazr.smtptest.protocol.smtp.transcript import Transcript, TranscriptLine

    class SessionRecord(Protocol):
        """The facts of a session that a diagram shows; the class `SessionRecord` has them."""

        number: int
        peer: str

        @property
        def transcript(self) -> Transcript:
            """The dialogue."""


__all__ = ["render_sequence_diagram", "render_sessions_diagram"]

_WIDTH = 900
_CLIENT_X, _SERVER_X = 110, 860  # the positions of the two lifelines
_CENTER_X = (_CLIENT_X + _SERVER_X) / 2
_ROW_HEIGHT = 20
_TOP_Y = 76
_MAX_LINE_CHARACTERS = 96  # longer lines are cut
_MAX_CONTENT_LINES = 20  # of one message, where the transcript has all of them

# Pauses in seconds from which on the diagram has a gap with the duration, and the height of the gap.
_GAP_HEIGHTS = ((10.0, 56), (1.0, 44), (0.1, 32), (0.02, 22))

_STYLESHEET = """\
text{font:12px ui-monospace,Menlo,Consolas,monospace;fill:#1f2933}
.head{font-weight:bold;text-anchor:middle}
.time{fill:#7b8794;text-anchor:end;font-size:11px}
.gap{fill:#b44d12;text-anchor:middle;font-size:11px}
.note{fill:#52606d;text-anchor:middle;font-style:italic}
.bad{fill:#ba2525}
.life{stroke:#9aa5b1;stroke-dasharray:3 3}
.c{stroke:#2b6cb0}.s{stroke:#3f9142}.r{stroke:#ba2525}
polygon.c{fill:#2b6cb0}polygon.s{fill:#3f9142}polygon.r{fill:#ba2525}
.box{fill:#f0f4f8;stroke:#cbd2d9}"""


def render_sequence_diagram(lines: Iterable[TranscriptLine], *, title: str) -> str:
    """Return the diagram as an SVG document.

    Args:
        lines: The lines of the dialogue.
        title: The heading.

    >>> from lazr.smtptest.protocol.smtp.transcript import TranscriptLine
    >>> picture = render_sequence_diagram([TranscriptLine(0.0, "S", "220 <hello>")], title="One")
    >>> "220 &lt;hello&gt;" in picture
    True
    """
    drawing = _Drawing()
    drawing.add_lines(lines)
    return drawing.render(title)


def render_sessions_diagram(sessions: Sequence[SessionRecord], *, is_styled: bool = True) -> str:
    """Return the dialogues of several sessions, one below the other, as an SVG document.

    Each session has a heading with its number and its client.  Before it is the pause since the session before.

    Args:
        sessions: The sessions, in the order in which they began.
        is_styled: Whether the document has its stylesheet.  Within an HTML page, the page has one for all diagrams.
    """
    drawing = _Drawing()
    before: SessionRecord | None = None
    for session in sessions:
        if before is not None:
            drawing.add_pause_between(before, session)
        number = f"{session.number} " if session.number else ""
        drawing.add_heading(f"session {number}from {session.peer or 'an unknown client'}")
        drawing.add_lines(session.transcript)
        before = session
    return drawing.render(f"{len(sessions)} session{'' if len(sessions) == 1 else 's'}", is_styled=is_styled)


class _Drawing:
    """The shapes of a diagram, added from top to bottom."""

    def __init__(self) -> None:
        self._shapes: list[str] = []
        self._y: float = _TOP_Y

    def add_lines(self, lines: Iterable[TranscriptLine]) -> None:
        """Add the lines of a dialogue, with gaps for its pauses."""
        before = 0.0
        for line in _collapse_content(lines):
            pause = line.at - before
            before = line.at
            self._add_pause(pause, "later")
            self._shapes.append(_render_text("time", _CLIENT_X - 14, self._y + 4, f"{line.at:.3f}"))
            self._shapes.extend(_render_line(line, self._y))
            self._y += _ROW_HEIGHT

    def add_pause_between(self, before: SessionRecord, session: SessionRecord) -> None:
        """Add the pause from the end of one session to the start of the next, or their overlap."""
        start, end = session.transcript.start_time, before.transcript.end_time
        if start is None or end is None:
            return
        if start < end:
            text = f"began {_format_duration(end - start)} before the end of the session above"
            self._add_gap(_ROW_HEIGHT, text)
        else:
            self._add_pause(start - end, "without a session")

    def _add_pause(self, seconds: float, description: str) -> None:
        """Add a gap for a pause, if it is long."""
        height = next((height for threshold, height in _GAP_HEIGHTS if seconds >= threshold), 0)
        if height:
            self._add_gap(height, f"⋮ {_format_duration(seconds)} {description}")

    def _add_gap(self, height: float, text: str) -> None:
        middle = self._y - _ROW_HEIGHT / 2 + height / 2
        self._shapes.append(_render_text("gap", _CENTER_X, middle + 2, text))
        self._y += height

    def add_heading(self, text: str) -> None:
        """Add the heading of a session."""
        self._shapes.append(_render_text("head", _CENTER_X, self._y + 4, text))
        self._y += _ROW_HEIGHT

    def render(self, title: str, *, is_styled: bool = True) -> str:
        """Return the document."""
        bottom = self._y + 4
        heading = [
            f"<title>{_escape_xml(title)}</title>",
            *([f"<style>{_STYLESHEET}</style>"] if is_styled else []),
            f'<rect class="paper" width="{_WIDTH}" height="{bottom + 12}" fill="#fff"/>',
            f'<text x="14" y="22">{_escape_xml(title)}</text>',
            *(
                f'{_render_text("head", x, 46, name)}<line class="life" x1="{x}" x2="{x}" y1="54" y2="{bottom}"/>'
                for x, name in ((_CLIENT_X, "client"), (_SERVER_X, "server"))
            ),
        ]
        frame = f'viewBox="0 0 {_WIDTH} {bottom + 12}" width="{_WIDTH}" height="{bottom + 12}"'
        svg = f'<svg xmlns="http://www.w3.org/2000/svg" {frame} role="img">'
        return "\n".join([svg, *heading, *self._shapes, "</svg>\n"])


def _collapse_content(lines: Iterable[TranscriptLine]) -> Iterator[TranscriptLine]:
    """Yield the lines, of a long message only the first and the last ones."""
    content: list[TranscriptLine] = []
    for line in lines:
        if line.content:
            content.append(line)
            continue
        yield from _shorten_content(content)
        content = []
        yield line
    yield from _shorten_content(content)


def _shorten_content(content: list[TranscriptLine]) -> list[TranscriptLine]:
    hidden = len(content) - _MAX_CONTENT_LINES
    if hidden <= 0:
        return content
    gap = type(content[0])(content[0].at, "C", f"(… {hidden:,} lines …)", content=True)
    half = _MAX_CONTENT_LINES // 2
    return [*content[:half], gap, *content[-half:]]


def _render_line(line: TranscriptLine, y: float) -> Iterator[str]:
    text = line.text if len(line.text) <= _MAX_LINE_CHARACTERS else line.text[: _MAX_LINE_CHARACTERS - 1] + "…"
    if line.who == "*":
        yield f'<rect class="box" x="{_CLIENT_X}" y="{y - 9}" width="{_SERVER_X - _CLIENT_X}" height="17" rx="4"/>'
        yield _render_text("note", _CENTER_X, y + 4, text)
        return
    refused = line.who == "S" and line.text[:1] in {"4", "5"}
    kind = "r" if refused else line.who.lower()
    if line.who == "C":
        head, end = f"{_SERVER_X},{y + 7} {_SERVER_X - 7},{y + 4} {_SERVER_X - 7},{y + 10}", "start"
    else:
        head, end = f"{_CLIENT_X},{y + 7} {_CLIENT_X + 7},{y + 4} {_CLIENT_X + 7},{y + 10}", "end"
    x = _CLIENT_X + 12 if line.who == "C" else _SERVER_X - 12
    yield _render_text("bad" if refused else "said", x, y + 3, text, anchor=end)
    if line.content or (line.who == "S" and line.text[3:4] == "-"):
        return  # more lines follow; the arrow is at the last one
    yield f'<line class="{kind}" x1="{_CLIENT_X}" x2="{_SERVER_X}" y1="{y + 7}" y2="{y + 7}"/>'
    yield f'<polygon class="{kind}" points="{head}"/>'


def _render_text(css_class: str, x: float, y: float, text: str, *, anchor: str = "") -> str:
    anchored = f' text-anchor="{anchor}"' if anchor else ""
    return f'<text class="{css_class}" x="{x:g}" y="{y:g}"{anchored} xml:space="preserve">{_escape_xml(text)}</text>'


def _escape_xml(text: str) -> str:
    # The text of a transcript is printable, so only these characters need an escape in XML.
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")


def _format_duration(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds >= 1 else f"{seconds * 1000:.0f} ms"
