"""A tool: its name, the schemas of its arguments and its result, and its function."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Generic, NamedTuple, TypeVar

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from lazr.smtptest._util.escape import escape_unprintable
from lazr.smtptest._util.suggestion import describe_unknown
from lazr.smtptest.errors import SmtptestError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence

    from lazr.smtptest.mcp_server.rest_api import RestApi

__all__ = ["Arguments", "Effect", "NoArguments", "Tool", "ToolError"]

_MAX_SHOWN_VALUE_CHARACTERS = 100
_MAX_SHOWN_NAME_CHARACTERS = 100
_MAX_SHOWN_ERRORS = 5


class ToolError(SmtptestError):
    """A call of a tool fails; the client gets the text, which names a remedy."""


class Arguments(BaseModel):
    """The arguments of a tool; unknown ones are errors."""

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid", frozen=True)


class NoArguments(Arguments):
    """The tool has no arguments."""


ArgumentsT = TypeVar("ArgumentsT", bound=Arguments)


class Effect(NamedTuple):
    """What a tool changes, and whose texts it returns.

    Clients use this to decide whether they ask their user before a call.

    Args:
        is_read_only: It changes nothing.
        is_destructive: It removes something.
        is_idempotent: A second call with the same arguments changes nothing more.
        returns_mail_content: The result has texts of others, such as the senders of mails.
    """

    is_read_only: bool = False
    is_destructive: bool = False
    is_idempotent: bool = False
    returns_mail_content: bool = False


class Tool(Generic[ArgumentsT]):
    """A tool of the MCP server.

    Args:
        name: The name, a verb with its object in lower case.
        title: The name that clients display.
        description: What the tool does, for the language model.
        arguments: The class of the arguments; its fields have descriptions and limits.
        result: The `TypedDict` of the result.
        effect: What the tool changes.
        run: The function that calls the REST API, and returns the result.
        is_waiting: The function may wait for long, and needs little memory meanwhile; false by default.
    """

    def __init__(
        self,
        name: str,
        *,
        title: str,
        description: str,
        arguments: type[ArgumentsT],
        result: type[Any],
        effect: Effect,
        run: Callable[[RestApi, ArgumentsT], Awaitable[Mapping[str, Any]]],
        is_waiting: bool = False,
    ) -> None:
        self.name = name
        self.title = title
        self.description = description
        self.effect = effect
        self.is_waiting = is_waiting
        self._arguments = arguments
        self._result = result
        self._run = run

    @property
    def input_schema(self) -> dict[str, Any]:
        """The JSON Schema of the arguments."""
        return self._arguments.model_json_schema()

    @property
    def output_schema(self) -> dict[str, Any]:
        """The JSON Schema of the result."""
        return TypeAdapter(self._result).json_schema(mode="serialization")

    async def call(self, api: RestApi, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Check the arguments, and run the tool.

        Raises:
            ToolError: If the arguments are wrong, or the tool fails.
            ApiUnavailable: If the REST API does not answer, or with an error.
        """
        # pydantic would make one error of each unknown argument and of each wrong item, which can be 100,000.
        unknown = [name for name in arguments if name not in self._arguments.model_fields]
        if unknown:
            raise self._build_error(unknown, self._describe_unknown_argument)
        too_long = list(self._find_long_arguments(arguments))
        if too_long:
            raise self._build_error(too_long, str)
        try:
            parsed = self._arguments.model_validate(dict(arguments))
        except ValidationError as error:
            raise self._build_error(error.errors(include_url=False), _describe_error) from None
        return dict(await self._run(api, parsed))

    def _build_error(self, faults: Sequence[Any], describe: Callable[[Any], str]) -> ToolError:
        more = len(faults) - _MAX_SHOWN_ERRORS
        texts = [describe(fault) for fault in faults[:_MAX_SHOWN_ERRORS]] + (
            [f"… and {more:,} more"] if more > 0 else []
        )
        return ToolError(f"{self.name}: {'; '.join(texts)}; nothing was done")

    def _describe_unknown_argument(self, name: str) -> str:
        text = describe_unknown("argument", name[:_MAX_SHOWN_NAME_CHARACTERS], self._arguments.model_fields)
        return escape_unprintable(text)

    def _find_long_arguments(self, arguments: Mapping[str, Any]) -> Iterator[str]:
        for name, field in self._arguments.model_fields.items():
            value = arguments.get(name)
            limit = next((one.max_length for one in field.metadata if hasattr(one, "max_length")), None)
            if isinstance(value, list | dict) and limit is not None and len(value) > limit:
                yield f"{name}: at most {limit:,} items, got {len(value):,}"


def _describe_error(error: Mapping[str, Any]) -> str:
    name = escape_unprintable(".".join(map(str, error["loc"]))[:_MAX_SHOWN_NAME_CHARACTERS])
    if error["type"] == "missing":
        return f"{name} is missing"
    shown = escape_unprintable(repr(error["input"])[:_MAX_SHOWN_VALUE_CHARACTERS])
    text = error["msg"].removeprefix("Value error, ")
    return f"{name}: {text}, got {shown}" if name else text
