"""Measure the web inbox in a browser: first list, scrolling, and the time from a 250 to its row (`make bench-ui`).

It needs Chromium and Playwright.  The server is `smtptest serve` with an SQLite file, the browser runs without a
window, and both are on this machine.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import shutil
import statistics
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from playwright.sync_api import sync_playwright

from bench.store.databases import SqliteDatabase
from bench.store.load import Load, run_sessions
from bench.store.server_process import ServerProcess
from bench.store.targets import PROJECT, Checkout

if TYPE_CHECKING:
    from playwright.sync_api import Browser, CDPSession, Page

HERE = Path(__file__).parent
FLAGS = [
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
    "--disable-sync",
]
SCROLL_FRAMES = 300
SCROLL_PIXELS_PER_FRAME = 90  # a fast wheel; a fling of 5,400 px a second
JUMPS = 20
MAX_FILL_SECONDS = 1800

# Note when the first row is on the screen: at the frame after it came into the document.
NOTE_FIRST_ROW = """
new MutationObserver((_, observer) => {
  if (!document.querySelector('message-list [role="row"].unread, message-list [role="row"].read')) return;
  observer.disconnect();
  requestAnimationFrame(() => setTimeout(() => { window.firstRow = performance.now(); }));
}).observe(document, { childList: true, subtree: true });
"""
# Scroll a fixed distance each frame, and return the milliseconds of each frame.
SCROLL = """
([frames, pixels]) => new Promise((resolve) => {
  const grid = document.querySelector('message-list .mails');
  const times = [];
  let last = 0;
  const step = (now) => {
    if (last) times.push(now - last);
    last = now;
    grid.scrollTop += pixels;
    if (times.length < frames) requestAnimationFrame(step);
    else resolve(times);
  };
  requestAnimationFrame(step);
})
"""
# Jump to a place, and return the milliseconds until its rows are there.
JUMP = """
(share) => new Promise((resolve) => {
  const grid = document.querySelector('message-list .mails');
  const before = performance.now();
  grid.scrollTop = grid.scrollHeight * share;
  const check = () => {
    const box = grid.getBoundingClientRect();
    const row = document.elementFromPoint(box.left + box.width / 2, box.top + box.height / 2)?.closest('[role="row"]');
    if (row && !row.classList.contains('waiting')) resolve(performance.now() - before);
    else requestAnimationFrame(check);
  };
  requestAnimationFrame(check);
})
"""
# Wait for a value that a script notes.  (Playwright's wait_for_function would need eval, which the page forbids.)
WAIT_FOR = """
([name, key]) => new Promise((resolve) => {
  const check = () => {
    const value = key === null ? window[name] : window[name]?.[key];
    if (value === undefined) setTimeout(check, 5);
    else resolve(value);
  };
  check();
})
"""
# Note when each subject comes into the list, in seconds since 1970.
NOTE_NEW_ROWS = """
() => {
  window.rowTimes = {};
  new MutationObserver(() => {
    const link = document.querySelector('message-list [aria-rowindex="1"] .subject a');
    const text = link?.textContent;
    if (text && !(text in window.rowTimes)) window.rowTimes[text] = (performance.timeOrigin + performance.now()) / 1000;
  }).observe(document.querySelector('message-list .mails'), { childList: true, subtree: true, attributes: true });
}
"""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.ui", description=__doc__)
    parser.add_argument("--mails", type=int, default=100_000, help="mails in the store (default: %(default)s)")
    parser.add_argument(
        "--rounds", type=int, default=5, help="page loads; the result is the median (default: %(default)s)"
    )
    parser.add_argument(
        "--probes", type=int, default=50, help="mails from their 250 to their row (default: %(default)s)"
    )
    parser.add_argument("--output", type=Path, default=HERE / "results", help="folder of the results")
    options = parser.parse_args()
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        raise SystemExit("expected chromium in the PATH, found none; install it, such as with apt-get install chromium")
    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder)
        target = Checkout("this checkout", PROJECT, Path(sys.executable))
        with ServerProcess(target, SqliteDatabase(directory), directory) as server:
            fill(server, options.mails)
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
                rows = measure(browser, server, options.rounds, options.probes)
                browser.close()
    figures = {
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "processors": os.cpu_count(),
        "mails": options.mails,
        "rows": rows,
    }
    for name, value in rows.items():
        print(f"{name:60} {value:10.1f}")
    options.output.mkdir(exist_ok=True, parents=True)
    path = options.output / f"ui-{datetime.now(UTC):%Y%m%d-%H%M%S}.json"
    path.write_text(json.dumps(figures, indent=1) + "\n")
    print(f"\nresults written to {path}")


def fill(server: ServerProcess, mails: int) -> None:
    """Send mails, and wait until all are indexed."""
    load = Load(range(mails), max_seconds=MAX_FILL_SECONDS)
    asyncio.run(run_sessions(server.smtp_port, 20, load))
    deadline = time.monotonic() + MAX_FILL_SECONDS
    while server.get("/api/v1/info").body["pending"]:
        if time.monotonic() > deadline:
            raise SystemExit(f"expected an index of all mails within {MAX_FILL_SECONDS} s; use fewer --mails")
        time.sleep(0.5)


def measure(browser: Browser, server: ServerProcess, rounds: int, probes: int) -> dict[str, float]:
    """Return the figures by their names, in milliseconds."""
    url = f"http://127.0.0.1:{server.http_port}/"
    first_rows = []
    for _ in range(rounds + 1):
        context = browser.new_context(viewport={"width": 1400, "height": 900})
        context.add_init_script(NOTE_FIRST_ROW)
        page = context.new_page()
        page.goto(url)
        first_rows.append(page.evaluate(WAIT_FOR, ["firstRow", None]))
        context.close()
    context = browser.new_context(viewport={"width": 1400, "height": 900})
    page = context.new_page()
    page.goto(url)
    page.wait_for_selector(".dot.live")
    page.wait_for_selector('message-list [role="row"].unread')
    arrivals = measure_arrivals(page, server, probes)
    session = context.new_cdp_session(page)
    session.send("Performance.enable", {"timeDomain": "threadTicks"})
    before = read_cpu_seconds(session)
    frames = page.evaluate(SCROLL, [SCROLL_FRAMES, SCROLL_PIXELS_PER_FRAME])
    cpu_seconds = read_cpu_seconds(session) - before
    jumps = [page.evaluate(JUMP, (number * 7 % JUMPS) / JUMPS + 0.01) for number in range(JUMPS)]
    count: Any = page.locator("message-list [role=row]").count()
    context.close()
    return {
        "first list, empty cache, median, ms": statistics.median(first_rows[1:]),
        "frame while scrolling, median, ms": statistics.median(frames),
        "frame while scrolling, p95, ms": percentile(frames, 0.95),
        "CPU time of the page for a frame while scrolling, ms": cpu_seconds * 1000 / SCROLL_FRAMES,
        "jump to a place that is not loaded, p95, ms": percentile(jumps, 0.95),
        "from the 250 to the row, median, ms": statistics.median(arrivals),
        "from the 250 to the row, p95, ms": percentile(arrivals, 0.95),
        "rows in the document": float(count),
    }


def read_cpu_seconds(session: CDPSession) -> float:
    """Return the processor time of the main thread of the page, which other programs on the machine do not change."""
    metrics = session.send("Performance.getMetrics")["metrics"]
    return float(next(metric["value"] for metric in metrics if metric["name"] == "TaskDuration"))


def measure_arrivals(page: Page, server: ServerProcess, probes: int) -> list[float]:
    """Return the milliseconds from the 250 of each mail to its row at the top of the list."""
    page.evaluate(NOTE_NEW_ROWS)
    times = []
    with server.connect_by_smtp() as client:
        for number in range(probes):
            subject = f"Probe {number}"
            content = f"From: a@example.com\r\nTo: b@example.com\r\nSubject: {subject}\r\n\r\nHi\r\n"
            client.sendmail("a@example.com", ["b@example.com"], content)
            sent_at = time.time()
            seen = page.evaluate(WAIT_FOR, ["rowTimes", subject])
            times.append(max(0.0, (seen - sent_at) * 1000))
    return times


def percentile(values: list[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


if __name__ == "__main__":
    main()
