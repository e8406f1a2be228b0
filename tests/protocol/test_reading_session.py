"""The values that sessions of IMAP and POP3 share with their driver."""

import pytest

from lazr.smtptest import Auth
from lazr.smtptest.protocol.reading_session import ReadingCommand, ReadingReply, ReadingSettings
from lazr.smtptest.protocol.smtp import TlsMode

USERS = {"ann": "secret"}


def test_command_and_reply_show_themselves():
    assert repr(ReadingCommand("POP3 RETR", "1")) == "<ReadingCommand POP3 RETR 1>"
    assert repr(ReadingReply("-ERR", "[IN-USE] Later")) == "ReadingReply('-ERR', '[IN-USE] Later')"
    assert ReadingReply("NO", "x") == ReadingReply("NO", "x") != ReadingReply("NO", "y")
    assert ReadingReply("NO", "x") != "NO x"
    assert len({ReadingReply("NO", "x"), ReadingReply("NO", "x")}) == 1
    assert [ReadingReply(status, "").is_positive for status in ("OK", "+OK", "NO", "-ERR", "BYE")] == [
        True, True, False, False, False,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("settings", "accepts_login", "accepts_password"),
    [
        ({}, True, True),
        ({"auth": Auth(USERS)}, True, True),
        ({"auth": Auth(USERS), "tls": TlsMode.STARTTLS}, False, False),
        ({"auth": Auth(USERS), "tls": TlsMode.STARTTLS, "tls_active": True}, True, True),
        ({"auth": Auth(USERS, in_clear=False)}, False, False),
        ({"auth": Auth(USERS, mechanisms=["CRAM-MD5"])}, True, False),
        ({"auth": Auth(USERS, mechanisms=["LOGIN", "CRAM-MD5"])}, True, True),
    ],
)
def test_login_is_accepted_by_the_settings(settings, accepts_login, accepts_password):
    reading = ReadingSettings(**settings)

    assert reading.accepts_login is accepts_login
    assert reading.accepts_password is accepts_password
    assert bool(reading.mechanisms) is accepts_login
