"""Authentication of IMAP and POP3 sessions, without their lines; test_sasl.py tests the mechanisms."""

import hmac
from base64 import b64encode
from hashlib import md5

import pytest

from lazr.smtptest import Auth, Limits
from lazr.smtptest.protocol.reading_auth import Authenticated, AuthRefusal, ReadingAuth
from lazr.smtptest.protocol.reading_session import ReadingSettings
from lazr.smtptest.protocol.smtp import Credentials, SessionRecord, TlsFacts, TlsMode

USERS = {"ann": "secret", "päul": "grün"}


def b64(text):
    return b64encode(text.encode())


def make(accept=USERS, **settings):
    auth = None if accept is None else Auth(accept, nonce=lambda: "nonce", **settings.pop("of_auth", {}))
    return ReadingAuth(SessionRecord(), ReadingSettings(auth=auth, **settings))


def run(auth, mechanism, initial=None, *lines):
    """Run an exchange to its end; return the challenges, and the end."""
    challenges, waiting = [], [*lines]
    step = auth.begin(mechanism, initial)
    while not isinstance(step, (Authenticated, AuthRefusal)):
        if isinstance(step, Credentials):
            step = auth.conclude(step)
        else:
            challenges.append(step)
            step = auth.respond(waiting.pop(0))
    assert not auth.is_active
    return challenges, step


@pytest.mark.parametrize(
    ("mechanism", "initial", "lines", "challenges"),
    [
        ("PLAIN", b64("\0ann\0secret"), [], []),
        ("plain", None, [b64("\0ann\0secret")], [b""]),
        ("PLAIN", b64("ann\0ann\0secret"), [], []),
        ("LOGIN", None, [b64("ann"), b64("secret")], [b"Username:", b"Password:"]),
        ("LOGIN", b64("ann"), [b64("secret")], [b"Password:"]),
        (
            "CRAM-MD5",
            None,
            [b64("ann " + hmac.digest(b"secret", b"<nonce@localhost>", "md5").hex())],
            [b"<nonce@localhost>"],
        ),
        ("XOAUTH2", b64("user=ann\1auth=Bearer secret\1\1"), [], []),
    ],
)
def test_valid_exchange_ends_with_the_user(mechanism, initial, lines, challenges):
    auth = make()

    got, end = run(auth, mechanism, initial, *lines)

    assert got == challenges
    assert end.username == "ann"
    assert auth._record.auth is end.credentials
    assert auth._record.auth_attempts == (end.credentials,)
    assert auth.failures == 0


NAMELESS = "n,,\1auth=Bearer {}\1\1"


def test_token_without_user_name_opens_the_account_of_its_user():
    auth = make({"ann": "token-a", "bob": "token-b"})

    _, end = run(auth, "OAUTHBEARER", b64(NAMELESS.format("token-b")))

    assert end.username == "bob"
    assert auth._record.auth.username == "bob"


@pytest.mark.parametrize(
    ("accept", "mechanism", "initial"),
    [
        ({"ann": "same", "bob": "same"}, "OAUTHBEARER", NAMELESS.format("same")),
        ({"": "token"}, "OAUTHBEARER", NAMELESS.format("token")),
        (lambda credentials: True, "OAUTHBEARER", NAMELESS.format("token")),
    ],
)
def test_empty_user_name_is_refused_if_there_are_users(accept, mechanism, initial):
    auth = make(accept, of_auth={"mechanisms": [mechanism]})

    _, end = run(auth, mechanism, b64(initial) or b"=", b"AQ==")

    assert (end.kind, end.text) == ("failed", "Authentication failed: the user name is missing")
    assert auth._record.auth is None


def test_empty_user_name_is_refused_by_login():
    assert make({"": "secret"}).login("", "secret").kind == "failed"


@pytest.mark.parametrize("accept", [None, "any"])
def test_empty_user_name_is_accepted_without_users(accept):
    assert make(accept).login("", "secret").username == ""


@pytest.mark.parametrize("trace", ["", "ann@example.com", "ann"])
@pytest.mark.parametrize(
    ("accept", "expected"), [("any", "anonymous"), (USERS, "failed"), (lambda credentials: True, "failed")]
)
def test_anonymous_client_opens_no_account_of_a_user(accept, expected, trace):
    auth = make(accept, of_auth={"mechanisms": ["ANONYMOUS"]})

    _, end = run(auth, "ANONYMOUS", b64(trace) or b"=")

    assert (end.username if isinstance(end, Authenticated) else end.kind) == expected


@pytest.mark.parametrize(
    ("mechanism", "initial", "lines", "kind"),
    [
        ("PLAIN", b64("\0ann\0wrong"), [], "failed"),
        ("PLAIN", b64("bob\0ann\0secret"), [], "failed"),
        ("PLAIN", b64("ann"), [], "syntax"),
        ("PLAIN", b"=", [], "syntax"),
        ("PLAIN", b"", [], "syntax"),
        ("PLAIN", b"!", [], "syntax"),
        ("PLAIN", None, [b"*"], "cancelled"),
        ("PLAIN", None, [b"A" * 12_287], "syntax"),
        ("PLAIN", None, [b""], "syntax"),
        ("CRAM-MD5", b64("ann"), [], "syntax"),
        ("XOAUTH2", b64("user=ann\1auth=Bearer wrong\1\1"), [b""], "failed"),
        ("XOAUTH2", b64("user=ann\1auth=Bearer wrong\1\1"), [b"*"], "failed"),
        ("EXTERNAL", b"=", [], "unsupported"),
        ("NTLM", None, [], "unsupported"),
        ("ſCRAM", b"x", [], "unsupported"),
    ],
)
def test_refusal_has_a_kind(mechanism, initial, lines, kind):
    auth = make()

    _, end = run(auth, mechanism, initial, *lines)

    assert end.kind == kind
    assert auth._record.auth is None
    assert auth.failures == (kind == "failed")


def test_scram_client_may_cancel_after_the_signature():
    pytest.importorskip("scramp")
    from scramp import ScramClient

    auth = make()
    client = ScramClient(["SCRAM-SHA-256"], "ann", "secret", c_nonce="x")
    client.set_server_first(auth.begin("SCRAM-SHA-256", b64(client.get_client_first())).decode())
    client.set_server_final(auth.conclude(auth.respond(b64(client.get_client_final()))).decode())

    assert auth.respond(b"*").kind == "cancelled"
    assert auth._record.auth is None


@pytest.mark.parametrize(("last", "end"), [(b"", Authenticated), (b"!", AuthRefusal)])
def test_scram_ends_after_the_final_challenge(last, end):
    pytest.importorskip("scramp")
    from scramp import ScramClient

    auth = make()
    client = ScramClient(["SCRAM-SHA-256"], "ann", "secret", c_nonce="x")
    client.set_server_first(auth.begin("SCRAM-SHA-256", b64(client.get_client_first())).decode())
    client.set_server_final(auth.conclude(auth.respond(b64(client.get_client_final()))).decode())

    assert isinstance(auth.respond(last), end)


@pytest.mark.parametrize(("accept", "username"), [(None, "bob"), ("any", "bob"), (lambda credentials: True, "bob")])
def test_user_may_act_as_another_one_without_a_mapping(accept, username):
    _, end = run(make(accept), "PLAIN", b64("bob\0ann\0x"))

    assert end.username == username
    assert repr(end) == "Authenticated(Credentials('PLAIN', 'ann', password=***, authzid='bob'))"


def test_without_auth_only_passwords_are_offered():
    auth = make(None)

    assert run(auth, "CRAM-MD5")[1].text == "Unknown mechanism; offered: PLAIN LOGIN"
    assert run(auth, "LOGIN", None, b64("eve"), b64("any"))[1].username == "eve"


@pytest.mark.parametrize(
    ("accept", "username", "password", "kind"),
    [
        (USERS, "ann", "secret", None),
        (USERS, "pa\u0308ul", "gru\u0308n", None),
        (USERS, "ann", "wrong", "failed"),
        (USERS, "ann", "", "failed"),
        (USERS, "eve", "secret", "failed"),
        (None, "eve", "", None),
        ("any", "eve", "x", None),
    ],
)
def test_login_checks_user_and_password(accept, username, password, kind):
    auth = make(accept)

    end = auth.login(username, password, mechanism="USER")

    assert getattr(end, "kind", None) == kind
    assert auth._record.auth_attempts == (Credentials("USER", username, password=password),)
    assert auth.failures == (kind == "failed")


@pytest.mark.parametrize(("password", "is_valid"), [("secret", True), ("wrong", False)])
def test_digest_of_timestamp_and_password_is_checked(password, is_valid):
    digest = md5(b"<1@localhost>" + password.encode()).hexdigest()

    end = make().login_with_digest("ann", digest.upper(), "<1@localhost>")

    assert isinstance(end, Authenticated) is is_valid


def test_clear_passwords_are_recorded_without_tls():
    for mechanism, initial, lines in (
        ("PLAIN", b64("\0ann\0wrong"), ()),
        ("PLAIN", None, (b64("\0ann\0wrong"),)),
        ("LOGIN", None, (b64("ann"), b64("x"))),
    ):
        auth = make()
        run(auth, mechanism, initial, *lines)
        assert auth._record.sent_in_clear == {"credentials"}
    auth = make()
    auth.login("ann", "x")
    assert auth._record.sent_in_clear == {"credentials"}
    auth = make()
    run(auth, "CRAM-MD5", None, b"*")
    assert auth._record.sent_in_clear == frozenset()
    auth = make(tls=TlsMode.STARTTLS, tls_active=True)
    auth._record.tls = TlsFacts("TLSv1.3", "x")
    auth.login("ann", "x")
    assert auth._record.sent_in_clear == frozenset()


def test_login_needs_tls_where_the_listener_has_it():
    auth = make(tls=TlsMode.STARTTLS)

    assert auth.login("ann", "secret").kind == "privacy"
    assert auth.begin("PLAIN").kind == "privacy"
    assert auth.login_with_digest("ann", "x", "y").kind == "privacy"
    auth.settings = auth.settings.replace(tls_active=True)
    assert isinstance(auth.login("ann", "secret"), Authenticated)


def test_certificate_authenticates():
    auth = make(tls=TlsMode.IMPLICIT, tls_active=True, client_certificates=True)
    auth._record.tls = TlsFacts("TLSv1.3", "x", identities=("ann",))

    assert run(auth, "EXTERNAL", b"=")[1].username == "ann"


def test_attempts_after_the_limit_are_refused():
    auth = make(limits=Limits(auth_failures=2))

    assert [auth.login("ann", "x").kind for _ in range(3)] == ["failed", "failed", "limit"]
    assert auth.begin("PLAIN").kind == "limit"
    assert auth.login_with_digest("ann", "x", "y").kind == "limit"
    assert len(auth._record.auth_attempts) == 2


def test_decision_can_refuse_valid_credentials():
    auth = make()
    assert isinstance(auth.begin("PLAIN", b64("\0ann\0secret")), Credentials)

    assert repr(auth.refuse("Not today")) == "AuthRefusal('failed', 'Not today')"
    assert not auth.is_active and auth._record.auth is None

    auth.begin("XOAUTH2", b64("user=ann\1auth=Bearer secret\1\1"))
    assert auth.refuse().startswith(b'{"status"')
    assert auth.respond(b"").kind == "failed"


def explode(*arguments):
    raise ZeroDivisionError


@pytest.mark.parametrize("attempt", [lambda auth: auth.login("ann", "x"), lambda auth: run(auth, "CRAM-MD5")[1]])
def test_exception_of_user_function_is_reported(attempt):
    reported = []
    auth = ReadingAuth(
        SessionRecord(), ReadingSettings(auth=Auth(explode, nonce=explode), reply_to_exception=reported.append)
    )

    assert attempt(auth).kind == "unavailable"
    assert [type(error) for error in reported] == [ZeroDivisionError]
    assert not auth.is_active


def test_exception_of_user_function_propagates_without_a_report():
    with pytest.raises(ZeroDivisionError):
        make(explode).login("ann", "x")


def test_lines_of_an_exchange_are_masked():
    assert [make().mask_line(line) for line in (b"*", b"QUJD", b"")] == [b"*", b"***", b"***"]


def test_respond_needs_an_exchange():
    with pytest.raises(RuntimeError, match="begin"):
        make().respond(b"")


def test_login_needs_a_mechanism_that_discloses_the_password():
    auth = make(of_auth={"mechanisms": ["CRAM-MD5"]})

    end = auth.login("ann", "secret")

    assert (end.kind, end.text) == ("unsupported", "Plain passwords are not accepted; mechanisms: CRAM-MD5")
    assert isinstance(make(of_auth={"mechanisms": ["LOGIN"]}).login("ann", "secret"), Authenticated)


def test_nonce_is_the_users_or_random():
    assert make().make_nonce() == "nonce"
    assert make(None).make_nonce() != make(None).make_nonce()
    reported = []
    auth = ReadingAuth(
        SessionRecord(), ReadingSettings(auth=Auth(USERS, nonce=explode), reply_to_exception=reported.append)
    )
    assert auth.make_nonce() == "" and len(reported) == 1
