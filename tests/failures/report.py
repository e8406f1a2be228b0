"""A test that fails, as pytest reports it; `page.py` shows the report.  (It is not collected with the others.)"""

import smtplib
import threading


def signup(address, smtp):
    """An application that takes its time."""
    with smtplib.SMTP(*smtp, local_hostname="app") as client:
        client.sendmail("app@example.com", [address], "Subject: Welcome\r\n\r\nHi Ann\r\n")


def test_signup(smtptest):
    worker = threading.Timer(0.3, signup, ("ann@example.com", smtptest.address))
    worker.start()
    try:
        smtptest.inbox.one(to="ann@example.com", timeout=0.1)
    finally:
        worker.join()
