"""Tags: what there are, which mails have which, other names for them."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import AfterValidator
from starlette.responses import Response
from typing_extensions import TypedDict

from lazr.smtptest.store.indexed import holdable, one_tag
from lazr.smtptest.store.search import fold
from lazr.smtptest.web.answers import Refused, as_json, ok
from lazr.smtptest.web.given import given, takes
from lazr.smtptest.web.scope import Scoped

__all__ = ["router"]

router: APIRouter = APIRouter(tags=["tags"])


class Tagging(TypedDict, total=False):
    """Which mails are to have which tags, and no other ones."""

    Tags: list[str]
    IDs: list[str]


class Renaming(TypedDict):
    """What a tag is to be called."""

    Name: str


# A tag may have a slash in it, which a path has as %2F, and the framework as a slash.
_TAG = "/api/v1/tags/{tag:path}"
Name = Annotated[str, AfterValidator(holdable), Path(description="A tag")]


@router.get("/api/v1/tags", responses={200: {"model": list[str]}})
def list_tags(scope: Scoped) -> Response:
    """All tags."""
    return as_json(list(scope.tags()))


@router.put("/api/v1/tags", openapi_extra=takes(Tagging))
def set_tags(scope: Scoped, body: given) -> Response:
    """Give mails these tags in place of those that they have."""
    form = body.given()
    ids, tags = form.strings("IDs"), form.strings("Tags")
    if ids:
        scope.set_tags(ids, tags)
    return ok()


@router.put(_TAG, openapi_extra=takes(Renaming))
def rename_tag(scope: Scoped, tag: Name, body: given) -> Response:
    """Call a tag something else, wherever it is."""
    try:
        new = one_tag(body.given().text("Name"))
    except ValueError as error:
        raise Refused(400, f"invalid tag name: {error}") from None
    known = {fold(one) for one in scope.tags()}
    if fold(tag) not in known:
        raise Refused(400, f"tag not found: {tag}")
    if fold(new) in known and fold(new) != fold(tag):
        raise Refused(400, f"tag already exists: {new}")
    scope.rename_tag(tag, new)
    return ok()


@router.delete(_TAG)
def delete_tag(scope: Scoped, tag: Name) -> Response:
    """Take a tag off all mails, which stay."""
    if not scope.delete_tag(tag):
        raise Refused(400, f"tag not found: {tag}")
    return ok()
