"""An attachment: a part of a mail that is not its text (RFC 2183)."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

__all__ = ["Attachment"]


class Attachment:
    """A part of a message that is neither its text nor its HTML.

    - `filename`: as the sender wrote it, decoded; the empty string where there is none.
    - `content_type`: such as "image/png", in lower case.
    - `content`: the octets, without their transfer encoding; those of a message within the message as they came.
    - `content_id`: its name within the mail (RFC 2392), without angle brackets, or the empty string.
    - `inline`: whether it is meant to be shown within the text, as an image in HTML is.
    - `filenames`: all the different names that it was given, the one that counts first.  More than one is a
      trick, or a mistake: one program looks at one of them, and another at another.
    - `number`: its place among the parts, as IMAP counts them (RFC 9051 6.4.5): "2", or "1.2".
    """

    __slots__ = ("content", "content_id", "content_type", "filename", "filenames", "inline", "number")

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
    ) -> None:
        self.filename: Final = filename
        self.content_type: Final = content_type
        self.content: Final = content
        self.content_id: Final = content_id
        self.inline: Final = inline
        self.filenames: Final = filenames
        self.number: Final = number

    def __repr__(self) -> str:
        return f"Attachment({self.filename!r}, {self.content_type!r}, {len(self.content)} octets)"
