"""The server has closed an idle connection: the next mail opens a new one."""

import smtplib

from lazr.smtptest.presets import drops_idle


class Connection:  # the code under test
    client: smtplib.SMTP | None = None

    def __init__(self, smtp):
        self.smtp = smtp

    def send(self, to, text):
        if self.client is not None:
            try:
                self.client.noop()
            except smtplib.SMTPServerDisconnected:
                self.client = None
        if self.client is None:
            self.client = smtplib.SMTP(*self.smtp)
        self.client.sendmail("app@example.com", to, text)

    def close(self):
        if self.client is not None:
            self.client.quit()


def test_next_mail_opens_a_new_connection(smtptest):
    smtptest.rules.add(drops_idle(0.5).once())
    connection = Connection(smtptest.address)

    connection.send("ann@example.com", "Subject: One\r\n\r\n")
    smtptest.settle()  # wait until the server has closed the connection
    connection.send("ann@example.com", "Subject: Two\r\n\r\n")
    connection.close()

    assert [mail.subject for mail in smtptest.inbox] == ["One", "Two"]
    assert [session.ended for session in smtptest.settle()] == ["rule", "QUIT"]
