"""The certificate of the server has expired: the client sends nothing."""

import smtplib
import ssl

import pytest

from lazr.smtptest.presets import bad_certificate


def deliver(smtp, login, to, text, context):  # the code under test
    with smtplib.SMTP(*smtp) as client:
        client.starttls(context=context)
        client.login(*login)
        client.sendmail("app@example.com", to, text)


@pytest.mark.smtptest(tls=bad_certificate("expired"), auth={"app": "secret"})
def test_nothing_is_sent_with_an_expired_certificate(smtptest):
    with pytest.raises(ssl.SSLCertVerificationError, match="expired"):
        deliver(smtptest.address, ("app", "secret"), "ann@example.com", "Hi", smtptest.client_context())

    assert smtptest.settle()[0].sent_in_clear == frozenset()
    smtptest.inbox.none()
