"""Record commands in a real terminal, and draw it as an SVG: a still, or an animation.

`record` types commands into a shell in a pseudo-terminal, and returns what the terminal got.  `draw_still` draws all of
its lines, and `draw_animation` types and scrolls.  The text, the colors and their order are those of the recording.
The times of an animation are not: they are set for readers.

The SVGs use the monospaced font of the reader's system.  They contain no script and load nothing, so they also work
in `<img>`.  Readers who prefer reduced motion see the last state of an animation.
"""

import fcntl
import os
import pty
import re
import select
import shutil
import struct
import subprocess
import termios
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import escape

from rich.ansi import AnsiDecoder
from rich.style import Style
from rich.text import Text

PROMPT = "$ "
COLUMNS = 100
RECORD_TIMEOUT_SECONDS = 120

FONT_SIZE = 14
CHARACTER_WIDTH = 8.4
LINE_HEIGHT = 19
PADDING = 14
TITLE_HEIGHT = 34

TYPING_SECONDS = 0.055  # for each character
ENTER_SECONDS = 0.35
OUTPUT_LINE_SECONDS = 0.06
READING_SECONDS = 1.5  # after each command
END_SECONDS = 4.0

# Sequences that change nothing that is drawn: bracketed paste, the title of the window.
_IGNORED = re.compile(r"\x1b\[\?\d+[hl]|\x1b\][^\x07]*\x07")
_COLORS = re.compile(r"\x1b\[[\d;]*m")

THEMES = {
    "light": {
        "background": "#ffffff", "frame": "#d0d7de", "text": "#1f2328", "dim": "#59636e",
        "palette": (
            *("#1f2328", "#cf222e", "#116329", "#7d4e00", "#0550ae", "#8250df", "#1b6c73", "#59636e"),
            *("#57606a", "#a40e26", "#1a7f37", "#633c01", "#0969da", "#6639ba", "#1b6c73", "#1f2328"),
        ),
    },
    "dark": {
        "background": "#0d1117", "frame": "#3d444d", "text": "#e6edf3", "dim": "#9198a1",
        "palette": (
            *("#9198a1", "#ff7b72", "#3fb950", "#d29922", "#79c0ff", "#d2a8ff", "#56d4dd", "#e6edf3"),
            *("#9198a1", "#ffa198", "#56d364", "#e3b341", "#a5d6ff", "#e2c5ff", "#b3f0ff", "#ffffff"),
        ),
    },
}  # fmt: skip


@dataclass(frozen=True)
class CommandRecord:
    """A command that was typed, and the output that the terminal got for it, with its colors."""

    command: str
    output: str


def record(
    commands: Sequence[str], folder: Path, environment: Mapping[str, str], *, columns: int = COLUMNS
) -> list[CommandRecord]:
    """Type commands into bash in a pseudo-terminal, one after the other.

    Args:
        commands: one line each.
        folder: the working directory of the first command.
        environment: all variables of the shell; the prompt and the terminal are added.
        columns: the width of the terminal.

    Raises:
        TimeoutError: a command did not end within 120 seconds.
        ValueError: a command is wider than the terminal.
    """
    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
    variables = dict(environment) | {"PS1": PROMPT, "PS2": "> ", "TERM": "xterm-256color"}
    for name in ("COLUMNS", "LINES", "NO_COLOR", "PROMPT_COMMAND"):
        variables.pop(name, None)
    shell = subprocess.Popen(
        [find_bash(), "--norc", "--noprofile", "--noediting", "-i"],
        stdin=follower, stdout=follower, stderr=follower, cwd=folder, env=variables, start_new_session=True,
    )  # fmt: skip
    os.close(follower)
    try:
        read_until_prompt(leader)
        records = []
        for command in commands:
            os.write(leader, f"{command}\n".encode())
            echoed, _, output = read_until_prompt(leader).partition("\r\n")
            if echoed != command:
                raise ValueError(f"the terminal shows {echoed!r} for the command {command!r}")
            records.append(CommandRecord(command, output))
        return records
    finally:
        shell.kill()
        shell.wait()
        os.close(leader)


def find_bash() -> str:
    """Return the path of bash."""
    path = shutil.which("bash")
    if path is None:
        raise FileNotFoundError("bash is not installed; it records the commands")
    return path


def read_until_prompt(leader: int) -> str:
    """Return the text before the next prompt, without sequences that change nothing that is drawn."""
    received = b""
    deadline = time.monotonic() + RECORD_TIMEOUT_SECONDS
    while True:
        if not select.select([leader], [], [], max(0.0, deadline - time.monotonic()))[0]:
            raise TimeoutError(f"no prompt within {RECORD_TIMEOUT_SECONDS} s after {received[-500:]!r}")
        received += os.read(leader, 65536)
        text = _IGNORED.sub("", received.decode("utf-8", "replace"))
        if text == PROMPT or text.endswith(f"\n{PROMPT}"):
            return text.removesuffix(PROMPT)


def decode_lines(output: str, columns: int = COLUMNS) -> list[Text]:
    """Return the lines that a terminal shows for this output.

    Raises:
        ValueError: the output moves the cursor, which is not supported.
    """
    decoder = AnsiDecoder()
    lines = []
    for raw_line in output.removesuffix("\n").replace("\r\n", "\n").rstrip("\r").split("\n"):
        line = raw_line.rpartition("\r")[2]
        rest = _COLORS.sub("", line)
        if any(not character.isprintable() for character in rest):
            raise ValueError(f"the line has control characters other than colors: {rest!r}")
        text = decoder.decode_line(line)
        lines += text.divide(range(columns, len(text), columns)) if len(text) > columns else [text]
    return lines


def build_lines(records: Iterable[CommandRecord], columns: int = COLUMNS) -> list[Text]:
    """Return all lines of a recording: prompts with commands, and output."""
    lines = []
    for one in records:
        lines.append(build_prompt(one.command))
        if one.output:
            lines += decode_lines(one.output, columns)
    return lines


def build_prompt(command: str) -> Text:
    """Return the line of a command."""
    return Text.assemble((PROMPT, Style(color="bright_black")), (command, Style(bold=True)))


def get_color(style: Style, theme: str) -> str:
    """Return the color of a style as CSS; "" is the usual one."""
    color = style.color
    if color is None or color.is_default:
        return ""
    if color.number is not None and color.number < 16:
        return THEMES[theme]["palette"][color.number]
    return color.get_truecolor().hex


def draw_line(line: Text, row: int, theme: str, first_column: int = 0) -> str:
    """Return the SVG of a line, or of the part that begins at a column."""
    parts = []
    column = 0
    y = PADDING + TITLE_HEIGHT + row * LINE_HEIGHT + FONT_SIZE
    boundaries = sorted({edge for span in line.spans for edge in (span.start, span.end)} | {first_column})
    for piece in line.divide(boundaries):
        start, text = column, piece.plain
        column += len(text)
        if start < first_column or not text.strip():
            continue
        style = Style.combine([Style.null(), *(span.style for span in piece.spans if isinstance(span.style, Style))])
        indent = len(text) - len(text.lstrip())
        text = text.strip()
        attributes = [
            f'x="{PADDING + (start + indent) * CHARACTER_WIDTH:.1f}" y="{y}"',
            f'textLength="{len(text) * CHARACTER_WIDTH:.1f}"',
        ]
        if color := get_color(style, theme):
            attributes.append(f'fill="{color}"')
        if style.bold:
            attributes.append('font-weight="bold"')
        parts.append(f"<text {' '.join(attributes)}>{escape(text)}</text>")
    return "".join(parts)


def draw_window(content: str, rows: int, *, theme: str, title: str, columns: int = COLUMNS, style: str = "") -> str:
    """Return the SVG of a terminal window.

    Args:
        content: the SVG of its lines.
        rows: its height in lines.
        theme: "light" or "dark".
        title: its title, which is also the text for screen readers.
        columns: its width in characters.
        style: further CSS.
    """
    colors = THEMES[theme]
    width = round(2 * PADDING + columns * CHARACTER_WIDTH)
    height = 2 * PADDING + TITLE_HEIGHT + rows * LINE_HEIGHT
    top = TITLE_HEIGHT + PADDING
    dots = "".join(
        f'<circle cx="{PADDING + 6 + 20 * number}" cy="{TITLE_HEIGHT / 2}" r="6" fill="{colors["frame"]}"/>'
        for number in range(3)
    )
    return f"""\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img">
<title>{escape(title)}</title>
<style>text{{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono","Liberation Mono",monospace;\
font-size:{FONT_SIZE}px;white-space:pre}}{style}</style>
<clipPath id="screen"><rect y="{top}" width="{width}" height="{height - top - 1}"/></clipPath>
<rect x=".5" y=".5" width="{width - 1}" height="{height - 1}" rx="8" fill="{colors["background"]}" \
stroke="{colors["frame"]}"/>
<path d="M0 {TITLE_HEIGHT}.5H{width}" stroke="{colors["frame"]}"/>
{dots}
<g clip-path="url(#screen)" fill="{colors["text"]}">
{content}
</g>
</svg>
"""


def draw_still(records: Iterable[CommandRecord], *, theme: str, title: str, columns: int = COLUMNS) -> str:
    """Return an SVG of all lines of a recording."""
    lines = build_lines(records, columns)
    content = "\n".join(drawn for row, line in enumerate(lines) if (drawn := draw_line(line, row, theme)))
    return draw_window(content, len(lines), theme=theme, title=title, columns=columns)


@dataclass(frozen=True)
class Appearance:
    """A part of a line that appears at a time."""

    seconds: float
    row: int
    line: Text
    first_column: int = 0


def plan_animation(
    records: Sequence[CommandRecord], pauses: Mapping[str, float], columns: int = COLUMNS
) -> tuple[list[Appearance], float]:
    """Return when each part of the recording appears, and the duration in seconds.

    `pauses` has seconds to wait after a line of output that contains a text.
    """
    appearances = []
    seconds = 0.5
    row = 0
    for one in records:
        prompt = build_prompt(one.command)
        appearances.append(Appearance(seconds, row, prompt[: len(PROMPT)]))
        seconds += ENTER_SECONDS
        for column in range(len(PROMPT), len(prompt)):
            appearances.append(Appearance(seconds, row, prompt[: column + 1], column))
            seconds += TYPING_SECONDS
        seconds += ENTER_SECONDS
        row += 1
        for line in decode_lines(one.output, columns) if one.output else []:
            appearances.append(Appearance(seconds, row, line))
            seconds += OUTPUT_LINE_SECONDS + max((pauses[text] for text in pauses if text in line.plain), default=0)
            row += 1
        if one.output:
            seconds += READING_SECONDS
    return appearances, seconds - READING_SECONDS + END_SECONDS


def draw_animation(
    records: Sequence[CommandRecord],
    *,
    theme: str,
    title: str,
    rows: int,
    pauses: Mapping[str, float] | None = None,
    columns: int = COLUMNS,
) -> str:
    """Return an animated SVG of a recording.

    Args:
        records: the recording.
        theme: "light" or "dark".
        title: the title of the picture, for screen readers.
        rows: the height of the window in lines; longer output scrolls.
        pauses: seconds to wait after lines of output that contain a text; none by default.
        columns: the width of the window in characters.
    """
    appearances, duration = plan_animation(records, pauses or {}, columns)
    styles, groups, shifts = [], [], {0.0: 0}
    for number, one in enumerate(appearances):
        shift = max(0, one.row + 1 - rows)
        if shift > max(shifts.values()):
            shifts[one.seconds] = shift
        drawn = draw_line(one.line, one.row, theme, one.first_column)
        if drawn:
            styles.append(
                f"@keyframes a{number}{{0%{{visibility:hidden}}{one.seconds / duration:.3%}{{visibility:visible}}}}"
            )
            groups.append(f'<g style="animation-name:a{number}">{drawn}</g>')
    last = max(shifts.values())
    steps = "".join(f"{at / duration:.3%}{{{shift_up(shift)}}}" for at, shift in shifts.items())
    styles.append(f"@keyframes scroll{{{steps}}}")
    styles.append(f"#lines{{{shift_up(last)};animation-name:scroll}}")
    styles.append(f"g{{animation:{duration:.2f}s step-end infinite}}")
    styles.append("@media (prefers-reduced-motion:reduce){g{animation:none!important}}")
    content = '<g id="lines">\n{}\n</g>'.format("\n".join(groups))
    return draw_window(content, rows, theme=theme, title=title, columns=columns, style="\n".join(["", *styles]))


def shift_up(rows: int) -> str:
    """Return the CSS that moves lines up."""
    return f"transform:translateY({-rows * LINE_HEIGHT}px)"
