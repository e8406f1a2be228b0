"""`smtptest rules`: what a running server does wrong."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from lazr.smtptest.cli.api import Api, ApiError
from lazr.smtptest.cli.failure import Failure
from lazr.smtptest.cli.options import Json, Reach
from lazr.smtptest.cli.rows import flag, option, takes
from lazr.smtptest.cli.rulesfile import read_forms
from lazr.smtptest.cli.terminal import say, say_json, say_table

__all__ = ["COMMANDS"]


@takes(reach=Reach)
def ls(reach: Reach, *, as_json: Json = False) -> int:
    """List the rules, in the order in which they are asked."""
    with reach.open() as api:
        found = _ask(api, "GET", "/api/v1/rules")
    if as_json:
        say_json(found)
    else:
        rows = [(str(one["ID"]), f"{one['Count']}", one["Text"]) for one in found]
        say_table(("ID", "acted", "rule"), rows, right=("ID", "acted"))
    return 0


@takes(reach=Reach)
def add(
    reach: Reach,
    *,
    form: Annotated[str, typer.Argument(metavar="[RULE]", help="A rule's form, as JSON.", show_default=False)] = "",
    file: Annotated[
        Path | None, option("--file", help="A file of rules, JSON or TOML, as for serve --rules.", metavar="FILE")
    ] = None,
    preset: Annotated[str, option("--preset", help="The name of a preset.", show_default=False)] = "",
    with_: Annotated[
        list[str] | None,
        option("--with", help="What the preset is given: name=value.", metavar="NAME=VALUE"),
    ] = None,
    as_json: Json = False,
) -> int:
    """Add rules; they act from now on."""
    if sum(map(bool, (form, file, preset))) != 1:
        raise Failure("say which: a rule, or --file, or --preset", 2)
    if file is not None:
        forms = read_forms(file)
    elif preset:
        forms = [{"preset": preset} | dict(map(_argument, with_ or []))]
    else:
        try:
            forms = [json.loads(form)]
        except ValueError as error:
            raise Failure(f'a rule is JSON, such as {{"when": "RCPT", "do": [{{"reply": 450}}]}}: {error}', 2) from None
    added: list[Any] = []
    with reach.open() as api:
        for one in forms:
            if isinstance(one, dict) and "preset" in one:
                rest = {name: value for name, value in one.items() if name != "preset"}
                added += _ask(api, "POST", f"/api/v1/presets/{one['preset']}", rest)
            else:
                added += _ask(api, "POST", "/api/v1/rules", one)
    if as_json:
        say_json(added)
    else:
        say("\n".join(f"{one['ID']}  {one['Text']}" for one in added))
    return 0


@takes(reach=Reach)
def rm(
    reach: Reach,
    *,
    ids: Annotated[list[int] | None, typer.Argument(metavar="[ID]...", show_default=False)] = None,
    all_: Annotated[bool, flag("--all", help="Every one.")] = False,
) -> int:
    """Remove rules; they act no more."""
    if bool(ids) == all_:
        raise Failure("say which: IDs, or --all", 2)
    with reach.open() as api:
        for path in [f"/api/v1/rules/{number}" for number in ids or []] or ["/api/v1/rules"]:
            _ask(api, "DELETE", path, answer=False)
    return 0


@takes(reach=Reach)
def presets(reach: Reach, *, as_json: Json = False) -> int:
    """List the presets: what servers out there do wrong, by name, with what each may be given."""
    with reach.open() as api:
        found = _ask(api, "GET", "/api/v1/presets")
    if as_json:
        say_json(found)
    else:
        say_table(("preset", "given"), [(name, given or "nothing") for name, given in sorted(found.items())])
    return 0


COMMANDS: tuple[tuple[str, Callable[..., int], tuple[str, ...]], ...] = (
    ("ls", ls, ("smtptest rules ls", "smtptest rules ls --json")),
    (
        "add",
        add,
        (
            """smtptest rules add '{"when": "RCPT", "match": {"to": "*@full.example"}, "do": [{"reply": 452}]}'""",
            "smtptest rules add --preset greylist --with attempts=2",
            "smtptest rules add --file rules.toml",
        ),
    ),
    ("rm", rm, ("smtptest rules rm 1", "smtptest rules rm --all")),
    ("presets", presets, ("smtptest rules presets",)),
)


def _ask(api: Api, method: str, path: str, body: object = None, *, answer: bool = True) -> Any:
    try:
        return api.json(method, path, body) if answer else api.ask(method, path, body)
    except ApiError as error:
        if error.code == 404 and error.body.startswith(b"404 page not found"):
            raise Failure(f"{api.url}: this server has no rules; a Mailpit has none") from None
        raise


def _argument(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise Failure(f"--with {text!r}: there is to be a name, = and a value", 2)
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value
