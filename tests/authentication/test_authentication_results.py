import email
import email.policy

import authres
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lazr.smtptest.authentication import ArcResult, Authentication, DkimResult, DmarcResult, SpfResult
from lazr.smtptest.authentication.authentication_results import Clause, build_authentication_results


def parse(header):
    """Unfold and parse the field; returns the method, result, reason and properties of each clause."""
    message = email.message_from_string(f"{header}\r\n\r\n", policy=email.policy.compat32)
    assert list(message) == ["Authentication-Results"]
    assert not message.get_payload()
    unfolded = message["Authentication-Results"].replace("\r\n", "")
    parsed = authres.all_features().parse_value(unfolded)
    parsed.strict = True
    return parsed.authserv_id, [
        (one.method, one.result, one.reason, {f"{p.type}.{p.name}": p.value for p in one.properties})
        for one in parsed.results
    ]


AUTHENTICATION = Authentication(
    dkim=(
        DkimResult("pass", "example.com", "s1", "ann@example.com", "rsa-sha256", 2048, "the signature matches"),
        DkimResult("fail", "example.net", "s2", "@example.net", "ed25519-sha256", 256, 'the field "Subject" changed'),
    ),
    arc=ArcResult("fail", (), "the chain is broken"),
    spf=SpfResult("softfail", "example.com", "192.0.2.1", "mfrom", "~all", "", 0, "no term matches; a;b"),
    dmarc=DmarcResult("pass", "example.com", "example.com", "reject", reason="DKIM passed for example.com"),
)


def test_header_has_each_result():
    assert parse(AUTHENTICATION.header("MX.example.org")) == (
        "mx.example.org",
        [
            (
                "dkim",
                "pass",
                "the signature matches",
                {
                    "header.d": "example.com",
                    "header.i": "ann@example.com",
                    "header.s": "s1",
                    "header.a": "rsa-sha256",
                },
            ),
            (
                "dkim",
                "fail",
                "the field 'Subject' changed",
                {
                    "header.d": "example.net",
                    "header.i": "@example.net",
                    "header.s": "s2",
                    "header.a": "ed25519-sha256",
                },
            ),
            ("arc", "fail", "the chain is broken", {}),
            ("spf", "softfail", "no term matches; a;b", {"smtp.mailfrom": "example.com"}),
            (
                "dmarc",
                "pass",
                "DKIM passed for example.com",
                {"header.from": "example.com", "policy.dmarc": "reject"},
            ),
        ],
    )


def test_null_reverse_path_names_the_helo_identity():
    header = Authentication(spf=SpfResult("pass", "mail.example.com", scope="helo")).header("mx.example.org")

    assert "spf=pass smtp.helo=mail.example.com" in header


def test_header_of_a_mail_without_authentication():
    assert Authentication().header("mx.example.org").replace("\r\n", "") == (
        "Authentication-Results: mx.example.org; dkim=none; arc=none; spf=none; dmarc=none"
    )


@pytest.mark.parametrize("authserv_id", ["", "mx example", "mx;spf=pass", "mx\r\nX: y", "mx\n", "x" * 300, "bücher"])
def test_invalid_server_name_raises(authserv_id):
    with pytest.raises(ValueError, match="authserv_id must be a host name"):
        Authentication().header(authserv_id)


HOSTILE = [
    "example.com; dkim=pass header.d=bank.example",
    "a@b; dkim=pass header.d=bank.example",
    '"; dkim=pass header.d="bank.example',
    '@"; dkim=pass header.d=bank.example',
    "\\",
    'x\\"; dkim=pass',
    "a\r\nDKIM-Signature: x",
    "a\n\nbody",
    "(comment",
    ") dkim=pass (",
    "a\0b",
    "bücher@bücher.example",
    "a@b@c",
    "x" * 5000,
    "a..b",
    "…" * 500,
]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_values_stay_inside_their_clause(text):
    check_clauses(text)


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=40) | st.text('@;"\\()=\r\n .ab', max_size=30))
def test_any_value_stays_inside_its_clause(text):
    check_clauses(text)


def check_clauses(text):
    header = build_authentication_results(
        "mx.example.org",
        [Clause("dkim", "fail", text, (("header.d", text), ("header.i", text))), Clause("spf", "none", text)],
    )
    authserv_id, clauses = parse(header)

    assert header.isascii()
    assert max(map(len, header.split("\r\n"))) <= 998
    assert authserv_id == "mx.example.org"
    assert [(method, result) for method, result, _, _ in clauses] == [("dkim", "fail"), ("spf", "none")]
    assert clauses[0][2] == clauses[1][2]  # all of the reason was read back
    assert set(clauses[0][3]) <= {"header.d", "header.i"}
