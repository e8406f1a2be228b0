"""Action Mailer of Rails; the packages of Debian are `ruby` and `ruby-actionmailer`."""

import shutil
import subprocess

import pytest

from tests.helpers.third_party_clients import require_installed

SEND = 'require "./welcome_mailer"; WelcomeMailer.welcome("ann@example.com").deliver_now'


@pytest.fixture(autouse=True)
def rails():
    """Skip the tests without Rails."""
    ruby = shutil.which("ruby")
    command = [ruby or "", "-e", "require 'action_mailer'"]
    is_found = ruby and subprocess.run(command, capture_output=True, check=False).returncode == 0
    require_installed(is_found, "ruby-actionmailer")


@pytest.mark.slow
def test_mailer_sends_to_the_server(smtptest, run_program):
    run_program("rails", "ruby", "-e", SEND, env=smtptest.env())

    mail = smtptest.inbox.one(to="ann@example.com", subject="Welcome")
    assert mail.text == "Confirm: https://shop.example/c/42"
    assert [link.text for link in mail.links if link.where == "html"] == ["Confirm"]


@pytest.mark.slow
@pytest.mark.smtptest(auth={"shop": "secret"}, tls="starttls")
def test_mailer_logs_in_after_starttls(smtptest, run_program):
    run_program("rails", "ruby", "-e", SEND, env=smtptest.env() | {"SMTP_CA_FILE": str(smtptest.ca_file)})

    mail = smtptest.inbox.one(to="ann@example.com")
    assert mail.username == "shop" and mail.envelope.tls


@pytest.mark.slow
def test_minitest_finds_its_mails_with_the_rest_api(serving, run_program):
    output = run_program("rails", "ruby", "welcome_mailer_test.rb", env=serving.env)

    assert "2 runs, 5 assertions, 0 failures, 0 errors, 0 skips" in output
