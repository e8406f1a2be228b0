"""Tags: list them, set them for mails, rename and delete them."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import AfterValidator
from starlette.responses import Response
from typing_extensions import TypedDict

from lazr.smtptest.store import check_tags, fold, make_storable, parse_single_tag
from lazr.smtptest.web.api.access_scope import AccessScopeDep
from lazr.smtptest.web.api.request_body import RequestBodyDep, build_request_body_schema
from lazr.smtptest.web.responses import ApiError, json_response, ok_response

__all__ = ["router"]

router: APIRouter = APIRouter(tags=["tags"])


class SetTagsRequest(TypedDict, total=False):
    """The mails, and the tags that replace theirs."""

    Tags: list[str]
    IDs: list[str]


class RenameTagRequest(TypedDict):
    """The new name of a tag."""

    Name: str


# A tag may have a slash.  A client sends it as %2F, and the framework decodes it before it matches paths.
_TAG_PATH = "/api/v1/tags/{tag:path}"
TagParam = Annotated[str, AfterValidator(make_storable), Path(description="The name of a tag")]


@router.get("/api/v1/tags", responses={200: {"model": list[str]}})
def list_tags(scope: AccessScopeDep) -> Response:
    """Return all tags, in alphabetical order."""
    return json_response(list(scope.count_tags()))


@router.put("/api/v1/tags", openapi_extra=build_request_body_schema(SetTagsRequest))
def set_tags(scope: AccessScopeDep, body: RequestBodyDep) -> Response:
    """Replace the tags of mails.  Without `IDs`, nothing changes.

    400 for more than 100 tags, or for a tag of more than 100 characters.
    """
    form = body.parse_object()
    ids, tags = form.get_strings("IDs"), form.get_strings("Tags")
    try:
        check_tags(tags)
    except ValueError as error:
        raise ApiError(400, str(error)) from None
    if ids:
        scope.set_tags(ids, tags)
    return ok_response()


@router.put(_TAG_PATH, openapi_extra=build_request_body_schema(RenameTagRequest))
def rename_tag(scope: AccessScopeDep, tag: TagParam, body: RequestBodyDep) -> Response:
    """Rename a tag in all mails.

    400 if there is no such tag, or if the new name is invalid or another tag's.
    """
    try:
        new = parse_single_tag(body.parse_object().get_string("Name"))
    except ValueError as error:
        raise ApiError(400, f"invalid tag name: {error}") from None
    known = {fold(name) for name in scope.count_tags()}
    if fold(tag) not in known:
        raise ApiError(400, f"tag not found: {tag}")
    if fold(new) in known and fold(new) != fold(tag):
        raise ApiError(400, f"tag already exists: {new}")
    scope.rename_tag(tag, new)
    return ok_response()


@router.delete(_TAG_PATH)
def delete_tag(scope: AccessScopeDep, tag: TagParam) -> Response:
    """Remove a tag from all mails.

    400 if there is no such tag.
    """
    if not scope.delete_tag(tag):
        raise ApiError(400, f"tag not found: {tag}")
    return ok_response()
