"""The server refuses the first attempt of new senders: a queue retries."""

import smtplib

from lazr.smtptest.presets import greylist


class Queue:  # the code under test
    def __init__(self, smtp):
        self.smtp = smtp
        self.waiting: list[tuple[str, str]] = []

    def send(self, to, text):
        self.waiting.append((to, text))
        self.flush()

    def flush(self):  # a timer calls it every few minutes
        waiting, self.waiting = self.waiting, []
        for to, text in waiting:
            try:
                with smtplib.SMTP(*self.smtp) as client:
                    client.sendmail("app@example.com", to, text)
            except smtplib.SMTPRecipientsRefused as error:
                if all(code < 500 for code, _ in error.recipients.values()):
                    self.waiting.append((to, text))


def test_second_attempt_is_accepted(smtptest):
    smtptest.rules.add(greylist())
    queue = Queue(smtptest.address)

    queue.send("ann@example.com", "Subject: Hi\r\n\r\nHi\r\n")
    smtptest.inbox.none()
    queue.flush()

    assert smtptest.inbox.one().subject == "Hi" and not queue.waiting
