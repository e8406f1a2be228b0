"""ASGI middleware that decides which requests reach the routes, and limits their size.

`Guard` is the stack of all layers (`stack`).  Each layer is a class in a module of its own.  `credentials`,
`authority` and `request_headers` parse what the layers compare.
"""

from __future__ import annotations

from lazr.smtptest._util.lazy_exports import lazy_exports

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from lazr.smtptest.web.middleware.authentication import LOGIN_PATHS, PUBLIC_PATHS, AuthenticationMiddleware
    from lazr.smtptest.web.middleware.authenticator import (
        LOGIN_RETRY_SECONDS,
        Authenticator,
        TooManyAttempts,
        Unauthorized,
    )
    from lazr.smtptest.web.middleware.authority import parse_allowed_hosts
    from lazr.smtptest.web.middleware.body_limit import MAX_BODY_BYTES_BY_PATH, BodyLimitMiddleware
    from lazr.smtptest.web.middleware.cors import SANDBOXED_PART_PATH, CORSMiddleware
    from lazr.smtptest.web.middleware.exposure import check_exposure, is_exposed
    from lazr.smtptest.web.middleware.gzip_json import GzipJsonMiddleware, accepts_gzip
    from lazr.smtptest.web.middleware.head_and_options import HeadAndOptionsMiddleware
    from lazr.smtptest.web.middleware.identity import Identity
    from lazr.smtptest.web.middleware.login_redirect import clean_target
    from lazr.smtptest.web.middleware.password_file import Users
    from lazr.smtptest.web.middleware.response_backpressure import ResponseBackpressureMiddleware
    from lazr.smtptest.web.middleware.security_headers import SECURITY_HEADERS, SecurityHeadersMiddleware
    from lazr.smtptest.web.middleware.slash_redirect import SlashRedirectMiddleware
    from lazr.smtptest.web.middleware.stack import Guard
    from lazr.smtptest.web.middleware.strict_requests import StrictRequestsMiddleware, find_ambiguity
    from lazr.smtptest.web.middleware.trusted_host import TrustedHostMiddleware
    from lazr.smtptest.web.middleware.webroot import WebrootMiddleware, get_webroot
    from lazr.smtptest.web.middleware.websocket_limit import WebSocketLimitMiddleware

__all__ = [
    "LOGIN_PATHS",
    "LOGIN_RETRY_SECONDS",
    "MAX_BODY_BYTES_BY_PATH",
    "PUBLIC_PATHS",
    "SANDBOXED_PART_PATH",
    "SECURITY_HEADERS",
    "AuthenticationMiddleware",
    "Authenticator",
    "BodyLimitMiddleware",
    "CORSMiddleware",
    "Guard",
    "GzipJsonMiddleware",
    "HeadAndOptionsMiddleware",
    "Identity",
    "ResponseBackpressureMiddleware",
    "SecurityHeadersMiddleware",
    "SlashRedirectMiddleware",
    "StrictRequestsMiddleware",
    "TooManyAttempts",
    "TrustedHostMiddleware",
    "Unauthorized",
    "Users",
    "WebSocketLimitMiddleware",
    "WebrootMiddleware",
    "accepts_gzip",
    "check_exposure",
    "clean_target",
    "find_ambiguity",
    "get_webroot",
    "is_exposed",
    "parse_allowed_hosts",
]

__getattr__: Callable[[str], object]
__dir__: Callable[[], list[str]]
__getattr__, __dir__ = lazy_exports(
    globals(),
    {
        "lazr.smtptest.web.middleware.authentication": ("LOGIN_PATHS", "PUBLIC_PATHS", "AuthenticationMiddleware"),
        "lazr.smtptest.web.middleware.authenticator": (
            "LOGIN_RETRY_SECONDS",
            "Authenticator",
            "TooManyAttempts",
            "Unauthorized",
        ),
        "lazr.smtptest.web.middleware.authority": ("parse_allowed_hosts",),
        "lazr.smtptest.web.middleware.body_limit": ("MAX_BODY_BYTES_BY_PATH", "BodyLimitMiddleware"),
        "lazr.smtptest.web.middleware.cors": ("SANDBOXED_PART_PATH", "CORSMiddleware"),
        "lazr.smtptest.web.middleware.exposure": ("check_exposure", "is_exposed"),
        "lazr.smtptest.web.middleware.gzip_json": ("GzipJsonMiddleware", "accepts_gzip"),
        "lazr.smtptest.web.middleware.head_and_options": ("HeadAndOptionsMiddleware",),
        "lazr.smtptest.web.middleware.identity": ("Identity",),
        "lazr.smtptest.web.middleware.login_redirect": ("clean_target",),
        "lazr.smtptest.web.middleware.password_file": ("Users",),
        "lazr.smtptest.web.middleware.response_backpressure": ("ResponseBackpressureMiddleware",),
        "lazr.smtptest.web.middleware.security_headers": ("SECURITY_HEADERS", "SecurityHeadersMiddleware"),
        "lazr.smtptest.web.middleware.slash_redirect": ("SlashRedirectMiddleware",),
        "lazr.smtptest.web.middleware.stack": ("Guard",),
        "lazr.smtptest.web.middleware.strict_requests": ("StrictRequestsMiddleware", "find_ambiguity"),
        "lazr.smtptest.web.middleware.trusted_host": ("TrustedHostMiddleware",),
        "lazr.smtptest.web.middleware.webroot": ("WebrootMiddleware", "get_webroot"),
        "lazr.smtptest.web.middleware.websocket_limit": ("WebSocketLimitMiddleware",),
    },
)
