"""Options as rows: an option is a field of a class, and a command takes the whole class."""

import dataclasses
import functools
import inspect
import typing
from collections.abc import Callable
from typing import Any

import typer

__all__ = ["flag", "option", "takes"]


def option(
    *names: str,
    help: str,
    variable: str | None = None,
    panel: str | None = None,
    metavar: str | None = None,
    **more: Any,
) -> Any:
    """A row: what an option is called, and what it does.

    Its variable is called SMTPTEST, the command, and the option, unless `variable` says otherwise; its value is called
    as it is, unless `metavar` does.
    """
    value = metavar or names[0].lstrip("-").upper()
    return _row(names, help, envvar=variable, rich_help_panel=panel, metavar=value, **more)


def flag(*names: str, help: str, variable: str | None = None, panel: str | None = None, **more: Any) -> Any:
    """A row of an option that has no value."""
    # Without a name for its value typer says <bool>, as if it had one.
    return _row(names, help, envvar=variable, rich_help_panel=panel, show_default=False, metavar="", **more)


def _row(names: tuple[str, ...], help: str, **more: Any) -> Any:
    # Rich reads markup in brackets, which no text of ours means.  Variables are not shown: their names follow a rule.
    return typer.Option(*names, help=help.replace("[", r"\["), show_envvar=False, **more)


def takes(**settings: type) -> Callable[[Callable[..., int]], Callable[..., int]]:
    """Have a command's parameters of these names made of options: of the fields of these data classes."""

    def decorate(command: Callable[..., int]) -> Callable[..., int]:
        own = inspect.signature(command, eval_str=True)
        fields = {name: dataclasses.fields(of) for name, of in settings.items()}
        hints = {name: typing.get_type_hints(of, include_extras=True) for name, of in settings.items()}
        rows = [parameter for parameter in own.parameters.values() if parameter.name not in settings]
        rows += [
            inspect.Parameter(
                field.name,
                inspect.Parameter.KEYWORD_ONLY,
                default=inspect.Parameter.empty if field.default is dataclasses.MISSING else field.default,
                annotation=hints[name][field.name],
            )
            for name in settings
            for field in fields[name]
        ]

        @functools.wraps(command)
        def run(**values: Any) -> int:
            made = {
                name: of(**{field.name: values.pop(field.name) for field in fields[name]})
                for name, of in settings.items()
            }
            return command(**values, **made)

        del run.__wrapped__  # whose signature it has not
        run.__signature__ = own.replace(parameters=rows)  # type: ignore[attr-defined]
        run.__annotations__ = {row.name: row.annotation for row in rows}
        return run

    return decorate
