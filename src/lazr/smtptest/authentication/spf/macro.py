"""The macros of SPF records (RFC 7208 7): parsed once, expanded for each check.

`parse_macro_string` and `parse_domain_spec` return a `MacroString`; its `expand` asks a `MacroValues` for each letter.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NamedTuple
from urllib.parse import quote

from lazr.smtptest.authentication.domain_name import MAX_NAME_CHARACTERS, has_valid_labels
from lazr.smtptest.authentication.excerpt import shorten

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "EXPLANATION_LETTERS",
    "RECORD_LETTERS",
    "MacroError",
    "MacroString",
    "build_target_name",
    "parse_domain_spec",
    "parse_macro_string",
]

RECORD_LETTERS = frozenset("slodiphv")
# RFC 7208 7.2: these are allowed only in the text that `exp=` names.
EXPLANATION_LETTERS = RECORD_LETTERS | frozenset("crt")
# What a text of a few kilobytes can expand to must not fill the memory; names are cut to 253 characters anyway.
_MAX_EXPANDED_CHARACTERS = 64_000
_MACRO = re.compile(r"([A-Za-z])([0-9]*)([rR]?)([-.+,/_=]*)")
_ESCAPES = {"%": "%", "_": " ", "-": "%20"}
# RFC 7208 7.1: the last label is not all digits, and neither begins nor ends with a hyphen.
_TOP_LABEL = re.compile(r"(?![0-9]+\Z)[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?")
_DOTTED_NUMBERS = re.compile(r"[0-9]+(?:\.[0-9]+){3}")


class MacroError(ValueError):
    """The text breaks the syntax of RFC 7208 7.1, or expands to too many characters."""


class Macro(NamedTuple):
    """One macro; `%{l2r-}` splits the value of `l` at `-`, reverses it, and keeps 2 parts."""

    letter: str
    kept_parts: int | None
    is_reversed: bool
    delimiters: str
    is_url_escaped: bool

    def apply(self, value: str) -> str:
        """Split, reverse, cut and join the value of the letter (RFC 7208 7.3)."""
        if self.kept_parts is not None or self.is_reversed or self.delimiters != ".":
            parts = re.split(f"[{re.escape(self.delimiters)}]", value)
            if self.is_reversed:
                parts.reverse()
            if self.kept_parts is not None:
                parts = parts[-self.kept_parts :]
            value = ".".join(parts)
        return quote(value, safe="-._~") if self.is_url_escaped else value


@dataclass(frozen=True, slots=True)
class MacroString:
    """A text with macros.

    Args:
        text: The text as it is in the record.
        parts: The literal texts and macros, in order.
    """

    text: str
    parts: tuple[str | Macro, ...]

    @property
    def names_local_part(self) -> bool:
        """Whether `%{s}` or `%{l}` is in the text (RFC 8616 4)."""
        return any(isinstance(part, Macro) and part.letter in "sl" for part in self.parts)

    def expand(self, find_value: Callable[[str], str]) -> str:
        """Return the text with the values in place of the macros.

        Args:
            find_value: Returns the value of a letter, which is in lower case.

        Raises:
            MacroError: The result would be too long.

        >>> values = {"l": "strong-bad", "d": "email.example.com"}
        >>> parse_macro_string("%{l1r-}.%{d2}").expand(values.__getitem__)
        'strong.example.com'
        """
        expanded: list[str] = []
        size = 0
        for part in self.parts:
            value = part if isinstance(part, str) else part.apply(find_value(part.letter))
            size += len(value)
            if size > _MAX_EXPANDED_CHARACTERS:
                raise MacroError(f"macros expand to more than {_MAX_EXPANDED_CHARACTERS} characters")
            expanded.append(value)
        return "".join(expanded)


def parse_macro_string(text: str, letters: frozenset[str] = RECORD_LETTERS, *, has_spaces: bool = False) -> MacroString:
    """Return the parts of a macro-string, or of an explain-string (RFC 7208 7.1).

    Args:
        text: The text.
        letters: The macro letters that it may have, in lower case.
        has_spaces: Whether spaces may be in the text: they are in explanations.

    Raises:
        MacroError: A `%` begins no macro, a letter is unknown, or a character is not allowed.
    """
    parts, rest = _parse_macros(text, letters, has_spaces=has_spaces)
    return MacroString(text, (*parts, rest) if rest else parts)


def parse_domain_spec(text: str) -> MacroString:
    """Return the parts of a domain-spec, which ends in a macro or in a top label.

    Raises:
        MacroError: The text is no domain-spec (RFC 7208 7.1).

    >>> parse_domain_spec("_spf.%{d}").parts[0], parse_domain_spec("example.com.").text
    ('_spf.', 'example.com.')
    >>> parse_domain_spec("192.0.2.1")
    Traceback (most recent call last):
    lazr.smtptest.authentication.spf.macro.MacroError: '192.0.2.1' is an address, not a domain name; use ip4:192.0.2.1
    """
    parts, rest = _parse_macros(text, RECORD_LETTERS, has_spaces=False)
    if not text:
        raise MacroError("the domain name is missing")
    if rest:
        _, dot, top_label = rest.removesuffix(".").rpartition(".")
        if not dot or _TOP_LABEL.fullmatch(top_label) is None:
            if _DOTTED_NUMBERS.fullmatch(text):
                raise MacroError(f"{text!r} is an address, not a domain name; use ip4:{text}")
            raise MacroError(f"{shorten(text)!r} ends neither in a domain name such as example.com nor in a macro")
    return MacroString(text, (*parts, rest) if rest else parts)


def build_target_name(expanded: str) -> str | None:
    """Return the name to look up (RFC 7208 7.3); None if the DNS cannot have it.

    >>> build_target_name("a.example.com."), build_target_name("a..example.com")
    ('a.example.com', None)
    >>> build_target_name("x." * 200 + "example.com")[:8], len(build_target_name("x." * 200 + "example.com"))
    ('x.x.x.x.', 253)
    """
    name = expanded.removesuffix(".")
    if len(name) > MAX_NAME_CHARACTERS:
        # Remove whole labels on the left: the name must begin after a dot.
        cut = name.find(".", len(name) - MAX_NAME_CHARACTERS - 1)
        name = name[cut + 1 :] if cut >= 0 else ""
    return name if has_valid_labels(name) else None


def _parse_macros(text: str, letters: frozenset[str], *, has_spaces: bool) -> tuple[tuple[str | Macro, ...], str]:
    """Return the parts up to the last macro, and the literal text after it."""
    parts: list[str | Macro] = []
    position = 0
    while (percent := text.find("%", position)) >= 0:
        if percent > position:
            parts.append(_check_literal(text[position:percent], has_spaces=has_spaces))
        following = text[percent + 1 : percent + 2]
        if following and following in _ESCAPES:
            parts.append(_ESCAPES[following])
            position = percent + 2
        elif following == "{":
            match = _MACRO.match(text, percent + 2)
            if match is None or text[match.end() : match.end() + 1] != "}":
                raise MacroError(f"{shorten(text[percent:])!r} is not a macro")
            parts.append(_build_macro(match, letters))
            position = match.end() + 1
        else:
            raise MacroError(f"{shorten(text[percent:])!r} is not a macro; a percent sign is written as %%")
    return tuple(parts), _check_literal(text[position:], has_spaces=has_spaces)


def _check_literal(text: str, *, has_spaces: bool) -> str:
    # RFC 7208 7.1: macro-literal is visible ASCII without the percent sign.
    if text and (not (text.isascii() and text.isprintable()) or (" " in text and not has_spaces)):
        raise MacroError(f"{shorten(text)!r} has a character other than visible ASCII")
    return text


def _build_macro(match: re.Match[str], letters: frozenset[str]) -> Macro:
    letter, digits, reverse, delimiters = match.groups()
    if letter.lower() not in letters:
        if letter.lower() in EXPLANATION_LETTERS:
            raise MacroError(f"the macro %{{{letter}}} is allowed only in the text of an explanation")
        raise MacroError(f"the macro letter {letter!r} is unknown")
    kept_parts = None
    if digits:
        # More parts than this cannot exist; and `int` refuses more than 4300 digits.
        significant = digits.lstrip("0")
        if not significant:
            raise MacroError(f"{shorten(match[0])!r} keeps no part of the value; the number must be at least 1")
        kept_parts = int(significant) if len(significant) < 10 else 10**9
    return Macro(letter.lower(), kept_parts, bool(reverse), delimiters or ".", letter.isupper())
