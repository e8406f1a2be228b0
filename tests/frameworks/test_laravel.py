"""The mailer of Laravel, which is Symfony Mailer; the package of Debian is `php-symfony-mailer`."""

import shutil
from pathlib import Path

import pytest

from tests.helpers.third_party_clients import require_installed

AUTOLOAD = Path("/usr/share/php/Symfony/Component/Mailer/autoload.php")  # in a project, vendor/autoload.php
SEND = 'require getenv("AUTOLOAD"); require "mailer.php"; welcome("ann@example.com");'


@pytest.fixture(autouse=True)
def laravel():
    """Skip the tests without Symfony Mailer."""
    require_installed(shutil.which("php") and AUTOLOAD.exists(), "php-symfony-mailer")


@pytest.mark.slow
@pytest.mark.smtptest(auth={"shop": "secret"})
def test_mailer_logs_in_and_sends(smtptest, run_program):
    run_program("laravel", "php", "-r", SEND, env=smtptest.env() | {"AUTOLOAD": str(AUTOLOAD)})

    mail = smtptest.inbox.one(to="ann@example.com", subject="Welcome")
    assert mail.username == "shop"
    assert mail.text.strip() == "Confirm: https://shop.example/c/42"


@pytest.mark.slow
def test_program_finds_its_mails_with_the_rest_api(serving, run_program):
    output = run_program("laravel", "php", "mailer_test.php", env=serving.env | {"AUTOLOAD": str(AUTOLOAD)})

    assert output.splitlines() == ["ok: the subject", "ok: the link", "ok: a full mailbox raises an exception"]
