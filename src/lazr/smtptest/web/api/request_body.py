"""Parse JSON bodies with case-insensitive keys, as Go's `encoding/json` does."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import parse_qs

from fastapi import Depends, Request
from pydantic import TypeAdapter

from lazr.smtptest.store import make_storable
from lazr.smtptest.web.api.json_limits import MAX_JSON_VALUES, check_json_limits
from lazr.smtptest.web.api.memory_limits import hold_body_turn
from lazr.smtptest.web.responses import ApiError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

__all__ = ["JsonObject", "RequestBody", "RequestBodyDep", "build_request_body_schema"]

_FORM_CONTENT_TYPE = "application/x-www-form-urlencoded"


class JsonObject:
    """A JSON object with case-insensitive keys.

    Unknown keys are ignored, and null is the same as no value.

    The `get_…` methods return an empty value for a missing key, as Go's decoder does, and raise `ApiError`, 400, for
    a value of another type.

    >>> body = JsonObject({"ids": ["1"], "Else": 7})
    >>> body.get_strings("IDs"), body.get_string("Search"), body.get_bool("Read")
    (['1'], '', False)
    """

    def __init__(self, members: Mapping[str, object]) -> None:
        self._members = {name.casefold(): value for name, value in members.items()}

    def __contains__(self, name: str) -> bool:
        return name.casefold() in self._members

    def __bool__(self) -> bool:
        return bool(self._members)

    def has_value(self, name: str) -> bool:
        """Return whether a key is there, with another value than null."""
        return self._members.get(name.casefold()) is not None

    def get_strings(self, name: str) -> list[str]:
        """Return a list of strings."""
        values = self._get_typed(name, list, "a list of strings", [])
        if not all(isinstance(value, str) for value in values):
            raise ApiError(400, f"{name} must be a list of strings")
        return [make_storable(value) for value in values]

    def get_string(self, name: str) -> str:
        """Return a string."""
        return make_storable(self._get_typed(name, str, "a string", ""))

    def get_bool(self, name: str) -> bool:
        """Return true or false."""
        return bool(self._get_typed(name, bool, "true or false", False))

    def get_int(self, name: str) -> int:
        """Return an integer of at most 64 bits."""
        value = self._get_typed(name, int, "an integer", 0)
        if isinstance(value, bool) or abs(value) > 2**63:
            raise ApiError(400, f"{name} must be an integer of at most 64 bits")
        return int(value)

    def get_number(self, name: str) -> float:
        """Return a finite number."""
        value = self._get_typed(name, (int, float), "a number", 0)
        if isinstance(value, bool) or not abs(value) <= 1e300:
            raise ApiError(400, f"{name} must be a finite number")
        return float(value)

    def get_object(self, name: str) -> JsonObject:
        """Return an object."""
        return JsonObject(self._get_typed(name, dict, "an object", {}))

    def get_objects(self, name: str) -> list[JsonObject]:
        """Return a list of objects."""
        values = self._get_typed(name, list, "a list of objects", [])
        if not all(isinstance(value, dict) for value in values):
            raise ApiError(400, f"{name} must be a list of objects")
        return [JsonObject(value) for value in values]

    def get_string_map(self, name: str) -> dict[str, str]:
        """Return an object of strings; its keys keep their case."""
        values = self._get_typed(name, dict, "an object of strings", {})
        if not all(isinstance(value, str) for value in values.values()):
            raise ApiError(400, f"{name} must be an object of strings")
        return {make_storable(key): make_storable(value) for key, value in values.items()}

    def _get_typed(self, name: str, expected_type: type | tuple[type, ...], expected_text: str, default: Any) -> Any:
        value = self._members.get(name.casefold())
        if value is None:
            return default
        if not isinstance(value, expected_type):
            raise ApiError(400, f"{name} must be {expected_text}")
        return value


class RequestBody:
    """The body of a request, parsed when a route calls one of the methods.

    Args:
        content: the bytes of the body.
        content_type: the value of Content-Type; it only matters for forms.
    """

    def __init__(self, content: bytes, content_type: str) -> None:
        self.content = content
        self._content_type = content_type

    def parse_json(self) -> object:
        """Parse any JSON value, whatever Content-Type the request has.

        Raises:
            ApiError: 400 for anything but JSON, or a form with `ids`.
        """
        try:
            check_json_limits(self.content)
            return json.loads(self.content.decode("utf-8-sig"))
        except (ValueError, RecursionError) as error:
            form = self._parse_form_ids()
            if form is None:
                raise ApiError(400, f"the body must be JSON: {error}") from None
            return form

    def parse_object(self) -> JsonObject:
        """Parse a JSON object.

        Raises:
            ApiError: 400 for anything but a JSON object, or a form with `ids`.
        """
        value = self.parse_json()
        if not isinstance(value, dict):
            raise ApiError(400, "the body must be a JSON object")
        return JsonObject(value)

    def _parse_form_ids(self) -> dict[str, object] | None:
        # mailpit-api-client sends IDs as a form.  Mailpit finds no IDs in it and deletes all mails.
        if self._content_type.partition(";")[0].strip().lower() != _FORM_CONTENT_TYPE:
            return None
        try:
            pairs = parse_qs(self.content.decode("latin-1"), max_num_fields=MAX_JSON_VALUES)
        except ValueError:
            raise ApiError(400, f"a form must have at most {MAX_JSON_VALUES:,} fields, got more") from None
        fields = {name.casefold(): values for name, values in pairs.items()}
        if "ids" not in fields:
            return None
        return {"ids": fields["ids"], "read": fields.get("read", [""])[-1].lower() in ("true", "1")}


async def _read_body(request: Request) -> AsyncIterator[RequestBody]:
    content = await request.body()
    async with hold_body_turn(len(content)):
        yield RequestBody(content, request.headers.get("content-type", ""))


# The scope `function` ends the turn before the answer is sent, which takes as long as the client likes.
RequestBodyDep = Annotated[RequestBody, Depends(_read_body, scope="function")]
"""The type of a route's parameter for the body of the request."""


def build_request_body_schema(schema_type: Any, *, required: bool = True) -> dict[str, Any]:
    """Return the OpenAPI description of a route with a JSON body of this type.

    `build_openapi` moves the `$defs` of its schema to where the references point.
    """
    schema = TypeAdapter(schema_type).json_schema(ref_template="#/components/schemas/{model}")
    return {"requestBody": {"required": required, "content": {"application/json": {"schema": schema}}}}
