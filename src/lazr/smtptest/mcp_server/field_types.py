"""Types of arguments that several tools have, and the text of an address in results."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

__all__ = ["QUERY_HELP", "Address", "MailId", "Query", "format_address"]

QUERY_HELP = (
    "Search terms, all of which must match: words, from:ann, to:=ann@example.com (exactly), recipient:*@example.com "
    "(the envelope), subject:invoice, header:x-campaign=welcome, tag:beta, has:attachment, is:unread, larger:20KB, "
    "after:10m, before:2026-01-31; -term excludes, and quotes keep words together."
)

MailId = Annotated[
    str,
    Field(
        pattern="^[0-9A-Za-z]{1,100}$",
        description="ID of a mail, as other tools return it; `latest` is the newest mail.",
    ),
]
Query = Annotated[str, Field(max_length=1024, description=QUERY_HELP)]
Address = Annotated[
    str, Field(min_length=1, max_length=320, pattern='^[^"\\x00-\\x1f]*[^"\\x00-\\x1f\\s][^"\\x00-\\x1f]*$')
]


def format_address(address: dict[str, str] | None) -> str:
    """Return an address of the REST API as text; "" for none.

    >>> format_address({"Name": "Ann", "Address": "ann@example.com"})
    'Ann <ann@example.com>'
    """
    if not address or not address["Address"]:
        return ""
    return f"{address['Name']} <{address['Address']}>" if address["Name"] else address["Address"]
