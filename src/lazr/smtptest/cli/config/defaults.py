"""Map options to environment variables and configuration keys; reject unknown keys."""

from typing import Any

from typer.core import TyperGroup

from lazr.smtptest._util.suggestion import describe_unknown
from lazr.smtptest.cli.config.file import Configuration, ConfigurationError

__all__ = ["assign_environment_variables", "build_defaults", "get_option_key"]

# These belong to one call, and not to a folder.
_COMMAND_LINE_ONLY_OPTIONS = ("help", "version", "config", "install-completion", "show-completion")


def get_option_key(parameter: Any) -> str:
    """Return the option's configuration key: its long name, or "" if it has no key."""
    names = [name.lstrip("-") for name in parameter.opts if name.startswith("--")]
    return names[0] if names and names[0] not in _COMMAND_LINE_ONLY_OPTIONS else ""


def assign_environment_variables(group: Any, path: tuple[str, ...] = ()) -> None:
    """Set the variable of each option that has none: SMTPTEST, command and long name."""
    for name, command in group.commands.items():
        if isinstance(command, TyperGroup):
            assign_environment_variables(command, (*path, name))
            continue
        for key, parameter in _get_options_by_key(command).items():
            parameter.envvar = parameter.envvar or "_".join(("smtptest", *path, name, key)).upper().replace("-", "_")


def build_defaults(configuration: Configuration, group: Any) -> dict[str, Any]:
    """Return the defaults that the file sets, in the form of typer's `default_map`.

    A key above all tables applies to every command that has the option.

    Raises:
        ConfigurationError: If a key is unknown, or if a command has a value that is not a table.
    """
    if configuration.path is None:
        return {}
    shared_values = {key: value for key, value in configuration.values.items() if key not in group.commands}
    shared_keys = {
        key for command in _list_commands(group) for key in _get_options_by_key(command) if _is_shared(command, key)
    }
    _reject_unknown_keys(configuration, "", shared_values, shared_keys | set(group.commands))
    return _build_group_defaults(configuration, group, configuration.values, shared_values, ())


def _build_group_defaults(
    configuration: Configuration,
    group: Any,
    values: dict[str, Any],
    shared_values: dict[str, Any],
    path: tuple[str, ...],
) -> dict[str, Any]:
    defaults: dict[str, Any] = {}
    for name, command in group.commands.items():
        command_values = values.get(name, {})
        table = ".".join((*path, name))
        if not isinstance(command_values, dict):
            raise ConfigurationError(
                f"{configuration.path}: {table} must be a table, [{table}], got {command_values!r}"
            )
        if isinstance(command, TyperGroup):
            _reject_unknown_keys(configuration, table, command_values, set(command.commands))
            defaults[name] = _build_group_defaults(configuration, command, command_values, shared_values, (*path, name))
            continue
        options = _get_options_by_key(command)
        _reject_unknown_keys(configuration, table, command_values, set(options))
        applicable = {key: value for key, value in shared_values.items() if key in options and _is_shared(command, key)}
        defaults[name] = {
            options[key].name: _wrap_multiple_value(options[key], value)
            for key, value in (applicable | command_values).items()
        }
    return defaults


def _list_commands(group: Any) -> list[Any]:
    return [
        leaf
        for command in group.commands.values()
        for leaf in (_list_commands(command) if isinstance(command, TyperGroup) else [command])
    ]


def _get_options_by_key(command: Any) -> dict[str, Any]:
    return {key: parameter for parameter in command.params if (key := get_option_key(parameter))}


def _is_shared(command: Any, key: str) -> bool:
    """Return whether the option's variable omits the command; then its key needs no table."""
    return bool(_get_options_by_key(command)[key].envvar == "SMTPTEST_" + key.upper().replace("-", "_"))


def _wrap_multiple_value(parameter: Any, value: Any) -> Any:
    return [value] if parameter.multiple and not isinstance(value, list) else value


def _reject_unknown_keys(configuration: Configuration, table: str, values: dict[str, Any], known: set[str]) -> None:
    for key in values:
        if key not in known:
            where = f" in [{table}]" if table else ""
            raise ConfigurationError(f"{configuration.path}{where}: {describe_unknown('key', key, sorted(known))}")
