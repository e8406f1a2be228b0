"""The task that `smtptest grade` gives to a client, for the wrappers in Python.

Each wrapper sends the messages of `SMTP_MESSAGES` over one connection if its client can, and ends with the exit status
that `smtptest grade` expects: 0 if the client reports success, 75 (`EX_TEMPFAIL`) if it reports a temporary failure,
and 1 if it reports another one.  A library that composes messages gets the text of the message and composes it again,
as applications use it; the others send the file.
"""

import email
import email.message
import email.policy
import os
import re
import ssl
from pathlib import Path

EX_TEMPFAIL = 75

HOST = os.environ["SMTP_HOST"]
PORT = int(os.environ["SMTP_PORT"])
SECURITY = os.environ["SMTP_SECURITY"]  # "none", "starttls" or "implicit"
USER = os.environ["SMTP_USERNAME"]  # "" if the server needs no authentication
PASSWORD = os.environ["SMTP_PASSWORD"]
CA_FILE = os.environ["SMTP_CA_FILE"]
SENDER = os.environ["SMTP_SENDER"]
RECIPIENTS = os.environ["SMTP_RECIPIENTS"].split()
MESSAGES = [Path(path) for path in os.environ["SMTP_MESSAGES"].split()]
TIMEOUT = float(os.environ["SMTP_TIMEOUT"])


def create_context() -> ssl.SSLContext:
    """Return a TLS context that trusts only the CA of the server, and checks its name."""
    return ssl.create_default_context(cafile=CA_FILE)


def compose_message(path: Path) -> email.message.EmailMessage:
    """Return a new message with the text and the fields of a file, as an application would write it."""
    header, text = re.split(r"\r?\n\r?\n", path.read_text("utf-8"), maxsplit=1)
    original = email.message_from_string(header, policy=email.policy.default)
    message = email.message.EmailMessage()
    for name in ("From", "To", "Subject", "Date", "Message-ID"):
        message[name] = original[name]
    message.set_content(text)
    return message


def get_exit_status(*codes: int) -> int:
    """Return the exit status for replies that report a failure: 75 if all of them are temporary."""
    return EX_TEMPFAIL if codes and all(400 <= code < 500 for code in codes) else 1
