"""Results as text."""

import pytest

from lazr.smtptest.authentication import (
    ArcInstance,
    ArcResult,
    Authentication,
    DkimResult,
    DmarcResult,
    SpfResult,
)

HOSTILE = "a\r\nb\x1b[31m\u202e\x00"


@pytest.mark.parametrize(
    "result",
    [
        DkimResult("fail", HOSTILE, HOSTILE, reason=HOSTILE),
        ArcInstance(1, HOSTILE, HOSTILE, reason=HOSTILE),
        ArcResult("fail", reason=HOSTILE),
        SpfResult("fail", HOSTILE, reason=HOSTILE),
        DmarcResult("fail", HOSTILE, reason=HOSTILE),
    ],
)
def test_text_of_a_result_is_one_printable_line(result):
    assert str(result).isprintable()
    assert r"a\r\nb\x1b[31m\u202e\x00" in str(result)


def test_text_of_all_results_has_a_line_for_each():
    text = str(Authentication((DkimResult("fail", reason=HOSTILE),), spf=SpfResult(reason=HOSTILE)))

    assert [line.partition("=")[0] for line in text.splitlines()] == ["dkim", "arc", "spf", "dmarc"]
