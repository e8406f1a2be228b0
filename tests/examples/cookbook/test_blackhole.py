"""A server accepts connections and never replies: the application uses the next one."""

import smtplib

from lazr.smtptest.presets import blackhole


def deliver(servers, to, text, timeout=30):  # the code under test
    for smtp in servers:
        try:
            with smtplib.SMTP(*smtp, timeout=timeout) as client:
                return client.sendmail("app@example.com", to, text)
        except (OSError, smtplib.SMTPServerDisconnected):
            continue
    raise OSError("no server replies")


def test_second_server_is_used(smtptest, smtptest_factory):
    second = smtptest_factory()
    smtptest.rules.add(blackhole())

    deliver([smtptest.address, second.address], "ann@example.com", "Subject: Hi\r\n\r\nHi\r\n", timeout=0.5)

    assert second.inbox.one().subject == "Hi"
    smtptest.inbox.none()
