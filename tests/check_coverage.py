"""Run all tests under coverage, including the slow ones, and check the coverage.

Branch coverage must be 100 % for `protocol/`, TLS and the mail parser, and at least 95 % for the whole package.
Arguments go to pytest; with arguments, coverage is not checked, because only part of the tests may run.

With `MAX_RETRIED_TESTS=8` in the environment, as in CI, up to eight failed tests, each with all its cases, run again,
one after the other, and count if they fail again.  A test that other processes have slowed down passes then.  The
output names each of them.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

FULLY_COVERED = [
    "*/smtptest/protocol/*",
    "*/smtptest/mail/mime/*",
    "*/smtptest/mail/html/*",
    *(f"*/smtptest/net/{name}.py" for name in ("tls_settings", "tls_transport", "tls_handshake")),
    *(f"*/smtptest/net/{name}.py" for name in ("certificates", "proxy_header")),
]
# The options of `make test-all`.
PYTEST_OPTIONS = ("-q", "-n", "auto", "--maxprocesses", "4", "--dist", "loadgroup", "--thorough")
PROJECT = Path(__file__).parent.parent


def run(*arguments: str) -> int:
    """Run a Python module in the project, and return its exit status."""
    return subprocess.call([sys.executable, "-m", *arguments], cwd=PROJECT)


def read_failed_tests() -> list[str]:
    """Return the names of the tests that failed in the last run of pytest."""
    path = PROJECT / ".pytest_cache" / "v" / "cache" / "lastfailed"
    return list(json.loads(path.read_text())) if path.exists() else []


def may_retry(names: list[str]) -> bool:
    """Return whether the failed tests are few enough to run again; the cases of one test count once."""
    tests = {name.partition("[")[0] for name in names}
    return 0 < len(tests) <= int(os.environ.get("MAX_RETRIED_TESTS", "0"))


def main(arguments: list[str]) -> int:
    """Run the tests and check the coverage; return the exit status."""
    source = PROJECT / "src" / "lazr"
    unmatched = [pattern for pattern in FULLY_COVERED if not list(source.glob(pattern.removeprefix("*/")))]
    if unmatched:
        raise SystemExit(f"no file matches {', '.join(unmatched)}; correct FULLY_COVERED in {__file__}")
    run("coverage", "erase")
    failed = run("coverage", "run", "-m", "pytest", *PYTEST_OPTIONS, *arguments)
    if failed and may_retry(read_failed_tests()):
        print("these tests have failed and run again:", *read_failed_tests(), sep="\n  ", flush=True)
        failed = run("coverage", "run", "-m", "pytest", "-q", "-n0", "--thorough", "--last-failed")
    if failed or arguments:
        return failed
    run("coverage", "combine", "--quiet")
    fully_covered = f"--include={','.join(FULLY_COVERED)}"
    return run("coverage", "report") or run("coverage", "report", fully_covered, "--fail-under=100")


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
