"""`SecurityHeadersMiddleware`: the header fields of every answer (threat W10)."""

import pytest

from tests.helpers.raw_http import send_request


@pytest.mark.parametrize(
    ("target", "headers", "status"),
    [
        ("/api/v1/messages", {}, 200),
        ("/nothing", {}, 404),
        ("/api/v1/messages", {"host": "evil.test"}, 421),
        ("/api/v1/messages", {"origin": "http://evil.test"}, 403),
        ("/%ff", {}, 400),
    ],
)
def test_every_answer_has_security_headers(guarded, target, headers, status):
    answer = send_request(guarded(), target, **headers)

    assert answer.status == status
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["cross-origin-opener-policy"] == "same-origin"
    assert answer.headers["cross-origin-resource-policy"] == "same-origin"
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
    assert "server" not in answer.headers


def test_headers_of_a_route_are_not_replaced(guarded):
    headers = send_request(guarded(), "/page").headers

    assert headers["content-security-policy"] == "sandbox"
    assert headers["referrer-policy"] == "same-origin"
    assert headers["x-content-type-options"] == "nosniff"
