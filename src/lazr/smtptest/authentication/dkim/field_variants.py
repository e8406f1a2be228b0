"""Forms that one header field may have had when it was signed."""

from __future__ import annotations

import base64
import quopri

from lazr.smtptest.authentication.dkim.canonicalization import canonicalize_field
from lazr.smtptest.authentication.dkim.change import Change, Variant
from lazr.smtptest.authentication.dkim.field import Field
from lazr.smtptest.authentication.dkim.tags import show

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["list_field_variants"]

MAX_WORDS = 40
# Longer fields are compared as they are.
MAX_SEARCHED_OCTETS = 8_000
_FOLD_WIDTHS = (72, 75, 76, 77, 78)
_TRANSFER_ENCODINGS = (b"7bit", b"8bit", b"quoted-printable", b"base64", b"binary")
_CHARSETS = (b"utf-8", b"UTF-8", b"us-ascii", b"US-ASCII", b"iso-8859-1", b"ISO-8859-1", b"windows-1252")
_RESULTS = (b"pass", b"fail", b"none", b"softfail", b"neutral", b"temperror", b"permerror")
_DAYS = (b"Mon", b"Tue", b"Wed", b"Thu", b"Fri", b"Sat", b"Sun")
_CONTENT_TYPES = (b"text/plain", b"text/html")


def list_field_variants(field: Field, algorithm: str) -> Iterator[Variant]:
    """Yield other canonical forms that a field may have had, and what happened since.

    Args:
        field: The field.
        algorithm: The canonicalization of the header, "simple" or "relaxed".
    """
    present = canonicalize_field(field, algorithm)
    if len(field.value) > MAX_SEARCHED_OCTETS:
        return
    seen = {present}
    place = f"header {field.label}"
    for text, name, value in _list_values(field, algorithm):
        if not value.endswith(b"\r\n"):
            value += b"\r\n"  # noqa: PLW2901
        canonical = canonicalize_field(Field(name, value), algorithm)
        if canonical not in seen:
            seen.add(canonical)
            yield Variant(Change(f"the field {field.label} was changed: {text}", place), canonical)


def _list_values(field: Field, algorithm: str) -> Iterator[tuple[str, bytes, bytes]]:
    """Yield what happened, and name and value before it."""
    flat = field.value.replace(b"\r\n", b"").strip(b" \t")
    if algorithm == "simple":  # first, because the others have the text in one line
        yield from ((text, field.name, value) for text, value in _list_folds(field, flat))
    for values in (
        _list_words(flat),
        _list_spellings(flat),
        _list_known_values(field.key, flat),
        _list_encodings(flat),
    ):
        yield from ((text, field.name, b" " + value) for text, value in values)
    if algorithm == "simple":
        for name in (field.name.lower(), field.name.title(), field.name.upper(), field.key.title()):
            yield "the case of its name", name, field.value
        yield "white space before the colon", field.name + b" ", field.value


def _list_words(flat: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield the value without its first or last words, such as the "[list]" of a mailing list."""
    words = flat.split(b" ")[:MAX_WORDS]
    position = 0
    for word in words[:-1]:
        position += len(word) + 1
        yield f'"{show(flat[:position])}" was put in front', flat[position:]
    end = len(flat)
    for word in reversed(flat.split(b" ")[1:][-MAX_WORDS:]):
        end -= len(word) + 1
        yield f'"{show(flat[end:])}" was added at its end', flat[:end]
        if flat[:end].endswith((b";", b",")):
            yield f'"{show(flat[end - 1 :])}" was added at its end', flat[: end - 1]
    if flat:
        yield f'"{show(flat)}" was put into the empty field', b""


def _list_spellings(flat: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield the value with other case, quotes and white space."""
    for value in (flat.lower(), flat.upper(), flat.title(), flat.capitalize()):
        yield "upper and lower case", value
    local, at, domain = flat.rpartition(b"@")
    if at:
        yield "upper and lower case of the domain", local + at + domain.lower()
        yield "upper and lower case of the domain", local + at + domain.title()
    yield "quotes", flat.replace(b'"', b"")
    name, bracket, address = flat.rpartition(b"<")
    if bracket:
        yield "quotes", b'"%b" <%b' % (name.strip(b' "'), address)
        yield "the name before the address", b"<" + address
        yield "the name before the address", address.rstrip(b"> ")
        yield "the order of name and address", b"%b (%b)" % (address.rstrip(b"> "), name.strip(b' "'))
    elif at and b" " not in flat and b"," not in flat:
        yield "brackets around the address", b"<" + flat + b">"
    yield "white space", b" ".join(flat.split())
    yield "white space", b"".join(flat.split())
    for separator in (b",", b";", b":", b"/", b"="):
        if separator in flat:
            yield f'white space around "{separator.decode()}"', flat.replace(separator + b" ", separator)
            tight = separator.join(part.strip(b" \t") for part in flat.split(separator))
            yield f'white space around "{separator.decode()}"', tight
            yield f'white space around "{separator.decode()}"', tight.replace(separator, separator + b" ")
    yield "white space", flat.replace(b"?= =?", b"?==?")
    yield "white space", flat.replace(b"\t", b" ")


def _list_known_values(key: bytes, flat: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield the usual values of a field."""
    shown = show(flat)
    if key == b"content-transfer-encoding":
        for encoding in _TRANSFER_ENCODINGS:
            yield f'it was "{encoding.decode()}" when it was signed, and is "{shown}" now', encoding
    elif key == b"content-type":
        types = (flat.partition(b";")[0].strip(), *_CONTENT_TYPES)
        for value in [
            *types,
            *(
                template % (kind, charset)
                for kind in types
                for charset in _CHARSETS
                for template in (b"%b; charset=%b", b'%b; charset="%b"', b"%b;charset=%b")
            ),
        ]:
            yield f'it was "{show(value)}" when it was signed, and is "{shown}" now', value
    elif key in (b"arc-authentication-results", b"arc-seal"):
        yield from _list_results(flat)
    elif key == b"mime-version":
        yield f'it was "1.0" when it was signed, and is "{shown}" now', b"1.0"
    elif key == b"date":
        for value in (b"GMT", b"+0000", b"-0000", b"UT", b"+0000 (UTC)", b"+0000 (GMT)"):
            yield "the time zone", flat.rpartition(b" ")[0] + b" " + value
        for day in _DAYS:
            yield "the day of the week", day + b"," + flat.partition(b",")[2]


def _list_results(flat: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield the field with another result at one place."""
    pieces = flat.split(b"=")[:MAX_WORDS]
    for number in range(1, len(pieces)):
        for now in _RESULTS:
            if not pieces[number].startswith(now):
                continue
            for before in _RESULTS:
                changed = [*pieces[:number], before + pieces[number].removeprefix(now), *pieces[number + 1 :]]
                method = pieces[number - 1].rpartition(b" ")[2].decode("ascii", "replace")[:20]
                yield f"{method}={before.decode()} became {method}={now.decode()}", b"=".join(changed)


def _list_encodings(flat: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield the value as encoded words, or decoded (RFC 2047, RFC 6532)."""
    if flat.isascii():
        if b"=?" in flat:
            yield "it was encoded as RFC 2047 demands", _decode_words(flat)
        return
    yield "it was encoded in base64 and decoded later", b"=?utf-8?b?%b?=" % base64.b64encode(flat)
    yield "it was encoded in base64 and decoded later", b"=?UTF-8?B?%b?=" % base64.b64encode(flat)
    quoted = quopri.encodestring(flat, header=True).replace(b"=\n", b"")
    yield "it was encoded and decoded later", b"=?utf-8?q?%b?=" % quoted
    yield "it was encoded and decoded later", b"=?UTF-8?Q?%b?=" % quoted
    for charset in ("latin-1", "cp1252"):
        yield f"the charset was changed from {charset}", flat.decode("utf-8", "replace").encode(charset, "replace")
        yield "UTF-8 was encoded twice", flat.decode("utf-8", "replace").encode(charset, "replace")


def _decode_words(flat: bytes) -> bytes:
    from email.errors import HeaderParseError
    from email.header import decode_header, make_header

    try:
        return str(make_header(decode_header(flat.decode("ascii")))).encode("utf-8", "replace")
    except (HeaderParseError, LookupError, ValueError):
        return flat


def _list_folds(field: Field, flat: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield the value folded at other places (RFC 5322 2.2.3)."""
    folded = "it was folded in another way"
    start = b"" if field.value.startswith(b" ") else b" "
    raw = field.value.removesuffix(b"\r\n")
    yield folded, raw.replace(b"\r\n", b"")
    yield folded, raw.replace(b"\r\n\t", b"\r\n ")
    yield folded, raw.replace(b"\r\n ", b"\r\n\t")
    yield folded, raw.replace(b"\r\n ", b" ").replace(b"\r\n\t", b" ")
    yield "white space after the colon", start + field.value
    yield "white space after the colon", field.value.lstrip(b" \t")
    yield "white space after the colon", b" " + field.value.lstrip(b" \t")
    yield "white space at its end", raw.rstrip(b" \t")
    yield "white space at its end", raw + b" "
    for width in _FOLD_WIDTHS:
        yield folded, b" " + _fold(flat, width, width - len(field.name) - 2)
    position = flat.find(b" ")
    for _ in range(MAX_WORDS):
        if position < 0:
            break
        for space in (b" ", b"\t"):
            yield folded, b" " + flat[:position] + b"\r\n" + space + flat[position + 1 :]
        position = flat.find(b" ", position + 1)
    yield folded, b"\r\n " + flat


def _fold(flat: bytes, width: int, first_width: int) -> bytes:
    """Break a value at spaces, so that lines have at most `width` bytes."""
    lines = [b""]
    for word in flat.split(b" "):
        limit = first_width if len(lines) == 1 else width - 1
        if lines[-1] and len(lines[-1]) + 1 + len(word) > limit:
            lines.append(word)
        else:
            lines[-1] = lines[-1] + b" " + word if lines[-1] else word
    return b"\r\n ".join(lines)
