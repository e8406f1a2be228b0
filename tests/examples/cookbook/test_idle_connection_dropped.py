"""A connection that was kept open has been dropped meanwhile: the next mail opens a new one."""

import smtplib

from lazr.smtptest.presets import drops_idle


class Connection:  # the code under test
    def __init__(self, smtp):
        self.smtp, self.client = smtp, None

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
        self.client.quit()


def test_the_next_mail_opens_a_new_connection(smtptest):
    smtptest.rules.add(drops_idle(0.5).once())
    connection = Connection(smtptest.address)

    connection.send("ann@example.com", "Subject: One\r\n\r\n")
    smtptest.settle()  # until nobody is connected any more: the server has dropped the connection
    connection.send("ann@example.com", "Subject: Two\r\n\r\n")
    connection.close()

    assert [mail.subject for mail in smtptest.inbox] == ["One", "Two"]
    assert [session.ended for session in smtptest.settle()] == ["rule", "QUIT"]
