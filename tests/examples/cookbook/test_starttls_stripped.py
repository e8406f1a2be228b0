"""An attacker has removed STARTTLS: a client that requires TLS sends nothing."""

import smtplib

import pytest

from lazr.smtptest.presets import strip_starttls


def deliver(smtp, login, to, text, context):  # the code under test
    with smtplib.SMTP(*smtp) as client:
        client.starttls(context=context)  # not only if client.has_extn("starttls")
        client.login(*login)
        client.sendmail("app@example.com", to, text)


@pytest.mark.smtptest(tls="starttls", auth={"app": "secret"})
def test_nothing_is_sent_without_tls(smtptest):
    smtptest.rules.add(strip_starttls())

    with pytest.raises(smtplib.SMTPNotSupportedError):
        deliver(smtptest.address, ("app", "secret"), "ann@example.com", "Hi", smtptest.client_context())

    assert smtptest.settle()[0].sent_in_clear == frozenset()
