"""Show a mail in a page of Playwright, synchronous or asynchronous, without an import."""

# Playwright documents the methods of the protocols.
# ruff: noqa: D102

from __future__ import annotations

import re
from inspect import iscoroutinefunction
from typing import Any, NamedTuple, Protocol, TypeVar

from lazr.smtptest.mail.browser_page import ORIGIN

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Coroutine

    from lazr.smtptest.mail.browser_page import BrowserPage, PageResponse

__all__ = ["AsyncPage", "AsyncPageT", "SyncPage", "SyncPageT", "open_page", "take_screenshot"]

# The height of the viewport if the page has none, in CSS pixels: Playwright's default.
_DEFAULT_HEIGHT = 720

# The driver of Playwright matches a regular expression itself.  A function is called in the process of the test, for
# each request, and a test that waits for a mail does not run it.
_MAIL_URLS = re.compile(f"^{re.escape(ORIGIN)}/")


class SyncPage(Protocol):
    """The part of `playwright.sync_api.Page` that shows a mail."""

    @property
    def viewport_size(self) -> Any: ...
    def set_viewport_size(self, viewport_size: Any, /) -> None: ...
    def goto(self, url: str, /) -> Any: ...
    def route(self, url: Any, handler: Any, /) -> Any: ...
    def unroute(self, url: Any, /) -> None: ...
    def screenshot(self, *, path: Any = None, full_page: Any = None, animations: Any = None) -> bytes: ...


class AsyncPage(Protocol):
    """The part of `playwright.async_api.Page` that shows a mail."""

    @property
    def viewport_size(self) -> Any: ...
    def set_viewport_size(self, viewport_size: Any, /) -> Coroutine[Any, Any, None]: ...
    def goto(self, url: str, /) -> Coroutine[Any, Any, Any]: ...
    def route(self, url: Any, handler: Any, /) -> Coroutine[Any, Any, Any]: ...
    def unroute(self, url: Any, /) -> Coroutine[Any, Any, None]: ...
    def screenshot(
        self, *, path: Any = None, full_page: Any = None, animations: Any = None
    ) -> Coroutine[Any, Any, bytes]: ...


SyncPageT = TypeVar("SyncPageT", bound=SyncPage)
AsyncPageT = TypeVar("AsyncPageT", bound=AsyncPage)


def open_page(page: Any, document: BrowserPage) -> Any:
    """Show a mail in a page, and return the page, or a coroutine for an asynchronous page."""
    return (_open_async if _is_async(page) else _open_sync)(page, document)


def take_screenshot(page: Any, document: BrowserPage, *, path: str | None, full_page: bool, width: int | None) -> Any:
    """Show a mail in a page, and return a picture, or a coroutine for an asynchronous page.

    Args:
        page: the page of Playwright.
        document: the mail as a page.
        path: the file for the picture; None writes no file.
        full_page: whether the picture has the whole mail, or only what the viewport shows.
        width: the width of the viewport for this picture, in CSS pixels; None keeps the width.
    """
    options = {"path": path, "full_page": full_page, "animations": "disabled"}
    return (_take_async if _is_async(page) else _take_sync)(page, document, options, width)


class _Decision(NamedTuple):
    """What happens with a request: a method of Playwright's `Route`, and its arguments."""

    method: str
    arguments: dict[str, Any]


class _RequestGuard:
    """Decide about the requests of a page that shows a mail.

    From the request for the mail until the test, or a click, leaves the mail, only the mail's own parts load.
    `is_mail_shown` is true during that time.
    """

    def __init__(self, document: BrowserPage) -> None:
        self._document = document
        self.is_mail_shown = False

    def decide(self, request: Any) -> _Decision:
        """Return the decision about a request; for a navigation, update `is_mail_shown` before."""
        url = request.url
        if request.is_navigation_request() and request.frame.parent_frame is None:
            is_in_mail = _MAIL_URLS.match(url) is not None
            if is_in_mail and self._document.respond(url) is None:
                # A relative link leads nowhere.  With this error code, browsers stay where they are.
                return _Decision("abort", {"error_code": "aborted"})
            self.is_mail_shown = is_in_mail
        if not self.is_mail_shown:
            return _Decision("fallback", {})
        response = self._document.respond(url)
        return _Decision("abort", {}) if response is None else _Decision("fulfill", _build_fulfillment(response))


def _build_fulfillment(response: PageResponse) -> dict[str, Any]:
    """Return the arguments of `Route.fulfill`."""
    return {
        "status": 200,
        "headers": response.headers | {"content-type": response.content_type},
        "body": response.body,
    }


def _match_all(url: str) -> bool:
    """Match all requests; `unroute` finds the handler of a mail by this function."""
    return True


def _is_async(page: Any) -> bool:
    """Return whether the methods of a page are coroutines; raise `TypeError` for others."""
    if not (hasattr(page, "goto") and hasattr(page, "unroute")):
        raise TypeError(f"page must be a page of Playwright, got {type(page).__name__}; see docs/how-to/playwright.md")
    return iscoroutinefunction(page.goto)


def _build_viewport(page: Any, width: int) -> dict[str, int]:
    return {"width": width, "height": (page.viewport_size or {}).get("height", _DEFAULT_HEIGHT)}


def _open_sync(page: Any, document: BrowserPage) -> Any:
    guard = _RequestGuard(document)

    def handle_route(route: Any) -> None:
        was_mail_shown = guard.is_mail_shown
        method, arguments = guard.decide(route.request)
        if guard.is_mail_shown and not was_mail_shown:
            page.route(_match_all, handle_route)
        elif was_mail_shown and not guard.is_mail_shown:
            page.unroute(_match_all)
        getattr(route, method)(**arguments)

    page.unroute(_match_all)
    page.unroute(_MAIL_URLS)
    page.route(_MAIL_URLS, handle_route)
    page.goto(document.url)
    return page


async def _open_async(page: Any, document: BrowserPage) -> Any:
    guard = _RequestGuard(document)

    async def handle_route(route: Any) -> None:
        was_mail_shown = guard.is_mail_shown
        method, arguments = guard.decide(route.request)
        if guard.is_mail_shown and not was_mail_shown:
            await page.route(_match_all, handle_route)
        elif was_mail_shown and not guard.is_mail_shown:
            await page.unroute(_match_all)
        await getattr(route, method)(**arguments)

    await page.unroute(_match_all)
    await page.unroute(_MAIL_URLS)
    await page.route(_MAIL_URLS, handle_route)
    await page.goto(document.url)
    return page


def _take_sync(page: Any, document: BrowserPage, options: dict[str, Any], width: int | None) -> Any:
    if width is None:
        return _open_sync(page, document).screenshot(**options)
    viewport = page.viewport_size
    page.set_viewport_size(_build_viewport(page, width))
    try:
        return _open_sync(page, document).screenshot(**options)
    finally:
        if viewport is not None:
            page.set_viewport_size(viewport)


async def _take_async(page: Any, document: BrowserPage, options: dict[str, Any], width: int | None) -> Any:
    if width is None:
        return await (await _open_async(page, document)).screenshot(**options)
    viewport = page.viewport_size
    await page.set_viewport_size(_build_viewport(page, width))
    try:
        return await (await _open_async(page, document)).screenshot(**options)
    finally:
        if viewport is not None:
            await page.set_viewport_size(viewport)
