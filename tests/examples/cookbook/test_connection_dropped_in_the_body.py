"""The connection breaks in the middle of the content: the client sends the mail again."""

import smtplib


def deliver(smtp, to, content, attempts=2):  # the code under test
    while True:
        attempts -= 1
        try:
            with smtplib.SMTP(*smtp) as client:
                return client.sendmail("app@example.com", to, content)
        except (ConnectionError, smtplib.SMTPServerDisconnected):
            if not attempts:
                raise


def test_mail_is_sent_again_after_a_reset(smtptest):
    rule = smtptest.on("CONTENT", after=10_000).reset().once()
    content = b"Subject: Report\r\n\r\n" + b"all work and no play\r\n" * 50_000

    deliver(smtptest.address, "ann@example.com", content)

    assert rule.count == 1
    assert smtptest.inbox.one().content == content
