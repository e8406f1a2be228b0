"""The parameters of Content-Type and Content-Disposition (RFC 2045 5.1, RFC 2231)."""

from __future__ import annotations

import re

from lazr.smtptest.mail.mime import caps
from lazr.smtptest.mail.mime.charset import decoded
from lazr.smtptest.mail.mime.defect import shown
from lazr.smtptest.mail.mime.encodedword import decode_words

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lazr.smtptest.mail.mime.defect import Note

__all__ = ["read_parameters"]

_SPACE_OR_SEMICOLON = re.compile(r"[\s;]*+")
_VALUE = re.compile(r"[^\s;(]*+")  # what stands in front of the parameters
_NAME = re.compile(r"([^\s;=\"(]++)\s*+(=?)\s*+")
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*+)"', re.DOTALL)
_TO_SEMICOLON = re.compile(r"[^;]*+")
_PAIR = re.compile(r"\\(.)", re.DOTALL)
_COMMENT = re.compile(r"[()]|\\.", re.DOTALL)
# RFC 2231 3 and 4: `name*`, `name*0`, `name*0*`.
_SECTION = re.compile(r"([^*]++)(?:\*([0-9]++))?(\*?)")
_ESCAPE = re.compile(rb"%([0-9A-Fa-f]{2})")
_FILENAMES = frozenset({"filename", "name"})


class Parameters:
    """A field's value in lower case, and its parameters, each with all the values that it was given."""

    __slots__ = ("_values", "value")

    def __init__(self, value: str, values: dict[str, list[str]]) -> None:
        self.value: str = value
        self._values = values

    def get(self, name: str) -> str:
        """The value that counts: one with a charset of its own (RFC 2231) first; or the empty string."""
        return self.all(name)[0] if name in self._values else ""

    def all(self, name: str) -> list[str]:
        """All different values."""
        return self._values.get(name, [])


def read_parameters(text: str, note: Note) -> Parameters:
    """Read an unfolded field.

    >>> field = read_parameters("text/plain; name*0*=utf-8''%C3%A4; name*1=.txt; charset=\\"utf-8\\"", print)
    >>> field.value, field.get("name"), field.get("charset")
    ('text/plain', 'ä.txt', 'utf-8')
    """
    at = _past_comment(text, 0, note)
    match = _VALUE.match(text, at)
    value = match[0].lower() if match else ""
    at += len(value) if match is None else len(match[0])
    plain: dict[str, list[str]] = {}
    sections: dict[str, dict[int, tuple[str, bool]]] = {}
    quotes_close = True
    count = 0
    while True:
        at = _past_comment(text, at, note)
        if at >= len(text):
            break
        name = _NAME.match(text, at)
        if name is None or not name[2]:
            note("something that is not a parameter among the parameters")
            # Nothing but a semicolon can be told to end it.
            at = max(at + 1, _to_semicolon(text, at if name is None else name.end()))
            continue
        count += 1
        if count > caps.PARAMETERS:
            note(f"more than {caps.PARAMETERS} parameters: truncated")
            break
        at = name.end()
        quoted = _QUOTED.match(text, at) if quotes_close and text.startswith('"', at) else None
        if quoted is not None:
            content, at = _PAIR.sub(r"\1", quoted[1]), quoted.end()
        else:
            if text.startswith('"', at):
                quotes_close = False
                note("a quoted string that does not end")
                at += 1
            end = _to_semicolon(text, at)
            content, at = text[at:end].strip(), end
            if name[1].lower().partition("*")[0] not in _FILENAMES:
                content = content.partition("(")[0].strip()
        _take(name[1].lower(), content, plain, sections, note)
    return Parameters(value, _together(plain, sections, note))


def _take(
    name: str,
    content: str,
    plain: dict[str, list[str]],
    sections: dict[str, dict[int, tuple[str, bool]]],
    note: Note,
) -> None:
    match = _SECTION.fullmatch(name)
    if match is None or (match[2] and len(match[2]) > 4):
        note(f"parameter {shown(name)} has no name that RFC 2231 knows")
        return
    base, number, extended = match.groups()
    if number is None and not extended:
        plain.setdefault(base, []).append(content)
        return
    # A parameter in one piece, `name*`, is kept as its section -1: it wins over pieces.
    if sections.setdefault(base, {}).setdefault(int(number) if number else -1, (content, bool(extended))) != (
        content,
        bool(extended),
    ):
        note(f"parameter {shown(name)} is there twice")


def _together(
    plain: dict[str, list[str]], sections: dict[str, dict[int, tuple[str, bool]]], note: Note
) -> dict[str, list[str]]:
    values: dict[str, list[str]] = {}
    for base, pieces in sections.items():
        found = values.setdefault(base, [])
        if -1 in pieces:
            found.append(_extended([pieces.pop(-1)], note))
        run: list[tuple[str, bool]] = []
        while len(run) in pieces:
            run.append(pieces.pop(len(run)))
        if run:
            found.append(_extended(run, note))
        if pieces:
            note(f"parameter {shown(base)} has pieces without those before them")
    for base, contents in plain.items():
        # RFC 2047 5 forbids encoded words here; most senders do not know that.
        values.setdefault(base, []).extend(
            decode_words(content, note) if base in _FILENAMES else content for content in contents
        )
    for base, found in values.items():
        values[base] = list(dict.fromkeys(found))
        if len(values[base]) > 1:
            note(f"parameter {shown(base)} has {len(values[base])} different values")
    return {base: found for base, found in values.items() if found}


def _extended(pieces: list[tuple[str, bool]], note: Note) -> str:
    charset = ""
    first, is_extended = pieces[0]
    if is_extended:
        charset, quote, rest = first.partition("'")
        _, second, rest = rest.partition("'")
        if quote and second:
            pieces = [(rest, True), *pieces[1:]]
        else:
            note("an extended parameter without its charset")
            charset = ""
    octets = b"".join(
        _ESCAPE.sub(lambda match: bytes((int(match[1], 16),)), piece.encode("utf-8"))
        if extended
        else piece.encode("utf-8")
        for piece, extended in pieces
    )
    return decoded(octets, charset or "utf-8", note)


def _to_semicolon(text: str, at: int) -> int:
    match = _TO_SEMICOLON.match(text, at)
    return match.end() if match else at


def _past_comment(text: str, at: int, note: Note) -> int:
    """Where the next thing begins, behind white space, semicolons and comments."""
    while True:
        match = _SPACE_OR_SEMICOLON.match(text, at)
        at = match.end() if match else at
        if not text.startswith("(", at):
            return at
        end = comment_end(text, at)
        if end < 0:
            note("a comment that does not end")
            return len(text)
        at = end


def comment_end(text: str, at: int) -> int:
    """Where the comment that begins here is over (RFC 5322 3.2.2: they nest); -1 where it never is."""
    depth = 0
    for match in _COMMENT.finditer(text, at):
        if match[0] == "(":
            depth += 1
        elif match[0] == ")":
            depth -= 1
            if not depth:
                return match.end()
    return -1
