import os

import pytest

from lazr.smtptest.authentication.spf.check import check_spf
from tests.authentication.spf.public_suite import ARCHIVE, DOWNLOAD, read_cases

CASES = read_cases()
# A receiver may choose the text for a domain without `exp=`; this suite calls it so.
DEFAULT_EXPLANATION = "DEFAULT"


def test_the_suite_is_there():
    if not ARCHIVE.exists() and not os.environ.get("SMTPTEST_ALL_CLIENTS"):
        pytest.skip(f"the test suite of RFC 7208 is missing: {DOWNLOAD}")

    assert len(CASES) == 203, f"the test suite of RFC 7208 is missing: {DOWNLOAD}"


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_result_is_one_that_the_suite_of_rfc_7208_accepts(case):
    result = check_spf(case.ip, case.helo, case.mail_from, case.zone)

    assert result.result in case.results, result
    assert result.reason
    if case.explanation is not None:
        assert (result.explanation or DEFAULT_EXPLANATION) == case.explanation
