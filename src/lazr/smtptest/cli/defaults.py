"""What the file of settings says, as defaults of the commands' options; an unknown key is an error."""

from difflib import get_close_matches
from typing import Any

from typer.core import TyperGroup

from lazr.smtptest.cli.configuration import BadConfiguration, Configuration

__all__ = ["defaults_of", "key_of", "name_variables"]

# Those belong to a call, and not to a folder.
_NEVER = ("help", "version", "config", "install-completion", "show-completion")


def key_of(parameter: Any) -> str:
    """What an option is called in the file: its long name; the empty string where it cannot be there."""
    names = [name.lstrip("-") for name in parameter.opts if name.startswith("--")]
    return names[0] if names and names[0] not in _NEVER else ""


def name_variables(group: Any, path: tuple[str, ...] = ()) -> None:
    """Give each option its variable: SMTPTEST, the command, and its long name; some have one of their own."""
    for name, command in group.commands.items():
        if isinstance(command, TyperGroup):
            name_variables(command, (*path, name))
            continue
        for key, parameter in _options(command).items():
            parameter.envvar = parameter.envvar or "_".join(("smtptest", *path, name, key)).upper().replace("-", "_")


def defaults_of(configuration: Configuration, group: Any) -> dict[str, Any]:
    """The defaults, as typer wants them: by command and parameter.

    What stands above all tables is for every command that has such an option.  Raises `BadConfiguration`.
    """
    if configuration.path is None:
        return {}
    shared = {key: value for key, value in configuration.values.items() if key not in group.commands}
    known = {key for command in _commands(group) for key in _options(command) if _is_shared(command, key)}
    for key in shared:
        if key not in known:
            raise BadConfiguration(_unknown(configuration, "", key, sorted(known | set(group.commands))))
    return _group(configuration, group, configuration.values, shared, ())


def _group(
    configuration: Configuration, group: Any, values: dict[str, Any], shared: dict[str, Any], path: tuple[str, ...]
) -> dict[str, Any]:
    found = {}
    for name, command in group.commands.items():
        own = values.get(name, {})
        where = (*path, name)
        if not isinstance(own, dict):
            raise BadConfiguration(f"{configuration.path}: {'.'.join(where)} is a command, so [{'.'.join(where)}]")
        if isinstance(command, TyperGroup):
            for key in own:
                if key not in command.commands:
                    raise BadConfiguration(_unknown(configuration, ".".join(where), key, sorted(command.commands)))
            found[name] = _group(configuration, command, own, shared, where)
            continue
        options = _options(command)
        for key in own:
            if key not in options:
                raise BadConfiguration(_unknown(configuration, ".".join(where), key, sorted(options)))
        given = {key: value for key, value in shared.items() if key in options and _is_shared(command, key)} | own
        found[name] = {options[key].name: _value(options[key], value) for key, value in given.items()}
    return found


def _commands(group: Any) -> list[Any]:
    return [
        leaf
        for command in group.commands.values()
        for leaf in (_commands(command) if isinstance(command, TyperGroup) else [command])
    ]


def _options(command: Any) -> dict[str, Any]:
    return {key: parameter for parameter in command.params if (key := key_of(parameter))}


def _is_shared(command: Any, key: str) -> bool:
    """Whether the option's variable has no command in its name: then its key needs no table."""
    return bool(_options(command)[key].envvar == "SMTPTEST_" + key.upper().replace("-", "_"))


def _value(parameter: Any, value: Any) -> Any:
    return [value] if parameter.multiple and not isinstance(value, list) else value


def _unknown(configuration: Configuration, table: str, key: str, known: list[str]) -> str:
    where = f" in [{table}]" if table else ""
    near = get_close_matches(key, known, 1)
    guess = f"; is {near[0]} meant?" if near else "."
    return f"{configuration.path}: {key!r} is not known{where}{guess} There may be {', '.join(known)}"
