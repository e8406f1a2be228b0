"""One recipient of several is refused for now: the application retries only that one."""

import smtplib


def deliver(smtp, to, text):  # the code under test: the recipients to retry, and those to give up
    with smtplib.SMTP(*smtp) as client:
        refused = client.sendmail("app@example.com", to, text)
    retry = [address for address, (code, _) in refused.items() if code < 500]
    return retry, [address for address in refused if address not in retry]


def test_only_refused_recipients_are_retried(smtptest):
    smtptest.on("RCPT", to="ben@*").reply(450, "4.2.1", "Busy").once()
    smtptest.on("RCPT", to="cat@*").reply(550, "5.1.1", "User unknown")
    text = "Subject: Hi\r\n\r\nHi\r\n"

    retry, failed = deliver(smtptest.address, ["ann@example.com", "ben@example.com", "cat@example.com"], text)
    assert (retry, failed) == (["ben@example.com"], ["cat@example.com"])
    assert deliver(smtptest.address, retry, text) == ([], [])

    assert [mail.recipients for mail in smtptest.inbox] == [("ann@example.com",), ("ben@example.com",)]
