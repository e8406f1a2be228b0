"""Routes for the rules of the mail server, and for presets by name."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Annotated, Any, NotRequired

from fastapi import APIRouter, Path
from starlette.responses import Response
from typing_extensions import TypedDict

from lazr.smtptest._util.suggestion import describe_unknown
from lazr.smtptest.errors import MissingExtra
from lazr.smtptest.rules import (
    PRESETS,
    PROVIDERS,
    READING_PROVIDERS,
    Call,
    Provider,
    Rule,
    build_rules,
    find_preset,
    read_rules_schema,
)
from lazr.smtptest.web.api.access_scope import FullAccessDep
from lazr.smtptest.web.api.request_body import RequestBodyDep, build_request_body_schema
from lazr.smtptest.web.responses import ApiError, json_response, ok_response

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from lazr.smtptest.web.app_context import AppContext

__all__ = ["router"]

router: APIRouter = APIRouter(tags=["rules"])

_MAX_CALLS_SHOWN = 20

# Patterns of untrusted input run in the thread of the server, in linear time.  Only short ones are accepted.
_MAX_PATTERN_CHARACTERS = 200
_MAX_GLOB_CHARACTERS = 1_000


class RuleCall(TypedDict):
    """One time that a rule acted; `At` is in seconds since the server started."""

    At: float
    Session: int
    Said: str
    Act: str
    Count: int


class NumberedRule(TypedDict):
    """A rule; `Rule` is its definition, or null if it has a function in it.

    A rule that is not `Enabled` never acts.  One that is `Exhausted` has done all that it may do.
    """

    ID: int
    Text: str
    Rule: dict[str, Any] | None
    Enabled: bool
    Exhausted: bool
    Count: int
    Calls: list[RuleCall]


class RuleDefinition(TypedDict):
    """The definition of a rule or a preset, as GET /api/v1/rules/schema describes it."""

    when: str
    match: dict[str, Any]
    do: list[dict[str, Any]]


class RuleChange(TypedDict):
    """A change of a rule: whether it may act, and the definition of the rule that replaces it."""

    Enabled: NotRequired[bool]
    Rule: NotRequired[RuleDefinition]


_DEFINITION_ERRORS = (ValueError, TypeError, RecursionError, MissingExtra)  # RecursionError: deeply nested JSON

RuleIdParam = Annotated[int, Path(alias="number", ge=0, lt=2**53, description="The ID of a rule")]
PresetNameParam = Annotated[str, Path(description="The name of a preset")]
_RULES_RESPONSES: dict[int | str, dict[str, Any]] = {200: {"model": list[NumberedRule]}}


@router.get("/api/v1/rules", responses=_RULES_RESPONSES)
def list_rules(app_context: FullAccessDep) -> Response:
    """Return all rules, in the order of their evaluation."""
    return json_response(_serialize_rules(app_context, app_context.rule_registry.get_rules()))


# Before the route of one rule, whose path has a number in this place.
@router.get("/api/v1/rules/schema", responses={200: {"model": dict[str, Any]}})
def get_rules_schema(_app_context: FullAccessDep) -> Response:
    """Return the JSON Schema of a definition: a rule, or a preset by its name."""
    return json_response(read_rules_schema())


@router.get("/api/v1/rules/{number}", responses={200: {"model": NumberedRule}})
def get_rule(app_context: FullAccessDep, number: RuleIdParam) -> Response:
    """Return one rule with its latest calls."""
    return json_response(_find_rule(app_context, number))


@router.put(
    "/api/v1/rules/{number}",
    openapi_extra=build_request_body_schema(RuleChange),
    responses={200: {"model": NumberedRule}},
)
def change_rule(app_context: FullAccessDep, number: RuleIdParam, body: RequestBodyDep) -> Response:
    """Disable a rule, enable it, or replace it; the change is active at once.

    A disabled rule keeps its place and its calls, and never acts.  A replaced rule keeps its place and its ID; its
    calls start again.  The body has `Enabled`, `Rule` or both.
    """
    change = body.parse_json()
    if not isinstance(change, dict) or not change or change.keys() - {"Enabled", "Rule"}:
        raise ApiError(400, f'the body must be {{"Enabled": …, "Rule": {{…}}}} or a part of it, got {change!r:.80}')
    enabled = change.get("Enabled")
    if not (enabled is None or isinstance(enabled, bool)):
        raise ApiError(400, f"Enabled must be true or false, got {enabled!r:.80}")
    try:
        replacement = None if change.get("Rule") is None else _build_replacement(change["Rule"])
        is_found = app_context.rule_registry.change(number, replacement=replacement, enabled=enabled)
    except _DEFINITION_ERRORS as error:
        raise ApiError(400, f"invalid rule: {error}") from None
    if not is_found:
        raise ApiError(404, f"there is no rule {number}")
    return json_response(_find_rule(app_context, number))


@router.post("/api/v1/rules", openapi_extra=build_request_body_schema(RuleDefinition), responses=_RULES_RESPONSES)
def add_rule(app_context: FullAccessDep, body: RequestBodyDep) -> Response:
    """Add a rule after the others; it is active at once."""
    return _add_rules(app_context, body.parse_json(), label="invalid rule")


@router.get("/api/v1/presets", responses={200: {"model": dict[str, str]}})
def list_presets(_app_context: FullAccessDep) -> Response:
    """Return the names of the presets, each with its parameters."""
    return json_response({name: _format_parameters(function) for name, function in _collect_presets().items()})


@router.post(
    "/api/v1/presets/{name}",
    openapi_extra=build_request_body_schema(dict[str, Any], required=False),
    responses=_RULES_RESPONSES,
)
def add_preset(app_context: FullAccessDep, name: PresetNameParam, body: RequestBodyDep) -> Response:
    """Add the rules of a preset after the others.

    The body has its arguments and selectors, by name.
    """
    provider, dot, what = name.partition(".")
    kind = "reading_provider" if what in READING_PROVIDERS.get(provider, ()) else "provider"
    preset = {"preset": kind, "name": provider, "what": what} if dot else {"preset": name}
    if name not in _collect_presets():
        raise ApiError(404, describe_unknown("preset", name, _collect_presets()))
    arguments = body.parse_json() if body.content.strip() else {}
    if not isinstance(arguments, dict):
        raise ApiError(400, f"the body must be a JSON object with the arguments of the preset, got {arguments!r:.80}")
    if taken := [key for key in preset if key in arguments]:
        raise ApiError(400, f"{name}: {taken[0]} is in the path already; leave it out")
    # null stands for the default, as elsewhere in this API.
    definition = preset | {key: value for key, value in arguments.items() if value is not None}
    return _add_rules(app_context, definition, label=name)


@router.delete("/api/v1/rules/{number}")
def remove_rule(app_context: FullAccessDep, number: RuleIdParam) -> Response:
    """Remove a rule; it is inactive at once."""
    if not app_context.rule_registry.remove(number):
        raise ApiError(404, f"there is no rule {number}")
    return ok_response()


@router.delete("/api/v1/rules")
def remove_rules(app_context: FullAccessDep) -> Response:
    """Remove all rules."""
    app_context.rule_registry.clear()
    return ok_response()


def _find_rule(app_context: AppContext, number: int) -> NumberedRule:
    rule = app_context.rule_registry.get_rules().get(number)
    if rule is None:
        raise ApiError(404, f"there is no rule {number}")
    return _serialize_rules(app_context, {number: rule})[0]


def _build_replacement(definition: object) -> Rule:
    rules = _build_rules(definition)
    if len(rules) != 1:
        raise ValueError(f"the definition must be one rule, got a preset of {len(rules)}; add the preset instead")
    return rules[0]


def _build_rules(definition: object) -> tuple[Rule, ...]:
    _check_pattern_lengths(definition)
    return build_rules(definition, is_untrusted=True)


def _add_rules(app_context: AppContext, definition: object, *, label: str) -> Response:
    try:
        rules = _build_rules(definition)
        return json_response(_serialize_rules(app_context, app_context.rule_registry.add(*rules)))
    except _DEFINITION_ERRORS as error:
        raise ApiError(400, f"{label}: {error}") from None


def _collect_presets() -> dict[str, Callable[..., object]]:
    """Return the presets by their names in paths; replies of providers as `gmail.over_quota`."""
    replies = {
        f"{provider}.{what}": getattr(Provider(provider), what)
        for provider, table in PROVIDERS.items()
        for what in table
    }
    readers = {f"{provider}.{what}": _refuse_reader for provider, table in READING_PROVIDERS.items() for what in table}
    return {**PRESETS, "provider": find_preset("provider"), **replies, **readers}


def _refuse_reader(*, user: str | None = None) -> None:
    """Have the signature of a preset that refuses a client of IMAP or POP3."""


def _format_parameters(preset: Callable[..., object]) -> str:
    """Return the parameters of a preset as in its signature: `attempts: int = 1, **selectors`."""
    parameters = [
        parameter.replace(annotation=parameter.empty) if parameter.kind is parameter.VAR_KEYWORD else parameter
        for parameter in inspect.signature(preset).parameters.values()
        if parameter.kind is not parameter.POSITIONAL_ONLY
    ]
    return ", ".join(str(parameter).replace("'", "") for parameter in parameters)


def _serialize_rules(app_context: AppContext, rules: Mapping[int, Rule]) -> list[NumberedRule]:
    return [
        {
            "ID": number,
            "Text": str(rule),
            "Rule": _serialize_rule(rule),
            "Enabled": app_context.rule_registry.is_enabled(rule),
            "Exhausted": rule.is_exhausted,
            "Count": rule.count,
            "Calls": [_serialize_call(call) for call in rule.calls[-_MAX_CALLS_SHOWN:]],
        }
        for number, rule in rules.items()
    ]


def _serialize_call(call: Call) -> RuleCall:
    at = round(call.at, 3)
    return {"At": at, "Session": call.session, "Said": call.said, "Act": call.action, "Count": call.count}


def _serialize_rule(rule: Rule) -> dict[str, Any] | None:
    try:
        return rule.to_dict()
    except ValueError:
        return None


def _check_pattern_lengths(value: object) -> None:
    """Raise `ValueError` if there is a long pattern anywhere in a definition.

    The replies of `do` are not patterns, so a text in them may have any length.
    """
    stack = [value]
    while stack:
        item = stack.pop()
        if isinstance(item, dict):
            if len(str(item.get("regex", ""))) > _MAX_PATTERN_CHARACTERS:
                raise ValueError(f"a pattern must have at most {_MAX_PATTERN_CHARACTERS} characters")
            stack.extend(value for key, value in item.items() if key != "do")
        elif isinstance(item, list):
            stack.extend(item)
        elif isinstance(item, str) and len(item) > _MAX_GLOB_CHARACTERS and ("*" in item or "?" in item):
            raise ValueError(f"a text with wildcards must have at most {_MAX_GLOB_CHARACTERS:,} characters")
