"""`email.policy.default`, with a fence round its header parsers.

They raise on some header fields, which ones depends on the Python, and take time by the square of the length for
others.  A field that they cannot read, or had better not, is its raw text here, with a defect.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from email.errors import HeaderDefect
    from email.headerregistry import BaseHeader
    from email.message import EmailMessage
    from email.policy import EmailPolicy

__all__ = ["fenced_policy"]

# Characters.  At 4 KiB the worst field takes a third of a second, at 8 KiB more than one.
_LONGEST = 4_096
_REMEMBERED = 256
_CUT = 2_048


def fenced_policy() -> EmailPolicy[EmailMessage]:
    """A policy for one message: what its header fields were parsed to is remembered with it."""
    from email.errors import HeaderDefect
    from email.policy import default

    parse = default.header_factory
    remembered: dict[tuple[str, str], BaseHeader] = {}

    def header(name: str, value: str) -> BaseHeader:
        known = remembered.get((name, value))
        if known is not None:
            return known
        if len(value) > _LONGEST:
            found = _raw(name, value, HeaderDefect(f"more than {_LONGEST:,} characters, not parsed: truncated"))
        else:
            try:
                found = parse(name, value)
            except Exception as error:  # noqa: BLE001 - whatever a stranger's header does to the parser
                found = _raw(name, value, HeaderDefect(f"not parsed: {type(error).__name__}: {error}"))
        if len(remembered) < _REMEMBERED:
            remembered[name, value] = found
        return found

    return default.clone(header_factory=header)


def _raw(name: str, value: str, defect: HeaderDefect) -> BaseHeader:
    from email._header_value_parser import UnstructuredTokenList, ValueTerminal
    from email.headerregistry import BaseHeader

    class RawHeader(BaseHeader):
        """A field that was not parsed: as a string it is what came.

        Whoever asks it for what its kind of field has finds none of that.
        """

        max_count = None
        addresses = groups = ()
        datetime = None
        params: Mapping[str, str] = {}
        content_type, maintype, subtype, cte = "text/plain", "text", "plain", "7bit"
        content_disposition: str | None = None

        @staticmethod
        def parse(value: str, kwds: dict[str, object]) -> None:
            kwds["parse_tree"] = UnstructuredTokenList([ValueTerminal(value, "unstructured")])
            kwds["decoded"] = value
            kwds["defects"] = [defect]

    if name.lower().startswith("content-"):
        value = value[:_CUT]  # `Message.get_param` takes time by the square of it
    header = RawHeader(name, value)
    if name.lower() == "content-disposition":
        header.content_disposition = value.partition(";")[0].strip().lower()
    return header
