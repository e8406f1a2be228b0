"""Who may come in, and how often somebody may try: row W11 of what a server is threatened by."""

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

from lazr.smtptest.web.failures import Failures
from lazr.smtptest.web.guard import Guard
from lazr.smtptest.web.login import Login
from lazr.smtptest.web.users import Users
from serving import SPELLINGS, ask, knock, serving

# The lowest cost that bcrypt has; the tests are no faster to crack than others.
HASH = bcrypt.hashpw(b"correct horse", b"$2b$04$abcdefghijklmnopqrstuu").decode()
TOKEN, OTHER = "0123456789abcdef-one", "0123456789abcdef-two"


def basic(user, password):
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


ANN = basic("ann", "correct horse")


def application(folder):
    async def who(request):
        return JSONResponse([request.state.user, request.state.mailbox])

    async def events(websocket):
        await websocket.accept()
        await websocket.send_json([websocket.state.user, websocket.state.mailbox])

    return Starlette(
        routes=[
            *(Route(path, who) for path in ("/", "/livez", "/readyz", "/api/v1/messages", "/metrics", "/docs")),
            Route("/api/v1/message/{id}/part/{part}", who),
            WebSocketRoute("/api/events", events),
            Mount("/static", StaticFiles(directory=folder)),
        ]
    )


@pytest.fixture
def protected(tmp_path):
    """A server with a login: `protected(**settings)` is its address."""
    (tmp_path / "page.html").write_text("secret")
    with contextlib.ExitStack() as stack:

        def serve(users=f"ann:{HASH}\nbob:{{PLAIN}}b:b", **settings):
            known = None if users is None else Users.parse(users)
            return stack.enter_context(serving(Guard(application(tmp_path), users=known, **settings)))

        yield serve


@pytest.mark.parametrize(
    ("authorization", "user"),
    [
        (ANN, "ann"),
        (ANN.replace("Basic", "bAsIc"), "ann"),
        (basic("bob", "b:b"), "bob"),
        (None, None),
        ("", None),
        ("Basic", None),
        ("Basic ", None),
        ("Basic !!!", None),
        ("Basic " + base64.b64encode(b"ann").decode(), None),
        ("Bearer correct horse", None),
        ("Digest username=ann", None),
        (basic("ann", ""), None),
        (basic("", ""), None),
        (basic("ann", "correct horse "), None),
        (basic("ann", "correct horse\0"), None),
        (basic("Ann", "correct horse"), None),
        (basic("ann", HASH), None),  # who has seen the file has not seen the password
        (basic("bob", "{PLAIN}b:b"), None),
        (basic("bob", "b"), None),
        (basic("eve", "correct horse"), None),
        (basic("ann", "x" * 20_000), None),
        ([ANN, basic("eve", "x")], None),
    ],
)
def test_who_has_the_password_comes_in(protected, authorization, user):
    answer = ask(protected(), "/api/v1/messages", authorization=authorization)

    if user is None:
        assert (answer.status, answer.body) == (401, "Unauthorized.\n")
        assert answer.headers["www-authenticate"] == 'basic realm="login"'
    else:
        assert (answer.status, answer.body) == (200, f'["{user}",null]')


def test_names_and_passwords_may_be_in_any_language(protected):
    address = protected("бен:{PLAIN}пароль")

    assert ask(address, "/", authorization=basic("бен", "пароль")).status == 200
    assert ask(address, "/", authorization=basic("бен", "парол")).status == 401
    assert ask(address, "/", authorization="Basic " + base64.b64encode(b"\xff:\xfe").decode()).status == 401


@pytest.mark.parametrize(
    "target",
    [
        *("/", "/api/v1/messages", "/metrics", "/docs", "/static/page.html", "/nothing"),
        "/api/v1/message/iAfZVVe2UQfNSG5BAjgYwa/part/2",
        *SPELLINGS,
        *("//livez", "/livez/", "/livez/..", "/%6civez", "/livez%3f", "/livez;x", "/LIVEZ", "/livez%00", "/livez/x"),
        *("/static/../livez", "/readyz/../static/page.html", "/livez%2f..%2fstatic/page.html"),
    ],
)
def test_nothing_is_open_but_what_is_said_to_be(protected, target):
    address = protected()

    for method in ("GET", "HEAD", "POST", "DELETE", "OPTIONS", "TRACE", "get"):
        assert ask(address, target, method).status in (400, 401)
    assert knock(address, target).status in (400, 401)


@pytest.mark.parametrize("target", ["/livez", "/readyz", "/livez?x=1"])
def test_whether_it_lives_is_told_to_anybody(protected, target):
    assert ask(protected(), target).status == 200


def test_websockets_have_the_same_login(protected):
    address = protected()

    assert knock(address, "/api/events").status == 401
    assert knock(address, "/api/events").headers["www-authenticate"] == 'basic realm="login"'
    assert knock(address, "/api/events", authorization=ANN).status == 101


def test_without_users_and_mailboxes_all_are_let_in(protected):
    assert ask(protected(None), "/api/v1/messages").body == "[null,null]"


# -- mailboxes ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("authorization", "body"),
    [
        (f"Bearer {TOKEN}", '[null,"one"]'),
        (f"bearer {OTHER}", '[null,"two"]'),
        (basic("", TOKEN), '[null,"one"]'),
        (basic("anything", TOKEN), '[null,"one"]'),
        (basic("ann", "correct horse"), '["ann",null]'),
        (None, None),
        ("Bearer", None),
        ("Bearer one", None),
        (f"Bearer {TOKEN[:-1]}", None),
        (f"Bearer {TOKEN} {OTHER}", None),
        (basic(TOKEN, ""), None),
    ],
)
def test_a_token_opens_one_mailbox(protected, authorization, body):
    answer = ask(protected(mailboxes={"one": TOKEN, "two": OTHER}), "/api/v1/messages", authorization=authorization)

    assert answer.status == (401 if body is None else 200)
    assert body is None or answer.body == body


def test_with_mailboxes_alone_nothing_is_open_without_a_token(protected):
    address = protected(None, mailboxes={"one": TOKEN})

    assert ask(address, "/").status == 401
    assert ask(address, "/", authorization=f"Bearer {TOKEN}").body == '[null,"one"]'


def test_a_token_that_could_be_guessed_is_no_token():
    with pytest.raises(ValueError, match=r"'one' has less than 16 characters") as caught:
        Login(None, mailboxes={"one": "short"})
    assert "short" not in str(caught.value)


def test_a_token_is_for_one_mailbox():
    with pytest.raises(ValueError, match=r"'two' has the token of another"):
        Login(None, mailboxes={"one": TOKEN, "two": TOKEN})


# -- trying ---------------------------------------------------------------------------------------


def test_after_some_wrong_passwords_even_the_right_one_has_to_wait(protected):
    address = protected(failures=3)

    assert [ask(address, "/", authorization=basic("ann", str(guess))).status for guess in range(4)] == [401] * 3 + [429]
    answer = ask(address, "/", authorization=ANN)
    assert answer.status == 429
    assert 0 < int(answer.headers["retry-after"]) <= 60
    assert ask(address, "/", authorization=basic("bob", "b:b")).status == 200
    assert ask(address, "/livez").status == 200


def test_a_password_that_was_right_before_is_guessed_no_more_often(protected):
    address = protected(failures=3)

    assert ask(address, "/", authorization=ANN).status == 200
    for guess in range(3):
        assert ask(address, "/", authorization=basic("ann", str(guess))).status == 401
    assert ask(address, "/", authorization=ANN).status == 429


def test_guessing_names_is_trying_too_but_leaves_in_who_is_known(protected):
    address = protected(failures=1)  # and six from one address

    assert ask(address, "/", authorization=ANN).status == 200
    tried = [ask(address, "/", authorization=basic(f"user{number}", "x")).status for number in range(7)]
    assert tried == [401] * 6 + [429]
    assert ask(address, "/", authorization=ANN).status == 200
    assert ask(address, "/", authorization=basic("bob", "b:b")).status == 429


def test_right_passwords_and_no_passwords_count_for_nothing(protected):
    address = protected(failures=2)

    for _ in range(20):
        assert ask(address, "/").status == 401
        assert ask(address, "/", authorization=ANN).status == 200
        assert ask(address, "/", authorization=basic("bob", "b:b")).status == 200


def test_many_tries_at_once_are_no_more_than_one_after_the_other(protected):
    address = protected(failures=3)
    start = threading.Barrier(12)

    def attempt(guess):
        start.wait()
        return ask(address, "/", authorization=basic("ann", str(guess))).status

    with ThreadPoolExecutor(12) as threads:
        assert sorted(threads.map(attempt, range(12))) == [401] * 3 + [429] * 9


def test_a_forwarded_address_is_nobody_elses(protected):
    address = protected(failures=1)

    tried = [
        ask(address, "/", authorization=basic("ann", "x"), x_forwarded_for=f"10.0.0.{number}").status
        for number in range(3)
    ]
    assert tried == [401, 429, 429]


def test_failures_are_forgotten_after_their_time():
    now = [0.0]
    failures = Failures(most=1, seconds=60, clock=lambda: now[0])

    assert failures.attempt("eve") == 0
    now[0] = 59.0
    assert failures.attempt("eve") == 1
    now[0] = 60.0
    assert failures.attempt("eve") == 0


def test_failures_take_so_much_memory_and_no_more():
    failures = Failures(most=1, seconds=60, keys=100)

    for key in range(10_000):
        failures.attempt(key)
    assert len(failures) == 100


# -- the file -------------------------------------------------------------------------------------


def test_the_file_is_what_htpasswd_writes(tmp_path):
    path = tmp_path / "users"
    path.write_text(f"# who may read mail\n\nann:{HASH.replace('$2b$', '$2y$')}\r\n")

    users = Users.read(path)

    assert users.check("ann", b"correct horse")
    assert "ann" in users and "bob" not in users
    assert repr(users) == "<Users: ann>"


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("ann", "a user, a colon and a hash"),
        ("ann:", "a user, a colon and a hash"),
        (":secret", "a user, a colon and a hash"),
        ("ann:secret", "htpasswd -B"),
        ("ann:$apr1$GhB3$0123456789012345678901", "htpasswd -B"),
        ("ann:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=", "htpasswd -B"),
        ("ann:$2y$05$secret", "60 characters"),
        (f"bob:{{PLAIN}}secret\nbob:{HASH}", "line 2: the user 'bob' is there twice"),
        ("# secret", "nobody"),
        ("", "nobody"),
    ],
)
def test_a_file_that_makes_no_sense_is_refused_with_its_line_and_no_secret(line, reason):
    with pytest.raises(ValueError, match=reason) as caught:
        Users.parse(line)
    assert "secret" not in str(caught.value)


def test_a_password_longer_than_bcrypt_reads_works_as_it_does_with_htpasswd():
    users = Users({"ann": bcrypt.hashpw(b"x" * 72, bcrypt.gensalt(4)).decode()})

    assert users.check("ann", b"x" * 100)
    assert not users.check("ann", b"x" * 71)


def test_a_hash_that_only_looks_like_one_lets_nobody_in():
    assert not Users.parse("ann:$2y$05$" + "!" * 53).check("ann", b"secret")
