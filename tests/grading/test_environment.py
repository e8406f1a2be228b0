"""What a command gets: environment variables, words in its arguments, and files."""

import pytest

from lazr.smtptest.grading import GradeTask
from lazr.smtptest.grading.environment import WORDS, build_environment, replace_words, write_messages

TASK = GradeTask(
    behavior="connection-two-mails",
    host="localhost",
    port=2525,
    url="smtp://localhost:2525",
    security="starttls",
    user="ann@example.com",
    password="{port}",
    ca_file="/ca.pem",
    sender="ann@example.com",
    recipients=("bob@example.com", "carol@example.com"),
    messages=(b"Subject: 1\r\n\r\n", b"Subject: 2\r\n\r\n"),
    subjects=("1", "2"),
    timeout=2.0,
)
PLAIN_TASK = GradeTask(
    behavior="content-plain",
    host="localhost",
    port=2525,
    url="smtp://localhost:2525",
    security="none",
    user="",
    password="",
    ca_file="",
    sender="ann@example.com",
    recipients=("bob@example.com",),
    messages=(b"Subject: 1\r\n\r\n",),
    subjects=("1",),
    timeout=5.0,
)


def test_variables_have_the_task(tmp_path):
    paths = write_messages(TASK, tmp_path)
    environment = build_environment(TASK, paths)

    assert {name: value for name, value in environment.items() if name.startswith("SMTP")} == {
        "SMTP_HOST": "localhost",
        "SMTP_PORT": "2525",
        "SMTP_SECURITY": "starttls",
        "SMTP_USERNAME": "ann@example.com",
        "SMTP_PASSWORD": "{port}",
        "SMTP_CA_FILE": "/ca.pem",
        "SMTP_SENDER": "ann@example.com",
        "SMTP_RECIPIENT": "bob@example.com",
        "SMTP_RECIPIENTS": "bob@example.com carol@example.com",
        "SMTP_MESSAGE_FILE": str(paths[0]),
        "SMTP_MESSAGE_FILE_2": str(paths[1]),
        "SMTP_MESSAGES": f"{paths[0]} {paths[1]}",
        "SMTP_SUBJECT": "1",
        "SMTP_TIMEOUT": "2",
        "SMTP_URL": "smtp://localhost:2525",
        "SMTPTEST_BEHAVIOR": "connection-two-mails",
    }
    assert [path.read_bytes() for path in paths] == list(TASK.messages)


def test_variables_of_frameworks_are_set(tmp_path):
    environment = build_environment(TASK, write_messages(TASK, tmp_path))

    assert environment["EMAIL_HOST"] == environment["MAIL_SERVER"] == "localhost"
    assert environment["EMAIL_USE_TLS"] == "True"
    assert environment["MAIL_USERNAME"] == "ann@example.com"


def test_unused_variables_are_empty(tmp_path):
    environment = build_environment(PLAIN_TASK, write_messages(PLAIN_TASK, tmp_path))

    assert environment["SMTP_USERNAME"] == environment["SMTP_PASSWORD"] == environment["SMTP_CA_FILE"] == ""
    assert "EMAIL_USE_TLS" not in environment


def test_all_words_are_replaced(tmp_path):
    paths = write_messages(TASK, tmp_path)

    replaced = [word[1:] for word in replace_words([f"={{{word}}}" for word in WORDS], TASK, paths)]

    assert replaced == [
        *("localhost", "2525", "starttls", "ann@example.com", "{port}", "/ca.pem", "ann@example.com"),
        *("bob@example.com", "bob@example.com carol@example.com", str(paths[0]), f"{paths[0]} {paths[1]}", "1", "2"),
        "smtp://localhost:2525",
    ]


@pytest.mark.parametrize(
    ("argument", "expected"),
    [
        ("--url={url}/x", "--url=smtp://localhost:2525/x"),
        ("{host}:{port}", "localhost:2525"),
        ("{password}", "{port}"),  # a value is not replaced again
        ("{unknown} {} {host", "{unknown} {} {host"),
        ("{{host}}", "{localhost}"),
        ("a}b{c", "a}b{c"),
        ("", ""),
    ],
)
def test_words_are_replaced_once_and_others_stay(tmp_path, argument, expected):
    assert replace_words([argument], TASK, write_messages(TASK, tmp_path)) == [expected]


def test_context_needs_a_ca_file():
    with pytest.raises(ValueError, match="the task 'content-plain' has no TLS"):
        PLAIN_TASK.context()


def test_lists_are_one_argument_each(tmp_path):
    paths = write_messages(TASK, tmp_path)

    words = replace_words(["send", "{recipients}", "{messages}", "to {recipients}"], TASK, paths)
    assert words == ["send", *TASK.recipients, *map(str, paths), "to bob@example.com carol@example.com"]
