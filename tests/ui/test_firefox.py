"""The web inbox in Firefox, which Playwright cannot start as Debian has it; Puppeteer can."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.ui.browser import PICTURES_FOLDER
from tests.ui.test_accessibility import HTML_MAIL

HERE = Path(__file__).parent
MODULES = HERE.parents[1] / ".cache" / "node" / "node_modules"


def find_firefox():
    """Return the path of Firefox; skip the test without it or Puppeteer, and fail in CI."""
    firefox = shutil.which("firefox-esr") or shutil.which("firefox")
    if not firefox or not shutil.which("node") or not (MODULES / "puppeteer-core").exists():
        reason = "needs firefox-esr, node, and `npm install --prefix .cache/node puppeteer-core`"
        (pytest.fail if os.environ.get("SMTPTEST_ALL_CLIENTS") else pytest.skip)(reason)
    return firefox


@pytest.mark.slow
def test_every_page_works_in_firefox(inbox_server, tmp_path):
    firefox = find_firefox()
    inbox_server.send_mail(HTML_MAIL.replace(b'<img src="https://example.com/p.png">', b""))
    script = shutil.copy(HERE / "firefox_walk.mjs", tmp_path)
    (tmp_path / "node_modules").symlink_to(MODULES)
    PICTURES_FOLDER.mkdir(parents=True, exist_ok=True)
    command = ["node", script, firefox, inbox_server.url, str(PICTURES_FOLDER / "firefox.png")]

    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=True)

    result = json.loads(done.stdout)
    assert result["unexpected"] == [] and result["steps"][-1] == "settings"
