"""Settings with the same arguments share tables, and nothing else."""

import pytest

from lazr.smtptest import Lenient, Limits
from lazr.smtptest.protocol.smtp.server_settings import ServerSettings
from lazr.smtptest.protocol.smtp.tls_mode import TlsMode

OWN_ATTRIBUTES = {"_arguments", "limits", "parsed_lines", "reply_to_exception"}


def get_tables(settings):
    return {name: getattr(settings, name) for name in ServerSettings.__slots__ if name not in OWN_ATTRIBUTES}


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"hostname": "mx.example"},
        {"greeting": "hello"},
        {"bare_line_ends": "accept"},
        {"strict": True},
        {"lmtp": True},
        {"tls": TlsMode.STARTTLS},
        {"tls": TlsMode.STARTTLS, "tls_required": True},
        {"tls": TlsMode.STARTTLS, "starttls_fault": "stripped"},
        {"tls": TlsMode.STARTTLS, "starttls_fault": "refused"},
        {"tls": TlsMode.STARTTLS, "tls_active": True},
        {"tls": TlsMode.IMPLICIT, "tls_active": True},
        {"xclient": True},
        {"transcript": "full"},
    ],
)
def test_shared_tables_equal_those_of_new_settings(arguments):
    built = ServerSettings(**arguments, limits=Limits(), lenient=Lenient())  # these are never shared

    for _ in range(2):
        assert get_tables(ServerSettings(**arguments)) == get_tables(built)


def test_settings_share_no_limits_lines_and_handlers():
    first, second = ServerSettings(reply_to_exception=len), ServerSettings()

    assert first.ehlo_reply is second.ehlo_reply
    assert first.limits == second.limits and first.limits is not second.limits
    first.parsed_lines[False, False][b"NOOP"] = None
    assert second.parsed_lines[False, False] == {}
    assert (first.reply_to_exception, second.reply_to_exception) == (len, None)
