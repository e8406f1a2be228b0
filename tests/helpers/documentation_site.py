"""Build the documentation site for the tests, and serve it as a host of static pages does."""

import contextlib
import http.server
import importlib.util
import os
import subprocess
import sys
import threading
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from tools.docs_site.project import read_urls

ROOT = Path(__file__).parents[2]
BUILD_TIMEOUT_SECONDS = 900


def get_base_path():
    """Return the path of the published site on its server: "/smtptest/"."""
    return urlsplit(read_urls()["Documentation"]).path.rstrip("/") + "/"


def build_site(folder):
    """Build the site like `make docs`, in which a warning is an error; return the folder of the pages."""
    if importlib.util.find_spec("sphinx") is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)("Sphinx is not installed: pip install --group docs")
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-b", "html", "-d", str(folder / "doctrees")]
    done = subprocess.run(
        [*command, "docs", str(folder / "site")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=BUILD_TIMEOUT_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return folder / "site"


class SiteServer:
    """An HTTP server for a built site, with the page `404.html` for every path that does not exist."""

    def __init__(self, folder):
        base_path = get_base_path()

        class Handler(http.server.SimpleHTTPRequestHandler):
            def __init__(self, *args):
                super().__init__(*args, directory=str(folder))

            def translate_path(self, path):
                path = unquote(urlsplit(path).path)
                return super().translate_path(
                    f"/{path[len(base_path) :]}" if path.startswith(base_path) else "/missing"
                )

            def send_error(self, code, message=None, explain=None):
                body = (folder / "404.html").read_bytes()
                self.send_response(code)
                self.send_header("Content-Type", "text/html; charset=utf-8")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args):
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()
        authority = f"127.0.0.1:{self._server.server_port}"
        self.authorities = {authority}
        self.url = f"http://{authority}{base_path}"

    def close(self):
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@contextlib.contextmanager
def serve_site(folder):
    """Serve a built site in a `with` block."""
    server = SiteServer(folder)
    try:
        yield server
    finally:
        server.close()
