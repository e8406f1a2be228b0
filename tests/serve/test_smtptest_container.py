"""`SmtptestContainer`: with a real container if there is an image, and with a server in a thread everywhere."""

import smtplib
import subprocess
import sys
import urllib.request

import pytest

from lazr.smtptest import StartError, WaitTimeout
from lazr.smtptest.api_client import ApiUnavailable
from lazr.smtptest.testing.shared_server import SharedServer
from tests.helpers.containers import build_daemonless_class, find_image, import_container_class

WAIT_SECONDS = 60


def send(address, recipient="ann@example.com", subject="Welcome"):
    with smtplib.SMTP(*address, timeout=WAIT_SECONDS) as client:
        client.sendmail("app@example.com", [recipient], f"Subject: {subject}\r\n\r\nHi\r\n")


@pytest.fixture(params=["thread", pytest.param("container", marks=pytest.mark.slow)])
def make_container(request):
    if request.param == "thread":
        return build_daemonless_class()
    image = find_image()
    container_class = import_container_class()
    return lambda **options: container_class(image, **options)


def test_inbox_has_all_mails_of_the_container(make_container):
    with make_container() as mail:
        send(mail.smtp_address)
        send(mail.smtp_address, "bob@example.org", "Invoice")

        assert mail.inbox.one(to="bob@example.org", timeout=WAIT_SECONDS).subject == "Invoice"
        assert [one.subject for one in mail.inbox] == ["Welcome", "Invoice"]


def test_stopped_container_keeps_its_inbox(make_container):
    with make_container() as mail:
        send(mail.smtp_address)
    assert [one.subject for one in mail.inbox] == ["Welcome"]


def test_forget_empties_the_inbox_and_not_the_server(make_container):
    with make_container() as mail:
        send(mail.smtp_address)
        mail.inbox.one(timeout=WAIT_SECONDS)
        mail.forget()
        send(mail.smtp_address, subject="Second")

        assert mail.inbox.one(timeout=WAIT_SECONDS).subject == "Second"
        assert len(mail.inbox) == 1
        with urllib.request.urlopen(f"{mail.http_url}/api/v1/messages", timeout=WAIT_SECONDS) as response:
            assert b"Welcome" in response.read()


def test_variables_configure_the_server(make_container):
    container = make_container().with_env("SMTPTEST_SERVE_TLS", "starttls")
    with container as mail, smtplib.SMTP(*mail.smtp_address, timeout=WAIT_SECONDS) as client:
        client.starttls(context=mail.server.client_context())
        client.login("ann", "any password")

        assert mail.server.env()["MAIL_USE_TLS"] == "True"
        assert "SMTP_USERNAME" not in mail.server.env()


def test_address_with_implicit_tls_is_the_published_one(make_container):
    with make_container().with_env("SMTPTEST_SERVE_TLS", "implicit") as mail:
        context = mail.server.client_context()
        with smtplib.SMTP_SSL(*mail.server.tls_address, context=context, timeout=WAIT_SECONDS) as client:
            client.sendmail("app@example.com", ["ann@example.com"], "Subject: Welcome\r\n\r\n")
        assert mail.inbox.one(timeout=WAIT_SECONDS).subject == "Welcome"
        assert mail.server.tls_address == mail.smtp_address


def test_address_with_implicit_tls_is_the_given_one():
    with build_daemonless_class()().with_env("SMTPTEST_SERVE_TLS", "implicit") as mail:
        _, port = mail.smtp_address
        with SharedServer(mail.http_url, smtp=f"localhost:{port}") as server:  # the server reports 127.0.0.1
            assert server.tls_address == server.address == ("localhost", port)


def test_port_that_is_not_published_is_no_tls_address():
    with build_daemonless_class()().with_env("SMTPTEST_SERVE_TLS", "both") as mail:
        with pytest.raises(StartError, match=r"no implicit TLS at 127\.0\.0\.1:\d+; start it with .* --tls implicit"):
            mail.server.tls_address  # noqa: B018
        assert mail.server.env()["MAIL_USE_TLS"] == "True"


def test_wait_that_fails_names_the_mails_of_the_container():
    with build_daemonless_class()() as mail:
        send(mail.smtp_address)
        mail.inbox.one(timeout=WAIT_SECONDS)

        with pytest.raises(WaitTimeout, match=r"no mail to bob@example\.com") as raised:
            mail.inbox.one(to="bob@example.com", timeout=0)
        assert f"the inbox has all mails at {mail.http_url}" in str(raised.value)
        assert "'ann@example.com'" in str(raised.value)


def test_mails_are_kept_in_memory_unless_a_database_is_set():
    container_class = build_daemonless_class()

    assert container_class().env == {"SMTPTEST_SERVE_DATABASE": "memory:"}
    chosen = {"SMTPTEST_SERVE_DATABASE": "sqlite:////mail/mails.sqlite"}
    assert container_class(env=chosen).env == chosen


def test_variables_of_one_container_are_not_those_of_another():
    container_class = build_daemonless_class()
    shared = {"SMTPTEST_SERVE_HOSTNAME": "mail"}
    one, other = (container_class(env=shared).with_env("SMTPTEST_SERVE_TLS", mode) for mode in ("both", "implicit"))

    assert (one.env["SMTPTEST_SERVE_TLS"], other.env["SMTPTEST_SERVE_TLS"]) == ("both", "implicit")
    assert one.env["SMTPTEST_SERVE_HOSTNAME"] == "mail"
    assert shared == {"SMTPTEST_SERVE_HOSTNAME": "mail"}


@pytest.mark.parametrize("has_with", [False, True])
def test_container_that_fails_to_start_is_removed(has_with):
    container = build_daemonless_class()().with_env("SMTPTEST_SERVE_AUTH", "ann:secret")
    try:
        with pytest.raises(ApiUnavailable, match="401"):
            container.__enter__() if has_with else container.start()

        with pytest.raises(ConnectionRefusedError):
            smtplib.SMTP(*container.smtp_address)
    finally:
        container.stop()  # nothing is left to remove


def test_container_without_a_server_has_no_inbox():
    with pytest.raises(StartError, match="with SmtptestContainer"):
        build_daemonless_class()().inbox  # noqa: B018


def test_import_without_testcontainers_names_the_extra():
    program = "import sys; sys.modules['testcontainers'] = None; import lazr.smtptest.testcontainers"
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)

    assert result.returncode == 1
    assert 'pip install "lazr.smtptest[testcontainers]"' in result.stderr.splitlines()[-1]


@pytest.mark.slow
def test_container_that_cannot_start_raises_with_its_log():
    container = import_container_class()(find_image()).with_env("SMTPTEST_SERVE_TLS", "nonsense")

    with pytest.raises(StartError, match="'nonsense' is not one of"), container:
        pass


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:The wait_for_logs function:DeprecationWarning")
def test_module_for_mailpit_runs_the_image():
    image = find_image()
    from testcontainers.community.mailpit import MailpitContainer

    # The module mounts a private key that only the user of the test can read.
    with MailpitContainer(image, user="root") as mail:
        address = mail.get_container_host_ip(), mail.get_exposed_smtp_port()
        with smtplib.SMTP(*address, timeout=WAIT_SECONDS) as client:
            assert client.login("any", "auth")[0] == 235
