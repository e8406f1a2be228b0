"""Hints: what a client has ignored of its task, and no hint for faults of its own."""

import contextlib
import smtplib
import ssl
import time

import pytest

from lazr.smtptest.grading import Grades, grade
from lazr.smtptest.grading.reports import find_hints, render_html, render_markdown, render_table
from tests.grading import bad_clients, reference_client


def send_in_clear(task):
    with smtplib.SMTP(task.host, task.port, local_hostname="client.example", timeout=0.2) as client:
        client.sendmail(task.sender, task.recipients, task.message)


def send_to_first_recipient(task):
    with reference_client.open_connection(task) as connection:
        connection.sendmail(task.sender, task.recipients[:1], task.message)


def send_without_login(task):
    with smtplib.SMTP(task.host, task.port, local_hostname="client.example", timeout=task.timeout) as client:
        client.starttls(context=task.context())
        client.sendmail(task.sender, task.recipients, task.message)


def trust_no_certificate(task):
    with smtplib.SMTP(task.host, task.port, local_hostname="client.example", timeout=task.timeout) as client:
        client.starttls(context=ssl.create_default_context())


def connect_and_hang(task):
    with contextlib.suppress(OSError), smtplib.SMTP(task.host, task.port, timeout=2):
        time.sleep(0.5)


CASES = [
    (send_in_clear, ["starttls-valid"], "the client did not send STARTTLS when SMTP_SECURITY was starttls"),
    (send_in_clear, ["tls-valid"], "the client did not begin with TLS when SMTP_SECURITY was implicit"),
    (trust_no_certificate, ["starttls-valid"], "the client refused a valid certificate"),
    (send_without_login, ["auth-valid"], "the client did not authenticate when there was an SMTP_USERNAME"),
    (send_to_first_recipient, ["rcpt-one-of-three-550"], "the client sent the mail to one of several recipients"),
    (connect_and_hang, ["quit-never"], "the client hung"),
]


@pytest.mark.parametrize(("deliver", "only", "text"), CASES, ids=[case[2][:40] for case in CASES])
def test_ignored_part_of_the_task_gets_a_hint(deliver, only, text):
    grades = grade(deliver, only=only, timeout=0.4)

    (hint,) = find_hints(grades)
    assert hint.startswith(text)
    assert f"hint: {text}"[:60] in render_table(grades, width=500)
    assert f"Hint: {text[:20]}" in render_markdown(grades) and f"Hint: {text[:20]}" in render_html(grades)


@pytest.mark.parametrize(
    ("deliver", "only"),
    [
        (reference_client.deliver, ["starttls-*", "tls-valid", "auth-valid", "rcpt-*"]),
        (bad_clients.trust_any_certificate, ["starttls-expired", "starttls-valid"]),
        (bad_clients.ignore_replies, ["rcpt-550", "data-451", "rcpt-one-of-three-550"]),
        (bad_clients.never_connect, ["content-plain"]),
    ],
)
def test_fault_of_the_client_gets_no_hint(deliver, only):
    assert find_hints(grade(deliver, only=only)) == []


def test_grades_of_a_file_get_no_hints():
    grades = grade(send_to_first_recipient, only=["rcpt-too-many"])
    assert find_hints(grades) and not find_hints(Grades.from_dict(grades.to_dict()))
