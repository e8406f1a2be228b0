"""Parse the parameters of Content-Type and Content-Disposition (RFC 2045 5.1, RFC 2231)."""

from __future__ import annotations

import re
from itertools import groupby
from operator import itemgetter

from lazr.smtptest.mail.mime import limits
from lazr.smtptest.mail.mime.charset import decode_text
from lazr.smtptest.mail.mime.defect import quote_untrusted
from lazr.smtptest.mail.mime.encoded_word import decode_words

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from lazr.smtptest.mail.mime.defect import DefectRecorder

__all__ = ["Parameters", "find_comment_end", "read_parameters", "read_raw_parameters"]

# A field as nearly all programs write it: without comments, escapes and sections, and with one parameter at most.
_SIMPLE_FIELD = re.compile(
    r"([a-zA-Z0-9/.+_-]+)(?: ?; ?([a-zA-Z-]+)=(?:\"([a-zA-Z0-9 '+,./:=_-]*)\"|([a-zA-Z0-9+._/:=-]+)))?"
)
_SPACE_OR_SEMICOLON = re.compile(r"[\s;]*+")
_VALUE = re.compile(r"[^\s;(]*+")  # the text before the parameters
_WHITE_SPACE = re.compile(r"\s*+")
_PARAMETER_NAME = re.compile(r"[^\s;=\"(]++")
_QUOTED_STRING = re.compile(r'"((?:[^"\\]|\\.)*+)"', re.DOTALL)
_TO_SEMICOLON = re.compile(r"[^;]*+")
_QUOTED_PAIR = re.compile(r"\\(.)", re.DOTALL)
_COMMENT_DELIMITER = re.compile(r"[()]|\\.", re.DOTALL)
# RFC 2231 3 and 4: `name*`, `name*0`, `name*0*`.
_SECTION = re.compile(r"([^*]++)(?:\*([0-9]++))?(\*?)")
_MAX_SECTION_DIGITS = 4
_NOT_ATTRIBUTE_CHARACTER = re.compile(r"[^!#$&+.^_`{|}~0-9A-Za-z-]")  # RFC 2231 7: attribute-char
_PERCENT_ESCAPE = re.compile(rb"%([0-9A-Fa-f]{2})")
_NAME_AND_COMMENT = re.compile(r"([^()]*\.\w{1,10})[ \t]+\(")
_NEEDS_QUOTES = re.compile(r"[\s()]")
_FILENAME_PARAMETERS = frozenset({"filename", "name"})


class Parameters:
    """The value of a field in lower case, and all values of each parameter."""

    __slots__ = ("_values", "value")

    def __init__(self, value: str, values: dict[str, list[str]]) -> None:
        self.value: str = value
        self._values = values

    def get(self, name: str) -> str:
        """Return the first value, or ""; extended values (RFC 2231) precede plain ones."""
        return self.get_all(name)[0] if name in self._values else ""

    def get_all(self, name: str) -> list[str]:
        """Return all different values."""
        return self._values.get(name, [])


def read_parameters(text: str, note: DefectRecorder) -> Parameters:
    """Parse an unfolded header field.

    Args:
        text: the value of the field; untrusted input of any length.
        note: receives a reason for each defect.

    >>> field = read_parameters("text/plain; name*0*=utf-8''%C3%A4; name*1=.txt; charset=\\"utf-8\\"", print)
    >>> field.value, field.get("name"), field.get("charset")
    ('text/plain', 'ä.txt', 'utf-8')
    """
    simple = _SIMPLE_FIELD.fullmatch(text)
    return _read_any_field(text, note) if simple is None else _build_simple_parameters(*simple.groups())


def _build_simple_parameters(
    value: str, name: str | None, quoted_content: str | None, content: str | None
) -> Parameters:
    return Parameters(value.lower(), {} if name is None else {name.lower(): [quoted_content or content or ""]})


def read_raw_parameters(raw: bytes) -> tuple[bytes, list[tuple[bytes, bytes]]]:
    r"""Return the value of a field and its parameters in order, not decoded.

    RFC 2231 7 requires of IMAP servers that the sections of a parameter are joined, and nothing more.

    Args:
        raw: the unfolded bytes of the field; untrusted input of any length.

    >>> read_raw_parameters(b"text/plain; charset=\"utf-8\"; name*0*=utf-8''%C3%A4; name*1=.txt")
    (b'text/plain', [(b'charset', b'utf-8'), (b'name*', b"utf-8''%C3%A4.txt")])
    """
    text = raw.decode("ascii", "surrogateescape")  # unlike Latin-1, no byte becomes white space
    value, at = _read_value(text, _ignore)
    sections: dict[str, dict[int, tuple[str, bool]]] = {}
    found: list[tuple[str, str]] = []
    for name, contents in _iter_parameters(text, at, _ignore):
        match = _SECTION.fullmatch(name)
        if match is None or match[2] is None or len(match[2]) > _MAX_SECTION_DIGITS:
            found.append((name, contents[0]))
            continue
        base = match[1].lower()
        if base not in sections:
            sections[base] = {}
            found.append((match[1], ""))  # the place of the joined parameter
        sections[base].setdefault(int(match[2]), (contents[0], bool(match[3])))
    return value.encode("ascii", "surrogateescape"), [
        (name.encode("ascii", "surrogateescape"), content.encode("ascii", "surrogateescape"))
        for name, content in _replace_sections(found, sections)
    ]


def _replace_sections(
    found: list[tuple[str, str]], sections: dict[str, dict[int, tuple[str, bool]]]
) -> Iterator[tuple[str, str]]:
    for name, content in found:
        pieces = sections.pop(name.lower(), None) if not content else None
        if pieces is None:
            yield name, content
            continue
        run = [pieces[number] for number in sorted(pieces)]
        if any(is_extended for _, is_extended in run):
            yield f"{name}*", "".join(piece if is_extended else _escape_percent(piece) for piece, is_extended in run)
        else:
            yield name, "".join(piece for piece, _ in run)


def _escape_percent(text: str) -> str:
    return _NOT_ATTRIBUTE_CHARACTER.sub(lambda match: f"%{match[0].encode('ascii', 'surrogateescape')[0]:02X}", text)


def _read_value(text: str, note: DefectRecorder) -> tuple[str, int]:
    """Return the text before the parameters, and the position after it."""
    at = _skip_comments(text, 0, note)
    match = _VALUE.match(text, at)
    value = match[0] if match else ""
    return value, at + len(value)


def _read_any_field(text: str, note: DefectRecorder) -> Parameters:
    value, at = _read_value(text, note)
    plain: dict[str, list[str]] = {}
    sections: dict[str, dict[int, tuple[str, bool]]] = {}
    for name, contents in _iter_parameters(text, at, note):
        for content in contents:
            _add_parameter(name.lower(), content, plain, sections, note)
    return Parameters(value.lower(), _join_sections(plain, sections, note))


def _iter_parameters(text: str, at: int, note: DefectRecorder) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield the name of each parameter, and its value; more than one if it is ambiguous."""
    quotes_close = True
    count = 0
    while True:
        at = _skip_comments(text, at, note)
        if at >= len(text):
            break
        name = _PARAMETER_NAME.match(text, at)
        equals_sign = _skip_cfws(text, at if name is None else name.end())
        if text.startswith("(", equals_sign):
            note("unterminated comment")
            break
        if name is None or not text.startswith("=", equals_sign):
            note("malformed parameter")
            # Only a semicolon ends it.
            at = max(at + 1, _find_semicolon(text, equals_sign))
            continue
        count += 1
        if count > limits.MAX_FIELD_PARAMETERS:
            note(f"more than {limits.MAX_FIELD_PARAMETERS} parameters: truncated")
            break
        base = name[0].lower().partition("*")[0]
        at = equals_sign + 1
        # A bracket directly after the equals sign belongs to the name of a file: `(1) report.pdf`.
        if base not in _FILENAME_PARAMETERS or not text.startswith("(", at):
            at = _skip_cfws(text, at)
        quoted = _QUOTED_STRING.match(text, at) if quotes_close and text.startswith('"', at) else None
        other: tuple[str, ...] = ()
        if quoted is not None:
            content, at = _QUOTED_PAIR.sub(r"\1", quoted[1]), quoted.end()
        else:
            if text.startswith('"', at):
                quotes_close = False
                note("unterminated quoted string")
                at += 1
            end = _find_semicolon(text, at)
            content, at = text[at:end].strip(), end
            if base not in _FILENAME_PARAMETERS:
                content, whole = content.partition("(")[0].strip(), content
                if base == "boundary" and content != whole:
                    # RFC 2045 5.1 requires quotes around a bracket.  The delimiters show which one is meant.
                    other = (whole.partition(" ")[0],)
            else:
                content = _remove_comments(content, note)
                if quotes_close and _NEEDS_QUOTES.search(content):
                    note("white space or a bracket in a file name without quotes")  # RFC 2045 5.1
        yield name[0], (*other, content)


def _add_parameter(
    name: str,
    content: str,
    plain: dict[str, list[str]],
    sections: dict[str, dict[int, tuple[str, bool]]],
    note: DefectRecorder,
) -> None:
    match = _SECTION.fullmatch(name)
    if match is None or (match[2] and len(match[2]) > _MAX_SECTION_DIGITS):
        note(f"parameter {quote_untrusted(name)} has a malformed name (RFC 2231)")
        return
    base, number, extended = match.groups()
    if number is None and not extended:
        plain.setdefault(base, []).append(content)
        return
    # Section -1 is an undivided parameter, `name*`: it takes precedence over sections.
    if sections.setdefault(base, {}).setdefault(int(number) if number else -1, (content, bool(extended))) != (
        content,
        bool(extended),
    ):
        note(f"parameter {quote_untrusted(name)} is repeated")


def _join_sections(
    plain: dict[str, list[str]], sections: dict[str, dict[int, tuple[str, bool]]], note: DefectRecorder
) -> dict[str, list[str]]:
    values: dict[str, list[str]] = {}
    for base, pieces in sections.items():
        found = values.setdefault(base, [])
        if -1 in pieces:
            found.append(_decode_sections([pieces.pop(-1)], note))
        if pieces:
            # RFC 2231 3: the numbers begin at 0.  Where one is missing, programs join the others.
            if len(pieces) <= max(pieces):
                note(f"parameter {quote_untrusted(base)} has a gap between its sections")
            run = [pieces[number] for number in sorted(pieces)]
            content = _decode_sections(run, note)
            if base in _FILENAME_PARAMETERS and not any(is_extended for _, is_extended in run):
                content = decode_words(content, note)
            found.append(content)
    for base, contents in plain.items():
        # RFC 2047 5 forbids encoded words here, but most senders use them.
        values.setdefault(base, []).extend(
            decode_words(content, note) if base in _FILENAME_PARAMETERS else content for content in contents
        )
    for base, found in values.items():
        values[base] = list(dict.fromkeys(found))
        if len(values[base]) > 1:
            note(f"parameter {quote_untrusted(base)} has {len(values[base])} different values")
    return {base: found for base, found in values.items() if found}


def _decode_sections(pieces: list[tuple[str, bool]], note: DefectRecorder) -> str:
    charset = ""
    first, is_extended = pieces[0]
    if is_extended:
        charset, quote, rest = first.partition("'")
        _, second, rest = rest.partition("'")
        if quote and second:
            pieces = [(rest, True), *pieces[1:]]
        else:
            note("extended parameter without a charset")
            charset = ""
    # Some senders cut a long value anywhere, also within an escape, so neighboring extended sections are joined first.
    runs = [
        (extended, "".join(piece for piece, _ in run).encode("utf-8"))
        for extended, run in groupby(pieces, key=itemgetter(1))
    ]
    data = b"".join(
        _PERCENT_ESCAPE.sub(lambda match: bytes((int(match[1], 16),)), run) if extended else run
        for extended, run in runs
    )
    return decode_text(data, charset or "utf-8", note)


def _remove_comments(filename: str, note: DefectRecorder) -> str:
    """Return a file name without quotes, without the comments (RFC 2045 5.1) after it.

    Most senders that write brackets here mean them: `report (1).pdf`.  Therefore only what follows an extension and a
    space is a comment: `report.pdf (final)`.
    """
    if filename.endswith('"') and filename.count('"') == 1:
        note("unterminated quoted string")
        return filename[:-1]
    match = _NAME_AND_COMMENT.match(filename)
    if match is None:
        return filename
    end = match.end(1)
    while (begin := _skip_white_space(filename, end)) < len(filename) and filename[begin] == "(":
        end = find_comment_end(filename, begin)
        if end < 0:
            note("unterminated comment")
            return match[1]
    if begin < len(filename):
        return filename
    note("comment after a file name")
    return match[1]


def _find_semicolon(text: str, at: int) -> int:
    match = _TO_SEMICOLON.match(text, at)
    return match.end() if match else at


def _skip_white_space(text: str, at: int) -> int:
    match = _WHITE_SPACE.match(text, at)
    return match.end() if match else at


def _skip_cfws(text: str, at: int) -> int:
    """Return the position after white space and terminated comments (RFC 5322 3.2.2)."""
    while True:
        at = _skip_white_space(text, at)
        end = find_comment_end(text, at) if text.startswith("(", at) else -1
        if end < 0:
            return at
        at = end


def _skip_comments(text: str, at: int, note: DefectRecorder) -> int:
    """Return the position after white space, semicolons and comments."""
    while True:
        match = _SPACE_OR_SEMICOLON.match(text, at)
        at = match.end() if match else at
        if not text.startswith("(", at):
            return at
        end = find_comment_end(text, at)
        if end < 0:
            note("unterminated comment")
            return len(text)
        at = end


def find_comment_end(text: str, at: int) -> int:
    """Return the end of a comment, which can nest (RFC 5322 3.2.2); -1 if unterminated."""
    depth = 0
    for match in _COMMENT_DELIMITER.finditer(text, at):
        if match[0] == "(":
            depth += 1
        elif match[0] == ")":
            depth -= 1
            if not depth:
                return match.end()
    return -1


def _ignore(reason: str) -> None:
    """Ignore a defect."""
