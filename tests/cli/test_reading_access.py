"""Who may read mails by IMAP and POP3, for each combination of users."""

import pytest

from lazr.smtptest.cli.serve.http_options import HttpOptions
from lazr.smtptest.cli.serve.reading_access import ReadingUsers, build_reading_auth
from lazr.smtptest.cli.serve.reading_options import ReadingOptions
from lazr.smtptest.protocol.smtp import Credentials
from lazr.smtptest.web import Mailbox, Mailboxes

TOKEN = "token-of-job-7-xyz"
JOB = Mailbox.of_user("job 7", TOKEN, "ci-7")


def build(*, imap=(), http=(), http_file=None, smtp=None, mailboxes=()):
    return build_reading_auth(
        ReadingOptions(imap_auth=list(imap)),
        HttpOptions(auth=list(http), auth_file=http_file),
        smtp or {},
        Mailboxes(mailboxes),
    )


def accepts(auth, name, password, authzid=""):
    return auth.accepts(Credentials("PLAIN", name, password=password, authzid=authzid))


@pytest.mark.parametrize(
    ("arguments", "accepted", "refused"),
    [
        ({}, [("ann", "x"), ("bob@example.com", "y")], []),
        ({"smtp": {"ann": "one"}}, [("ann", "one")], [("ann", "x"), ("bob", "one")]),
        ({"http": ["ann:one"]}, [("ann", "one")], [("bob", "x")]),
        ({"http": ["ann:one"], "smtp": {"app": "two"}}, [("ann", "one")], [("app", "two")]),
        ({"imap": ["eve:zero"], "http": ["ann:one"], "smtp": {"app": "two"}}, [("eve", "zero")], [("ann", "one")]),
        ({"mailboxes": [JOB]}, [("job 7", TOKEN)], [("job 7", "x"), ("ann", "x"), ("ci-7", TOKEN)]),
        ({"mailboxes": [JOB], "smtp": {"ann": "one"}}, [("job 7", TOKEN), ("ann", "one")], [("ann", TOKEN)]),
        ({"mailboxes": [JOB], "http_file": "users"}, [("job 7", TOKEN)], [("ann", "x")]),
        # A mailbox goes before a user of the same name.
        ({"mailboxes": [JOB], "smtp": {"job 7": "one"}}, [("job 7", TOKEN)], [("job 7", "one")]),
    ],
)
def test_users_of_imap_and_pop3(arguments, accepted, refused):
    auth = build(**arguments)

    assert [accepts(auth, *login) for login in accepted] == [True] * len(accepted)
    assert [accepts(auth, *login) for login in refused] == [False] * len(refused)


def test_hashes_of_http_let_nobody_in():
    assert build(http_file="users", smtp={"app": "two"}) is None


def test_token_without_user_name_is_not_offered():
    assert {"PLAIN", "LOGIN", "CRAM-MD5"} <= set(build(mailboxes=[JOB]).mechanisms)
    assert not {"XOAUTH2", "OAUTHBEARER"} & set(build(mailboxes=[JOB]).mechanisms)


def test_mailbox_that_is_added_later_needs_its_token():
    mailboxes = Mailboxes()
    auth = build_reading_auth(ReadingOptions(), HttpOptions(), {}, mailboxes)
    mailboxes.add(JOB)

    assert accepts(auth, "ann", "x")
    assert accepts(auth, "job 7", TOKEN)
    assert not accepts(auth, "job 7", "x")
    assert not accepts(auth, "ann", "x", authzid="job 7")
    # Its folders would be those of the mailbox.
    assert not accepts(auth, "JOB 7", "x")
    assert not accepts(auth, "JOB 7", TOKEN)


def test_reading_users_follow_the_mailboxes():
    mailboxes = Mailboxes([JOB])
    users = ReadingUsers({"ann": "one", "job 7": "two"}, mailboxes)

    assert dict(users) == {"job 7": TOKEN, "ann": "one"}
    assert len(users) == 2
    mailboxes.remove("job 7")
    assert dict(users) == {"ann": "one", "job 7": "two"}
