"""The certificate of the CA that clients of this installation must trust."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from lazr.smtptest.web.api.access_scope import AccessScopeDep
from lazr.smtptest.web.responses import ApiError

__all__ = ["router"]

router: APIRouter = APIRouter(tags=["application"])


@router.get("/api/v1/ca.pem", responses={200: {"content": {"application/x-pem-file": {}}}})
def get_ca_certificate(scope: AccessScopeDep) -> Response:
    """Return the certificate of the server's own CA, in PEM, for the trust store of a client.

    404 if the server has no TLS, or if its certificate is the operator's own, as with `--tls-cert`.
    """
    try:
        content = scope.app_context.read_ca_file()
    except FileNotFoundError:  # the mail server has been stopped
        content = None
    if content is None:
        raise ApiError(
            404,
            "the server has no CA of its own, because it runs without TLS or with a certificate of its operator "
            "(--tls-cert); trust the CA of that certificate, or start it with `smtptest serve --tls starttls`\n",
        )
    headers = {"content-type": "application/x-pem-file", "content-disposition": "attachment; filename=ca.pem"}
    return Response(content, headers=headers)
