"""Messages for unknown names: the nearest known name, and the list of all.

`find_nearest_name` picks the name; `describe_unknown` and `build_attribute_error` make exceptions from it.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

__all__ = [
    "build_attribute_error",
    "build_getattr",
    "build_module_error",
    "compute_edit_distance",
    "describe_unknown",
    "find_nearest_name",
]

# Longer texts may be untrusted input, and the comparison takes time by the product of both lengths: no suggestion.
_MAX_NAME_CHARACTERS = 60

_LETTERS_PER_TYPO = 3


def describe_unknown(kind: str, name: object, known: Iterable[str], aliases: Mapping[str, str] | None = None) -> str:
    """Return the text of an error about a name that is not in `known`.

    Args:
        kind: What the name stands for: "preset".
        name: The unknown value, of any type.
        known: The valid names, in the order in which the text lists them.
        aliases: Other words for valid names, in lower case: `{"rcpt": "to"}`.  The text suggests the valid name.

    >>> describe_unknown("provider", "gmial", ["gmail", "outlook", "yahoo"])
    "unknown provider 'gmial'; did you mean 'gmail'? Known: gmail, outlook, yahoo"
    >>> describe_unknown("provider", 5, ["gmail", "outlook", "yahoo"])
    'unknown provider 5; known: gmail, outlook, yahoo'
    """
    names = list(map(str, known))  # plain strings of an enum, too
    nearest = find_nearest_name(name, names, aliases) if isinstance(name, str) else None
    if nearest is None:
        return f"unknown {kind} {name!r}; known: {', '.join(names)}"
    return f"unknown {kind} {name!r}; did you mean {nearest!r}? Known: {', '.join(names)}"


def build_attribute_error(owner: object, name: str, aliases: Mapping[str, str]) -> AttributeError:
    """Return the error of an unknown attribute, for `__getattr__`; the text suggests another.

    Args:
        owner: The object.
        name: The unknown name.
        aliases: What to write for names that other libraries use: `{"first": "inbox.one()"}`.

    >>> build_attribute_error("x", "uppr", {}).args[0]
    "'str' object has no attribute 'uppr'; did you mean 'upper'?"
    >>> build_attribute_error("x", "to_upper", {"to_upper": "text.upper()"}).args[0]
    "'str' object has no attribute 'to_upper'; write text.upper()"
    """
    text = f"{type(owner).__name__!r} object has no attribute {name!r}"
    if not name.startswith("_"):
        if name in aliases:
            text = f"{text}; write {aliases[name]}"
        else:
            known = [known for known in dir(owner) if not known.startswith("_")]
            nearest = find_nearest_name(name, known)
            other = None if nearest else find_nearest_name(name, aliases)
            if other is not None:
                text = f"{text}; write {aliases[other]}"
            else:
                text += f"; did you mean {nearest!r}?" if nearest else f"; known: {', '.join(known)}"
    return AttributeError(text, name=name, obj=None)  # without `obj`, a traceback adds no second suggestion


def build_getattr(aliases: Mapping[str, str]) -> Callable[[object, str], object]:
    """Return a method `__getattr__` that raises the error of `build_attribute_error`.

    Assign it under `if not TYPE_CHECKING:`, because a type checker would take every name for an attribute.

    Args:
        aliases: What to write for names that other libraries use.

    >>> class Box:
    ...     size = 1
    ...     __getattr__ = build_getattr({"length": "box.size"})
    >>> Box().length
    Traceback (most recent call last):
    AttributeError: 'Box' object has no attribute 'length'; write box.size
    """

    def raise_error(self: object, name: str) -> object:
        raise build_attribute_error(self, name, aliases)

    return raise_error


def build_module_error(module: str, name: str, known: Iterable[str]) -> AttributeError:
    """Return the error of an unknown name of a module, for its `__getattr__`.

    Args:
        module: The name of the module.
        name: The unknown name.
        known: The public names of the module.

    >>> build_module_error("shapes", "Squar", ["Circle", "Square"]).args[0]
    "module 'shapes' has no attribute 'Squar'; did you mean 'Square'?"
    """
    nearest = None if name.startswith("_") else find_nearest_name(name, known)
    hint = f"; did you mean {nearest!r}?" if nearest else ""
    return AttributeError(f"module {module!r} has no attribute {name!r}{hint}", name=name, obj=None)


def find_nearest_name(name: str, known: Iterable[str], aliases: Mapping[str, str] | None = None) -> str | None:
    """Return the known name that is most similar to `name`; None if no name is similar.

    Aliases come first, then names with at most one typing error for every three letters, then names that begin with
    `name`.  The comparison ignores case, and takes `-` for `_`.

    >>> find_nearest_name("over-qouta", ["over_quota", "rate_limit"]), find_nearest_name("RCTP", ["RCPT", "DATA"])
    ('over_quota', 'RCPT')
    >>> find_nearest_name("quota", ["quota_full"]), find_nearest_name("rcpt", ["to"], {"rcpt": "to"})
    ('quota_full', 'to')
    >>> find_nearest_name("STAT", ["RCPT", "DATA"]) is None
    True
    """
    folded = _fold(name)
    if aliases and folded in aliases:
        return aliases[folded]
    candidates = {_fold(one): one for one in known}
    if not candidates or len(folded) > _MAX_NAME_CHARACTERS:
        return None
    distances = {one: compute_edit_distance(folded, one) for one in candidates}
    nearest = min(distances, key=distances.__getitem__)
    if distances[nearest] <= max(1, len(nearest) // _LETTERS_PER_TYPO):
        return candidates[nearest]
    if len(folded) >= _LETTERS_PER_TYPO:
        return next((candidates[one] for one in candidates if one.startswith(folded)), None)
    return None


def _fold(name: str) -> str:
    return name.strip().lower().replace("-", "_")


def compute_edit_distance(first: str, second: str) -> int:
    """Count wrong, missing, added and swapped letters (optimal string alignment).

    The time grows by the product of both lengths.

    >>> compute_edit_distance("ann@example.com", "ann@exampl.co")
    2
    """
    before: list[int] = []
    above: list[int] = []
    row = list(range(len(second) + 1))
    for i, letter in enumerate(first, 1):
        before, above, row = above, row, [i]
        for j, other in enumerate(second, 1):
            cost = min(above[j] + 1, row[-1] + 1, above[j - 1] + (letter != other))
            if i > 1 and j > 1 and letter == second[j - 2] and first[i - 2] == other:
                cost = min(cost, before[j - 2] + 1)
            row.append(cost)
    return row[-1]
