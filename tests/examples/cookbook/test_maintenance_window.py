"""The server is down for maintenance, and returns: the outbox delivers its mails then."""

import smtplib


class Outbox:  # the code under test
    def __init__(self, smtp):
        self.smtp = smtp
        self.mails: list[tuple[str, str]] = []

    def send(self, to, text):
        self.mails.append((to, text))

    def flush(self):
        """Send all mails; return whether the server accepted the connection."""
        try:
            with smtplib.SMTP(*self.smtp) as client:
                while self.mails:
                    client.sendmail("app@example.com", *self.mails[0])
                    del self.mails[0]
        except smtplib.SMTPConnectError:
            return False
        return True


def test_no_mail_is_lost_during_maintenance(smtptest):
    outbox = Outbox(smtptest.address)
    outbox.send("ann@example.com", "Subject: One\r\n\r\n")

    with smtptest.on("CONNECT").reply(421, "4.3.2", "Down for maintenance"):
        assert not outbox.flush()
        outbox.send("ann@example.com", "Subject: Two\r\n\r\n")
        assert not outbox.flush()
    assert outbox.flush()

    assert [mail.subject for mail in smtptest.inbox] == ["One", "Two"]
