"""The REST API as the tools use it: one interface, for this process and for another one."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from lazr.smtptest.api_client import ApiUnavailable

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "MAX_RESPONSE_BYTES",
    "REQUEST_TIMEOUT_SECONDS",
    "RestApi",
    "RestResponse",
    "build_query",
    "rename_keys",
    "request_json",
]

REQUEST_TIMEOUT_SECONDS = 60.0

# A mail in JSON has at most 1 MiB characters of text and of HTML, each of which may take six bytes.
MAX_RESPONSE_BYTES = 24 * 1024 * 1024
"""The longest response that the tools read as JSON."""


class RestResponse(NamedTuple):
    """The body of a response; `is_truncated` if it was longer than requested."""

    body: bytes
    is_truncated: bool = False


class RestApi(Protocol):
    """Send requests to the REST API, which decides what the caller may see and do."""

    async def request(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        query: Mapping[str, object] | None = None,
        timeout: float = REQUEST_TIMEOUT_SECONDS,  # noqa: ASYNC109 - for the connection, not for the coroutine
        max_bytes: int = MAX_RESPONSE_BYTES,
    ) -> RestResponse:
        """Send a request, and return the response.

        Args:
            method: The HTTP method.
            path: The path, which begins with `/api/v1/`.
            body: A value to send as JSON; None is no body.
            query: The parameters of the query string; None is no query.
            timeout: Seconds to wait for the response; 60 by default.
            max_bytes: How much of the body to return; 24 MiB by default.

        Raises:
            ApiError: If the status is an error.
            ApiUnavailable: If there is no response.
        """


async def request_json(
    api: RestApi,
    method: str,
    path: str,
    body: object = None,
    *,
    query: Mapping[str, object] | None = None,
    timeout: float = REQUEST_TIMEOUT_SECONDS,  # noqa: ASYNC109 - for the connection, not for the coroutine
) -> Any:
    """Send a request, and return the JSON value of the response.

    Args:
        api: The REST API.
        method: The HTTP method.
        path: The path, which begins with `/api/v1/`.
        body: A value to send as JSON; None is no body.
        query: The parameters of the query string; None is no query.
        timeout: Seconds to wait for the response; 60 by default.

    Raises:
        ApiError: If the status is an error.
        ApiUnavailable: If there is no response, or it is not the JSON of this API.
    """
    response = await api.request(method, path, body, query=query, timeout=timeout)
    if response.is_truncated:
        raise ApiUnavailable(f"{path} answered with more than {MAX_RESPONSE_BYTES:,} bytes; request less")
    try:
        return json.loads(response.body)
    except ValueError:
        message = f"{path} must answer with JSON; check that SMTPTEST_API is the URL of `smtptest serve`"
        raise ApiUnavailable(message) from None


def build_query(**parameters: object) -> dict[str, object]:
    """Return the parameters of a query string, without those that are empty, false or None.

    >>> build_query(query="", start=0, limit=5, refused=True)
    {'start': 0, 'limit': 5, 'refused': 1}
    """
    given = {
        name: value for name, value in parameters.items() if value is not None and value != "" and value is not False
    }
    return {name: 1 if value is True else value for name, value in given.items()}


def rename_keys(value: Mapping[str, Any]) -> dict[str, Any]:
    """Return an object of the REST API with keys in lower case, but not the objects in it.

    >>> rename_keys({"PartID": "2", "URL": "https://example.com", "DecodedSize": 3})
    {'part_id': '2', 'url': 'https://example.com', 'decoded_size': 3}
    """
    return {re.sub("(?<=[a-z0-9])(?=[A-Z])", "_", key).lower(): item for key, item in value.items()}
