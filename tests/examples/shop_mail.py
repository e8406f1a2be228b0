"""The code under test of the migration examples: a shop that sends mails with smtplib."""

import smtplib
import ssl
import threading
from dataclasses import dataclass
from email.message import EmailMessage


@dataclass
class Shop:
    """Send the mails of a shop; `ca_file` switches STARTTLS on, and `password` the login."""

    host: str
    port: int
    ca_file: str = ""
    password: str = ""

    def send(self, message, attempts=1):
        try:
            with smtplib.SMTP(self.host, self.port, timeout=60) as client:
                if self.ca_file:
                    client.starttls(context=ssl.create_default_context(cafile=self.ca_file))
                if self.password:
                    client.login("shop", self.password)
                return client.send_message(message)
        except smtplib.SMTPRecipientsRefused as error:
            is_temporary = all(code < 500 for code, _ in error.recipients.values())
            if attempts > 1 and is_temporary:
                return self.send(message, attempts - 1)
            raise

    def welcome(self, to, attempts=1):
        message = EmailMessage()
        message["From"], message["To"], message["Bcc"] = "shop@example.com", to, "archive@example.com"
        message["Subject"] = "Welcome to the shop, Zoë"
        message.set_content("Your code is 123456.\n")
        message.add_alternative("<p>Your code is <b>123456</b>.</p>", subtype="html")
        return self.send(message, attempts)

    def invoice(self, to):
        message = EmailMessage()
        message["From"], message["To"], message["Subject"] = "shop@example.com", to, "Invoice"
        message.set_content("Please find the invoice attached.\n")
        message.add_attachment(b"%PDF-1.7", maintype="application", subtype="pdf", filename="invoice.pdf")
        return self.send(message)

    def invoice_later(self, to):
        thread = threading.Thread(target=self.invoice, args=[to])
        thread.start()
        return thread
