"""Prepare user names and passwords for comparison (SASLprep, RFC 4013)."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["are_equal_secrets", "find_password", "list_spellings", "prepare_if_possible", "prepare_string"]

# RFC 4616 2 allows 255 octets.  Longer text would make the server busy for a client that has not authenticated.
_MAX_CHARACTERS = 1024


def prepare_string(text: str) -> str:
    r"""Return the text in the form in which SASL compares it (RFC 4013 2).

    Programs on macOS send letters with accents as two characters, other programs as one.  Both become the same here.

    Characters beyond Unicode 3.2, such as emoji, are allowed, as in a "query" (RFC 3454 7).  Raises `ValueError` if the
    text has characters that RFC 4013 prohibits, such as controls, or is too long.

    >>> prepare_string("pa\u0308ss") == prepare_string("p\u00e4ss")
    True
    """
    if text.isascii() and text.isprintable():
        return text  # fast path: nothing to map
    if len(text) > _MAX_CHARACTERS:
        raise ValueError(f"a name or password must have at most {_MAX_CHARACTERS} characters, got {len(text)}")
    # Imported late: most names and passwords are ASCII.
    import stringprep
    from unicodedata import normalize

    # RFC 4013 2.1: spaces become SPACE, and characters that are "commonly mapped to nothing" vanish.
    mapped = "".join(
        " " if stringprep.in_table_c12(character) else character
        for character in text
        if not stringprep.in_table_b1(character)
    )
    prepared = normalize("NFKC", mapped)
    tables = _list_prohibited_tables()
    if any(is_prohibited(character) for character in prepared for is_prohibited in tables):
        raise ValueError("the text has characters that SASLprep prohibits (RFC 4013 2.3)")
    # RFC 3454 6: text from right to left begins and ends with such a letter, and has no letters of the other direction.
    if any(map(stringprep.in_table_d1, prepared)) and (
        any(map(stringprep.in_table_d2, prepared))
        or not (stringprep.in_table_d1(prepared[0]) and stringprep.in_table_d1(prepared[-1]))
    ):
        raise ValueError("the text mixes directions, which SASLprep prohibits (RFC 3454 6)")
    return prepared


def are_equal_secrets(first: str, second: str) -> bool:
    """Whether two secrets are equal in SASL.

    The comparison takes a time that does not depend on their content.

    Text that cannot be prepared is equal only to itself.
    """
    from hmac import compare_digest  # the import takes 1 ms, and most servers have no AUTH

    return compare_digest(prepare_if_possible(first).encode(), prepare_if_possible(second).encode())


def list_spellings(secret: str) -> set[str]:
    """Return the spellings of a secret: unchanged, prepared, composed and decomposed."""
    forms = {secret, prepare_if_possible(secret)}
    if secret.isascii():
        return forms
    from unicodedata import normalize

    return forms | {normalize(form, secret) for form in ("NFC", "NFD")}


def find_password(passwords: Mapping[str, str], username: str) -> str | None:
    """Return the password of a user, found by the prepared name; None if unknown."""
    password = passwords.get(username)
    if password is not None:
        return password
    prepared = prepare_if_possible(username)
    if prepared in passwords:
        return passwords[prepared]
    # An ASCII name is prepared already, so it was found above; the others must be prepared one by one.
    for name in passwords:
        if not name.isascii() and prepare_if_possible(name) == prepared:
            return passwords[name]
    return None


def prepare_if_possible(text: str) -> str:
    """Return the prepared text, or the text itself if it cannot be prepared."""
    try:
        return prepare_string(text)
    except ValueError:
        return text


def _list_prohibited_tables() -> tuple[Callable[[str], bool], ...]:
    """Return the tables of characters that RFC 4013 2.3 prohibits."""
    import stringprep

    return (
        stringprep.in_table_c12,
        stringprep.in_table_c21_c22,
        stringprep.in_table_c3,
        stringprep.in_table_c4,
        stringprep.in_table_c5,
        stringprep.in_table_c6,
        stringprep.in_table_c7,
        stringprep.in_table_c8,
        stringprep.in_table_c9,
    )
