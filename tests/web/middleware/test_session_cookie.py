"""The cookie of a login session: its name, its attributes, and how it is read."""

import pytest

from lazr.smtptest.web.middleware.session_cookie import (
    build_expired_session_cookie,
    build_session_cookie,
    get_session_cookie_name,
    read_session_tokens,
)


def build_scope(host="localhost:8025", scheme="http", cookies=(), webroot=""):
    headers = [(b"host", host.encode()), *((b"cookie", cookie.encode("latin-1")) for cookie in cookies)]
    return {"scheme": scheme, "headers": headers, "smtptest.webroot": webroot}


@pytest.mark.parametrize(
    ("scheme", "host", "name"),
    [
        ("http", "localhost:8025", "smtptest-8025"),
        ("http", "localhost:9025", "smtptest-9025"),
        ("http", "[::1]:8025", "smtptest-8025"),
        ("ws", "localhost:8025", "smtptest-8025"),
        ("http", "mail.test", "smtptest-80"),
        ("ws", "mail.test", "smtptest-80"),
        ("https", "mail.test", "smtptest-443"),
        ("wss", "mail.test", "smtptest-443"),
        ("https", "", "smtptest-443"),
    ],
)
def test_name_has_the_port_of_the_url(scheme, host, name):
    assert get_session_cookie_name(build_scope(host, scheme)) == name


@pytest.mark.parametrize(
    ("scope", "cookie"),
    [
        (build_scope(), "smtptest-8025=TOKEN; Path=/; HttpOnly; SameSite=Strict"),
        (build_scope(webroot="/mail"), "smtptest-8025=TOKEN; Path=/mail/; HttpOnly; SameSite=Strict"),
        (build_scope(scheme="https"), "smtptest-8025=TOKEN; Path=/; HttpOnly; SameSite=Strict; Secure"),
    ],
)
def test_attributes(scope, cookie):
    assert build_session_cookie(scope, "TOKEN") == cookie
    assert build_expired_session_cookie(scope) == cookie.replace("TOKEN", "") + "; Max-Age=0"


@pytest.mark.parametrize(
    ("cookies", "tokens"),
    [
        ((), []),
        (["smtptest-8025=a"], ["a"]),
        (["x=y;smtptest-8025 = a ; z"], ["a"]),
        (["smtptest-9025=b; smtptest-8025=a"], ["a"]),
        (["smtptest-8025=a; smtptest-8025=b"], ["a", "b"]),
        (["smtptest-8025=a", "smtptest-8025=b"], ["a", "b"]),
        (["smtptest-8025=a=b"], ["a=b"]),
        (["SMTPTEST-8025=a; xsmtptest-8025=b; smtptest-8025; =a; ;;"], []),
        ([";".join(f"smtptest-8025={number}" for number in range(1000))], [str(number) for number in range(10)]),
    ],
)
def test_tokens_of_a_request(cookies, tokens):
    assert read_session_tokens(build_scope(cookies=cookies)) == tokens
