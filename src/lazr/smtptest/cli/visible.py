"""A stranger's words, as they may be shown on a terminal."""

__all__ = ["visible"]


def visible(text: str, *, keep_lines: bool = True) -> str:
    r"""The text with escapes for what could steer a terminal; line ends and tabs stay, if lines are to be kept.

    >>> visible("red: \x1b[31m")
    'red: \\x1b[31m'
    """
    return "".join(
        character
        if character.isprintable() or (character in "\n\t" and keep_lines)
        else character.encode("unicode_escape").decode("ascii")
        for character in text
    )
