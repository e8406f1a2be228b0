"""What a request's body gives: JSON whose keys Go's decoder would find."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import parse_qs

from fastapi import Depends, Request
from pydantic import TypeAdapter

from lazr.smtptest.store.indexed import holdable
from lazr.smtptest.web.answers import Refused

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Body", "Given", "given", "takes"]

_FORM = "application/x-www-form-urlencoded"


class Given:
    """An object of a body; its keys in any letter case, those that nobody asks for ignored.

    What is of another type than asked for raises `Refused`, 400.  null is as good as absent, as in Go.

    >>> body = Given({"ids": ["1"], "Else": 7})
    >>> body.strings("IDs"), body.text("Search"), body.flag("Read")
    (['1'], '', False)
    """

    def __init__(self, members: Mapping[str, object]) -> None:
        self._members = {name.casefold(): value for name, value in members.items()}

    def __contains__(self, name: str) -> bool:
        return name.casefold() in self._members

    def __bool__(self) -> bool:
        return bool(self._members)

    def strings(self, name: str) -> list[str]:
        """A list of strings."""
        found = self._get(name, list, "a list of strings", [])
        if not all(isinstance(one, str) for one in found):
            raise Refused(400, f"{name} is a list of strings")
        return [holdable(one) for one in found]

    def text(self, name: str) -> str:
        """A string."""
        return holdable(self._get(name, str, "a string", ""))

    def flag(self, name: str) -> bool:
        """True or false."""
        return bool(self._get(name, bool, "true or false", False))

    def number(self, name: str) -> int:
        """A whole number; 0 where there is none."""
        found = self._get(name, int, "a whole number", 0)
        if isinstance(found, bool) or abs(found) > 2**63:
            raise Refused(400, f"{name} is a whole number")
        return int(found)

    def object(self, name: str) -> Given:
        """An object in it."""
        return Given(self._get(name, dict, "an object", {}))

    def objects(self, name: str) -> list[Given]:
        """A list of objects."""
        found = self._get(name, list, "a list of objects", [])
        if not all(isinstance(one, dict) for one in found):
            raise Refused(400, f"{name} is a list of objects")
        return [Given(one) for one in found]

    def mapping(self, name: str) -> dict[str, str]:
        """Strings by their names, whose letter case stays."""
        found = self._get(name, dict, "an object of strings", {})
        if not all(isinstance(one, str) for one in found.values()):
            raise Refused(400, f"{name} is an object of strings")
        return {holdable(key): holdable(value) for key, value in found.items()}

    def _get(self, name: str, kind: type, what: str, absent: Any) -> Any:
        value = self._members.get(name.casefold())
        if value is None:
            return absent
        if not isinstance(value, kind):
            raise Refused(400, f"{name} is {what}")
        return value


class Body:
    """The body of a request, read; what it gives is worked out when a route asks."""

    def __init__(self, octets: bytes, kind: str) -> None:
        self.octets = octets
        self._kind = kind

    def value(self) -> object:
        """Any JSON; raises `Refused`, 400, where it is none.  The type that the request says is not looked at."""
        try:
            return json.loads(self.octets)
        except (ValueError, RecursionError) as error:
            form = self._form()
            if form is None:
                raise Refused(400, f"the body is no JSON: {error}") from None
            return form

    def given(self) -> Given:
        """A JSON object; raises `Refused`, 400."""
        value = self.value()
        if not isinstance(value, dict):
            raise Refused(400, "the body is no JSON object")
        return Given(value)

    def _form(self) -> dict[str, object] | None:
        # mailpit-api-client sends IDs so, which Mailpit takes for no IDs, and deletes everything.
        if self._kind.partition(";")[0].strip().lower() != _FORM:
            return None
        fields = {name.casefold(): values for name, values in parse_qs(self.octets.decode("latin-1")).items()}
        if "ids" not in fields:
            return None
        return {"ids": fields["ids"], "read": fields.get("read", [""])[-1].lower() in ("true", "1")}


async def _body(request: Request) -> Body:
    return Body(await request.body(), request.headers.get("content-type", ""))


given = Annotated[Body, Depends(_body)]
"""The type of a route's argument that is the body."""


def takes(shape: Any, *, required: bool = True) -> dict[str, Any]:
    """For OpenAPI: the route's body is JSON of that shape."""
    schema = TypeAdapter(shape).json_schema()
    return {"requestBody": {"required": required, "content": {"application/json": {"schema": schema}}}}
