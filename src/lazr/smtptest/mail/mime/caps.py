"""How much of one mail is read; past a cap it stays raw, and a defect says that it was truncated."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

__all__: list[str] = []

HEADER_BLOCK: Final = 100 * 1024  # octets of one header block; Postfix's header_size_limit
FIELDS: Final = 1_000  # header fields of one block
FIELDS_IN_ALL: Final = 10_000  # ... and of all of a mail's blocks
DEPTH: Final = 100  # multiparts in multiparts; Postfix's mime_nesting_limit
PARTS: Final = 1_000
BOUNDARY: Final = 2_048  # octets; RFC 2046 5.1.1 allows 70
PARAMETERS: Final = 200  # of one header field
ADDRESS_TOKENS: Final = 10_240  # of one header field
# Each nested multipart is searched for its own delimiters; so many octets may be searched in all.
SEARCHED: Final = 256 * 1024 * 1024
# Text that its codec refuses is decoded piece by piece, which is slow in some of them: characters.
BROKEN_TEXT: Final = 1024 * 1024
# What is derived (links, codes, text made of HTML) looks at so many characters, and so many tags or finds.
DERIVED: Final = 1024 * 1024
CODES: Final = 128 * 1024  # characters that codes are looked for in
TAGS: Final = 50_000
FINDS: Final = 10_000
DEFECTS: Final = 1_000
