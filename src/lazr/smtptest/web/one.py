"""The one mail that a request names, by its ID or as the latest."""

from __future__ import annotations

import re
from typing import Annotated

from fastapi import Depends, Path, Query

from lazr.smtptest.mail.mail import Mail
from lazr.smtptest.store.contract import Entry
from lazr.smtptest.web.answers import Refused
from lazr.smtptest.web.asked import Zone, some_of
from lazr.smtptest.web.scope import Scoped

__all__ = ["ID", "Latest", "NamedEntry", "NamedMail", "entry_of", "mail_of"]

# What no mail is called need not be asked for, and not every store can be asked for a NUL.
_ID = re.compile("[0-9A-Za-z]{1,100}")

ID = Annotated[str, Path(description="A mail's ID, or latest")]

Latest = Annotated[str, Query(alias="query", description="With latest: a search, whose newest mail is meant")]


def entry_of(id: ID, scope: Scoped, zone: Zone, query: Latest = "") -> Entry:
    """The mail as lists show it.  Raises `Refused`, 404."""
    if id == "latest":
        entry = scope.latest(some_of(query, zone))
        if entry is None:
            raise Refused(404, "Message not found")
    else:
        entry = scope.entry(id) if _ID.fullmatch(id) else None
        if entry is None:
            raise Refused(404, "404 page not found")
    return entry


NamedEntry = Annotated[Entry, Depends(entry_of)]
"""The type of a route's argument for the mail that its path names, as lists show it."""


def mail_of(scope: Scoped, entry: NamedEntry) -> Mail:
    """That mail itself.  Raises `Refused`, 404."""
    mail = scope.mail(entry.id)
    if mail is None:  # it went in between
        raise Refused(404, "404 page not found")
    return mail


NamedMail = Annotated[Mail, Depends(mail_of)]
"""The type of a route's argument for that mail itself."""
