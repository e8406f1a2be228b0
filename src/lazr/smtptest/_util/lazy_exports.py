"""Export names of a package, and import their modules at first use (PEP 562)."""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["lazy_exports"]


def lazy_exports(
    namespace: dict[str, object], names_by_module: Mapping[str, tuple[str, ...]]
) -> tuple[Callable[[str], object], Callable[[], list[str]]]:
    """Return the `__getattr__` and `__dir__` of a package with lazily imported exports.

    Args:
        namespace: the package's `globals()`; a name is stored there once it is imported.
        names_by_module: the exported names by the full name of the module that defines them.

    >>> namespace = {"__name__": "package", "__all__": ["sqrt"]}
    >>> getattr_, dir_ = lazy_exports(namespace, {"math": ("sqrt",)})
    >>> getattr_("sqrt")(16.0), dir_()
    (4.0, ['__all__', '__name__', 'sqrt'])
    >>> getattr_("cbrt")
    Traceback (most recent call last):
    AttributeError: module 'package' has no attribute 'cbrt'
    """
    modules_by_name = {name: module for module, names in names_by_module.items() for name in names}

    def getattr_(name: str) -> object:
        module = modules_by_name.get(name)
        if module is None:
            raise AttributeError(f"module {namespace['__name__']!r} has no attribute {name!r}")
        __import__(module)  # `importlib.import_module` would import `importlib` and `warnings` too
        value: object = getattr(sys.modules[module], name)
        namespace[name] = value
        return value

    def dir_() -> list[str]:
        return sorted({*namespace, *modules_by_name})

    return getattr_, dir_
