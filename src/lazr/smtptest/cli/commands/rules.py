"""`smtptest rules`: list, add and remove the rules of a running server."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from lazr.smtptest.api_client import ApiClient, ApiError
from lazr.smtptest.cli.config.shared_options import ApiOptions, JsonOption
from lazr.smtptest.cli.config.typer_options import expand_options, flag, option
from lazr.smtptest.cli.errors import CommandError
from lazr.smtptest.cli.output.terminal import print_json, print_table, print_text
from lazr.smtptest.cli.rules_file import read_rule_definitions

__all__ = ["COMMANDS"]


@expand_options(api_options=ApiOptions)
def ls(api_options: ApiOptions, *, as_json: JsonOption = False) -> int:
    """List the rules, in the order in which the server evaluates them."""
    with api_options.open_client() as api:
        found = _request(api, "GET", "/api/v1/rules")
    if as_json:
        print_json(found)
    else:
        rows = [(str(one["ID"]), f"{one['Count']}", one["Text"]) for one in found]
        print_table(("ID", "acted", "rule"), rows, right_aligned=("ID", "acted"))
    return 0


@expand_options(api_options=ApiOptions)
def add(
    api_options: ApiOptions,
    *,
    rule: Annotated[
        str, typer.Argument(metavar="RULE", help="Definition of a rule, as JSON.", show_default=False)
    ] = "",
    file: Annotated[
        Path | None, option("--file", help="JSON or TOML file of rules, as for serve --rules.", metavar="FILE")
    ] = None,
    preset: Annotated[
        str, option("--preset", help="Name of a preset; `smtptest rules presets` lists them.", show_default=False)
    ] = "",
    with_: Annotated[
        list[str] | None,
        option("--with", help="Argument for the preset; repeatable.", metavar="NAME=VALUE"),
    ] = None,
    as_json: JsonOption = False,
) -> int:
    """Add rules, which act at once."""
    if sum(map(bool, (rule, file, preset))) != 1:
        raise CommandError("rules add needs exactly one of: a rule, --file, --preset", 2)
    if file is not None:
        definitions = read_rule_definitions(file)
    elif preset:
        definitions = [{"preset": preset} | dict(map(_parse_argument, with_ or []))]
    else:
        try:
            definitions = [json.loads(rule)]
        except ValueError as error:
            raise CommandError(
                f'a rule must be JSON, such as {{"when": "RCPT", "do": [{{"reply": 450}}]}}: {error}', 2
            ) from None
    added: list[Any] = []
    with api_options.open_client() as api:
        for one in definitions:
            added += _request(api, "POST", "/api/v1/rules", one)
    if as_json:
        print_json(added)
    else:
        print_text("\n".join(f"{one['ID']}  {one['Text']}" for one in added))
    return 0


@expand_options(api_options=ApiOptions)
def rm(
    api_options: ApiOptions,
    *,
    ids: Annotated[list[int] | None, typer.Argument(metavar="ID", help="IDs of rules.", show_default=False)] = None,
    all_: Annotated[bool, flag("--all", help="Remove all rules.")] = False,
) -> int:
    """Remove rules by ID, or all of them."""
    if bool(ids) == all_:
        raise CommandError("rules rm needs exactly one of: IDs, --all", 2)
    with api_options.open_client() as api:
        for path in [f"/api/v1/rules/{number}" for number in ids or []] or ["/api/v1/rules"]:
            _request(api, "DELETE", path, expect_json=False)
    return 0


@expand_options(api_options=ApiOptions)
def presets(api_options: ApiOptions, *, as_json: JsonOption = False) -> int:
    """List the presets, which are faults of real servers, with their arguments."""
    with api_options.open_client() as api:
        found = _request(api, "GET", "/api/v1/presets")
    if as_json:
        print_json(found)
    else:
        print_table(("preset", "arguments"), [(name, signature or "none") for name, signature in sorted(found.items())])
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


def _request(api: ApiClient, method: str, path: str, body: object = None, *, expect_json: bool = True) -> Any:
    try:
        return api.request_json(method, path, body) if expect_json else api.request(method, path, body)
    except ApiError as error:
        if error.http_status == 404 and error.body.startswith(b"404 page not found"):
            raise CommandError(
                f"{api.url}: this server has no rules API; use `smtptest serve` (Mailpit has none)"
            ) from None
        raise


def _parse_argument(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise CommandError(f"--with must be NAME=VALUE, got {text!r}", 2)
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value
