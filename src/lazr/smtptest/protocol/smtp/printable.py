"""A stranger's words, as they may be shown to people."""

__all__ = ["printable"]


def printable(text: str) -> str:
    r"""The text with escapes for all that could steer a terminal, or break a line.

    >>> printable("a\x1b[2Jb")
    'a\\x1b[2Jb'
    """
    return text if text.isprintable() else "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
