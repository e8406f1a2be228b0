"""`UrlSigner`: a key opens one path for some hours."""

import pytest

from lazr.smtptest.web.mailbox import Mailbox, Mailboxes
from lazr.smtptest.web.middleware.identity import Identity
from lazr.smtptest.web.middleware.url_signer import UrlSigner

PATH = "/api/v1/message/abc/part/2.1"
ONE = Mailbox.of_user("one / ü ?", "token-of-mailbox-1", "ci-1")
TWO = Mailbox.of_user("two", "token-of-mailbox-2", "ci-2")
FULL = Identity(user="")


class Clock:
    """A clock that a test moves."""

    now = 7200.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def signer(clock):
    return UrlSigner(Mailboxes([ONE, TWO]), clock=clock)


@pytest.mark.parametrize(
    ("identity", "verified"),
    [
        (Identity("ann"), FULL),
        (Identity(mailbox=ONE), Identity(mailbox=ONE)),
        (Identity(mailbox=TWO), Identity(mailbox=TWO)),
    ],
)
def test_key_opens_the_path_for_the_one_who_got_it(signer, identity, verified):
    query = signer.sign(PATH, identity)

    assert signer.verify(PATH.encode(), query.encode()) == verified
    assert query.isascii() and not set(query) & set("\"'<>&()\\ ")  # it is put into HTML and CSS


def test_anonymous_request_gets_no_key(signer):
    assert signer.sign(PATH, Identity()) == ""


@pytest.mark.parametrize(
    "path",
    [
        *("/api/v1/message/abc/part/2", "/api/v1/message/xyz/part/2.1", "/api/v1/message/abc/part/2.1/thumb", "/"),
        *("/api/v1/message/abc/part/2%2e1", "/api/v1/message/abc//part/2.1", "/api/v1/message/abc/part/2.1/", ""),
        *("/api/v1/message/abc/raw", "/api/v1/messages", "/API/v1/message/abc/part/2.1", "/mail" + PATH),
    ],
)
def test_key_opens_no_other_path(signer, path):
    query = signer.sign(PATH, Identity("ann")).encode()

    assert signer.verify(path.encode(), query) is None


@pytest.mark.parametrize(
    "path", ["/api/v1/messages", "/api/v1/message/latest/part/2", "/api/v1/message/abc/part/2/thumb"]
)
def test_only_parts_have_keys(signer, path):
    assert signer.verify(path.encode(), signer.sign(path, Identity("ann")).encode()) is None


def test_key_is_valid_for_three_to_four_hours(signer, clock):
    query = signer.sign(PATH, Identity("ann")).encode()
    clock.now += 4 * 3600 - 1
    assert signer.verify(PATH.encode(), query) == FULL
    clock.now += 1
    assert signer.verify(PATH.encode(), query) is None
    clock.now -= 5 * 3600
    assert signer.verify(PATH.encode(), query) is None  # longer than any key is valid

    clock.now = 7200 + 3599
    query = signer.sign(PATH, Identity("ann")).encode()
    clock.now += 3 * 3600
    assert signer.verify(PATH.encode(), query) == FULL


def test_changed_keys_are_refused(signer):
    query = signer.sign(PATH, Identity(mailbox=ONE))
    end, signature, name = query.removeprefix("key=").split(".")
    other_name = signer.sign(PATH, Identity(mailbox=TWO)).split(".")[2]
    full_end, full_signature = signer.sign(PATH, Identity("ann")).removeprefix("key=").split(".")
    changed = [
        *(
            "",
            "key=",
            "key=.",
            "key=..",
            "x",
            query + "&query=x",
            "query=x&" + query,
            query + "&" + query,
            query.upper(),
        ),
        *(f"key={int(end) - 1}.{signature}.{name}", f"key=0{end}x.{signature}.{name}", f"key=-1.{signature}.{name}"),
        *(f"key={end}.{signature}", f"key={end}.{signature}.{other_name}", f"key={end}.{signature}.", f"{query}A"),
        *(f"key={full_end}.{full_signature}.{name}", f"key={end}.{'A' * 43}", f"key={end}.{'A' * 43}.{name}"),
        *(
            f"key={end}.{signature[::-1]}.{name}",
            f"key={'9' * 5000}.{signature}",
            f"key={end}.{signature}.{'A' * 9000}",
        ),
        *(query.replace(".", "%2e"), query.replace("key", "%6bey"), f"{query}=", f"{query}#", f"{query}\n"),
    ]

    assert signer.verify(PATH.encode(), query.encode()) == Identity(mailbox=ONE)
    for text in changed:
        assert signer.verify(PATH.encode(), text.encode()) is None, text
    assert signer.verify(PATH.encode(), b"key=\xff") is None


def test_keys_of_another_process_are_refused(signer, clock):
    other = UrlSigner(Mailboxes([ONE, TWO]), clock=clock)

    assert other.verify(PATH.encode(), signer.sign(PATH, Identity("ann")).encode()) is None


def test_keys_of_a_removed_mailbox_are_refused(clock):
    mailboxes = Mailboxes([ONE, TWO])
    signer = UrlSigner(mailboxes, clock=clock)
    query = signer.sign(PATH, Identity(mailbox=ONE)).encode()
    mailboxes.remove(ONE.name)
    assert signer.verify(PATH.encode(), query) is None

    mailboxes.add(Mailbox.of_user(ONE.name, "token-of-mailbox-3", "ci-3"))
    assert signer.verify(PATH.encode(), query) is None
