"""Join byte strings in place, and find CRs and LFs that stand alone."""

__all__ = ["count_bare_line_ends", "has_bare_line_ends", "join_parts"]


def join_parts(parts: list[bytes]) -> bytes:
    """Return the parts as one byte string, and replace the list's items with it.

    Every holder of the list then shares the joined bytes, and no caller joins them twice.

    >>> parts = [b"Subject: ", b"Hi"]
    >>> join_parts(parts), parts
    (b'Subject: Hi', [b'Subject: Hi'])
    """
    if len(parts) != 1:
        parts[:] = [b"".join(parts)]
    return parts[0]


def count_bare_line_ends(content: bytes) -> tuple[int, int]:
    r"""Return the number of CRs without an LF, and of LFs without a CR (RFC 5321 2.3.8).

    >>> count_bare_line_ends(b"a\r\nb\rc\nd\n")
    (1, 2)
    """
    pairs = content.count(b"\r\n")
    return content.count(b"\r") - pairs, content.count(b"\n") - pairs


def has_bare_line_ends(content: bytes) -> bool:
    """Whether the content has a CR or an LF that stands alone (RFC 5321 2.3.8)."""
    return count_bare_line_ends(content) != (0, 0)
