"""One recipient of several is refused: the others have the mail, and the one is tried again."""

import smtplib


def deliver(smtp, to, text):  # the code under test: who is to be tried again, and who never
    with smtplib.SMTP(*smtp) as client:
        refused = client.sendmail("app@example.com", to, text)
    again = [address for address, (code, _) in refused.items() if code < 500]
    return again, [address for address in refused if address not in again]


def test_only_those_who_were_refused_are_tried_again(smtptest):
    smtptest.on("RCPT", to="ben@*").reply(450, "4.2.1", "Busy").once()
    smtptest.on("RCPT", to="cat@*").reply(550, "5.1.1", "User unknown")
    text = "Subject: Hi\r\n\r\nHi\r\n"

    again, never = deliver(smtptest.address, ["ann@example.com", "ben@example.com", "cat@example.com"], text)
    assert (again, never) == (["ben@example.com"], ["cat@example.com"])
    assert deliver(smtptest.address, again, text) == ([], [])

    assert [mail.recipients for mail in smtptest.inbox] == [("ann@example.com",), ("ben@example.com",)]
