"""The fixtures `smtpd` and `smtpserver` have the interfaces of the original packages."""

import smtplib
import ssl

import pytest
import trustme

from lazr.smtptest.pytest_aliases import smtpd, smtpserver  # noqa: F401


def send(server, subject="Hi", **options):
    with smtplib.SMTP("127.0.0.1", server.port) as client:
        client.sendmail("ann@example.com", ["bob@example.com"], f"Subject: {subject}\r\n\r\nHello\r\n", **options)


def create_unverified_context():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def test_smtpd_messages_is_a_copy(smtpd):  # noqa: F811
    send(smtpd)

    [message] = smtpd.messages
    assert message["Subject"] == "Hi" and message.get_payload() == "Hello\r\n"
    assert (message["X-MailFrom"], message["X-RcptTo"]) == ("ann@example.com", "bob@example.com")
    assert message["X-Peer"].startswith("127.0.0.1:")
    smtpd.messages.clear()
    assert smtpd.messages[0] is message
    assert smtpd.hostname == smtpd.config.host == "127.0.0.1" and smtpd.port == smtpd.config.port


def test_smtpd_keeps_port_and_messages_after_config_change(smtpd):  # noqa: F811
    send(smtpd)
    port, server = smtpd.port, smtpd.server

    smtpd.config.use_starttls = True

    assert smtpd.port == port and len(smtpd.messages) == 1
    assert smtpd.server is not server and not server.running
    with smtplib.SMTP(smtpd.hostname, smtpd.port) as client:
        assert client.docmd("MAIL", "FROM:<>")[0] >= 500  # STARTTLS first
        client.starttls(context=ssl.create_default_context(cafile=smtpd.config.ssl_cert_files[0]))
        client.sendmail("ann@example.com", ["bob@example.com"], "Subject: more\r\n\r\n")
    assert [message["Subject"] for message in smtpd.messages] == ["Hi", "more"]
    smtpd.reset(persist_messages=False)
    assert smtpd.messages == []


def test_smtpd_supports_implicit_tls_with_own_certificate(smtpd, tmp_path):  # noqa: F811
    file = tmp_path / "both.pem"
    trustme.CA().issue_cert("localhost").private_key_and_cert_chain_pem.write_to_path(file)
    smtpd.config.ssl_cert_files = str(file)
    smtpd.config.use_ssl = True

    with smtplib.SMTP_SSL(smtpd.hostname, smtpd.port, context=create_unverified_context()) as client:
        client.sendmail("ann@example.com", ["bob@example.com"], "Subject: Hi\r\n\r\n")

    assert len(smtpd.messages) == 1
    assert smtpd.config.ssl_cert_files == str(file)


def test_smtpd_enforces_auth(smtpd):  # noqa: F811
    smtpd.config.enforce_auth = True
    smtpd.config.auth_require_tls = False
    smtpd.config.login_username, smtpd.config.login_password = "ann", "secret"

    with smtplib.SMTP(smtpd.hostname, smtpd.port) as client:
        with pytest.raises(smtplib.SMTPSenderRefused):
            client.sendmail("ann@example.com", ["bob@example.com"], "Subject: Hi\r\n\r\n")
        with pytest.raises(smtplib.SMTPAuthenticationError):
            client.login("ann", "wrong")
    with smtplib.SMTP(smtpd.hostname, smtpd.port) as client:
        client.login("ann", "secret")
        client.sendmail("ann@example.com", ["bob@example.com"], "Subject: Hi\r\n\r\n")


def test_smtpd_rejects_unknown_settings_with_hints(smtpd, monkeypatch):  # noqa: F811
    with pytest.raises(AttributeError, match=r"no 'ready_timeout' here: the server is ready"):
        smtpd.config.ready_timeout = 5
    with pytest.raises(AttributeError, match=r"smtpd\.config has no 'use_tls' here: known: host, port,"):
        assert smtpd.config.use_tls
    with pytest.raises(AttributeError, match=r"smtpd has no 'handler' here: smtpd\.messages has the messages"):
        assert smtpd.handler
    with pytest.raises(TypeError, match="use_ssl must be True or False, got 'yes'"):
        smtpd.config.use_ssl = "yes"
    monkeypatch.setenv("SMTPD_USE_STARTTLS", "True")
    with pytest.raises(ValueError, match=r"SMTPD_USE_STARTTLS is set.*: write smtpd\.config\.use_starttls = "):
        type(smtpd)(None)


def test_smtpserver_outbox_has_messages_with_details(smtpserver):  # noqa: F811
    outbox = smtpserver.outbox
    assert outbox == [] and not outbox
    send(smtpserver, "one", mail_options=["BODY=8BITMIME"], rcpt_options=["NOTIFY=NEVER"])
    send(smtpserver, "two")

    assert len(outbox) == 2 and outbox is smtpserver.outbox and outbox == smtpserver.outbox
    details = outbox[0].details
    assert (details.mailfrom, details.rcpttos) == ("ann@example.com", ["bob@example.com"])
    assert details.peer[0] == "127.0.0.1" and isinstance(details.peer[1], int)
    assert details.rcpt_options == ["NOTIFY=NEVER"] and "BODY=8BITMIME" in details.mail_options
    assert [message["Subject"] for message in outbox[:2]] == ["one", "two"]
    del outbox[:]
    assert outbox == []
    send(smtpserver, "three")
    assert outbox.pop()["Subject"] == "three" and not outbox
    message = type("Message", (), {})()
    outbox.append(message)
    outbox[0] = message
    assert outbox == [message]
    assert repr(outbox) == repr([message]) and "mailfrom='ann@example.com'" in repr(details)


def test_smtpserver_starts_and_stops(smtpserver):  # noqa: F811
    assert smtpserver.addr == (smtpserver.hostname, smtpserver.port)
    assert smtpserver.is_alive() and smtpserver.accepting
    smtpserver.stop()
    smtpserver.stop(timeout=1)
    assert not smtpserver.is_alive() and not smtpserver.accepting
    smtpserver.start()
    send(smtpserver)
    assert len(smtpserver.outbox) == 1
    with pytest.raises(AttributeError, match=r"smtpserver has no 'handler' here: smtpserver\.outbox has the messages"):
        assert smtpserver.handler
    with pytest.raises(AttributeError, match=r"smtpserver has no 'port_number' here: see smtpserver\.server, the"):
        assert smtpserver.port_number


FAILING = """
from lazr.smtptest.pytest_aliases import smtpd, smtpserver

def test_smtpd(smtpd):
    with smtplib.SMTP(smtpd.hostname, smtpd.port) as client:
        client.sendmail("a@example.com", "b@example.com", "Subject: evidence")
    assert False

def test_smtpserver(smtpserver):
    send(smtpserver.server, "more evidence")
    assert False
"""


def test_failure_reports_of_aliases_show_the_mails(newest):
    newest.write(test_failing=FAILING)

    result = newest.run()

    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(["*- mail received -*", "Subject: evidence", "*- mail received -*", "Subject: more *"])


def test_monkeypatch_restores_settings_of_smtpd(smtpd):  # noqa: F811
    port = smtpd.port
    for name, value in [("enforce_auth", True), ("use_starttls", True), ("login_username", "ann")]:
        before = getattr(smtpd.config, name)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(smtpd.config, name, value)
            assert getattr(smtpd.config, name) == value
        assert getattr(smtpd.config, name) == before
    smtpd.config.use_ssl = True
    del smtpd.config.use_ssl
    assert smtpd.config.use_ssl is False and smtpd.port == port
    smtpd.config.ssl_cert_files = smtpd.config.ssl_cert_files  # what monkeypatch does at its end
    with pytest.raises(AttributeError, match="has no 'use_tls' here"):
        smtpd.config.use_tls = True


def test_options_without_a_value_have_no_equals_sign(smtpserver):  # noqa: F811
    with smtplib.SMTP(*smtpserver.addr) as client:
        client.sendmail("ann@example.com", "bob@example.com", "\r\nHi", ["SMTPUTF8", "BODY=8BITMIME"], ["NOTIFY=NEVER"])
    details = smtpserver.outbox[0].details
    assert set(details.mail_options) == {"SMTPUTF8", "BODY=8BITMIME", "SIZE=4"}
    assert details.rcpt_options == ["NOTIFY=NEVER"]
