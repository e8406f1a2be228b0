"""`AuthenticationMiddleware`: passwords, tokens, and the limit of attempts (threat W11)."""

import base64
import contextlib
import threading
from concurrent.futures import ThreadPoolExecutor

import bcrypt
import pytest
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles

from lazr.smtptest.web.mailbox import Mailbox, Mailboxes
from lazr.smtptest.web.middleware.authentication import AuthenticationMiddleware
from lazr.smtptest.web.middleware.authenticator import Authenticator
from lazr.smtptest.web.middleware.password_file import Users
from lazr.smtptest.web.middleware.stack import Guard
from tests.helpers.raw_http import PATH_SPELLINGS, open_websocket, send_request, serve_app

# With the lowest cost of bcrypt, to be fast.
HASH = bcrypt.hashpw(b"correct horse", b"$2b$04$abcdefghijklmnopqrstuu").decode()

TOKEN, OTHER = "0123456789abcdef-one", "0123456789abcdef-two"
ONE, TWO = Mailbox.of_user("one", TOKEN, "ci-1"), Mailbox.of_user("two", OTHER, "ci-2")


def encode_basic(user, password):
    """Return the value of `Authorization` for Basic."""
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


ANN = encode_basic("ann", "correct horse")


def get_identity(connection):
    """Return the user, and the name of the mailbox."""
    mailbox = connection.state.mailbox
    return [connection.state.user, None if mailbox is None else mailbox.name]


def build_app(folder):
    async def show_identity(request):
        return JSONResponse(get_identity(request))

    async def events(websocket):
        await websocket.accept()
        await websocket.send_json(get_identity(websocket))

    return Starlette(
        routes=[
            *(
                Route(path, show_identity)
                for path in ("/", "/livez", "/readyz", "/api/v1/messages", "/metrics", "/docs")
            ),
            Route("/api/v1/message/{id}/part/{part}", show_identity),
            WebSocketRoute("/api/events", events),
            Mount("/static", StaticFiles(directory=folder)),
        ]
    )


@pytest.fixture
def protected(tmp_path):
    """Start a server that needs a login: `protected(**settings)` returns its address."""
    (tmp_path / "page.html").write_text("secret")
    with contextlib.ExitStack() as stack:

        def serve(users=f"ann:{HASH}\nbob:{{PLAIN}}b:b", **settings):
            parsed = None if users is None else Users.parse(users)
            return stack.enter_context(serve_app(Guard(build_app(tmp_path), users=parsed, **settings)))

        yield serve


@pytest.mark.parametrize(
    ("authorization", "user"),
    [
        (ANN, "ann"),
        (ANN.replace("Basic", "bAsIc"), "ann"),
        (encode_basic("bob", "b:b"), "bob"),
        (None, None),
        ("", None),
        ("Basic", None),
        ("Basic ", None),
        ("Basic !!!", None),
        ("Basic " + base64.b64encode(b"ann").decode(), None),
        ("Bearer correct horse", None),
        ("Digest username=ann", None),
        (encode_basic("ann", ""), None),
        (encode_basic("", ""), None),
        (encode_basic("ann", "correct horse "), None),
        (encode_basic("ann", "correct horse\0"), None),
        (encode_basic("Ann", "correct horse"), None),
        (encode_basic("ann", HASH), None),  # the hash itself is not the password
        (encode_basic("bob", "{PLAIN}b:b"), None),
        (encode_basic("bob", "b"), None),
        (encode_basic("eve", "correct horse"), None),
        (encode_basic("ann", "x" * 20_000), None),
        ([ANN, encode_basic("eve", "x")], None),
    ],
)
def test_basic_credentials_of_a_user(protected, authorization, user):
    answer = send_request(protected(), "/api/v1/messages", authorization=authorization)

    if user is None:
        assert (answer.status, answer.body) == (401, "Unauthorized.\n")
        assert answer.headers["www-authenticate"] == 'basic realm="login"'
    else:
        assert (answer.status, answer.body) == (200, f'["{user}",null]')


def test_user_and_password_may_be_utf8(protected):
    address = protected("бен:{PLAIN}пароль")

    assert send_request(address, "/", authorization=encode_basic("бен", "пароль")).status == 200
    assert send_request(address, "/", authorization=encode_basic("бен", "парол")).status == 401
    assert send_request(address, "/", authorization="Basic " + base64.b64encode(b"\xff:\xfe").decode()).status == 401


@pytest.mark.parametrize(
    "target",
    [
        *("/", "/api/v1/messages", "/metrics", "/docs", "/static/page.html", "/nothing"),
        "/api/v1/message/iAfZVVe2UQfNSG5BAjgYwa/part/2",
        *PATH_SPELLINGS,
        *("//livez", "/livez/", "/livez/..", "/%6civez", "/livez%3f", "/livez;x", "/LIVEZ", "/livez%00", "/livez/x"),
        *(
            "/ui",
            "/ui/",
            "/ui/x",
            "/ui/.js",
            "/ui/x.js/",
            "/ui/x.js%00",
            "/ui/%78.js",
            "/UI/x.js",
            "/ui/x.js;y",
            "/ui//x.js",
        ),
        *("/ui/../static/page.html", "/ui/x.js/../../static/page.html", "/x/ui/x.js", "/ui/..%2fstatic/page.html"),
        *("/static/../livez", "/readyz/../static/page.html", "/livez%2f..%2fstatic/page.html"),
    ],
)
def test_all_paths_but_public_ones_need_credentials(protected, target):
    address = protected()

    for method in ("GET", "HEAD", "POST", "DELETE", "OPTIONS", "TRACE", "get"):
        assert send_request(address, target, method).status in (400, 401)
    assert open_websocket(address, target).status in (400, 401)


@pytest.mark.parametrize("target", ["/livez", "/readyz", "/livez?x=1"])
def test_health_probes_need_no_credentials(protected, target):
    assert send_request(protected(), target).status == 200


def test_files_of_the_inbox_need_no_credentials(protected):
    address = protected()

    assert {send_request(address, target).status for target in ("/ui/message_list.js", "/ui/base.css?x")} == {404}


def test_websockets_need_credentials(protected):
    address = protected()

    assert open_websocket(address, "/api/events").status == 401
    assert open_websocket(address, "/api/events").headers["www-authenticate"] == 'basic realm="login"'
    assert open_websocket(address, "/api/events", authorization=ANN).status == 101


def test_no_credentials_needed_without_users_and_mailboxes(protected):
    assert send_request(protected(None), "/api/v1/messages").body == "[null,null]"


# -- mailboxes ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("authorization", "body"),
    [
        (f"Bearer {TOKEN}", '[null,"one"]'),
        (f"bearer {OTHER}", '[null,"two"]'),
        (encode_basic("", TOKEN), '[null,"one"]'),
        (encode_basic("anything", TOKEN), '[null,"one"]'),
        (encode_basic("ann", "correct horse"), '["ann",null]'),
        (None, None),
        ("Bearer", None),
        ("Bearer one", None),
        (f"Bearer {TOKEN[:-1]}", None),
        (f"Bearer {TOKEN} {OTHER}", None),
        (encode_basic(TOKEN, ""), None),
    ],
)
def test_token_opens_one_mailbox(protected, authorization, body):
    answer = send_request(protected(mailboxes=[ONE, TWO]), "/api/v1/messages", authorization=authorization)

    assert answer.status == (401 if body is None else 200)
    assert body is None or answer.body == body


def test_mailboxes_without_users_need_a_token(protected):
    address = protected(None, mailboxes=[ONE])

    assert send_request(address, "/").status == 401
    assert send_request(address, "/", authorization=f"Bearer {TOKEN}").body == '[null,"one"]'


def test_two_mailboxes_with_one_token_raise_value_error():
    with pytest.raises(ValueError, match=r"'one' and 'three' have the same token") as error:
        AuthenticationMiddleware(None, mailboxes=[ONE, TWO, Mailbox.of_user("three", TOKEN, "ci-3")])
    assert TOKEN not in str(error.value)


@pytest.mark.parametrize(
    ("authorization", "status", "body"),
    [
        (None, 200, "[null,null]"),
        ("", 200, "[null,null]"),
        (f"Bearer {TOKEN}", 200, '[null,"one"]'),
        ("Bearer wrong", 401, "Unauthorized.\n"),
        ([f"Bearer {TOKEN}", f"Bearer {OTHER}"], 401, "Unauthorized.\n"),
    ],
)
def test_anonymous_requests_pass_and_wrong_tokens_do_not(authorization, status, body, tmp_path):
    app = AuthenticationMiddleware(build_app(tmp_path), mailboxes=[ONE], anonymous=True)
    with serve_app(app) as address:
        answer = send_request(address, "/", authorization=authorization)

    assert (answer.status, answer.body) == (status, body)


def test_an_authenticated_request_is_not_authenticated_again(tmp_path):
    inner = AuthenticationMiddleware(build_app(tmp_path), mailboxes=[TWO])
    with serve_app(Guard(inner, users=Users.parse("ann:{PLAIN}secret"), mailboxes=[ONE])) as address:
        assert send_request(address, "/", authorization=encode_basic("ann", "secret")).body == '["ann",null]'
        assert send_request(address, "/", authorization=f"Bearer {TOKEN}").body == '[null,"one"]'
        assert send_request(address, "/", authorization=f"Bearer {OTHER}").status == 401


# -- attempts -------------------------------------------------------------------------------------


@pytest.fixture
def waits(monkeypatch):
    """The seconds that attempts have to wait; none of them really waits."""
    waits = []

    async def sleep(seconds):
        waits.append(seconds)

    monkeypatch.setattr(Authenticator, "_sleep", staticmethod(sleep))
    return waits


def guess_passwords(address, user, count, **headers):
    return [
        send_request(address, "/", authorization=encode_basic(user, str(guess)), **headers).status
        for guess in range(count)
    ]


def test_attempts_after_wrong_passwords_are_slowed_down(protected, waits):
    address = protected(max_login_failures=3)

    assert guess_passwords(address, "ann", 3) == [401] * 3 and waits == []
    # A right password must wait as well, or the answer without a wait would show which one is right.
    assert send_request(address, "/", authorization=ANN).status == 200
    assert len(waits) == 1 and 0 < waits[0] <= 6
    assert send_request(address, "/", authorization=encode_basic("bob", "b:b")).status == 200
    assert send_request(address, "/livez").status == 200
    assert len(waits) == 1


def test_wait_grows_with_each_attempt_up_to_429(protected, waits):
    address = protected(max_login_failures=3)
    statuses = guess_passwords(address, "ann", 10)

    assert statuses == [401] * 5 + [429] * 5
    assert [round(seconds) for seconds in waits] == [6, 12]
    answer = send_request(address, "/", authorization=ANN)
    assert (answer.status, answer.headers["retry-after"]) == (429, "6")


def test_remembered_password_must_wait_as_well(protected, waits):
    address = protected(max_login_failures=3)

    assert send_request(address, "/", authorization=ANN).status == 200
    assert guess_passwords(address, "ann", 3) == [401] * 3
    assert send_request(address, "/", authorization=ANN).status == 200 and len(waits) == 1


def test_address_limit_spares_users_who_logged_in_before(protected, waits):
    address = protected(max_login_failures=1)  # and six from one address

    assert send_request(address, "/", authorization=ANN).status == 200
    tried = [
        send_request(address, "/", authorization=encode_basic(f"user{number}", "x")).status for number in range(30)
    ]
    assert tried[:21] == [401] * 21 and tried[-1] == 429
    assert [round(seconds) for seconds in waits[:3]] == [1, 2, 3]
    waits.clear()
    assert send_request(address, "/", authorization=ANN).status == 200 and waits == []
    assert send_request(address, "/", authorization=encode_basic("bob", "b:b")).status == 429


def test_only_wrong_passwords_count(protected):
    address = protected(max_login_failures=2)

    for _ in range(20):
        assert send_request(address, "/").status == 401
        assert send_request(address, "/", authorization=ANN).status == 200
        assert send_request(address, "/", authorization=encode_basic("bob", "b:b")).status == 200


def test_concurrent_attempts_do_not_exceed_the_limit(protected, waits):
    address = protected(max_login_failures=3)
    start = threading.Barrier(12)

    def attempt(guess):
        start.wait()
        return send_request(address, "/", authorization=encode_basic("ann", str(guess))).status

    with ThreadPoolExecutor(12) as threads:
        assert sorted(threads.map(attempt, range(12))) == [401] * 5 + [429] * 7
    assert len(waits) == 2


PROXIES = ["127.0.0.0/8", "10.9.0.0/16"]


@pytest.mark.parametrize(
    ("proxies", "addresses", "is_one_client"),
    [
        # Nothing is trusted by default.
        ((), ("10.0.0.1", "10.0.0.2"), True),
        (["192.0.2.0/24"], ("10.0.0.1", "10.0.0.2"), True),
        # The address that the trusted proxy appended counts.
        (PROXIES, ("10.0.0.1", "10.0.0.2"), False),
        (PROXIES, ("10.0.0.1", "10.0.0.1"), True),
        (PROXIES, ("10.0.0.7, 10.0.0.1", "10.0.0.8, 10.0.0.1"), True),
        (PROXIES, ("10.0.0.1, 10.9.0.1", "10.0.0.2, 10.9.0.1"), False),
        (PROXIES, ("2001:db8::1", "2001:db8::2"), True),
        (PROXIES, ("2001:db8::1", "2001:db8:0:1::1"), False),
        # What is not an address is one unknown client.
        (PROXIES, ("unknown", "x" * 1000), True),
        (PROXIES, (None, None), True),
        (["::1", "127.0.0.1"], ("10.0.0.1", "10.0.0.2"), False),
    ],
)
def test_attempts_count_by_the_address_of_the_client(protected, waits, proxies, addresses, is_one_client):
    address = protected(max_login_failures=1, trusted_proxies=proxies)
    for forwarded in addresses:
        guess_passwords(address, "ann", 1, x_forwarded_for=forwarded)

    assert bool(waits) == is_one_client


@pytest.mark.parametrize("network", ["proxy", "", "10.0.0.0/33", "10.0.0.0/8,::1", "*"])
def test_trusted_proxy_must_be_a_network(network):
    with pytest.raises(ValueError, match=r"a network must be like 10\.0\.0\.0/8"):
        Guard(None, trusted_proxies=[network])


# -- mailboxes that are added later ----------------------------------------------------------------


def test_added_mailbox_does_not_lock_out_other_clients(tmp_path):
    mailboxes = Mailboxes()
    with serve_app(Guard(build_app(tmp_path), mailboxes=mailboxes)) as address:
        assert send_request(address, "/", authorization="Bearer anything").status == 200
        mailboxes.add(ONE)
        assert send_request(address, "/").body == "[null,null]"
        assert send_request(address, "/", authorization=f"Bearer {TOKEN}").body == '[null,"one"]'
        assert send_request(address, "/", authorization=f"Bearer {OTHER}").status == 401
        mailboxes.remove("one")
        # The client of a removed mailbox must not see all mails as an anonymous client would.
        assert send_request(address, "/", authorization=f"Bearer {TOKEN}").status == 401
        assert send_request(address, "/").status == 200


def test_removed_mailboxes_leave_the_login_required(tmp_path):
    mailboxes = Mailboxes([ONE])
    with serve_app(Guard(build_app(tmp_path), mailboxes=mailboxes)) as address:
        mailboxes.remove("one")
        for authorization in (None, f"Bearer {TOKEN}"):
            assert send_request(address, "/", authorization=authorization).status == 401
