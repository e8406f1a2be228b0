"""`smtptest serve --spamd` and `--rspamd`: which program checks mails for spam."""

import pytest

from lazr.smtptest.cli.client.server_url import ServerUrl
from lazr.smtptest.cli.config.value_parsers import parse_spamd
from lazr.smtptest.cli.serve.outbound import build_spam_checker
from lazr.smtptest.cli.serve.outbound_options import OutboundOptions
from tests.helpers.command_line import run_smtptest


def test_offline_rules_are_the_default():
    assert build_spam_checker(OutboundOptions()) is None


def test_options_name_the_program():
    spamd = build_spam_checker(OutboundOptions(spamd=ServerUrl("spam.test", 783)))
    rspamd = build_spam_checker(OutboundOptions(rspamd="http://spam.test:11333/"))

    assert [repr(spamd), repr(rspamd)] == ["<SpamdChecker spam.test:783>", "<RspamdChecker http://spam.test:11333>"]
    assert parse_spamd("spam.test").port == 783 and parse_spamd("[::1]:7").host == "::1"


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("--spamd", "a", "--rspamd", "http://b"), "--spamd and --rspamd must not be set both"),
        (("--rspamd", "b:11333"), "--rspamd: a URL must have the scheme http or https"),
        (("--spamd", "http://a"), "spamd must be HOST or HOST:PORT"),
    ],
)
def test_wrong_options_are_explained(arguments, text):
    done = run_smtptest("serve", *arguments, SMTPTEST_SERVE_DATABASE="memory:")

    assert done.returncode == 2 and text in " ".join(done.stderr.split())
