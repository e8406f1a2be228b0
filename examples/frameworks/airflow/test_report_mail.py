"""Tests of an Airflow task that mails a report; they need no database of Airflow and no running scheduler."""

import smtplib
from urllib.parse import urlencode

import pytest
from airflow.providers.smtp.operators.smtp import EmailOperator
from airflow.utils.email import send_email


def build_report_task():  # the code under test; in a DAG, it is between `with DAG(…):`
    return EmailOperator(
        task_id="report",
        to="ann@example.com",
        cc="team@example.com",
        subject="Report",
        html_content="<p>All is well</p>",
    )


@pytest.fixture
def connection(smtptest, monkeypatch):
    """Point the connection `smtp_default` at the server; a variable wins over the database."""
    extras = urlencode(
        {"disable_ssl": "true", "disable_tls": "true", "retry_limit": 1, "from_email": "airflow@example.com"}
    )
    monkeypatch.setenv("AIRFLOW_CONN_SMTP_DEFAULT", f"smtp://airflow:secret@{smtptest.host}:{smtptest.port}/?{extras}")


@pytest.mark.smtptest(auth={"airflow": "secret"})
def test_task_mails_the_report(connection, smtptest):
    build_report_task().execute({})

    mail = smtptest.inbox.one(subject="Report")
    assert mail.recipients == ("ann@example.com", "team@example.com")
    assert "All is well" in mail.html
    assert mail.username == "airflow"


@pytest.mark.smtptest(auth={"airflow": "secret"})
def test_task_fails_if_the_mailbox_is_full(connection, smtptest):
    smtptest.on("RCPT", to=["ann@example.com", "team@example.com"]).reply(452, "4.2.2", "Mailbox full")

    with pytest.raises(smtplib.SMTPRecipientsRefused):
        build_report_task().execute({})


def test_function_send_email_uses_the_section_smtp(smtptest, monkeypatch):
    monkeypatch.setenv("AIRFLOW__SMTP__SMTP_HOST", smtptest.host)
    monkeypatch.setenv("AIRFLOW__SMTP__SMTP_PORT", str(smtptest.port))
    monkeypatch.setenv("AIRFLOW__SMTP__SMTP_STARTTLS", "False")
    send_email("ann@example.com", "Alert", "<p>A task failed</p>")

    assert "A task failed" in smtptest.inbox.one(to="ann@example.com", subject="Alert").html
