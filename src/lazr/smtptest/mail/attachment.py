"""Attachments: the parts of a mail that are neither its text nor its HTML (RFC 2183)."""

from __future__ import annotations

import re

from lazr.smtptest._util.suggestion import build_getattr

TYPE_CHECKING = False
if TYPE_CHECKING:
    from os import PathLike
    from pathlib import Path
    from typing import Final

__all__ = ["Attachment"]

# Common file systems allow 255 bytes.
_MAX_FILENAME_BYTES = 200
_MAX_SUFFIX_BYTES = 20


# What to write instead of other names.
_ATTRIBUTE_ALIASES = {
    **dict.fromkeys(("name", "file_name", "get_filename"), "attachment.filename"),
    **dict.fromkeys(("mime_type", "mimetype", "type", "media_type", "get_content_type"), "attachment.content_type"),
    **dict.fromkeys(
        ("data", "bytes", "body", "payload", "read", "read_bytes", "get_content", "get_payload", "raw"),
        "attachment.content, or attachment.text",
    ),
    **dict.fromkeys(("size", "length"), "len(attachment.content)"),
    **dict.fromkeys(("disposition", "is_inline", "content_disposition"), "attachment.inline"),
    **dict.fromkeys(("cid", "id"), "attachment.content_id"),
    "encoding": "attachment.charset",
    "json": "json.loads(attachment.content)",
    **dict.fromkeys(("read_text", "decode", "get_text"), "attachment.text"),
    **dict.fromkeys(("write", "save_as", "download"), "attachment.save(path)"),
}


class Attachment:
    """A part of a mail that is neither its text nor its HTML.

    All arguments are attributes.

    Args:
        filename: the decoded file name; the empty string if absent.
        content_type: the media type in lower case, such as "image/png".
        content: the bytes without their transfer encoding; a nested message is not decoded.
        content_id: the identifier within the mail (RFC 2392), without angle brackets; the empty string if none.
        inline: whether the part is shown within the text, as an image in HTML is.
        filenames: all different names of the file, the decisive one first.  Several names are an error or an attack:
            programs disagree about which one they use.
        number: the part number, as in IMAP (RFC 9051 6.4.5): "2" or "1.2".
        charset: the charset that the part names; the empty string if absent.

    >>> Attachment("photo.png", "image/png", b"\\x89PNG")
    Attachment('photo.png', 'image/png', 4 bytes)
    """

    __slots__ = ("charset", "content", "content_id", "content_type", "filename", "filenames", "inline", "number")

    def __init__(
        self,
        filename: str,
        content_type: str,
        content: bytes,
        *,
        content_id: str = "",
        inline: bool = False,
        filenames: tuple[str, ...] = (),
        number: str = "",
        charset: str = "",
    ) -> None:
        self.filename: Final = filename
        self.content_type: Final = content_type
        self.content: Final = content
        self.content_id: Final = content_id
        self.inline: Final = inline
        self.filenames: Final = filenames
        self.number: Final = number
        self.charset: Final = charset

    if not TYPE_CHECKING:  # a type checker would take every name for an attribute
        __getattr__ = build_getattr(_ATTRIBUTE_ALIASES)

    @property
    def text(self) -> str:
        r"""The decoded content, with LF at the ends of lines.

        Line ends of text are CRLF in a mail (RFC 2046 4.1.1), also where the sender's file has LF, and so they are in
        `content`.  The charset is the one that the part names.  Without one, UTF-8 is tried first.

        >>> Attachment("a.csv", "text/csv", b"name\r\nGr\xc3\xbc\xc3\x9fe\r\n").text
        'name\nGrüße\n'
        """
        from lazr.smtptest.mail.mime.charset import decode_text

        text = decode_text(self.content, self.charset, lambda _: None)
        return text.replace("\r\n", "\n").replace("\r", "\n")

    def save(self, path: str | PathLike[str]) -> Path:
        """Write the content to a file, and return the file's path.

        Args:
            path: the file to write; an existing directory gets a file with the attachment's name.  Of a name in the
                mail, which is untrusted input, only the part after the last slash or backslash counts, without
                control characters; without a name, the file is called `attachment`.

        Raises:
            OSError: if the file cannot be written.
        """
        from pathlib import Path

        file = Path(path)
        if file.is_dir():
            file /= _clean_filename(self.filename)
        file.write_bytes(self.content)
        return file

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Attachment):
            return NotImplemented
        return all(getattr(self, name) == getattr(other, name) for name in self.__slots__)

    def __hash__(self) -> int:
        return hash((self.filename, self.content_type, self.content))

    def __repr__(self) -> str:
        return f"Attachment({self.filename!r}, {self.content_type!r}, {len(self.content)} bytes)"


def _clean_filename(name: str) -> str:
    """Return a file name for any system; it never leaves its directory (threat W14)."""
    base = re.split(r"[/\\]", name)[-1]
    base = "".join("_" if letter in '<>:"|?*' else letter for letter in base if letter.isprintable()).strip(" .")
    stem, dot, suffix = base.rpartition(".")
    # Windows reserves these names, with any suffix.
    if re.fullmatch(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?", base, re.IGNORECASE):
        base = f"_{base}"
    if len(base.encode("utf-8", "replace")) > _MAX_FILENAME_BYTES:
        suffix = suffix.encode("utf-8", "replace")[:_MAX_SUFFIX_BYTES].decode("utf-8", "ignore") if dot and stem else ""
        base = base.encode("utf-8", "replace")[: _MAX_FILENAME_BYTES - _MAX_SUFFIX_BYTES - 1].decode("utf-8", "ignore")
        base += f".{suffix}" if suffix else ""
    return base or "attachment"
