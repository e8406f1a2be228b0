"""The files of the web inbox at `/ui/`."""

import hashlib
import re
import zipfile
from pathlib import Path

import pytest

from lazr.smtptest.web import Mailbox
from lazr.smtptest.web.api.ui_assets import UI_FOLDER, load_assets
from tests.helpers.raw_http import PATH_SPELLINGS, send_request

_FOLDER = Path(str(UI_FOLDER))
SERVED = sorted(
    str(file.relative_to(_FOLDER)) for file in _FOLDER.rglob("*") if file.suffix in (".js", ".css", ".svg", ".png")
)


def test_all_files_are_served_with_their_types(rest_api):
    for name in SERVED:
        response = rest_api.http.get(f"/ui/{name}")
        content_type = {"js": "text/javascript; charset=utf-8", "css": "text/css; charset=utf-8"}.get(
            name.rpartition(".")[2], "image/svg+xml"
        )

        assert response.content == (UI_FOLDER / name).read_bytes(), name
        assert response.headers["content-type"] == content_type
    assert len(SERVED) > 10


def test_page_names_only_files_that_exist(rest_api):
    names = set(re.findall('"/ui/([^"]*)"', rest_api.http.get("/").text))

    assert names <= set(SERVED) and {"app.js", "base.css"} <= names
    for name in SERVED:
        if name.endswith(".js"):
            imports = re.findall(
                r'^(?:import|export)[^"]*"(\.\.?/[^"]*)";$', (_FOLDER / name).read_text(), re.MULTILINE
            )
            files = {str((_FOLDER / name).parent.joinpath(path).resolve().relative_to(_FOLDER)) for path in imports}
            assert files <= set(SERVED), name


def test_browser_keeps_a_file_until_it_changes(rest_api):
    first = rest_api.http.get("/ui/app.js")
    etag = first.headers["etag"]

    assert first.headers["cache-control"] == "no-cache"
    assert etag == f'"{hashlib.sha256(first.content).hexdigest()[:32]}"'
    for listed in (etag, f"W/{etag}", f'"x", {etag}', "*"):
        response = rest_api.http.get("/ui/app.js", headers={"If-None-Match": listed})
        assert (response.status_code, response.content, response.headers["etag"]) == (304, b"", etag)
    for listed in ('"x"', etag.strip('"'), ""):
        assert rest_api.http.get("/ui/app.js", headers={"If-None-Match": listed}).status_code == 200
    head = rest_api.http.head("/ui/app.js")
    assert (head.status_code, head.content, head.headers["etag"]) == (200, b"", etag)
    assert int(head.headers["content-length"]) == len(first.content)


@pytest.mark.parametrize(
    "target",
    [
        *("/ui/missing.js", "/ui/index.html", "/ui/jsconfig.json", "/ui/__pycache__", "/ui/.", "/ui/..", "/ui/%2e%2e"),
        *("/ui/../app.py", "/ui/..%2fapp.py", "/ui/%2e%2e%2fapp.py", "/ui/..%5capp.py", "/ui/app.js/", "/ui/a.js%00"),
        *(
            "/ui//etc/passwd",
            "/ui/%2fetc%2fpasswd",
            "/ui/APP.JS",
            "/ui/./app.js",
            "/ui/app.js/../base.css",
            "/ui/ui/app.js",
            "/ui/tabs",
            "/ui/tabs/",
            "/ui/tabs/app.js",
            "/ui/tabs/../app.js",
            "/ui/tabs/..%2fapp.js",
        ),
    ],
)
def test_other_paths_are_404(rest_api, target):
    address = "127.0.0.1", rest_api.web.port
    response = send_request(address, target)

    # Repeated slashes are redirected to single ones.
    assert response.status == (307 if "//" in target else 404)
    assert "text/html" not in response.headers.get("content-type", "")


def test_files_need_no_credentials(make_rest_api):
    rest_api = make_rest_api(mailboxes=[Mailbox.of_user("job 7", "token-of-mailbox-7", "ci-7")])

    for name in ("app.js", "base.css", "tabs/mail_tab.js"):
        assert rest_api.http.get(f"/ui/{name}").status_code == 200
    assert rest_api.http.get("/").status_code == rest_api.http.get("/ui/../").status_code == 401
    for spelling in PATH_SPELLINGS:
        target = spelling.replace("livez", "ui/app.js")
        assert send_request(("127.0.0.1", rest_api.web.port), target).status in (307, 400, 401, 404), target


def test_wheel_has_all_files(wheel):
    with zipfile.ZipFile(wheel) as archive:
        prefix = "lazr/smtptest/web/ui/"
        packed = {
            name.removeprefix(prefix): archive.read(name) for name in archive.namelist() if name.startswith(prefix)
        }

    assert {name: packed.get(name) for name in load_assets()} == {
        name: asset.content for name, asset in load_assets().items()
    }
    assert "index.html" in packed
