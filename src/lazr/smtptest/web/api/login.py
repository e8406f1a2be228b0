"""Log in with a browser: a form at `/login`, and routes for the page of the inbox.

The answer to a right password or token is a cookie.  The form needs no JavaScript.  `authenticator` in the middleware
checks passwords, with the rate limits of all other requests, and keeps the sessions.
"""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Annotated
from urllib.parse import parse_qs

from fastapi import APIRouter, Query, Request
from starlette.responses import Response
from typing_extensions import TypedDict

from lazr.smtptest.web.api.access_scope import AccessScopeDep
from lazr.smtptest.web.api.request_body import RequestBodyDep, build_request_body_schema
from lazr.smtptest.web.middleware import (
    LOGIN_RETRY_SECONDS,
    Authenticator,
    TooManyAttempts,
    Unauthorized,
    clean_target,
    get_webroot,
)
from lazr.smtptest.web.middleware.body_limit import MAX_LOGIN_BODY_BYTES
from lazr.smtptest.web.responses import ApiError, json_response, text_response

if TYPE_CHECKING:
    from lazr.smtptest.web.middleware import Identity

__all__ = ["router"]

router: APIRouter = APIRouter(tags=["application"])

_MAX_FORM_FIELDS = 10

_HEADERS = {
    "content-type": "text/html; charset=utf-8",
    "content-security-policy": (
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    ),
    # With `no-referrer`, the Origin of a form is `null` (Fetch 3.2), which is refused as that of another site.
    "referrer-policy": "same-origin",
}


class LoginRequest(TypedDict, total=False):
    """The name and the password of a user, or the token of a mailbox."""

    User: str
    Password: str
    Token: str


class LoginResponse(TypedDict):
    """Who has logged in: a user, or a mailbox; the other is empty."""

    User: str
    Mailbox: str


@router.get("/login", include_in_schema=False)
async def get_login_page(
    request: Request,
    next: Annotated[str, Query(description="The path of the page that is shown after the login")] = "/",
) -> Response:
    """Return the form.

    Redirect to the next page if the browser has a session, or needs none.
    """
    authenticator = _get_authenticator(request)
    if authenticator.find_session(request.scope) is not None or not authenticator.knows_credentials:
        return _redirect(clean_target(next, request.scope))
    return _build_form(request, next)


@router.post("/login", include_in_schema=False)
async def submit_login_form(request: Request, body: RequestBodyDep) -> Response:
    """Start a session, and redirect to the next page.

    Show the form again after a wrong password.
    """
    content = _check_size(body.content).decode("utf-8", "surrogateescape")
    try:
        fields = parse_qs(content, keep_blank_values=True, max_num_fields=_MAX_FORM_FIELDS, errors="surrogateescape")
    except ValueError:
        raise ApiError(400, f"a form must have at most {_MAX_FORM_FIELDS} fields, got more") from None
    user, password, target = (fields.get(name, [""])[0] for name in ("user", "password", "next"))
    try:
        _, cookie = await _get_authenticator(request).log_in(request.scope, user, password)
    except Unauthorized:
        return _build_form(request, target, "The name, the password or the token is wrong.", 401, user=user)
    except TooManyAttempts:
        reason = f"There were too many wrong passwords. Try again in {LOGIN_RETRY_SECONDS:.0f} seconds."
        return _build_form(request, target, reason, 429, user=user)
    return _redirect(clean_target(target, request.scope), cookie)


@router.post(
    "/api/v1/login",
    responses={200: {"model": LoginResponse}},
    openapi_extra=build_request_body_schema(LoginRequest),
)
async def log_in(request: Request, body: RequestBodyDep) -> Response:
    """Start a session, whose cookie opens all other routes.

    The body is `{"User": …, "Password": …}` or `{"Token": …}`.  The cookie is `HttpOnly` and `SameSite=Strict`.  The
    session ends after 12 hours without a request, after 7 days, or when the server stops.  401 if the password or the
    token is wrong; 429 after too many wrong passwords.
    """
    _check_size(body.content)
    members = body.parse_object()
    secret = members.get_string("Token") or members.get_string("Password")
    try:
        identity, cookie = await _get_authenticator(request).log_in(request.scope, members.get_string("User"), secret)
    except Unauthorized:
        raise ApiError(401, "The name, the password or the token is wrong\n") from None
    except TooManyAttempts:
        seconds = f"{LOGIN_RETRY_SECONDS:.0f}"
        reason = f"Too many wrong passwords; try again in {seconds} s\n"
        raise ApiError(429, reason, {"retry-after": seconds}) from None
    return json_response(_describe(identity), headers={"set-cookie": cookie})


@router.post("/api/v1/logout")
async def log_out(_scope: AccessScopeDep, request: Request) -> Response:
    """End the session of the cookie; do nothing without a session."""
    return text_response("ok", headers={"set-cookie": _get_authenticator(request).log_out(request.scope)})


def _describe(identity: Identity) -> LoginResponse:
    return {"User": identity.user or "", "Mailbox": "" if identity.mailbox is None else identity.mailbox.name}


def _get_authenticator(request: Request) -> Authenticator:
    authenticator: Authenticator = request.state.authenticator
    return authenticator


def _check_size(content: bytes) -> bytes:
    if len(content) > MAX_LOGIN_BODY_BYTES:
        raise ApiError(413, f"a login must have at most {MAX_LOGIN_BODY_BYTES:,} bytes, got {len(content):,}")
    return content


def _redirect(path: str, cookie: str | None = None) -> Response:
    """Return a redirect to a path below the webroot, which `WebrootMiddleware` adds."""
    return Response(status_code=303, headers={"location": path} | ({} if cookie is None else {"set-cookie": cookie}))


def _build_form(request: Request, target: str, error: str = "", status: int = 200, *, user: str = "") -> Response:
    """Return the page with the form.

    Args:
        request: the request, for the webroot and the kinds of credentials.
        target: the path of the next page.
        error: why the last attempt has failed; empty for the first one.
        status: the HTTP status.
        user: the name in the form.
    """
    root = escape(get_webroot(request.scope))
    has_users = _get_authenticator(request).has_users
    autofocus = ' autofocus=""'
    name_focus = "" if user else autofocus
    name_field = f'<label>Name <input name="user" autocomplete="username" value="{escape(user)}"{name_focus}></label>'
    secret_label = "Password, or token of a mailbox" if has_users else "Token of the mailbox"
    secret_focus = "" if has_users and not user else autofocus
    page = "".join(
        (
            '<!doctype html><html lang="en" data-theme="auto"><head><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            '<meta name="color-scheme" content="light dark"><title>Log in · smtptest</title>',
            f'<link rel="icon" href="{root}/ui/icon.svg" type="image/svg+xml">',
            *(f'<link rel="stylesheet" href="{root}/ui/{name}.css">' for name in ("base", "plain")),
            f'</head><body><main><form method="post" action="{root}/login"><h1>Log in</h1>',
            f'<p role="alert">{escape(error)}</p>' if error else "",
            name_field if has_users else "",
            f'<label>{secret_label} <input name="password" type="password" autocomplete="current-password"',
            f' required=""{secret_focus}></label>',
            f'<input type="hidden" name="next" value="{escape(target)}">',
            '<button type="submit">Log in</button></form></main></body></html>\n',
        )
    )
    return Response(page.encode("utf-8", "replace"), status, headers=_HEADERS)
