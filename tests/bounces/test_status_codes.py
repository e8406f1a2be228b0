"""Enhanced status codes and their SMTP reply codes."""

import pytest

from lazr.smtptest.bounces import find_status_code
from lazr.smtptest.bounces.status_codes import _DETAILS
from lazr.smtptest.protocol.smtp import Reply


@pytest.mark.parametrize("detail", _DETAILS)
@pytest.mark.parametrize("class_", "45")
def test_reply_code_has_the_class_of_the_status(class_, detail):
    status = find_status_code(f"{class_}.{detail}")

    assert str(status.reply_code)[0] == class_
    assert Reply(status.reply_code, status.code, status.meaning).enhanced == status.code
    assert status.is_permanent == (class_ == "5")


@pytest.mark.parametrize(
    ("code", "meaning"),
    [
        ("5.2.99", "Another problem with the mailbox"),
        ("5.9.9", "Delivery failed for another reason"),
        ("2.1.5", "Delivered"),
    ],
)
def test_unknown_details_have_the_meaning_of_their_subject(code, meaning):
    assert find_status_code(code).meaning == meaning


@pytest.mark.parametrize(
    "code", ["", "5", "5.1", "3.1.1", "5.1.1.1", "5.01.1", "5.1.1000", "5.1.1\n", "550", None, 5.1]
)
def test_malformed_codes_are_errors(code):
    with pytest.raises(ValueError, match="status must be an enhanced status code"):
        find_status_code(code)
