"""Escape untrusted text before it is shown on a terminal or written to a log."""

__all__ = ["escape_character", "escape_unprintable"]

# A line feed and a tab cannot move the cursor back; HTML mail is full of no-break spaces.
_KEPT_IN_SEVERAL_LINES = frozenset("\n\t\N{NO-BREAK SPACE}")


def escape_unprintable(text: str, *, multiline: bool = False) -> str:
    r"""Return the text with an escape, as Python writes it, for each unprintable character.

    Unprintable are control characters (C0, DEL and C1), format characters (among them those that change the
    direction of text), separators other than the space, lone surrogates, and code points without a character.
    So the result cannot steer a terminal, forge a line of a log, or fail to be encoded as UTF-8.

    Args:
        text: Untrusted input of any length.
        multiline: Keep line feeds, tabs and no-break spaces, for a text of several lines.  A CR is escaped all the
            same: it would overwrite its line.  By default the result is one line.

    >>> escape_unprintable("a\x1b[2J\nb")
    'a\\x1b[2J\\nb'
    >>> escape_unprintable("a\x1b[2J\nb", multiline=True)
    'a\\x1b[2J\nb'
    """
    if text.isprintable():
        return text
    kept = _KEPT_IN_SEVERAL_LINES if multiline else ()
    return "".join(c if c.isprintable() or c in kept else escape_character(c) for c in text)


def escape_character(character: str) -> str:
    r"""Return the escape of a non-ASCII or unprintable character, as Python writes it.

    >>> escape_character("\N{HANGUL FILLER}")
    '\\u3164'
    """
    return ascii(character)[1:-1]
