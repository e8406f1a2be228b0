"""Folder names on the wire: in modified UTF-7, or in UTF-8 (RFC 9051 5.1)."""

from __future__ import annotations

from lazr.smtptest._util.lazy_pattern import compile_lazily
from lazr.smtptest.protocol.imap.response_values import render_literal, render_string
from lazr.smtptest.protocol.imap.utf7 import encode_utf7

TYPE_CHECKING = False

__all__ = ["render_folder_name"]

_UNQUOTABLE = compile_lazily(rb"[\x00-\x1f\x7f]")
_ESCAPED = compile_lazily(rb'(["\\])')


def render_folder_name(name: str, *, is_utf8: bool) -> bytes:
    r"""Return the name as a quoted string, or as a literal if it cannot be quoted.

    Args:
        name: The name.
        is_utf8: Whether the client has enabled UTF-8 in quoted strings (RFC 6855 3).

    >>> render_folder_name("Entwürfe", is_utf8=False)
    b'"Entw&APw-rfe"'
    """
    if not is_utf8:
        return render_string(encode_utf7(name))
    octets = name.encode("utf-8", "replace")
    if _UNQUOTABLE.search(octets) is not None:
        return render_literal(octets)
    return b'"%s"' % _ESCAPED.sub(rb"\\\1", octets)
