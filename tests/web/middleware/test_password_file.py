"""`Users`: files of htpasswd, and how passwords are compared."""

import bcrypt
import pytest

from lazr.smtptest.web.middleware.password_file import Users

# With the lowest cost of bcrypt, to be fast.
HASH = bcrypt.hashpw(b"correct horse", b"$2b$04$abcdefghijklmnopqrstuu").decode()


def test_file_of_htpasswd_can_be_read(tmp_path):
    path = tmp_path / "users"
    path.write_text(f"# a comment\n\nann:{HASH.replace('$2b$', '$2y$')}\r\n")

    users = Users.read(path)

    assert users.verify_password("ann", b"correct horse")
    assert "ann" in users and "bob" not in users
    assert repr(users) == "<Users: ann>"


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("ann", "must be user:hash"),
        ("ann:", "must be user:hash"),
        (":secret", "must be user:hash"),
        ("ann:secret", "htpasswd -B"),
        ("ann:$apr1$GhB3$0123456789012345678901", "htpasswd -B"),
        ("ann:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=", "htpasswd -B"),
        ("ann:$2y$05$secret", "must have 60 characters, got 13"),
        (f"bob:{{PLAIN}}secret\nbob:{HASH}", "line 2: user 'bob' must be listed once"),
        ("# secret", "no users defined"),
        ("", "no users defined"),
    ],
)
def test_invalid_line_raises_without_the_secret(line, reason):
    with pytest.raises(ValueError, match=reason) as caught:
        Users.parse(line)
    assert "secret" not in str(caught.value)


def test_long_password_is_cut_as_htpasswd_does():
    users = Users({"ann": bcrypt.hashpw(b"x" * 72, bcrypt.gensalt(4)).decode()})

    assert users.verify_password("ann", b"x" * 100)
    assert not users.verify_password("ann", b"x" * 71)


def test_invalid_hash_matches_no_password():
    assert not Users.parse("ann:$2y$05$" + "!" * 53).verify_password("ann", b"secret")
