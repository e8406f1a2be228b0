"""The server refuses a message below its announced size: a link replaces the file."""

import smtplib
from email.message import EmailMessage

from lazr.smtptest.presets import lying_size


def message(text, attachment=None):
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "app@example.com", "ann@example.com", "Your report"
    message.set_content(text)
    if attachment:
        message.add_attachment(attachment, maintype="application", subtype="pdf", filename="report.pdf")
    return message


def send_report(smtp, report):  # the code under test
    with smtplib.SMTP(*smtp) as client:
        try:
            client.send_message(message("Here it is.", report))
        except smtplib.SMTPResponseException as error:
            if error.smtp_code != 552:
                raise
            client.send_message(message("It is at https://app.example.com/report.pdf"))


def test_link_is_sent_if_the_attachment_is_too_big(smtptest):
    smtptest.rules.add(lying_size(real=10_000))

    send_report(smtptest.address, b"x" * 100_000)

    mail = smtptest.inbox.one()
    assert not mail.attachments and "https://" in mail.text
