"""`email.policy.default`, with a fence round its header parsers.

They raise on some header fields, which ones depends on the Python, and take time by the square of the length for
others.  A field that they cannot read, or had better not, is its raw text here, with a defect.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
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
    from email.policy import default

    return default.clone(header_factory=_Factory(default.header_factory))


class _Factory:
    """Takes the place of `email.headerregistry.HeaderRegistry`, and asks it where that is safe."""

    def __init__(self, registry: Callable[[str, str], BaseHeader]) -> None:
        self._registry = registry
        self._remembered: dict[tuple[str, str], BaseHeader] = {}

    def __getitem__(self, name: str) -> object:
        """The class of a field, which the policy asks how often it may be there."""
        return self._registry[name]  # type: ignore[index]  # a registry has this, and typeshed wants only calls

    def __call__(self, name: str, value: str) -> BaseHeader:
        found = self._remembered.get((name, value))
        if found is None:
            found = self._parsed(name, value)
            if len(self._remembered) < _REMEMBERED:
                self._remembered[name, value] = found
        return found

    def _parsed(self, name: str, value: str) -> BaseHeader:
        from email.errors import HeaderDefect

        if len(value) > _LONGEST:
            return _raw(name, value, HeaderDefect(f"more than {_LONGEST:,} characters, not parsed: truncated"))
        try:
            return self._registry(name, value)
        except Exception as error:  # noqa: BLE001 - whatever a stranger's header does to the parser
            return _raw(name, value, HeaderDefect(f"not parsed: {type(error).__name__}: {error}"))


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
