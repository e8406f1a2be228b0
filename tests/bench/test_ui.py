"""`python -m bench.ui` with few mails, so that the benchmark works when it is needed."""

import json
import subprocess
import sys

import pytest

from tests.conftest import PROJECT
from tests.ui.browser import find_missing_program


@pytest.mark.slow
@pytest.mark.skipif(find_missing_program() is not None, reason="needs Chromium and Playwright")
def test_benchmark_prints_and_writes_its_rows(tmp_path):
    options = ["--mails", "300", "--rounds", "1", "--probes", "3", "--output", str(tmp_path)]
    command = [sys.executable, "-m", "bench.ui", *options]
    done = subprocess.run(command, cwd=PROJECT, check=False, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    (file,) = tmp_path.glob("ui-*.json")
    rows = json.loads(file.read_text())["rows"]
    assert "from the 250 to the row, p95, ms" in rows
    assert all(name in done.stdout and value > 0 for name, value in rows.items())
