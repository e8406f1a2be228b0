"""The tools for the rules by which the mail server misbehaves."""

from __future__ import annotations

from typing import Annotated, Any, Self

from pydantic import Field, model_validator
from typing_extensions import TypedDict

from lazr.smtptest.api_client import ApiError
from lazr.smtptest.mcp_server.rest_api import RestApi, rename_keys, request_json
from lazr.smtptest.mcp_server.tool import Arguments, Effect, NoArguments, Tool, ToolError
from lazr.smtptest.mcp_server.untrusted_text import Cleaner, Truncation
from lazr.smtptest.rules import PRESETS

__all__ = ["RULE_TOOLS"]

_NOT_FOUND = 404

_RULE_EXAMPLES = (
    '{"when": "RCPT", "match": {"to": "*@full.example"}, "do": [{"reply": [452, "4.2.2", "Mailbox full"]}]} refuses '
    'recipients; with "times": 2, twice only. {"when": "CONNECT", "do": [{"drop": true}]} closes connections. '
    '{"when": "DATA", "do": [{"delay": 5}]} delays a reply by 5 seconds.'
)


class RuleInfo(TypedDict):
    """A rule; `count` is how often it acted.

    `untrusted_content` has its latest `calls`, with the text of the client.
    """

    id: int
    text: str
    is_enabled: bool
    is_exhausted: bool
    count: int
    untrusted_content: dict[str, Any]


class RuleList(TypedDict):
    """Rules, in the order of their evaluation."""

    rules: list[RuleInfo]
    truncated: list[Truncation]


async def _list_rules(api: RestApi, _arguments: NoArguments) -> RuleList:
    return _build_rules(await request_json(api, "GET", "/api/v1/rules"))


def _build_rules(rules: list[dict[str, Any]]) -> RuleList:
    cleaner = Cleaner()
    built: list[RuleInfo] = [
        {
            "id": one["ID"],
            "text": str(cleaner.clean("text", one["Text"])),
            "is_enabled": one["Enabled"],
            "is_exhausted": one["Exhausted"],
            "count": one["Count"],
            "untrusted_content": {"calls": cleaner.clean("calls", list(map(rename_keys, one["Calls"])))},
        }
        for one in rules
    ]
    return {"rules": built, "truncated": cleaner.truncated}


class AddRuleArguments(Arguments):
    """A rule, or a preset with its arguments."""

    rule: Annotated[
        dict[str, Any] | None,
        Field(
            description=f"Definition of a rule: when (CONNECT, EHLO, AUTH, MAIL, RCPT, DATA, …), match (selectors) and "
            f"do (actions). {_RULE_EXAMPLES}"
        ),
    ] = None
    preset: Annotated[
        str | None,
        Field(
            pattern="^[a-z0-9_.]{1,60}$",
            description="Name of a preset, instead of a rule: "
            + ", ".join(sorted(PRESETS))
            + "; or the reply of a provider, such as gmail.over_quota or gmail.throttled (IMAP).",
        ),
    ] = None
    arguments: Annotated[
        dict[str, Any], Field(max_length=20, description='Arguments of the preset, such as {"attempts": 2}.')
    ] = {}  # noqa: RUF012 - pydantic copies it

    @model_validator(mode="after")
    def _check_that_one_is_given(self) -> Self:
        if (self.rule is None) == (self.preset is None):
            raise ValueError("exactly one of rule and preset must be given")
        if self.arguments and self.preset is None:
            raise ValueError("arguments are for a preset; write them into the rule instead")
        return self


async def _add_rule(api: RestApi, arguments: AddRuleArguments) -> RuleList:
    if arguments.preset is not None:
        path, body = f"/api/v1/presets/{arguments.preset}", arguments.arguments
    else:
        path, body = "/api/v1/rules", arguments.rule or {}
    return _build_rules(await request_json(api, "POST", path, body))


class RemoveRuleArguments(Arguments):
    """Which rule to remove: one by its ID, or all."""

    id: Annotated[int | None, Field(ge=0, lt=2**53, description="ID of a rule, as list_rules returns it.")] = None
    all: Annotated[bool, Field(description="Remove all rules, so that the server behaves well again.")] = False

    @model_validator(mode="after")
    def _check_that_one_is_given(self) -> Self:
        if (self.id is None) == (not self.all):
            raise ValueError("exactly one of id and all=true must be given")
        return self


async def _remove_rule(api: RestApi, arguments: RemoveRuleArguments) -> RuleList:
    try:
        await api.request("DELETE", "/api/v1/rules" if arguments.all else f"/api/v1/rules/{arguments.id}")
    except ApiError as error:
        if error.http_status != _NOT_FOUND:
            raise
        raise ToolError(f"there is no rule {arguments.id}; `list_rules` lists the rules") from None
    return _build_rules(await request_json(api, "GET", "/api/v1/rules"))


RULE_TOOLS: tuple[Tool[Any], ...] = (
    Tool(
        "list_rules",
        title="List rules",
        description="List the rules by which the server misbehaves, and how often each acted.",
        arguments=NoArguments,
        result=RuleList,
        effect=Effect(is_read_only=True, returns_mail_content=True),
        run=_list_rules,
    ),
    Tool(
        "add_rule",
        title="Add a rule",
        description="Make the server misbehave from now on: refuse, delay or drop what applications send. Returns the "
        "added rules. Remove them after the test.",
        arguments=AddRuleArguments,
        result=RuleList,
        effect=Effect(returns_mail_content=False),
        run=_add_rule,
    ),
    Tool(
        "remove_rule",
        title="Remove rules",
        description="Remove a rule, or all rules. Returns the rules that are left.",
        arguments=RemoveRuleArguments,
        result=RuleList,
        effect=Effect(is_destructive=True, is_idempotent=True, returns_mail_content=True),
        run=_remove_rule,
    ),
)
