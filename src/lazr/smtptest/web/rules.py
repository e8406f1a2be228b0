"""The rules of the mail server over HTTP: listed, added, removed; presets by their names."""

from __future__ import annotations

import inspect
import re
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Path
from starlette.responses import Response
from typing_extensions import TypedDict

from lazr.smtptest.faults.presets import PRESETS
from lazr.smtptest.faults.provider import PROVIDERS, Provider
from lazr.smtptest.faults.rule import Call, Rule
from lazr.smtptest.web.answers import Refused, as_json, ok
from lazr.smtptest.web.given import given, takes
from lazr.smtptest.web.scope import Whole

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["router"]

router: APIRouter = APIRouter(tags=["rules"])

_CALLS = 20
_LONGEST_PATTERN = 200


class RuleCall(TypedDict):
    """One time that a rule acted: `At` in seconds since the server started, and in which session."""

    At: float
    Session: int
    Said: str
    Act: str
    Count: int


class NumberedRule(TypedDict):
    """A rule.  `Rule` is its form, as in docs/rules.schema.json; null where it has a function in it."""

    ID: int
    Text: str
    Rule: dict[str, Any] | None
    Count: int
    Calls: list[RuleCall]


class RuleForm(TypedDict):
    """A rule's form; docs/rules.schema.json has all of it."""

    when: str
    match: dict[str, Any]
    do: list[dict[str, Any]]


Number = Annotated[int, Path(alias="number", ge=0, lt=2**53, description="A rule's ID")]
Name = Annotated[str, Path(description="A preset's name")]
_RULES: dict[int | str, dict[str, Any]] = {200: {"model": list[NumberedRule]}}


@router.get("/api/v1/rules", responses=_RULES)
def list_rules(catcher: Whole) -> Response:
    """All rules, in the order in which they are asked."""
    return as_json(_written(catcher.shelf.rules()))


@router.get("/api/v1/rules/{number}", responses={200: {"model": NumberedRule}})
def get_rule(catcher: Whole, number: Number) -> Response:
    """One rule, with the times that it acted."""
    for one in _written(catcher.shelf.rules()):
        if one["ID"] == number:
            return as_json(one)
    raise Refused(404, f"there is no rule {number}")


@router.post("/api/v1/rules", openapi_extra=takes(RuleForm), responses=_RULES)
def add_rule(catcher: Whole, body: given) -> Response:
    """Put a rule behind the others; it acts from now on."""
    form = body.value()
    try:
        _look_at_patterns(form)
        rule = Rule.from_dict(form)  # type: ignore[arg-type]  # it sees for itself
        return as_json(_written(catcher.shelf.add(rule)))
    except (ValueError, TypeError, KeyError, AttributeError, re.error) as error:
        raise Refused(400, f"no rule: {error}") from None


@router.get("/api/v1/presets", responses={200: {"model": dict[str, str]}})
def list_presets(_catcher: Whole) -> Response:
    """The presets by their names, each with what it may be given."""
    return as_json({name: _taken(made) for name, made in _presets().items()})


@router.post("/api/v1/presets/{name}", openapi_extra=takes(dict[str, Any], required=False), responses=_RULES)
def add_preset(catcher: Whole, name: Name, body: given) -> Response:
    """Put the rules of a preset behind the others; the body is what it is given, by name."""
    made = _presets().get(name)
    if made is None:
        raise Refused(404, f"there is no preset {name!r}; there are {', '.join(_presets())}")
    arguments = body.value() if body.octets.strip() else {}
    if not isinstance(arguments, dict):
        raise Refused(400, "the body is no JSON object")
    try:
        _look_at_patterns(arguments)
        rules = made(**arguments)
        return as_json(_written(catcher.shelf.add(*((rules,) if isinstance(rules, Rule) else rules))))
    except (ValueError, TypeError) as error:
        raise Refused(400, f"{name}: {error}") from None


@router.delete("/api/v1/rules/{number}")
def remove_rule(catcher: Whole, number: Number) -> Response:
    """It acts no more."""
    if not catcher.shelf.remove(number):
        raise Refused(404, f"there is no rule {number}")
    return ok()


@router.delete("/api/v1/rules")
def remove_rules(catcher: Whole) -> Response:
    """No rule acts any more."""
    catcher.shelf.clear()
    return ok()


def _presets() -> dict[str, Callable[..., Rule | tuple[Rule, ...]]]:
    providers = {
        f"{provider}.{what}": getattr(Provider(provider), what)
        for provider, table in PROVIDERS.items()
        for what in table
    }
    return {**PRESETS, **providers}


def _taken(made: Callable[..., object]) -> str:
    """What a preset may be given, as a call has it: `attempts: int = 1, **selectors`."""
    given = [
        one.replace(annotation=one.empty) if one.kind is one.VAR_KEYWORD else one
        for one in inspect.signature(made).parameters.values()
        if one.kind is not one.POSITIONAL_ONLY
    ]
    return ", ".join(str(one).replace("'", "") for one in given)


def _written(rules: Mapping[int, Rule]) -> list[NumberedRule]:
    return [
        {
            "ID": number,
            "Text": str(rule),
            "Rule": _form(rule),
            "Count": rule.count,
            "Calls": [_call(call) for call in rule.calls[-_CALLS:]],
        }
        for number, rule in rules.items()
    ]


def _call(call: Call) -> RuleCall:
    at = round(call.at, 3)
    return {"At": at, "Session": call.session, "Said": call.said, "Act": call.act, "Count": call.count}


def _form(rule: Rule) -> dict[str, Any] | None:
    try:
        return rule.to_dict()
    except ValueError:
        return None


def _look_at_patterns(form: object) -> None:
    """A pattern is looked for in the thread of the server: it has to be a short one."""
    stack = [form]
    while stack:
        one = stack.pop()
        if isinstance(one, dict):
            if len(str(one.get("regex", ""))) > _LONGEST_PATTERN:
                raise ValueError(f"a pattern has at most {_LONGEST_PATTERN} characters")
            stack.extend(one.values())
        elif isinstance(one, list):
            stack.extend(one)
