"""Run the tests under coverage, and enforce what the project promises of it.

`protocol/`, TLS and the reader of mails have every branch covered, the whole at least 95 %.  The tests run on up to
four processors, in another order each time.  Arguments go to pytest; with some, only part of the tests may have run,
and coverage is not enforced.
"""

import subprocess
import sys
from pathlib import Path

WHOLLY = [
    "*/smtptest/protocol/*",
    "*/smtptest/mail/mime/*",
    "*/smtptest/mail/html/*",
    *(f"*/smtptest/net/{name}.py" for name in ("tls", "tlsstream", "certificates", "approach")),
]
HERE = Path(__file__).parent.parent


def run(*arguments: str) -> int:
    return subprocess.call([sys.executable, "-m", *arguments], cwd=HERE)


def main(arguments: list[str]) -> int:
    run("coverage", "erase")
    failed = run("coverage", "run", "-m", "pytest", "-n", "auto", "--maxprocesses", "4", *arguments)
    if failed or arguments:
        return failed
    run("coverage", "combine", "--quiet")
    return run("coverage", "report") or run("coverage", "report", f"--include={','.join(WHOLLY)}", "--fail-under=100")


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
