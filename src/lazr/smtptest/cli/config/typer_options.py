"""Declare options as fields of dataclasses, and pass whole dataclasses to commands.

`option` and `flag` make the `typer.Option` of a field; `expand_options` replaces a dataclass parameter of a command by
one option for each field.
"""

import dataclasses
import functools
import inspect
import typing
from collections.abc import Callable
from typing import Any

import typer

__all__ = ["expand_options", "flag", "option"]


def option(
    *names: str,
    help: str,
    envvar: str | None = None,
    panel: str | None = None,
    metavar: str | None = None,
    **typer_arguments: Any,
) -> Any:
    """Return a `typer.Option` that takes a value.

    Args:
        names: The names, the long one first: "--query", "-q".
        help: One sentence for `--help`.
        envvar: The environment variable; SMTPTEST_COMMAND_OPTION by default.
        panel: The title of the group in `--help`; "Options" by default.
        metavar: The name of the value in `--help`; the long name in capitals by default.
        typer_arguments: Other arguments of `typer.Option`.
    """
    value_name = metavar or names[0].lstrip("-").upper()
    return _make_option(names, help, envvar=envvar, rich_help_panel=panel, metavar=value_name, **typer_arguments)


def flag(*names: str, help: str, envvar: str | None = None, panel: str | None = None, **typer_arguments: Any) -> Any:
    """Return a `typer.Option` that takes no value; the arguments are those of `option`."""
    # Without a metavar typer prints <bool>, as if the flag took a value.
    return _make_option(
        names, help, envvar=envvar, rich_help_panel=panel, show_default=False, metavar="", **typer_arguments
    )


def _make_option(names: tuple[str, ...], help: str, **typer_arguments: Any) -> Any:
    # Rich reads brackets as markup, and help texts have none.  The variables follow a rule, so `--help` omits them.
    return typer.Option(*names, help=help.replace("[", r"\["), show_envvar=False, **typer_arguments)


def expand_options(**option_classes: type) -> Callable[[Callable[..., int]], Callable[..., int]]:
    """Return a decorator that makes each field of the dataclasses an option.

    A keyword is the name of a parameter of the command, its value the dataclass.  Typer sees the fields; the command
    receives an instance of each class.
    """

    def decorate(command: Callable[..., int]) -> Callable[..., int]:
        signature = inspect.signature(command, eval_str=True)
        fields = {name: dataclasses.fields(cls) for name, cls in option_classes.items()}
        hints = {name: typing.get_type_hints(cls, include_extras=True) for name, cls in option_classes.items()}
        parameters = [parameter for parameter in signature.parameters.values() if parameter.name not in option_classes]
        parameters += [
            inspect.Parameter(
                field.name,
                inspect.Parameter.KEYWORD_ONLY,
                default=inspect.Parameter.empty if field.default is dataclasses.MISSING else field.default,
                annotation=hints[name][field.name],
            )
            for name in option_classes
            for field in fields[name]
        ]

        @functools.wraps(command)
        def run(**values: Any) -> int:
            instances = {
                name: cls(**{field.name: values.pop(field.name) for field in fields[name]})
                for name, cls in option_classes.items()
            }
            return command(**values, **instances)

        del run.__wrapped__  # `inspect.signature` would follow it to the command's own signature
        run.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
        run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
        return run

    return decorate
