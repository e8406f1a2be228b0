"""`GET /api/v1/ca.pem`: the certificate of the CA that clients must trust."""

import ssl

import httpx
import pytest

from lazr.smtptest import MailServer, Tls
from lazr.smtptest.store import MemoryStore
from lazr.smtptest.web import AppContext, WebServer, make_app


def get_ca(server, **settings):
    with WebServer(make_app(AppContext(MemoryStore(), server, **settings))) as web:
        return httpx.get(f"{web.url}/api/v1/ca.pem")


def test_ca_of_the_mail_server_verifies_its_certificate():
    import smtplib

    with MailServer(tls="starttls") as server:
        answer = get_ca(server)
        context = ssl.create_default_context(cadata=answer.text)
        with smtplib.SMTP(*server.address) as client:
            client._host = "localhost"
            assert client.starttls(context=context)[0] == 220

    assert answer.headers["content-type"] == "application/x-pem-file"
    assert "PRIVATE" not in answer.text


def test_ca_file_of_the_settings_comes_first(tmp_path):
    (tmp_path / "ca.pem").write_text("a certificate")
    with MailServer(tls="starttls") as server:
        assert get_ca(server, ca_file=tmp_path / "ca.pem").text == "a certificate"
        assert get_ca(server, ca_file=tmp_path / "missing").status_code == 404


@pytest.mark.parametrize("has_certificate", [False, True])
def test_server_without_an_own_ca_is_404(has_certificate):
    tls = Tls(certificate=ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)) if has_certificate else None
    answer = get_ca(MailServer(tls=tls))

    assert answer.status_code == 404
    assert "without TLS or with a certificate of its operator (--tls-cert)" in answer.text
