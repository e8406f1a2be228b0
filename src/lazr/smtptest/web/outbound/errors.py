"""What an outgoing request can fail with."""

from __future__ import annotations

from lazr.smtptest.errors import SmtptestError

__all__ = ["PrivateAddressOnly", "RequestFailed", "UrlNotAllowed"]


class UrlNotAllowed(SmtptestError, ValueError):
    """The request was not sent: the URL is invalid, or its address is not allowed."""


class PrivateAddressOnly(UrlNotAllowed):
    """The request was not sent: all addresses of the host are blocked, such as private ones."""


class RequestFailed(SmtptestError, OSError):
    """There is no HTTP answer: unknown host, no connection, a timeout, or a malformed answer."""
