"""`python -m bench` with tiny numbers, so that each of its rows works when it is needed."""

import importlib.util
import json
import subprocess
import sys

import pytest

from bench import peers, servers
from bench.__main__ import IN_PROCESS, ROWS, TITLES
from bench.peers import PeerMissing
from bench.scale import scale, set_scale
from bench.summary import build_summary, render_markdown
from bench.throughput import ROWS as THROUGHPUT
from tests.conftest import PROJECT

TINY = ("--scale", "0.01", "--seconds", "0.02", "--rounds", "1", "--servers", "^ours|aiosmtpd")
has_peers = pytest.mark.skipif(
    any(importlib.util.find_spec(name) is None for name in ("aiosmtpd", "smtpdfix", "pytest_localserver")),
    reason="needs the dependencies of the group `bench`",
)


def run_benchmark(output, rows, *arguments):
    """Run rows of the benchmark; return its results and what it printed."""
    command = [sys.executable, "-m", "bench", "--rows", rows, "--output", str(output), *TINY, *arguments]
    done = subprocess.run(command, cwd=PROJECT, check=False, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    (file,) = output.glob("*.json")
    return json.loads(file.read_text()), done.stdout


@pytest.fixture
def postfix():
    try:
        return peers.fetch_postfix_tools()
    except PeerMissing as missing:
        pytest.skip(str(missing))


@pytest.mark.slow
def test_benchmark_measures_every_throughput_row(tmp_path, postfix):
    figures, printed = run_benchmark(tmp_path, "KB|MB", "--baseline", str(PROJECT))
    assert list(figures["throughput"]) == list(THROUGHPUT)
    for row, measured in figures["throughput"].items():
        assert {name for name in measured if "before" in name}, row
        assert all(entry["messages per second"] > 0 for entry in measured.values())
        assert measured["smtp-sink"]["ratio to smtp-sink"] == 1
    for title, line in figures["summary"].items():
        assert title in printed
        assert line["ours"] > 0
        assert line["ours before"] > 0


@pytest.mark.slow
def test_benchmark_measures_tls_and_idle_sessions(tmp_path):
    figures, printed = run_benchmark(tmp_path, "TLS|idle", "--markdown")
    assert set(figures["idle sessions"]) >= {"ours", "ours, uvloop", "ours, async with"}
    assert figures["TLS and AUTH"]["STARTTLS, 4 sessions"]["ours"]["connections per second"] > 0
    assert "\n| 10,000 idle sessions, KiB each | " in printed


@has_peers
@pytest.mark.slow
def test_benchmark_measures_starts_and_memory(tmp_path):
    rows = "start_stop|first_server|sendmail|memory"
    figures, _ = run_benchmark(tmp_path, rows, "--baseline", str(PROJECT))
    assert len(figures["summary"]) == 10
    assert all(line["ours"] > 0 for title, line in figures["summary"].items() if "kept mails" not in title)
    assert figures["first_server"]["ours: import"] < figures["first_server"]["ours: import and start"]
    assert figures["summary"]["first server in a process: start, ms"].keys() == {"ours", "ours before", "aiosmtpd"}


@has_peers
@pytest.mark.slow
@pytest.mark.parametrize("row", [name for name in IN_PROCESS if name not in ("start_stop", "first_server", "sendmail")])
def test_benchmark_measures_row_in_process(tmp_path, row):
    figures, printed = run_benchmark(tmp_path, f"^{row}$")
    assert figures[row]
    assert TITLES[row] in printed


def test_rows_without_match_are_listed():
    command = [sys.executable, "-m", "bench", "--rows", "list"]
    done = subprocess.run(command, cwd=PROJECT, check=False, capture_output=True, text=True)
    assert done.returncode == 1
    assert all(row in done.stderr for row in ROWS)


def test_baseline_must_be_checkout(tmp_path):
    command = [sys.executable, "-m", "bench", "--baseline", str(tmp_path)]
    done = subprocess.run(command, cwd=PROJECT, check=False, capture_output=True, text=True)
    assert done.returncode == 2
    assert "--baseline must be a checkout of this project" in done.stderr


def test_missing_peer_is_explained(monkeypatch, capsys):
    def fail():
        raise PeerMissing("its package is not here")

    monkeypatch.setattr(servers, "fetch_postfix_tools", fail)
    monkeypatch.setattr(servers, "build_go_smtp", fail)
    monkeypatch.setattr(servers, "fetch_node_modules", fail)
    catalog = servers.Catalog()
    assert capsys.readouterr().out.count("its package is not here") == 3
    assert catalog.postfix is None
    assert catalog.start([servers.SINK, servers.GO_SMTP, servers.NODEMAILER, servers.BEFORE]) == []


def test_go_smtp_needs_go(monkeypatch):
    monkeypatch.setattr(peers.shutil, "which", lambda name: None)
    with pytest.raises(PeerMissing, match="go is not installed"):
        peers.build_go_smtp()


def test_scale_multiplies_counts(monkeypatch):
    monkeypatch.setenv("SMTPTEST_BENCH_SCALE", "1")
    assert scale(200) == 200
    set_scale(0.01)
    assert (scale(200), scale(10), scale(10, 5)) == (2, 1, 5)


def test_summary_has_a_line_for_each_kind_of_work():
    entry = {"ratio to smtp-sink": 0.5, "ratio to aiosmtpd": 4.0, "CPU, ratio to smtp-sink": 1.5}
    figures = {
        "throughput": {
            row: {"ours in SQLite" if load.is_durable else "ours": entry} for row, load in THROUGHPUT.items()
        },
        "start_stop": {"ours": 0.25, "thread": 0.05},
        "start_stop, before": {"ours": 0.5},
    }
    summary = build_summary(figures)
    assert summary["50 KB, 10 sessions, × smtp-sink"] == {"ours": 0.5}
    assert summary["2 KB in SQLite, 10 sessions, × smtp-sink"] == {"ours": 0.5}
    assert summary["start and stop, ms"] == {"ours": 0.25, "ours before": 0.5}
    assert "10,000 idle sessions, KiB each" not in summary


def test_markdown_has_columns_with_values():
    text = render_markdown({"a": {"ours": 1234.5, "go-smtp": 12.345}, "b": {"ours": 0.123}})
    assert text == "|  | ours | go-smtp |\n|---|---|---|\n| a | 1,234 | 12.3 |\n| b | 0.12 | – |"
