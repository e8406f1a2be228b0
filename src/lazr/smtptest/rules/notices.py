"""Notices: bounces, complaints and automatic replies, as actions of rules.

`NOTICE_ACTIONS` has the actions by name, each with the kind of mail that it sends and the arguments that it takes.  A
`Notice` is the value of such an action.  A `NoticeOrder` is what a rule demands for one mail: its notices, and the
recipients that they are about.  `mailserver.bounce_service` carries them out.
"""

from __future__ import annotations

import re

from lazr.smtptest._util.suggestion import describe_unknown
from lazr.smtptest.rules.number_checks import is_finite_number

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any, Final, Protocol

    class Action(Protocol):
        """The action of a rule, as far as it sends something back."""

        @property
        def notices(self) -> tuple[Notice, ...]:
            """What comes back."""


__all__ = [
    "NOTICE_ACTIONS",
    "NOTICE_ACTIONS_BY_KIND",
    "Notice",
    "NoticeForm",
    "NoticeOrder",
    "build_notice",
    "parse_notice",
]

# RFC 3463 2: the class, the subject and the detail.
_STATUS_PATTERN = re.compile(r"([245])\.(0|[1-9][0-9]{0,2})\.(0|[1-9][0-9]{0,2})")

# A longer text is not what a person writes, and each mail that comes back would have it.
_MAX_TEXT_CHARACTERS = 10_000


class NoticeForm:
    """The form of one action: what it sends, and which arguments it takes.

    - `kind`: the kind of mail: "bounce", "delayed", "delivered", "complaint", "out_of_office", "challenge" or
      "auto_reply".
    - `parameters`: the names of the arguments that it takes besides `after`.
    - `status`: the default status; None if the mail has none.
    - `classes`: the classes that the status may have (RFC 3463 2.1).
    """

    __slots__ = ("classes", "kind", "parameters", "status")

    def __init__(self, kind: str, parameters: tuple[str, ...], status: str | None = None, classes: str = "") -> None:
        self.kind: Final = kind
        self.parameters: Final = parameters
        self.status: Final = status
        self.classes: Final = classes


# The actions by name.  A bounce may have a status of class 4: so a server says that it has given up to try again.
NOTICE_ACTIONS: Final[Mapping[str, NoticeForm]] = {
    "then_bounce": NoticeForm("bounce", ("status", "text", "style"), "5.1.1", "54"),
    "then_delayed": NoticeForm("delayed", ("status", "text", "style"), "4.4.1", "4"),
    "then_delivered": NoticeForm("delivered", ("text", "style")),
    "then_complaint": NoticeForm("complaint", ("feedback_type", "style")),
    "then_out_of_office": NoticeForm("out_of_office", ("text", "style")),
    "then_challenge": NoticeForm("challenge", ("text", "style")),
    "then_auto_reply": NoticeForm("auto_reply", ("text", "style")),
}

# The names of the actions by the kind of mail that they send.
NOTICE_ACTIONS_BY_KIND: Final[Mapping[str, str]] = {form.kind: name for name, form in NOTICE_ACTIONS.items()}


class Notice:
    """One mail that comes back: a value.

    - `kind`: the kind of mail, as in `NoticeForm`.
    - `status`: the status of a delivery notification (RFC 3463); None for others, and for the default.
    - `text`: what it says to people; None for the text of its style or kind.
    - `style`: the server whose wording and form it has, such as "postfix"; None for the default.
    - `feedback_type`: the type of a complaint (RFC 5965); None for others.
    - `after`: the seconds between the acceptance of the mail and the notice.
    """

    __slots__ = ("after", "feedback_type", "kind", "status", "style", "text")

    def __init__(
        self,
        kind: str,
        *,
        status: str | None = None,
        text: str | None = None,
        style: str | None = None,
        feedback_type: str | None = None,
        after: float = 0.0,
    ) -> None:
        self.kind: Final = kind
        self.status: Final = status
        self.text: Final = text
        self.style: Final = style
        self.feedback_type: Final = feedback_type
        self.after: Final = after

    def to_dict(self) -> dict[str, Any]:
        """Return the arguments that differ from the defaults, as in the definition of a rule."""
        form = NOTICE_ACTIONS[NOTICE_ACTIONS_BY_KIND[self.kind]]
        values = {name: getattr(self, name) for name in form.parameters}
        return {
            **{name: value for name, value in values.items() if value is not None},
            **({"after": self.after} if self.after else {}),
        }

    def describe_arguments(self) -> str:
        """Return the arguments as they are written in Python: "'5.1.1', after=2"."""
        arguments = self.to_dict()
        leading = NOTICE_ACTIONS[NOTICE_ACTIONS_BY_KIND[self.kind]].parameters[:1]
        written = [repr(arguments.pop(name)) for name in leading if name in arguments and name != "feedback_type"]
        for name, value in arguments.items():
            shown = f"{value:g}" if isinstance(value, float) else repr(value)
            written.append(f"{name}={shown if len(shown) <= 80 else shown[:80] + '…'}")
        return ", ".join(written)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Notice):
            return NotImplemented
        return all(getattr(self, name) == getattr(other, name) for name in self.__slots__)

    def __hash__(self) -> int:
        return hash((self.kind, self.status, self.after))

    def __repr__(self) -> str:
        return f"<Notice {NOTICE_ACTIONS_BY_KIND[self.kind]}({self.describe_arguments()})>"


class NoticeOrder:
    """What one rule demands for one mail.

    - `rule`: the trigger and the selectors of the rule, as text.
    - `action`: the action of the rule, whose `notices` are what to send back.
    - `recipients`: the recipients of the mail that the notices are about.
    """

    __slots__ = ("action", "recipients", "rule")

    def __init__(self, rule: str, action: Action, recipients: tuple[str, ...]) -> None:
        self.rule: Final = rule
        self.action: Final = action
        self.recipients: Final = recipients


def build_notice(action: str, **arguments: Any) -> Notice:
    """Return the notice of an action; None as an argument is its default.

    Args:
        action: The name of the action, such as "then_bounce".
        **arguments: The arguments of the method of `Rule` with this name.

    Raises:
        TypeError: If an argument has the wrong type.
        ValueError: If an argument is unknown or wrong.

    >>> build_notice("then_bounce", status="5.2.2", after=2)
    <Notice then_bounce('5.2.2', after=2)>
    """
    form = NOTICE_ACTIONS[action]
    for name in arguments:
        if name not in (*form.parameters, "after"):
            raise ValueError(describe_unknown(f"argument of {action}()", name, (*form.parameters, "after")))
    checked: dict[str, Any] = {
        name: _CHECKS[name](action, value) for name, value in arguments.items() if value is not None
    }
    after = _check_after(action, checked.pop("after", 0.0))
    if form.status is not None:
        checked["status"] = _check_class(action, form, checked.get("status", form.status))
    if form.kind == "auto_reply" and not checked.get("text", "").strip():
        raise ValueError(f'{action}() must have a text, got none; write {action}("Thank you for your message")')
    return Notice(form.kind, after=after, **checked)


def parse_notice(action: str, value: Any) -> Notice:
    """Return the notice of an action from data: true, or a mapping of its arguments.

    A string is the first argument: `{"then_bounce": "5.1.1"}`.

    Raises:
        TypeError: If the value or an argument has the wrong type.
        ValueError: If an argument is unknown or wrong.

    >>> parse_notice("then_bounce", {"status": "5.2.2", "style": "postfix"}).to_dict()
    {'status': '5.2.2', 'style': 'postfix'}
    """
    if value is True:
        return build_notice(action)
    if isinstance(value, str):
        return build_notice(action, **{NOTICE_ACTIONS[action].parameters[0]: value})
    if not isinstance(value, dict) or not all(isinstance(name, str) for name in value):
        raise TypeError(f"{action} must be true, a string or an object of its arguments, got {value!r:.80}")
    missing = [name for name, argument in value.items() if argument is None]
    if missing:
        raise TypeError(f"{missing[0]} of {action} must have a value, got null; leave it out")
    return build_notice(action, **value)


def _check_after(action: str, value: Any) -> float:
    if not is_finite_number(value) or value < 0:
        raise ValueError(f"after= of {action}() must be a number of seconds >= 0, got {value!r}")
    return float(value)


def _check_status(action: str, value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f'the status of {action}() must be a string such as "5.1.1", got {value!r}')
    if _STATUS_PATTERN.fullmatch(value) is None:
        raise ValueError(f'the status of {action}() must be as "5.1.1" (RFC 3463 2), got {value!r:.80}')
    return value


def _check_class(action: str, form: NoticeForm, status: str) -> str:
    if status[0] not in form.classes:
        classes = " or ".join(f"{digit}." for digit in form.classes)
        raise ValueError(f"the status of {action}() must begin with {classes}, got {status!r}")
    return status


def _check_text(action: str, value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"the text of {action}() must be a string, got {value!r:.80}")
    if len(value) > _MAX_TEXT_CHARACTERS:
        raise ValueError(f"the text of {action}() must have at most {_MAX_TEXT_CHARACTERS:,} characters")
    return value


def _check_style(_action: str, value: Any) -> str:
    from lazr.smtptest.bounces import STYLES

    if not isinstance(value, str) or value not in STYLES:
        raise ValueError(describe_unknown("style", value, STYLES))
    return value


def _check_feedback_type(_action: str, value: Any) -> str:
    from lazr.smtptest.bounces import FEEDBACK_TYPES

    if value not in FEEDBACK_TYPES:
        raise ValueError(describe_unknown("feedback type", value, FEEDBACK_TYPES))
    return str(value)


_CHECKS: Final[Mapping[str, Callable[[str, Any], Any]]] = {
    "status": _check_status,
    "text": _check_text,
    "style": _check_style,
    "feedback_type": _check_feedback_type,
    "after": _check_after,
}
