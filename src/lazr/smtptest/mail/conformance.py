"""Find what RFC 5322 and RFC 2045 forbid, although it can be read."""

from __future__ import annotations

from lazr.smtptest.mail.mime.header import unfold

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lazr.smtptest.mail.mime.defect import Defects
    from lazr.smtptest.mail.mime.tree import Part

__all__ = ["check_conformance"]

_MAX_LINE_BYTES = 998  # RFC 5322 2.1.1, RFC 5321 4.5.3.1.6: without CRLF
# RFC 5322 3.6; Resent- fields and trace fields may be repeated.
_SINGLE_FIELDS = frozenset(
    {
        "date",
        "from",
        "sender",
        "reply-to",
        "to",
        "cc",
        "bcc",
        "message-id",
        "in-reply-to",
        "references",
        "subject",
        "mime-version",
    }
)
# RFC 2045 3, RFC 2183 2: once in each part.  Programs differ in which one of several they use.
_SINGLE_PART_FIELDS = frozenset(
    {"content-type", "content-transfer-encoding", "content-disposition", "content-id", "content-description"}
)
# RFC 5322 3.6 requires these two.  Message-ID "SHOULD be present", and many submission servers add it.
_REQUIRED_FIELDS = ("From", "Date")
_NONEMPTY_FIELDS = frozenset({"from", "sender", "reply-to", "to", "cc"})
_ENCODINGS = frozenset({"base64", "quoted-printable"})
_SEVEN_BIT = frozenset({"", "7bit"})


def check_conformance(content: bytes, tree: Part, author_count: int, defects: Defects, *, is_binary: bool) -> None:
    """Add a defect for each rule that the message breaks.

    Args:
        content: the bytes of the message, with LF or CRLF line ends.
        tree: the parts of the message.
        author_count: the number of addresses in From.
        defects: receives the defects.
        is_binary: whether MAIL announced BODY=BINARYMIME, which permits long lines and bytes of any value.
    """
    _check_fields(tree, author_count, defects)
    for part in tree.walk():
        _check_part(content, part, defects)
    if not is_binary:
        _check_lines(content, defects)


def _check_fields(tree: Part, author_count: int, defects: Defects) -> None:
    counts = _count_fields(tree)
    for name, count in counts.items():
        if name in _SINGLE_FIELDS and count > 1:
            spelling = next(found for found, _ in tree.fields if found.lower() == name)
            defects.add(f"header {spelling}", f"{count} fields with this name, where one is allowed")
    for name in _REQUIRED_FIELDS:
        if name.lower() not in counts:
            defects.add(f"header {name}", "missing")
    for name, raw in tree.fields:
        if name.lower() in _NONEMPTY_FIELDS and not raw.strip():
            defects.add(f"header {name}", "no address")  # RFC 5322 3.6.2 and 3.6.3: only Bcc may be empty
    if author_count > 1 and counts.get("from") == 1 and "sender" not in counts:
        defects.add("header Sender", "missing, although From has several addresses")  # RFC 5322 3.6.2


def _count_fields(part: Part) -> dict[str, int]:
    counts: dict[str, int] = {}
    for name, _ in part.fields:
        counts[name.lower()] = counts.get(name.lower(), 0) + 1
    return counts


def _check_part(content: bytes, part: Part, defects: Defects) -> None:
    for name, count in _count_fields(part).items():
        if name in _SINGLE_PART_FIELDS and count > 1:
            spelling = next(found for found, _ in part.fields if found.lower() == name)
            where = part.location if part.number else f"header {spelling}"
            defects.add(where, f"{count} {spelling} fields, where one is allowed")
    raw_encoding = next((raw for name, raw in part.fields if name.lower() == "content-transfer-encoding"), b"")
    encoding = unfold(raw_encoding.decode("latin-1")).lower()
    if part.is_multipart and encoding in _ENCODINGS:
        defects.add(part.location, "multipart with a transfer encoding")  # RFC 2045 6.4
    if part.children or part.is_multipart or part.type.value.startswith("message/"):
        return
    if encoding in _SEVEN_BIT and not content[part.body_start : part.body_end].isascii():
        defects.add(part.location, "bytes above 127 in a body that is declared as 7bit, or not declared")


def _check_lines(content: bytes, defects: Defects) -> None:
    """Count the lines that are too long, in jumps of up to 998 bytes."""
    count = first = 0
    at = 0
    while at < len(content):
        end = content.rfind(b"\n", at, at + _MAX_LINE_BYTES + 1)
        if end < 0:
            end = content.find(b"\n", at + _MAX_LINE_BYTES + 1)
            end = len(content) if end < 0 else end
            length = end - at - content.startswith(b"\r", end - 1)
            if length > _MAX_LINE_BYTES:
                count += 1
                first = first or content.count(b"\n", 0, at) + 1
        at = end + 1
    if count:
        reason = f"line {first:,} has more than {_MAX_LINE_BYTES} bytes"
        defects.add("content", reason if count == 1 else f"{reason}, and so have {count - 1:,} others")
