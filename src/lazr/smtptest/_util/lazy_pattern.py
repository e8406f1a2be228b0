"""Compile regular expressions at their first use.

Many modules have patterns that a run may never use, and compiling all of them takes longer than importing the modules.
"""

from __future__ import annotations

from functools import partial

TYPE_CHECKING = False
if TYPE_CHECKING:
    import re
    from typing import Any, AnyStr

__all__ = ["compile_lazily"]

_METHODS = ("finditer", "fullmatch", "match", "search", "split", "sub")


def compile_lazily(pattern: AnyStr) -> re.Pattern[AnyStr]:
    """Return a regular expression that is compiled when one of its methods is called.

    It has the methods of `re.Pattern` that this package uses.  After the first call, they are those of the compiled
    pattern itself, so they take no longer.

    Args:
        pattern: The regular expression, with its flags in it: `"(?i)bdat"`.

    >>> compile_lazily("(?i)bdat").fullmatch("BDAT") is not None
    True
    """
    return _LazyPattern(pattern)  # type: ignore[return-value]  # it has the same methods


class _LazyPattern:
    # Attributes, not methods with `__getattr__`: CPython finds attributes of slots faster.
    __slots__ = ("_pattern", *_METHODS)

    def __init__(self, pattern: str | bytes) -> None:
        self._pattern = pattern
        for name in _METHODS:
            setattr(self, name, partial(self._compile_and_call, name))

    def _compile_and_call(self, name: str, *args: Any, **kwargs: Any) -> object:
        import re

        compiled: re.Pattern[Any] = re.compile(self._pattern)
        for method in _METHODS:
            setattr(self, method, getattr(compiled, method))
        return getattr(compiled, name)(*args, **kwargs)
