"""Internationalized domain names as the DNS has them (RFC 5890)."""

import unicodedata

__all__ = ["encode_domain"]

_MAX_LABEL_CHARACTERS = 63
# IDNA 2003, which the codec of Python implements, makes "ss" of the first.  To IDNA 2008 each is a letter of its own
# (RFC 5894 7.2), so that the names belong to different owners.
_DEVIATIONS = "ßς"
_FULL_STOPS = str.maketrans("。．｡", "...")  # RFC 5895 2


def encode_domain(name: str) -> str:
    """Return a domain name in lower case with A-labels.

    Args:
        name: The name.  The caller bounds its length: a label takes up to a millisecond.

    Raises:
        UnicodeError: A label cannot be encoded.

    >>> encode_domain("Bücher.Example"), encode_domain("straße.example"), encode_domain("a。example")
    ('xn--bcher-kva.example', 'xn--strae-oqa.example', 'a.example')
    """
    if name.isascii():
        return name.lower()
    return ".".join(map(_encode_label, name.translate(_FULL_STOPS).split(".")))


def _encode_label(label: str) -> str:
    if label.isascii():
        return label.lower()
    if len(label) > _MAX_LABEL_CHARACTERS:  # the codec takes quadratic time
        raise UnicodeError(f"a label has at most {_MAX_LABEL_CHARACTERS} characters, got {len(label)}")
    from encodings import idna

    if not any(letter in label for letter in _DEVIATIONS):
        return idna.ToASCII(label).decode("ascii").lower()
    prepared = "".join(letter if letter in _DEVIATIONS else idna.nameprep(letter) for letter in label)
    encoded = "xn--" + unicodedata.normalize("NFC", prepared).encode("punycode").decode("ascii")
    if len(encoded) > _MAX_LABEL_CHARACTERS:
        raise UnicodeError(f"a label has at most {_MAX_LABEL_CHARACTERS} characters, got {len(encoded)} as {encoded}")
    return encoded
