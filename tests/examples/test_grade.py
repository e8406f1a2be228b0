"""The client of an application, graded: each behavior of servers is one test."""

import smtplib

import pytest

# -- your application -------------------------------------------------------------------------


def send(message, recipients, host, port, *, security="starttls", context=None, timeout=60):
    """Send a message; an exception says that it was not sent to all recipients."""
    connect = smtplib.SMTP_SSL if security == "implicit" else smtplib.SMTP
    options = {"context": context} if security == "implicit" else {}
    with connect(host, port, timeout=timeout, **options) as client:
        if security == "starttls":
            client.starttls(context=context)
        refused = client.sendmail("ann@example.com", recipients, message)
        if refused:
            raise smtplib.SMTPRecipientsRefused(refused)


# -- its test ---------------------------------------------------------------------------------


@pytest.mark.smtptest_grade(only=["starttls-stripped", "starttls-expired", "rcpt-*"])
def test_client_copes_with_servers(smtptest_task):
    task = smtptest_task
    context = task.context() if task.ca_file else None
    send(
        task.message, task.recipients, task.host, task.port, security=task.security, context=context,
        timeout=task.timeout,
    )  # fmt: skip
