"""docs/reference/mail.md: its table of one-time codes is what the library finds."""

import re
from pathlib import Path

import pytest

from lazr.smtptest import Mail

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "mail.md").read_text("utf-8")
TABLE = PAGE[PAGE.index("| text | `mail.codes` |") :].partition("\n\n")[0]
ROWS = re.findall(r"^\| `(.+?)` \| (?:`(.+)`|none: .+) \|$", TABLE, re.MULTILINE)


def test_all_rows_are_read():
    assert len(ROWS) == len(TABLE.splitlines()) - 2 > 10
    assert {bool(code) for _, code in ROWS} == {True, False}


@pytest.mark.parametrize(("text", "code"), ROWS)
def test_row_has_the_code_that_is_found(text, code):
    mail = Mail.from_bytes(f"From: app@example.com\nSubject: Hi\n\n{text}\n".encode())

    assert mail.codes == ((code,) if code else ())
