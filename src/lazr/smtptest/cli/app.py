"""All commands put together."""

import sys
from collections.abc import Callable, Sequence
from typing import Annotated, Any

import typer

from lazr.smtptest import __version__
from lazr.smtptest.cli import bench, export, import_, ls, rm, rules, send, serve, show, wait
from lazr.smtptest.cli.configuration import BadConfiguration, find
from lazr.smtptest.cli.defaults import defaults_of, key_of, name_variables
from lazr.smtptest.cli.failure import Failure
from lazr.smtptest.cli.rows import flag, option
from lazr.smtptest.errors import SmtptestError

__all__ = ["command", "run"]

# Each module has a function of its own name, and EXAMPLES; in the order of `smtptest --help`.
_COMMANDS: tuple[tuple[str, Callable[..., int], tuple[str, ...]], ...] = (
    ("serve", serve.serve, serve.EXAMPLES),
    ("send", send.send, send.EXAMPLES),
    ("ls", ls.ls, ls.EXAMPLES),
    ("show", show.show, show.EXAMPLES),
    ("wait", wait.wait, wait.EXAMPLES),
    ("rm", rm.rm, rm.EXAMPLES),
    ("export", export.export, export.EXAMPLES),
    ("import", import_.import_, import_.EXAMPLES),
    ("bench", bench.bench, bench.EXAMPLES),
)

app: typer.Typer = typer.Typer(
    name="smtptest",
    help="A real SMTP server for tests, and what one asks of it.",
    epilog="What a command can be told, `smtptest COMMAND --help` says, with examples.  An option is also a variable "
    "(serve's --smtp-port is SMTPTEST_SERVE_SMTP_PORT) and a key of the file of settings (smtp-port in \\[serve]).",
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    no_args_is_help=True,
    context_settings={"help_option_names": ["--help", "-h"]},
)


def _examples(lines: Sequence[str]) -> str:
    r"""An epilog: a line each, as typer takes it.

    >>> _examples(["smtptest ls"])
    'Examples:\n\n  smtptest ls'
    """
    return "\n\n".join(["Examples:", *(f"  {line}" for line in lines)]).replace("[", r"\[")


for _name, _command, _lines in _COMMANDS:
    app.command(_name, epilog=_examples(_lines))(_command)

_rules = typer.Typer(help="What a running server does wrong: list rules, add some, remove some.", no_args_is_help=True)
for _name, _command, _lines in rules.COMMANDS:
    _rules.command(_name, epilog=_examples(_lines))(_command)
app.add_typer(_rules, name="rules")


@app.command(
    "sendmail",
    epilog=_examples(
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
    arguments: Annotated[list[str] | None, typer.Argument(metavar="[OPTION|RECIPIENT]...", show_default=False)] = None,
) -> int:
    """Send what comes on standard input, as /usr/sbin/sendmail does, for applications that call that.

    -t: recipients are read out of To, Cc and Bcc, and Bcc is removed. -i: a line with a dot alone does not end the
    message. -f, -r ADDRESS: the reverse-path. -F NAME: for a From that is missing. -N, -R, -V, -B: notifications and
    body type. -v: show the dialogue. -bs: speak SMTP on standard input and output. -bp, -bi, -q: nothing to do. What
    else sendmail knows is accepted, and means nothing here.

    The server is that of SMTPTEST_SERVER, or of the file of settings, with SMTPTEST_USER and so on as for send.
    """
    from lazr.smtptest.cli.sendmail import run as sendmail

    path = context.obj.path
    return sendmail([*(arguments or []), *context.args], None if path is None else str(path))


def _say_version(wanted: bool) -> None:
    if wanted:
        print(f"smtptest {__version__}")  # noqa: T201
        raise typer.Exit


@app.callback()
def _main(
    context: typer.Context,
    version: Annotated[
        bool,
        flag(
            "--version",
            help="Say which version this is.",
            is_eager=True,
            callback=_say_version,
        ),
    ] = False,
    config: Annotated[
        str | None,
        option(
            "--config",
            metavar="FILE",
            variable="SMTPTEST_CONFIG",
            help="A file of settings; else smtptest.toml here, or [tool.smtptest] in pyproject.toml.",
        ),
    ] = None,
) -> None:
    configuration = find(config)
    context.obj = configuration
    context.default_map = defaults_of(configuration, context.command)


def command() -> Any:
    """The commands as typer runs them, each option with its variable."""
    whole = typer.main.get_command(app)
    name_variables(whole)
    return whole


def run(arguments: Sequence[str]) -> int:
    """Run a command; the exit status.  What goes wrong is a line on standard error."""
    try:
        status = command()(args=list(arguments), prog_name="smtptest", standalone_mode=False)
    except (Failure, BadConfiguration) as error:
        print(f"smtptest: {error}", file=sys.stderr)  # noqa: T201
        return error.status if isinstance(error, Failure) else 2
    except SmtptestError as error:
        print(f"smtptest: {error}", file=sys.stderr)  # noqa: T201
        return 1
    except typer.Abort:
        return 1
    except Exception as error:
        # Typer's own errors have no public class.
        if not hasattr(error, "format_message"):
            raise
        if error.format_message():  # where no command was given, typer has shown the help
            print(_usage_error(error), file=sys.stderr)  # noqa: T201
        return int(getattr(error, "exit_code", 2))
    return status if isinstance(status, int) else 0


def _usage_error(error: Any) -> str:
    context = getattr(error, "ctx", None)
    more = "" if context is None else f"{_source(error, context)} ({context.command_path} --help says more)"
    return f"smtptest: {error.format_message()}{more}"


def _source(error: Any, context: Any) -> str:
    """Where a wrong value came from, if it was not from the command line."""
    parameter = getattr(error, "param", None)
    source = None if parameter is None or parameter.name is None else context.get_parameter_source(parameter.name)
    if parameter is None or source is None or source.name == "COMMANDLINE":
        return ""
    if source.name == "ENVIRONMENT":
        return f" It is in {parameter.envvar}."
    return f" It is {key_of(parameter)!r} in {context.obj.path}." if source.name == "DEFAULT_MAP" else ""
