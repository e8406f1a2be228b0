"""Undo a deletion with a delay."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path
from starlette.responses import Response

from lazr.smtptest.web.api.access_scope import AccessScopeDep
from lazr.smtptest.web.responses import ApiError, ok_response

__all__ = ["router"]

router: APIRouter = APIRouter(tags=["messages"])


@router.post("/api/v1/undo/{token}")
def undo_deletion(
    scope: AccessScopeDep, token: Annotated[str, Path(description="`Undo` of the response to the deletion")]
) -> Response:
    """Bring back the mails of a deletion with a delay, unchanged.

    404 if it is too late, or if there was no such deletion.
    """
    if not scope.undo_deletion(token):
        raise ApiError(404, "there is no deletion with this token that can be undone; its delay may be over")
    return ok_response()
