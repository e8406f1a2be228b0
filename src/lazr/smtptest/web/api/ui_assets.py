"""The files of the web inbox: scripts, styles and pictures at `/ui/{file}`.

They are the files of the folder `web/ui`, served as they are.  A request names a file of a fixed table, never a path of
the file system.  The files contain nothing of any mail, so they need no credentials.
"""

from __future__ import annotations

import hashlib
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Annotated, Final, NamedTuple

from fastapi import APIRouter, Header
from starlette.responses import Response

from lazr.smtptest.web.responses import ApiError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from importlib.resources.abc import Traversable

__all__ = ["ASSET_PATH_PREFIX", "UI_FOLDER", "Asset", "load_assets", "router"]

router: APIRouter = APIRouter()

ASSET_PATH_PREFIX: Final = "/ui/"
"""The beginning of the paths of all assets."""

UI_FOLDER: Final = files("lazr.smtptest.web") / "ui"
"""The folder with the files of the web inbox."""

# Files with other suffixes are not served: `index.html` has placeholders, and `jsconfig.json` is for developers.
_CONTENT_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".woff2": "font/woff2",
}


class Asset(NamedTuple):
    """A file of the web inbox, with its type and its entity tag (RFC 9110 8.8.3)."""

    content: bytes
    content_type: str
    etag: str


@cache
def load_assets() -> dict[str, Asset]:
    """Return all files that are served, by their paths below `/ui/`; read them once.

    >>> load_assets()["app.js"].content_type
    'text/javascript; charset=utf-8'
    """
    return dict(_iterate_assets(UI_FOLDER, ""))


def _iterate_assets(folder: Traversable, prefix: str) -> Iterator[tuple[str, Asset]]:
    for file in folder.iterdir():
        content_type = _CONTENT_TYPES.get("." + file.name.rpartition(".")[2])
        if file.is_dir():
            yield from _iterate_assets(file, f"{prefix}{file.name}/")
        elif content_type is not None:
            content = file.read_bytes()
            yield prefix + file.name, Asset(content, content_type, f'"{hashlib.sha256(content).hexdigest()[:32]}"')


@router.get(ASSET_PATH_PREFIX + "{file:path}", include_in_schema=False)
def get_asset(file: str, if_none_match: Annotated[str, Header()] = "") -> Response:
    """Return a file of the web inbox, or 304 if the browser has it.

    Browsers keep the file, but ask before each use whether it has changed: a new version of the server is used at once.
    404 if there is no such file.
    """
    asset = load_assets().get(file)
    if asset is None:
        raise ApiError(404, "404 page not found")
    headers = {"cache-control": "no-cache", "etag": asset.etag}
    if _is_etag_listed(if_none_match, asset.etag):
        return Response(status_code=304, headers=headers)
    return Response(asset.content, headers={"content-type": asset.content_type, **headers})


def _is_etag_listed(if_none_match: str, etag: str) -> bool:
    """Return whether a browser has the content of this entity tag (RFC 9110 13.1.2)."""
    listed = {item.strip().removeprefix("W/") for item in if_none_match.split(",")}
    return etag in listed or "*" in listed
