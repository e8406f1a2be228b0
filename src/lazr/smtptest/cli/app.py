"""Assemble the commands into one typer application, and print its errors as one line each."""

import os
import sys
from collections.abc import Callable, Sequence
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from lazr.smtptest import __version__
from lazr.smtptest._util.suggestion import describe_unknown, find_nearest_name
from lazr.smtptest.cli.commands import (
    bench,
    check,
    compact,
    export,
    grade,
    import_,
    ls,
    mailboxes,
    mcp_,
    open_,
    ready,
    rm,
    rules,
    secret,
    send,
    show,
    wait,
)
from lazr.smtptest.cli.config.defaults import assign_environment_variables, build_defaults, get_option_key
from lazr.smtptest.cli.config.file import ConfigurationError, load_configuration
from lazr.smtptest.cli.config.mailpit_variables import translate_mailpit_variables
from lazr.smtptest.cli.config.typer_options import flag, option
from lazr.smtptest.cli.config.unknown_variables import describe_unknown_variables, list_option_variables
from lazr.smtptest.cli.errors import CommandError
from lazr.smtptest.cli.output.terminal import print_warning
from lazr.smtptest.cli.serve import command as serve
from lazr.smtptest.errors import MissingExtra, SmtptestError

__all__ = ["build_command", "run"]

_USAGE_ERROR = 2
# In typer's context: the variable of Mailpit that each option's value comes from.
_MAILPIT_VARIABLES_KEY = "lazr.smtptest.mailpit_variables"

# Each module has a function of its own name, and EXAMPLES.  The order is that of `smtptest --help`.
_COMMANDS: tuple[tuple[str, Callable[..., int], tuple[str, ...]], ...] = (
    ("serve", serve.serve, serve.EXAMPLES),
    ("send", send.send, send.EXAMPLES),
    ("ls", ls.ls, ls.EXAMPLES),
    ("show", show.show, show.EXAMPLES),
    ("wait", wait.wait, wait.EXAMPLES),
    ("check", check.check, check.EXAMPLES),
    ("open", open_.open_, open_.EXAMPLES),
    ("rm", rm.rm, rm.EXAMPLES),
    ("export", export.export, export.EXAMPLES),
    ("import", import_.import_, import_.EXAMPLES),
    ("ready", ready.ready, ready.EXAMPLES),
    ("grade", grade.grade, grade.EXAMPLES),
    ("mcp", mcp_.mcp, mcp_.EXAMPLES),
    ("compact", compact.compact, compact.EXAMPLES),
    ("secret", secret.secret, secret.EXAMPLES),
    ("bench", bench.bench, bench.EXAMPLES),
)


class _SuggestingGroup(TyperGroup):
    """A group of commands that names the nearest command if a name is unknown."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        name = args[0]
        # Options go to the parser, which describes an unknown one; shell completion asks for incomplete names.
        if not name.startswith("-") and not ctx.resilient_parsing and self.get_command(ctx, name) is None:
            message = describe_unknown("command", name, self.list_commands(ctx))
            raise CommandError(f"{message} (help: {ctx.command_path} --help)", _USAGE_ERROR)
        return super().resolve_command(ctx, args)


app: typer.Typer = typer.Typer(
    name="smtptest",
    cls=_SuggestingGroup,
    help="Run an SMTP server for tests, send mail to it, and inspect the mail that it stores.",
    epilog="`smtptest COMMAND --help` describes a command, with examples.  Each option is also an environment variable "
    "(--smtp-port of serve is SMTPTEST_SERVE_SMTP_PORT) and a key of the configuration file (smtp-port in \\[serve]).",
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    no_args_is_help=True,
    context_settings={"help_option_names": ["--help", "-h"]},
)


def _format_examples(lines: Sequence[str]) -> str:
    r"""Return an epilog for `--help`, with one example on each line.

    >>> _format_examples(["smtptest ls"])
    'Examples:\n\n  smtptest ls'
    """
    return "\n\n".join(["Examples:", *(f"  {line}" for line in lines)]).replace("[", r"\[")


# The first word that is no option begins the command line of another program, whose options stay with it.
_CONTEXT_SETTINGS = {"grade": {"allow_interspersed_args": False}}

for _name, _command, _lines in _COMMANDS:
    app.command(_name, epilog=_format_examples(_lines), context_settings=_CONTEXT_SETTINGS.get(_name))(_command)

_rules_app = typer.Typer(
    cls=_SuggestingGroup,
    help="List, add and remove the rules by which a running server misbehaves.",
    no_args_is_help=True,
)
for _name, _command, _lines in rules.COMMANDS:
    _rules_app.command(_name, epilog=_format_examples(_lines))(_command)
app.add_typer(_rules_app, name="rules")

_mailboxes_app = typer.Typer(
    cls=_SuggestingGroup,
    help="List, add and remove mailboxes: parts of the mails of a running server, each with a token.",
    no_args_is_help=True,
)
for _name, _command, _lines in mailboxes.COMMANDS:
    _mailboxes_app.command(_name, epilog=_format_examples(_lines))(_command)
app.add_typer(_mailboxes_app, name="mailboxes")


@app.command(
    "sendmail",
    epilog=_format_examples(
        (
            "smtptest sendmail -t -i < message.eml",
            "smtptest sendmail -f ann@example.com bob@example.com < message.eml",
            'php -d sendmail_path="smtptest sendmail -t -i" app.php',
            "ln -s $(which smtptest) /usr/sbin/sendmail",
        )
    ),
    context_settings={"ignore_unknown_options": True, "allow_extra_args": True},
)
def _sendmail(
    context: typer.Context,
    arguments: Annotated[
        list[str] | None,
        typer.Argument(metavar="OPTION|RECIPIENT", help="Options of sendmail, and recipients.", show_default=False),
    ] = None,
) -> int:
    """Send the message on standard input, as a replacement of /usr/sbin/sendmail.

    -t: read the recipients from To, Cc and Bcc, and remove Bcc.
    -i: a line with a single dot does not end the message.
    -f, -r ADDRESS: the envelope sender.
    -F NAME: the full name for a missing From.
    -N, -R, -V, -B: DSN parameters and body type.
    -v: print the dialogue.
    -bs: speak SMTP on standard input and output.
    -bp, -bi, -q: no effect, because the queue is always empty.
    Other options of sendmail are accepted and ignored.

    The server comes from SMTPTEST_SERVER or the configuration file.
    SMTPTEST_USER and the other variables apply as for send.
    """
    from lazr.smtptest.cli.sendmail.command import run as sendmail

    path = context.obj.path
    return sendmail([*(arguments or []), *context.args], None if path is None else str(path))


def _print_version(value: bool) -> None:
    if value:
        print(f"smtptest {__version__}")  # noqa: T201
        raise typer.Exit


@app.callback()
def _main(
    context: typer.Context,
    version: Annotated[
        bool,
        flag(
            "--version",
            help="Print the version and exit.",
            is_eager=True,
            callback=_print_version,
        ),
    ] = False,
    config: Annotated[
        str | None,
        option(
            "--config",
            metavar="FILE",
            envvar="SMTPTEST_CONFIG",
            help="Configuration file; by default smtptest.toml or [tool.smtptest] of pyproject.toml in this folder.",
        ),
    ] = None,
) -> None:
    configuration = load_configuration(config)
    context.obj = configuration
    context.default_map = build_defaults(configuration, context.command)
    for warning in describe_unknown_variables(os.environ, list_option_variables(context.command)):
        print_warning(warning)
    if context.invoked_subcommand in ("serve", "compact"):
        settings = translate_mailpit_variables(os.environ)
        context.default_map["serve"] = context.default_map.get("serve", {}) | settings.values
        context.default_map["compact"] = {"database": context.default_map["serve"].get("database")}
        context.meta[_MAILPIT_VARIABLES_KEY] = settings.variables
        for warning in settings.warnings:
            print_warning(warning)


def build_command() -> Any:
    """Return the command line as typer runs it, with an environment variable for each option."""
    command = typer.main.get_command(app)
    assign_environment_variables(command)
    return command


def run(arguments: Sequence[str]) -> int:
    """Run a command, print an error as text on standard error, and return the exit status."""
    try:
        status = build_command()(args=list(arguments), prog_name="smtptest", standalone_mode=False)
    except (CommandError, ConfigurationError) as error:
        print(f"smtptest: {error}", file=sys.stderr)  # noqa: T201
        return error.exit_status if isinstance(error, CommandError) else _USAGE_ERROR
    except SmtptestError as error:
        print(f"smtptest: {error}", file=sys.stderr)  # noqa: T201
        return _USAGE_ERROR if isinstance(error, MissingExtra) else 1  # an option needs an extra
    except typer.Abort:
        return 1
    except Exception as error:
        # Typer's usage errors have no public class.
        if not hasattr(error, "format_message"):
            raise
        if error.format_message():  # empty if no command was named: typer has printed the help
            print(_format_usage_error(error), file=sys.stderr)  # noqa: T201
        return int(getattr(error, "exit_code", _USAGE_ERROR))
    return status if isinstance(status, int) else 0


def _format_usage_error(error: Any) -> str:
    context = getattr(error, "ctx", None)
    if context is None:
        return f"smtptest: {error.format_message()}"
    # Only the error about an unknown option has `possibilities`.
    if hasattr(error, "possibilities"):
        message = _describe_unknown_option(error.option_name, context)
    else:
        message = f"{error.format_message()}{_describe_value_source(error, context)}"
    return f"smtptest: {message} (help: {context.command_path} --help)"


def _describe_unknown_option(name: str, context: Any) -> str:
    known = [option for parameter in context.command.params for option in parameter.opts if option.startswith("--")]
    nearest = find_nearest_name(name, known)
    return f"unknown option {name!r}" + ("" if nearest is None else f"; did you mean {nearest!r}?")


def _describe_value_source(error: Any, context: Any) -> str:
    """Return a sentence about the source of a wrong value; "" for the command line."""
    parameter = getattr(error, "param", None)
    source = None if parameter is None or parameter.name is None else context.get_parameter_source(parameter.name)
    if parameter is None or source is None or source.name == "COMMANDLINE":
        return ""
    if source.name == "ENVIRONMENT":
        return f" The value comes from the variable {parameter.envvar}."
    if source.name == "DEFAULT_MAP":
        mailpit_variable = context.meta.get(_MAILPIT_VARIABLES_KEY, {}).get(parameter.name)
        if mailpit_variable is not None:
            return f" The value comes from the variable {mailpit_variable}."
        return f" The value comes from the key {get_option_key(parameter)!r} in {context.obj.path}."
    return ""
