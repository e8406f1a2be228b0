"""The tool that compares how parsers read a mail (`tools/compare_parsers`)."""

import json
import subprocess
import sys
from pathlib import Path

TOOL = Path(__file__).parents[2] / "tools" / "compare_parsers"
AGREED = (
    b"Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\nFrom: a@example.com\r\nDate: Fri, 21 Nov 1997 09:55:06 -0600\r\n"
    b"\r\nhello\r\n"
)
# `email` finds no part in a multipart with the boundary of the one around it.
DISPUTED = b"""Content-Type: multipart/mixed; boundary=B

--B
Content-Type: multipart/mixed; boundary=B

--B
Content-Type: application/pdf; name=a.pdf

PDF
--B--
--B--
"""


def compare(*arguments):
    command = [sys.executable, str(TOOL), "--only", "email", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, encoding="utf-8", check=False, timeout=60)


def test_agreement_is_not_shown(tmp_path):
    (tmp_path / "agreed.eml").write_bytes(AGREED)
    done = compare(tmp_path)

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "\n1 mails, 2 parsers: lazr.smtptest, email\nOutvoted: nowhere\n"
    assert "hello" in compare("--all", "--field", "text", tmp_path).stdout


def test_disagreement_is_shown_with_the_parsers(tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "disputed.eml").write_bytes(DISPUTED)
    lines = compare(tmp_path).stdout.splitlines()

    assert lines[1] == str(tmp_path / "folder" / "disputed.eml")
    assert lines[2:4] == ["  attachments", "    1  lazr.smtptest"]
    assert "a.pdf" in lines[4]


def test_answers_are_printed_as_json(tmp_path):
    (tmp_path / "agreed.eml").write_bytes(AGREED)
    answers = [json.loads(line) for line in compare("--json", tmp_path / "agreed.eml").stdout.splitlines()]

    assert [answer["parser"] for answer in answers] == ["lazr.smtptest", "email"]
    assert [answer["subject"] for answer in answers] == ["Grüße"] * 2
    assert [answer["date"] for answer in answers] == [880127706] * 2
