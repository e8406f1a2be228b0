"""A dialogue as a picture: a sequence diagram in SVG, client left, server right, time downwards."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from lazr.smtptest.protocol.smtp.transcript import TranscriptLine

__all__ = ["drawn"]

_WIDTH = 900
_CLIENT, _SERVER = 110, 860  # where the two lifelines stand
_ROW = 20
_TOP = 76
_LONGEST = 96  # characters of a line that are shown

# A pause from here on leaves a gap, and says how long it was: seconds, and the height of the gap.
_GAPS = ((10.0, 56), (1.0, 44), (0.1, 32), (0.02, 22))

_STYLE = """\
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


def drawn(lines: Iterable[TranscriptLine], *, title: str) -> str:
    """The picture, as a document of its own.

    >>> from lazr.smtptest.protocol.smtp.transcript import TranscriptLine
    >>> picture = drawn([TranscriptLine(0.0, "S", "220 <hello>")], title="One")
    >>> "220 &lt;hello&gt;" in picture
    True
    """
    shapes = []
    y = _TOP
    before = 0.0
    for line in lines:
        pause = line.at - before
        before = line.at
        height = next((height for least, height in _GAPS if pause >= least), 0)
        if height:
            middle = y - _ROW / 2 + height / 2
            shapes.append(_words("gap", (_CLIENT + _SERVER) / 2, middle + 2, f"⋮ {_duration(pause)} later"))
            y += height
        shapes.append(_words("time", _CLIENT - 14, y + 4, f"{line.at:.3f}"))
        shapes.extend(_shapes(line, y))
        y += _ROW
    bottom = y + 4
    heading = [
        f"<title>{_escaped(title)}</title>",
        f"<style>{_STYLE}</style>",
        f'<rect width="{_WIDTH}" height="{bottom + 12}" fill="#fff"/>',
        f'<text x="14" y="22">{_escaped(title)}</text>',
        *(
            f'{_words("head", x, 46, name)}<line class="life" x1="{x}" x2="{x}" y1="54" y2="{bottom}"/>'
            for x, name in ((_CLIENT, "client"), (_SERVER, "server"))
        ),
    ]
    frame = f'viewBox="0 0 {_WIDTH} {bottom + 12}" width="{_WIDTH}" height="{bottom + 12}"'
    return "\n".join([f'<svg xmlns="http://www.w3.org/2000/svg" {frame} role="img">', *heading, *shapes, "</svg>\n"])


def _shapes(line: TranscriptLine, y: float) -> Iterator[str]:
    text = line.text if len(line.text) <= _LONGEST else line.text[: _LONGEST - 1] + "…"
    if line.who == "*":
        yield f'<rect class="box" x="{_CLIENT}" y="{y - 9}" width="{_SERVER - _CLIENT}" height="17" rx="4"/>'
        yield _words("note", (_CLIENT + _SERVER) / 2, y + 4, text)
        return
    refused = line.who == "S" and line.text[:1] in {"4", "5"}
    kind = "r" if refused else line.who.lower()
    if line.who == "C":
        head, end = f"{_SERVER},{y + 7} {_SERVER - 7},{y + 4} {_SERVER - 7},{y + 10}", "start"
    else:
        head, end = f"{_CLIENT},{y + 7} {_CLIENT + 7},{y + 4} {_CLIENT + 7},{y + 10}", "end"
    x = _CLIENT + 12 if line.who == "C" else _SERVER - 12
    yield _words("bad" if refused else "said", x, y + 3, text, anchor=end)
    if line.content or (line.who == "S" and line.text[3:4] == "-"):
        return  # it goes on; the arrow comes at its end
    yield f'<line class="{kind}" x1="{_CLIENT}" x2="{_SERVER}" y1="{y + 7}" y2="{y + 7}"/>'
    yield f'<polygon class="{kind}" points="{head}"/>'


def _words(kind: str, x: float, y: float, text: str, *, anchor: str = "") -> str:
    anchored = f' text-anchor="{anchor}"' if anchor else ""
    return f'<text class="{kind}" x="{x:g}" y="{y:g}"{anchored} xml:space="preserve">{_escaped(text)}</text>'


def _escaped(text: str) -> str:
    # What a transcript holds is printable, and XML has all of that but these.
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")


def _duration(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds >= 1 else f"{seconds * 1000:.0f} ms"
