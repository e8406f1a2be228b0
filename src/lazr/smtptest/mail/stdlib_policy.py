"""A variant of `email.policy.default` whose header parsers neither raise nor take long.

The parsers of `email` raise for some header fields, depending on the Python version, and take quadratic time for
others.  A field that is too long or that raises becomes its raw text, with a defect.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from email.errors import HeaderDefect
    from email.headerregistry import BaseHeader
    from email.message import EmailMessage
    from email.policy import EmailPolicy

__all__ = ["build_safe_policy"]

# At 4 KiB the worst field takes a third of a second, at 8 KiB more than one second.
_MAX_PARSED_CHARACTERS = 4_096
_MAX_CACHED_HEADERS = 256
_MAX_RAW_CHARACTERS = 2_048


def build_safe_policy() -> EmailPolicy[EmailMessage]:
    """Return a policy for one message; it caches the parsed header fields of that message."""
    from email.policy import default

    return default.clone(header_factory=_SafeHeaderFactory(default.header_factory))


class _SafeHeaderFactory:
    """A replacement of `email`'s `HeaderRegistry` that calls it only where that is safe."""

    def __init__(self, registry: Callable[[str, str], BaseHeader]) -> None:
        self._registry = registry
        self._cache: dict[tuple[str, str], BaseHeader] = {}

    def __getitem__(self, name: str) -> object:
        """Return the class of a header field, in which the policy looks up `max_count`."""
        return self._registry[name]  # type: ignore[index]  # the registry has this method, typeshed declares a plain callable

    def __call__(self, name: str, value: str) -> BaseHeader:
        found = self._cache.get((name, value))
        if found is None:
            found = self._parse(name, value)
            if len(self._cache) < _MAX_CACHED_HEADERS:
                self._cache[name, value] = found
        return found

    def _parse(self, name: str, value: str) -> BaseHeader:
        from email.errors import HeaderDefect

        if len(value) > _MAX_PARSED_CHARACTERS:
            return _build_raw_header(
                name, value, HeaderDefect(f"more than {_MAX_PARSED_CHARACTERS:,} characters, not parsed: truncated")
            )
        try:
            return self._registry(name, value)
        except Exception as error:  # noqa: BLE001 - untrusted input can raise anything in the parser
            return _build_raw_header(name, value, HeaderDefect(f"not parsed: {type(error).__name__}: {error}"))


def _build_raw_header(name: str, value: str, defect: HeaderDefect) -> BaseHeader:
    from email._header_value_parser import UnstructuredTokenList, ValueTerminal
    from email.headerregistry import BaseHeader

    class RawHeader(BaseHeader):
        """A header field that was not parsed: its string value is the raw text.

        The attributes of all kinds of header fields exist, with empty values.
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
        value = value[:_MAX_RAW_CHARACTERS]  # `Message.get_param` takes quadratic time
    header = RawHeader(name, value)
    if name.lower() == "content-disposition":
        header.content_disposition = value.partition(";")[0].strip().lower()
    return header
