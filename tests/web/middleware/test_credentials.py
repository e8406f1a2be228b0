"""Every way to send credentials, for requests and websockets: two are accepted, and all others open nothing.

The middleware stack and the app of `make_app` use the same parser, so both are in the table.
"""

import base64
import contextlib

import pytest

from lazr.smtptest import MailServer
from lazr.smtptest.store import MemoryStore
from lazr.smtptest.web import AppContext, Guard, Mailbox, Users, make_app
from lazr.smtptest.web.middleware.credentials import HttpCredentials, MalformedCredentials, read_credentials
from tests.helpers.raw_http import open_websocket, send_request, serve_app

TOKEN = "token-of-mailbox-1"
MAILBOX = Mailbox.of_user("job one", TOKEN, "ci-1")
PASSWORD = "correct horse"


def encode_base64(text):
    return base64.b64encode(text.encode()).decode()


@pytest.fixture(scope="module")
def addresses():
    """An app with a mailbox: with the middleware stack and a user, and alone."""
    with contextlib.ExitStack() as stack:
        app = make_app(AppContext(MemoryStore(), MailServer(), mailboxes=[MAILBOX]))
        guard = Guard(app, users=Users.parse(f"ann:{{PLAIN}}{PASSWORD}"), mailboxes=[MAILBOX], max_login_failures=10**6)
        yield {"stack": stack.enter_context(serve_app(guard)), "app": stack.enter_context(serve_app(app))}


USER, MAILBOX_ONLY, NOTHING = {"stack": 200, "app": 401}, {"stack": 200, "app": 200}, {"stack": 401, "app": 401}

WAYS = {
    "Basic with a password": ({"authorization": f"Basic {encode_base64(f'ann:{PASSWORD}')}"}, "", USER),
    "Basic with a token": ({"authorization": f"Basic {encode_base64(f':{TOKEN}')}"}, "", MAILBOX_ONLY),
    "Basic with a user and a token": ({"authorization": f"Basic {encode_base64(f'ann:{TOKEN}')}"}, "", MAILBOX_ONLY),
    "Bearer with a token": ({"authorization": f"Bearer {TOKEN}"}, "", MAILBOX_ONLY),
    "a scheme in another case": ({"authorization": f"bEARER {TOKEN}"}, "", MAILBOX_ONLY),
    "more spaces": ({"authorization": f"Bearer   {TOKEN}"}, "", MAILBOX_ONLY),
    "nothing": ({}, "", NOTHING),
    "an empty header": ({"authorization": ""}, "", NOTHING),
    "a token without a scheme": ({"authorization": TOKEN}, "", NOTHING),
    "another scheme": ({"authorization": f"Token {TOKEN}"}, "", NOTHING),
    "Bearer with base64": ({"authorization": f"Bearer {encode_base64(TOKEN)}"}, "", NOTHING),
    "Bearer with a password": ({"authorization": f"Bearer {PASSWORD}"}, "", NOTHING),
    "Basic without base64": ({"authorization": f"Basic ann:{PASSWORD}"}, "", NOTHING),
    "Basic with the token as user": ({"authorization": f"Basic {encode_base64(f'{TOKEN}:')}"}, "", NOTHING),
    "two equal headers": ({"authorization": [f"Bearer {TOKEN}", f"Bearer {TOKEN}"]}, "", NOTHING),
    "X-Api-Key": ({"x_api_key": TOKEN}, "", NOTHING),
    "X-Auth-Token": ({"x_auth_token": TOKEN}, "", NOTHING),
    "X-Authorization": ({"x_authorization": f"Bearer {TOKEN}"}, "", NOTHING),
    "X-Forwarded-User": ({"x_forwarded_user": "ann"}, "", NOTHING),
    "Proxy-Authorization": ({"proxy_authorization": f"Bearer {TOKEN}"}, "", NOTHING),
    "Sec-WebSocket-Protocol": ({"sec_websocket_protocol": TOKEN}, "", NOTHING),
    "a cookie": ({"cookie": f"token={TOKEN}; authorization=Bearer {TOKEN}"}, "", NOTHING),
    "?token=": ({}, f"?token={TOKEN}", NOTHING),
    "?access_token=": ({}, f"?access_token={TOKEN}", NOTHING),
    "?authorization=": ({}, f"?authorization=Bearer%20{TOKEN}", NOTHING),
}


@pytest.mark.parametrize("kind", ["stack", "app"])
@pytest.mark.parametrize("way", WAYS)
def test_ways_to_send_credentials(addresses, kind, way):
    headers, query, statuses = WAYS[way]

    answer = send_request(addresses[kind], f"/api/v1/messages{query}", **headers)

    assert answer.status == statuses[kind]
    if answer.status == 401:
        assert answer.body == "Unauthorized.\n"
    if not isinstance(headers.get("authorization"), list):  # `open_websocket` sends each header once
        handshake = open_websocket(addresses[kind], f"/api/events{query}", **headers)
        assert handshake.status == {200: 101}.get(statuses[kind], statuses[kind])


@pytest.mark.parametrize(
    ("values", "credentials"),
    [
        ([], None),
        ([b""], None),
        ([b"Bearer abc"], HttpCredentials("bearer", "", b"abc")),
        ([b"Bearer a b"], HttpCredentials("bearer", "", b"a b")),
        ([b"Basic YTpiOmM="], HttpCredentials("basic", "a", b"b:c")),
        ([b"Basic Og=="], HttpCredentials("basic", "", b"")),
        ([b"Basic /zr+"], HttpCredentials("basic", "\udcff", b"\xfe")),
    ],
)
def test_credentials_are_parsed(values, credentials):
    assert read_credentials({"headers": [(b"authorization", value) for value in values]}) == credentials


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ([b"Bearer"], "Basic or Bearer"),
        ([b"Digest x"], "Basic or Bearer"),
        ([b"Basic"], "user:password"),
        ([b"Basic ???"], "user:password"),
        ([b"Basic YWI="], "user:password"),
        ([b"Bearer abc", b"Bearer abc"], "at most one"),
        ([b"", b""], "at most one"),
    ],
)
def test_malformed_credentials_raise(values, reason):
    with pytest.raises(MalformedCredentials, match=reason):
        read_credentials({"headers": [(b"authorization", value) for value in values]})
