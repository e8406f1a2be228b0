"""TXT records as tools print them: quoted character-strings in a row (RFC 1035 5.1)."""

from __future__ import annotations

__all__ = ["join_character_strings"]


def join_character_strings(text: str) -> bytes:
    """Return the value of a TXT record, whose quoted strings are joined without a separator.

    A text without quotes at its start is the value itself.  Key generators print quoted parts in parentheses, because a
    character-string has at most 255 octets; such a text can be used as it is.

    Raises:
        ValueError: A quote is not closed, or there is text between the strings.

    >>> join_character_strings('( "v=DKIM1; k=rsa; " "p=MIIB" )'), join_character_strings("v=spf1 -all")
    (b'v=DKIM1; k=rsa; p=MIIB', b'v=spf1 -all')
    """
    stripped = text.strip()
    if not stripped.startswith('"') and not stripped.removeprefix("(").lstrip().startswith('"'):
        return text.encode("utf-8", "surrogateescape")
    rest = stripped.removeprefix("(").removesuffix(")").strip()
    value = bytearray()
    while rest:
        if not rest.startswith('"'):
            raise ValueError(
                f"quoted parts of a TXT record must follow each other, got {rest[:40]!r} after them; remove the quotes,"
                " or put them around each part"
            )
        part, rest = _split_string(rest[1:])
        value += part.encode("utf-8", "surrogateescape")
        rest = rest.lstrip()
    return bytes(value)


def _split_string(text: str) -> tuple[str, str]:
    """Return the string up to the closing quote, and the rest."""
    letters: list[str] = []
    position = 0
    while position < len(text):
        letter = text[position]
        if letter == '"':
            return "".join(letters), text[position + 1 :]
        if letter == "\\":
            position += 1
            letter = text[position : position + 1]
        letters.append(letter)
        position += 1
    raise ValueError(f"a quote of a TXT record must be closed, got {text[:40]!r}; add the closing quote")
