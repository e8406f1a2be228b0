"""Somebody in the middle has cut STARTTLS out: a client that must not send in clear sends nothing."""

import smtplib

import pytest

from lazr.smtptest.presets import strip_starttls


def deliver(smtp, login, to, text, context):  # the code under test
    with smtplib.SMTP(*smtp) as client:
        client.starttls(context=context)  # and not: if client.has_extn("starttls")
        client.login(*login)
        client.sendmail("app@example.com", to, text)


@pytest.mark.smtptest(tls="starttls", auth={"app": "secret"})
def test_it_does_not_go_on_in_clear(smtptest):
    smtptest.rules.add(strip_starttls())

    with pytest.raises(smtplib.SMTPNotSupportedError):
        deliver(smtptest.address, ("app", "secret"), "ann@example.com", "Hi", smtptest.client_context())

    assert smtptest.settle()[0].sent_in_clear == frozenset()
