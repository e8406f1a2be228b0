"""Find environment variables that look like options of `smtptest` and are none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lazr.smtptest._util.suggestion import find_nearest_name

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

__all__ = ["describe_unknown_variables", "list_option_variables"]

_PREFIX = "SMTPTEST_"
# Read by the tests of this project and by the pytest plugin, not by the command line.
_TEST_VARIABLES = frozenset(
    {"SMTPTEST_ALL_CLIENTS", "SMTPTEST_PYTEST_SERVER", "SMTPTEST_TEST_POSTGRES", "SMTPTEST_WHEEL"}
)
# Kubernetes sets these for a service that is named smtptest, and container links do so too.
_SERVICE_LINK_PREFIXES = ("SMTPTEST_PORT", "SMTPTEST_SERVICE_", "SMTPTEST_ENV_", "SMTPTEST_NAME")


def list_option_variables(group: Any) -> set[str]:
    """Return the variable of each option of a typer group and the commands in it."""
    names: set[str] = set()
    for parameter in group.params:
        variable = parameter.envvar
        names.update([variable] if isinstance(variable, str) else variable or ())
    for command in getattr(group, "commands", {}).values():
        names |= list_option_variables(command)
    return names


def describe_unknown_variables(environment: Iterable[str], known: Collection[str]) -> list[str]:
    """Return a warning for each variable `SMTPTEST_…` that no option has.

    >>> describe_unknown_variables(["SMTPTEST_SERV_LABEL", "HOME"], ["SMTPTEST_SERVE_LABEL"])
    ['the variable SMTPTEST_SERV_LABEL is ignored, as no option has it; did you mean SMTPTEST_SERVE_LABEL?']
    """
    warnings = []
    for name in sorted(environment):
        if not name.startswith(_PREFIX) or name in known or name in _TEST_VARIABLES:
            continue
        if name.startswith(_SERVICE_LINK_PREFIXES):
            continue
        nearest = find_nearest_name(name, known)
        hint = "" if nearest is None else f"; did you mean {nearest}?"
        warnings.append(f"the variable {name} is ignored, as no option has it{hint}")
    return warnings
