"""`TrustedHostMiddleware`: which names of the server are accepted (threat W6)."""

import pytest

from lazr.smtptest.web.middleware.trusted_host import TrustedHostMiddleware
from tests.helpers.raw_http import open_websocket, send_request


@pytest.mark.parametrize(
    ("settings", "host", "status"),
    [
        ({}, "localhost", 200),
        ({}, "LocalHost:8025", 200),
        ({}, "localhost.", 200),
        ({}, "127.0.0.1:8025", 200),
        ({}, "127.1.2.3", 200),
        ({}, "[::1]:8025", 200),
        ({}, "evil.test", 421),
        ({}, "evil.test:8025", 421),
        ({}, "localhost.evil.test", 421),
        ({}, "127.0.0.1.evil.test", 421),
        ({}, "10.0.0.1", 421),
        ({}, "[::2]", 421),
        ({}, "0.0.0.0", 421),  # Linux connects it to this machine
        ({}, "[::ffff:127.0.0.1]", 421),
        ({}, "2130706433", 421),
        ({}, "0x7f.1", 421),
        ({}, "evil.test@localhost", 421),
        ({}, "localhost/evil.test", 421),
        ({}, "localhost,evil.test", 421),
        ({}, "*", 421),
        ({}, "", 421),
        ({}, None, 400),
        ({}, ["localhost", "evil.test"], 400),
        ({"allowed_hosts": ["Mail.test"]}, "mail.test", 200),
        ({"allowed_hosts": ["Mail.test"]}, "MAIL.test.:80", 200),
        ({"allowed_hosts": ["mail.test"]}, "x.mail.test", 421),
        ({"allowed_hosts": ["10.0.0.1"]}, "10.0.0.1", 200),
        ({"allowed_hosts": ["*"]}, "evil.test", 200),
        ({"allowed_hosts": ["*"]}, "10.0.0.1", 200),
        ({"allowed_hosts": ["a.test, *"]}, "evil.test", 200),
        ({"allowed_hosts": ["*"]}, "evil.test@localhost", 421),
        # The names that containers use.
        ({}, "host.docker.internal:8025", 200),
        ({}, "host.containers.internal", 200),
        ({}, "docker.internal", 421),
        ({}, "x.host.docker.internal", 421),
        ({}, "mail", 421),
        ({"allowed_hosts": ["mail"]}, "mail:8025", 200),
        ({"allowed_hosts": ["mail_server"]}, "mail_server:8025", 200),
        ({"allowed_hosts": ["mail:8025"]}, "mail:9", 200),
        ({"allowed_hosts": ["mail,mailpit"]}, "mailpit", 200),
        ({"allowed_hosts": ["mail, mailpit"]}, "mailpit", 200),
        ({"allowed_hosts": ["mail\tmailpit\nsmtp"]}, "smtp", 200),
        ({"allowed_hosts": [",mail,,mailpit. , "]}, "mailpit", 200),
        ({"allowed_hosts": ["mail,mailpit"]}, "mail,mailpit", 421),
        ({"allowed_hosts": [""]}, "", 421),
        ({"allowed_hosts": ["2001:DB8::1, 10.0.0.1"]}, "[2001:db8:0::1]:80", 200),
        ({"allowed_hosts": ["[2001:DB8::1]:80"]}, "[2001:db8::1]", 200),
        ({"bind_host": "10.0.0.1"}, "10.0.0.1", 200),
        ({"bind_host": "mail.test"}, "mail.test", 200),
        ({"bind_host": "0.0.0.0"}, "10.0.0.1:8025", 200),  # an address cannot be rebound
        ({"bind_host": "::"}, "[2001:db8::1]", 200),
        ({"bind_host": "0.0.0.0"}, "evil.example.com", 421),
        # No public zone can hold these names; but the owner of a network can, so a loopback server refuses them.
        ({}, "mail.localhost:8025", 200),
        ({}, "localhost.example.com", 421),
        ({}, "mail.internal", 421),
        ({"bind_host": "::1"}, "mail", 421),
        ({"bind_host": "localhost"}, "mail", 421),
        ({"bind_host": "0.0.0.0"}, "mail:8025", 200),
        ({"bind_host": "::"}, "MAIL.", 200),
        ({"bind_host": "10.0.0.1"}, "mail-server_1", 200),
        ({"bind_host": "0.0.0.0"}, "3mail", 200),
        ({"bind_host": "0.0.0.0"}, "mail.internal:8025", 200),
        ({"bind_host": "0.0.0.0"}, "mail.default.svc.cluster.local", 200),
        ({"bind_host": "0.0.0.0"}, "mail.home.arpa", 200),
        ({"bind_host": "0.0.0.0"}, "mail.test", 200),
        ({"bind_host": "0.0.0.0"}, "ai", 421),  # the domain of a country may have an address
        ({"bind_host": "0.0.0.0"}, "xn--mgbh0fb", 421),
        ({"bind_host": "0.0.0.0"}, "2130706433", 421),
        ({"bind_host": "0.0.0.0"}, "0x7f000001", 421),
        ({"bind_host": "0.0.0.0"}, "mail.internal.example.com", 421),
        ({"bind_host": "0.0.0.0"}, "mail.", 200),
        ({"bind_host": "0.0.0.0"}, "mail..", 421),
        ({"bind_host": "0.0.0.0"}, "mail.nottest", 421),
    ],
)
def test_foreign_host_is_rejected_for_http_and_websockets(guarded, settings, host, status):
    address = guarded(**settings)

    assert send_request(address, "/api/v1/messages", host=host).status == status
    if not isinstance(host, list):
        assert open_websocket(address, "/api/events", host=host).status == {200: 101}.get(status, status)


@pytest.mark.parametrize("host", ["http://mail.test", "mail.test/x", "*.test", "a@b", "mail;other", "mäil"])
def test_allowed_host_must_be_a_name_or_an_address(host):
    with pytest.raises(ValueError, match="an allowed host must be a name or an address"):
        TrustedHostMiddleware(None, allowed_hosts=["localhost", host])


def test_local_address_of_the_connection_is_trusted():
    middleware = TrustedHostMiddleware(None, bind_host="10.0.0.1")

    assert middleware.is_trusted("10.0.0.2", local_address="10.0.0.2")
    assert not middleware.is_trusted("10.0.0.2", local_address="10.0.0.3")


def test_rejection_has_the_reason_as_text(guarded):
    answer = send_request(guarded(), "/api/v1/messages", host="evil.test")

    assert answer.body == "Host evil.test is not a name of this server; see --allowed-host\n"
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
