"""A failing test, which `render_page.py` runs and pytest does not collect."""

import smtplib
import threading


def signup(address, smtp):
    """Send a mail, as a slow application does."""
    with smtplib.SMTP(*smtp, local_hostname="app") as client:
        client.sendmail("app@example.com", [address], "Subject: Welcome\r\n\r\nHi Ann\r\n")


def test_signup(smtptest):
    worker = threading.Timer(0.3, signup, ("ann@example.com", smtptest.address))
    worker.start()
    try:
        smtptest.inbox.one(to="ann@example.com", timeout=0.1)
    finally:
        worker.join()
