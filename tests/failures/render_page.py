"""Render docs/reference/failures.md, with the real message of each failure (`--write` writes it)."""

import inspect
import re
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path

HERE = Path(__file__).parent
PAGE = HERE.parents[1] / "docs" / "reference" / "failures.md"

HEAD = """\
# Failure messages

Each example on this page is run, and the text below it is its real message; only port numbers and times are replaced.
`make failures` generates the page from `tests/failures/examples.py`. The examples send mail with this function:

```python
{send}
```
"""

# Replacements for text that differs between runs, or between versions of smtplib.
UNSTABLE_TEXTS = [
    (re.compile(r"127\.0\.0\.1:\d+"), "127.0.0.1:40000"),
    (re.compile(r"^( +)\d+\.\d{3} ([CS]:|\* )", re.MULTILINE), r"\g<1>0.001 \2"),
    (re.compile(r"C: mail from:"), "C: mail FROM:"),
    (re.compile(r"C: rcpt to:"), "C: rcpt TO:"),
    (re.compile(r"arrived \d+\.\d+ s after"), "arrived 0.200 s after"),
]


def normalize(text):
    for pattern, replacement in UNSTABLE_TEXTS:
        text = pattern.sub(replacement, text)
    return text


def extract_code(example):
    """Return the code of an example, without its `def` line and docstring."""
    source = inspect.getsource(example).split('"""\n', 1)[1]
    return textwrap.dedent(source).strip("\n").replace("\n\nwith", "\n\n\nwith")


def render_message(example):
    """Return the exception of an example, as the last lines of a traceback show it."""
    try:
        example()
    except BaseException as error:
        kind = type(error)
        name = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
        notes = "".join(f"\n{note}" for note in getattr(error, "__notes__", ()))
        return normalize(f"{name}: {error}{notes}")
    raise AssertionError(f"{example.__name__} did not fail")


TAIL = """\
## In pytest

The report of a failed test shows the mails and the SMTP transcripts of its servers. The application in this example is
too slow: the report shows that the mail arrived after the timeout.

```python
{code}
```

```text
{report}
```
"""


def render_pytest_report():
    """Return pytest's report of the test in `report.py`."""
    command = [sys.executable, "-m", "pytest", "--tb=short", "-q", "--no-header", "--color=no"]
    for plugin in ("randomly", "asyncio", "cacheprovider"):
        command += ["-p", f"no:{plugin}"]
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "test_signup.py").write_text((HERE / "report.py").read_text("utf-8"), "utf-8")
        done = subprocess.run(command, capture_output=True, text=True, cwd=folder, check=False)
    report = done.stdout.partition("= FAILURES =")[2].partition("\n")[2].partition("=====")[0]
    return normalize(report).strip("\n")


def render_page():
    """Return the text of docs/reference/failures.md."""
    from tests.failures.examples import EXAMPLES, send

    parts = [
        HEAD.format(
            send=inspect.getsource(send).replace('    """Send a mail, as the application does."""\n', "").strip("\n")
        )
    ]
    for example in EXAMPLES:
        title = example.__name__.replace("_", " ").capitalize()
        code, message = extract_code(example), render_message(example)
        parts.append(f"## {title}\n\n{example.__doc__}\n\n```python\n{code}\n```\n\n```text\n{message}\n```\n")
    code = (HERE / "report.py").read_text("utf-8").split("\n\n\n", 1)[1].strip("\n")
    code = code.replace('    """Send a mail, as a slow application does."""\n', "")
    parts.append(TAIL.format(code=code, report=render_pytest_report()))
    return "\n".join(parts)


if __name__ == "__main__" and sys.argv[1:] == ["--write"]:
    sys.path.insert(0, str(Path(__file__).parents[2]))
    PAGE.write_text(render_page(), "utf-8")
