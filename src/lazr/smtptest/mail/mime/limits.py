"""Limits for parsing one mail; `Mail.truncated` lists those that it reached."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

__all__: list[str] = []

MAX_HEADER_BLOCK_BYTES: Final = 100 * 1024  # as Postfix's header_size_limit
MAX_HEADER_BLOCK_FIELDS: Final = 1_000
MAX_MAIL_HEADER_FIELDS: Final = 10_000  # of all header blocks together
MAX_MULTIPART_DEPTH: Final = 100  # as Postfix's mime_nesting_limit
MAX_PARTS: Final = 1_000
MAX_BOUNDARY_BYTES: Final = 2_048  # RFC 2046 5.1.1 allows 70
MAX_FIELD_PARAMETERS: Final = 200
MAX_FIELD_ADDRESS_TOKENS: Final = 10_240
MAX_DELIMITER_CANDIDATES: Final = 500_000  # lines of a multipart that begin with two hyphens
MAX_BROKEN_TEXT_BYTES: Final = 1024 * 1024  # some codecs decode malformed text slowly
MAX_DERIVED_CHARACTERS: Final = 1024 * 1024  # of a text that links and derived text are made from
MAX_CODE_SEARCH_CHARACTERS: Final = 128 * 1024
MAX_TAGS: Final = 50_000
MAX_FINDS: Final = 10_000  # links of a text, and numbers of a text
MAX_DEFECTS: Final = 1_000
