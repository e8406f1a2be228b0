"""docs/failures.md: each kind of failure, with what it really says.  `page.py --write` writes it anew."""

import inspect
import re
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path

HERE = Path(__file__).parent
PAGE = HERE.parents[1] / "docs" / "failures.md"

HEAD = """\
# What failures say

Each of these is run, and what it says is what stands here, but for port numbers and times. (Made by
`tests/failures/page.py`, out of `tests/failures/examples.py`.) The examples send mail by this:

```python
{send}
```
"""

# What differs from run to run, and from one Python's smtplib to the next; and what stands in its place.
VARIES = [
    (re.compile(r"127\.0\.0\.1:\d+"), "127.0.0.1:40000"),
    (re.compile(r"^( +)\d+\.\d{3} ([CS]:|\* )", re.MULTILINE), r"\g<1>0.001 \2"),
    (re.compile(r"C: mail from:"), "C: mail FROM:"),
    (re.compile(r"C: rcpt to:"), "C: rcpt TO:"),
    (re.compile(r"came \d+\.\d+ s after"), "came 0.200 s after"),
]


def settled(text):
    for pattern, instead in VARIES:
        text = pattern.sub(instead, text)
    return text


def body(example):
    """The code of an example, without its first lines."""
    source = inspect.getsource(example).split('"""\n', 1)[1]
    return textwrap.dedent(source).strip("\n").replace("\n\nwith", "\n\n\nwith")


def said(example):
    """What it raises, as a traceback ends."""
    try:
        example()
    except BaseException as error:
        kind = type(error)
        name = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
        notes = "".join(f"\n{note}" for note in getattr(error, "__notes__", ()))
        return settled(f"{name}: {error}{notes}")
    raise AssertionError(f"{example.__name__} did not fail")


TAIL = """\
## In pytest

The report of a failed test shows the mails and the dialogues of its servers. This application takes too long, and the
report says so: the mail came after all.

```python
{code}
```

```text
{report}
```
"""


def reported():
    """What pytest says of the test in `report.py`."""
    command = [sys.executable, "-m", "pytest", "--tb=short", "-q", "--no-header", "--color=no"]
    for plugin in ("randomly", "asyncio", "cacheprovider"):
        command += ["-p", f"no:{plugin}"]
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "test_signup.py").write_text((HERE / "report.py").read_text("utf-8"), "utf-8")
        done = subprocess.run(command, capture_output=True, text=True, cwd=folder, check=False)
    report = done.stdout.partition("= FAILURES =")[2].partition("\n")[2].partition("=====")[0]
    return settled(report).strip("\n")


def page():
    from failures.examples import EXAMPLES, send

    parts = [
        HEAD.format(send=inspect.getsource(send).replace('    """What the application does."""\n', "").strip("\n"))
    ]
    for example in EXAMPLES:
        title = example.__name__.replace("_", " ").capitalize()
        parts.append(
            f"## {title}\n\n{example.__doc__}\n\n```python\n{body(example)}\n```\n\n```text\n{said(example)}\n```\n"
        )
    code = (HERE / "report.py").read_text("utf-8").split("\n\n\n", 1)[1].strip("\n")
    code = code.replace('    """An application that takes its time."""\n', "")
    parts.append(TAIL.format(code=code, report=reported()))
    return "\n".join(parts)


if __name__ == "__main__" and sys.argv[1:] == ["--write"]:
    sys.path.insert(0, str(Path(__file__).parents[1]))
    PAGE.write_text(page(), "utf-8")
