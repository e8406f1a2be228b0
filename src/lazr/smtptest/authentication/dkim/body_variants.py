"""Forms that a whole body may have had: line ends, encodings, white space."""

from __future__ import annotations

import unicodedata

from lazr.smtptest._util.lazy_pattern import compile_lazily
from lazr.smtptest.authentication.dkim.canonicalization import canonicalize_body
from lazr.smtptest.authentication.dkim.change import Change, Variant
from lazr.smtptest.authentication.dkim.transfer_encodings import list_transfer_variants

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from lazr.smtptest.authentication.dkim.message import Message

__all__ = ["list_body_variants"]

_LONG_LINE_OCTETS = 60  # wrapped lines are longer than this, without the word that no longer fits
_STUFFED_DOT = compile_lazily(rb"(?m)^\.\.")
_DOT = compile_lazily(rb"(?m)^\.")
_FROM = compile_lazily(rb"(?m)^>From ")
# Of combining classes, where 0 is no combining character; texts have at most 30 in a row (UAX #15, Stream-Safe Text).
_COMBINING_RUN = compile_lazily(rb"[^\0]{31}")


def list_body_variants(message: Message, algorithm: str) -> Iterator[Variant]:
    """Yield forms that the body may have had when it was signed, and what happened since.

    Args:
        message: The mail.
        algorithm: The canonicalization of the body, "simple" or "relaxed".
    """
    body = message.body
    canonical = message.canonicalize_body(algorithm)
    yield from _list_signer_mistakes(body, canonical, algorithm)
    yield from _list_line_end_variants(body, canonical)
    yield from _list_dot_variants(body)
    yield from _list_white_space_variants(body, algorithm)
    yield from _list_wrapping_variants(body)
    yield from list_transfer_variants(message)
    yield from _list_charset_variants(body)


def _list_signer_mistakes(body: bytes, canonical: bytes, algorithm: str) -> Iterator[Variant]:
    for empty in (b"", b"\r\n"):
        yield Variant(Change("an empty body was signed, and the text was added later", "body line 1"), empty)
    if algorithm == "simple":
        relaxed = canonicalize_body(body, "relaxed")
        text = "white space was changed, or the signer used relaxed canonicalization although c= says simple"
        yield Variant(Change(text, f"body line {_find_first_difference(canonical, relaxed)}"), relaxed)
    else:
        simple = canonicalize_body(body, "simple")
        text = "the signer used simple canonicalization, but c= says relaxed"
        yield Variant(Change(text, f"body line {_find_first_difference(canonical, simple)}"), simple)
    for text, signed in (
        ("the signer left out the last line end", canonical.removesuffix(b"\r\n")),
        ("the signer left the empty lines at the end in the body", body),
    ):
        yield Variant(Change(text, "body end"), signed)


def _find_first_difference(one: bytes, other: bytes) -> int:
    """Return the number of the first line that differs, from 1."""
    for number, (left, right) in enumerate(zip(one.split(b"\r\n"), other.split(b"\r\n"), strict=False), 1):
        if left != right:
            return number
    return 1


def _list_line_end_variants(body: bytes, canonical: bytes) -> Iterator[Variant]:
    if b"\r\r\n" in body:
        change = Change("a CR was added to the line ends", "body line ends")
        yield Variant(change, body.replace(b"\r\r\n", b"\r\n"))
    unix = Change("it was signed with LF line ends, and they became CRLF", "body line ends")
    yield Variant(unix, canonical.replace(b"\r\n", b"\n"))
    yield Variant(unix, canonical.replace(b"\r\n", b"\n").removesuffix(b"\n"))
    doubled = Change("it was signed with line ends of CR CR LF", "body line ends")
    yield Variant(doubled, body.replace(b"\r\n", b"\r\r\n"))


def _list_dot_variants(body: bytes) -> Iterator[Variant]:
    dots = body.count(b"\n.") + body.startswith(b".")
    if not dots:
        return
    line = body[: body.find(b"\n.") + 1].count(b"\n") + 1 if not body.startswith(b".") else 1
    rfc = "(RFC 5321 4.5.2)"
    added = Change(f"dots at the start of lines were doubled: the client did dot-stuffing twice {rfc}", _line(line))
    yield Variant(added, _STUFFED_DOT.sub(b".", body))
    yield Variant(added, _DOT.sub(b"", body))
    signed = Change(f"the signer hashed the body after dot-stuffing {rfc}", _line(line))
    yield Variant(signed, _DOT.sub(b"..", body))


def _line(number: int) -> str:
    return f"body line {number}"


def _list_white_space_variants(body: bytes, algorithm: str) -> Iterator[Variant]:
    if algorithm == "simple" and (b" \r\n" in body or b"\t\r\n" in body):
        stripped = b"\r\n".join(line.rstrip(b" \t") for line in body.split(b"\r\n"))
        place = _line(_find_first_difference(body, stripped))
        yield Variant(Change("white space was added at the end of lines", place), stripped)
    if b"\r\n--\r\n" in body:
        place = _line(body[: body.index(b"\r\n--\r\n")].count(b"\n") + 2)
        change = Change('the space of the signature separator "-- " was removed', place)
        yield Variant(change, body.replace(b"\r\n--\r\n", b"\r\n-- \r\n"))
    if b"\t" in body:
        change = Change("tabs were changed to spaces or back", _line(body[: body.index(b"\t")].count(b"\n") + 1))
        yield Variant(change, body.replace(b"\t", b" " * 8))
        yield Variant(change, body.expandtabs(8))
    if _FROM.search(body):
        unquoted = _FROM.sub(b"From ", body)
        place = _line(_find_first_difference(body, unquoted))
        yield Variant(Change('a ">" was put before lines that begin with "From "', place), unquoted)


def _list_wrapping_variants(body: bytes) -> Iterator[Variant]:
    """Yield the body with lines joined that a client or server has broken."""
    lines = body.split(b"\r\n")
    longest = max(map(len, lines))
    if longest >= _LONG_LINE_OCTETS:
        joined: list[bytes] = []
        first = 0
        for number, line in enumerate(lines, 1):
            is_rest = number > 1 and len(lines[number - 2]) == longest
            first = first or (number if is_rest else 0)
            joined.append(line if is_rest or number == 1 else b"\r\n" + line)
        if first:
            yield Variant(Change(f"lines of more than {longest} bytes were broken", _line(first - 1)), b"".join(joined))
    if b"!\r\n " in body:  # RFC 5321 allows 1,000 octets, and old servers break longer lines this way
        place = _line(body[: body.index(b"!\r\n ")].count(b"\n") + 1)
        yield Variant(Change('long lines were broken with "!"', place), body.replace(b"!\r\n ", b""))
    paragraphs = body.rstrip(b"\r\n").split(b"\r\n\r\n")
    flowed = b"\r\n\r\n".join(paragraph.replace(b"\r\n", b" ") for paragraph in paragraphs) + b"\r\n"
    if flowed != body:
        yield Variant(Change("lines were wrapped", "body lines"), flowed)


def _list_charset_variants(body: bytes) -> Iterator[Variant]:
    if body.isascii():
        return
    line = next((number for number, one in enumerate(body.split(b"\n"), 1) if not one.isascii()), 1)
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        text = ""
        for charset in ("latin-1", "cp1252"):
            change = Change(f"the charset was changed from UTF-8 to {charset}", _line(line))
            yield Variant(change, body.decode(charset, "replace").encode("utf-8"))
    if text:
        for charset in ("latin-1", "cp1252"):
            before = text.encode(charset, "replace")
            change = Change(f"the charset was changed from {charset} to UTF-8", _line(line))
            if not before.isascii() and _is_utf8(before):
                change = Change(f"UTF-8 was encoded twice, through {charset}", _line(line))
            yield Variant(change, before)
        for form in ("NFC", "NFD") if _can_be_normalized(text) else ():
            change = Change("letters with accents were composed or decomposed", _line(line))
            yield Variant(change, unicodedata.normalize(form, text).encode("utf-8"))
        if text.startswith("\ufeff"):
            yield Variant(Change("a byte order mark was added", _line(1)), text[1:].encode("utf-8"))


def _can_be_normalized(text: str) -> bool:
    """Return whether normalization takes linear time.

    It sorts each run of combining characters, in quadratic time.
    """
    return not _COMBINING_RUN.search(bytes(map(unicodedata.combining, text)))


def _is_utf8(text: bytes) -> bool:
    try:
        text.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
