"""SASL mechanisms accept the grammar of their RFC, refuse other input, and show no secret."""

import base64
import ctypes
import ctypes.util
import itertools
import json
import os
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scramp import ScramClient, ScramException

from lazr.smtptest.errors import MissingExtra
from lazr.smtptest.protocol.smtp.reply import CommandRefused
from lazr.smtptest.protocol.smtp.sasl import MECHANISMS
from lazr.smtptest.protocol.smtp.sasl_types import Credentials, Exchange, ExchangeContext
from lazr.smtptest.protocol.smtp.scram import ScramExchange, derive_salt, is_scram_available

SCRAM = ["SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA-1-PLUS", "SCRAM-SHA-256-PLUS"]
BINDINGS = {"tls-server-end-point": b"\x01\x02,=\xff", "tls-unique": b"finished"}
PASSWORDS = {"ann": "pencil", "a,n=n": "pen,cil=", "Ünal": "paß wort"}


def make_context(**facts):
    numbers = itertools.count(1)
    facts = {"nonce": lambda: f"nonce-{next(numbers)}", "find_password": PASSWORDS.get} | facts
    return ExchangeContext(facts.pop("hostname", "mail.example.com"), **facts)


def run_exchange(name, *responses, **facts):
    """Return the server's answer to the last response; the first one is the initial response."""
    exchange = MECHANISMS[name].start_exchange(make_context(**facts))
    answer = exchange.begin(responses[0])
    for response in responses[1:]:
        assert isinstance(answer, bytes)
        answer = exchange.respond(response)
    return answer


ROWS = [  # RFC, discloses, needs_password, needs_tls
    ("PLAIN", 4616, True, False, False),
    ("LOGIN", None, True, False, False),
    ("CRAM-MD5", 2195, False, False, False),
    ("SCRAM-SHA-1", 5802, False, True, False),
    ("SCRAM-SHA-256", 7677, False, True, False),
    ("SCRAM-SHA-1-PLUS", 5802, False, True, True),
    ("SCRAM-SHA-256-PLUS", 7677, False, True, True),
    ("XOAUTH2", None, True, False, False),
    ("OAUTHBEARER", 7628, True, False, False),
    ("EXTERNAL", 4422, False, False, True),
    ("ANONYMOUS", 4505, False, False, False),
]


def test_mechanisms_are_a_table():
    assert [
        (name, row.rfc, row.discloses_secret, row.needs_password, row.needs_tls) for name, row in MECHANISMS.items()
    ] == ROWS
    assert repr(MECHANISMS["PLAIN"]) == "Mechanism('PLAIN')"
    assert all(
        row.name == name and isinstance(row.start_exchange(make_context()), Exchange)
        for name, row in MECHANISMS.items()
    )


@pytest.mark.parametrize(
    ("name", "challenge"),
    [(name, {"LOGIN": b"Username:", "CRAM-MD5": b"<nonce-1@mail.example.com>"}.get(name, b"")) for name in MECHANISMS],
)
def test_missing_initial_response_gets_a_challenge(name, challenge):
    assert run_exchange(name, None) == challenge


def test_login_has_the_prompts_that_clients_expect():
    assert base64.b64encode(run_exchange("LOGIN", None)) == b"VXNlcm5hbWU6"
    assert base64.b64encode(run_exchange("LOGIN", b"ann")) == b"UGFzc3dvcmQ6"


DIGEST = b"b913a602c7eda7a495b4e6e7334d3890"
TOKEN = "vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg=="
GOOGLE = b"user=someuser@example.com\x01auth=Bearer ya29.vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29tCg\x01\x01"
READ = [  # mechanism, responses, username, authzid, a secret that matches
    ("PLAIN", [b"\0tim\0tanstaaftanstaaf"], "tim", "", "tanstaaftanstaaf"),  # RFC 4616 4
    ("PLAIN", [b"Ursel\0Kurt\0xipj3plmq"], "Kurt", "Ursel", "xipj3plmq"),  # RFC 4616 4
    ("PLAIN", [None, b"\0tim\0tanstaaftanstaaf"], "tim", "", "tanstaaftanstaaf"),
    ("PLAIN", ["\0Ünal\0paß wort".encode()], "Ünal", "", "paß wort"),
    ("PLAIN", [b"\0tim\0"], "tim", "", ""),  # not valid in RFC 4616; treated as a wrong password
    ("LOGIN", [None, b"ann", b"pencil"], "ann", "", "pencil"),
    ("LOGIN", [b"ann", b"pencil"], "ann", "", "pencil"),
    ("LOGIN", [b"ann", "paß wort".encode()], "ann", "", "paß wort"),
    ("LOGIN", [b"ann", b""], "ann", "", ""),
    ("XOAUTH2", [GOOGLE], "someuser@example.com", "", "ya29.vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29tCg"),
    ("XOAUTH2", [None, b"user=ann\x01auth=bearer t\x01\x01"], "ann", "", "t"),
    ("XOAUTH2", [b"user=ann\x01auth=Bearer \x01\x01"], "ann", "", ""),
    (
        "OAUTHBEARER",  # RFC 7628 4.1
        [f"n,a=user@example.com,\x01host=server.example.com\x01port=587\x01auth=Bearer {TOKEN}\x01\x01".encode()],
        "user@example.com", "user@example.com", TOKEN,
    ),
    ("OAUTHBEARER", [b"n,a=ann,\x01host=server.example.com\x01port=143\x01auth=\x01\x01"], "ann", "ann", ""),  # 4.3
    ("OAUTHBEARER", [None, b"y,,\x01auth=BEARER t t\x01\x01"], "", "", "t t"),
    ("OAUTHBEARER", [b"n,a=a=2Cn=3Dn=3D2C,\x01mthd=GET\x01auth=Bearer t\x01\x01"], "a,n=n=2C", "a,n=n=2C", "t"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "responses", "username", "authzid", "secret"), READ)
def test_disclosed_secrets_are_in_the_credentials(name, responses, username, authzid, secret):
    kind = "password" if name in {"PLAIN", "LOGIN"} else "token"
    credentials = run_exchange(name, *responses)

    assert credentials == Credentials(name, username, authzid=authzid, **{kind: secret})
    assert credentials.matches(secret)
    assert not credentials.matches(secret + "x") and not credentials.matches("ß") and not credentials.proved


# RFC 2195 2.
TIM = {"hostname": "postoffice.reston.mci.net", "nonce": lambda: "1896.697170952"}


def test_cram_md5():
    assert run_exchange("CRAM-MD5", None, **TIM) == b"<1896.697170952@postoffice.reston.mci.net>"

    credentials = run_exchange("CRAM-MD5", None, b"tim " + DIGEST, **TIM)
    assert credentials == Credentials("CRAM-MD5", "tim")
    assert credentials.matches("tanstaaftanstaaf")
    assert not credentials.matches("tanstaaftanstaaF") and not credentials.proved


def test_cram_md5_accepts_spaces_in_names_and_capital_digests():
    credentials = run_exchange("CRAM-MD5", None, b" tim  o " + DIGEST.upper(), **TIM)

    assert credentials.username == " tim  o"
    assert credentials.matches("tanstaaftanstaaf")


@pytest.mark.parametrize(
    ("response", "username", "proved"),
    [
        (b"", "ann@example.com", True),
        (b"bob", "bob", True),
        (b"eve", "eve", False),
        (b"ANN@example.com", "ANN@example.com", False),
    ],
)
def test_external_is_proved_by_the_certificate(response, username, proved):
    credentials = run_exchange("EXTERNAL", response, identities=("ann@example.com", "bob"))

    assert credentials == Credentials("EXTERNAL", username, authzid=response.decode(), proved=proved)
    assert not credentials.matches("") and not credentials.matches(username)


@pytest.mark.parametrize("response", [b"", b"ann"])
def test_external_proves_nothing_without_a_certificate(response):
    assert run_exchange("EXTERNAL", response) == Credentials("EXTERNAL", response.decode(), authzid=response.decode())


@pytest.mark.parametrize("trace", ["sirhc", "", "ann@example.com", "Ünal", "x" * 255])  # the first is RFC 4505's
def test_anonymous_username_is_the_trace(trace):
    credentials = run_exchange("ANONYMOUS", trace.encode())

    assert credentials == Credentials("ANONYMOUS", trace)
    assert not credentials.matches("") and not credentials.matches(trace) and not credentials.proved


HALF = b"n,,n=ann,r=abc"
REFUSED = [  # mechanism, responses, enhanced status code, a part of the text
    ("PLAIN", [b""], "5.5.2", "PLAIN: expected"),
    ("PLAIN", [b"ann"], "5.5.2", "PLAIN: expected"),
    ("PLAIN", [b"\0ann"], "5.5.2", "PLAIN: expected"),
    ("PLAIN", [b"\0\0pencil"], "5.5.2", "PLAIN: expected"),
    ("PLAIN", [b"\0ann\0pencil\0"], "5.5.2", "PLAIN: expected"),
    ("PLAIN", [None, b"\0ann\0p\xff"], "5.5.2", "UTF-8"),
    ("LOGIN", [b""], "5.5.2", "user name"),
    ("LOGIN", [None, b""], "5.5.2", "user name"),
    ("LOGIN", [None, b"\xff"], "5.5.2", "UTF-8"),
    ("LOGIN", [None, b"a\0b"], "5.5.2", "NUL"),
    ("LOGIN", [None, b"ann", b"\xed\xa0\x80"], "5.5.2", "UTF-8"),
    ("CRAM-MD5", [b""], "5.7.0", "server speaks first"),  # RFC 4954 4
    ("CRAM-MD5", [b"ann " + DIGEST], "5.7.0", "server speaks first"),
    ("CRAM-MD5", [None, b""], "5.5.2", "32 hexadecimal"),
    ("CRAM-MD5", [None, DIGEST], "5.5.2", "32 hexadecimal"),
    ("CRAM-MD5", [None, b" " + DIGEST], "5.5.2", "32 hexadecimal"),
    ("CRAM-MD5", [None, b"ann " + DIGEST[1:]], "5.5.2", "32 hexadecimal"),
    ("CRAM-MD5", [None, b"ann " + DIGEST[1:] + b"g"], "5.5.2", "32 hexadecimal"),
    ("CRAM-MD5", [None, b"ann " + DIGEST + b"\n"], "5.5.2", "32 hexadecimal"),
    ("CRAM-MD5", [None, b"\xff " + DIGEST], "5.5.2", "UTF-8"),
    ("XOAUTH2", [b""], "5.5.2", "user=name"),
    ("XOAUTH2", [b"user=\x01auth=Bearer t\x01\x01"], "5.5.2", "user=name"),
    ("XOAUTH2", [b"user=ann\x01auth=Bearer t\x01"], "5.5.2", "user=name"),
    ("XOAUTH2", [b"user=ann\x01auth=Bearer \xc3\xa9\x01\x01"], "5.5.2", "user=name"),
    ("XOAUTH2", [b"user=ann\x01auth=Basic t\x01\x01"], "5.5.4", "auth=Bearer"),
    ("XOAUTH2", [b"user=\xff\x01auth=Bearer t\x01\x01"], "5.5.2", "UTF-8"),
    ("OAUTHBEARER", [b""], "5.5.2", "GS2"),
    ("OAUTHBEARER", [b"\x01"], "5.5.2", "GS2"),
    ("OAUTHBEARER", [b"auth=Bearer t\x01\x01"], "5.5.2", "GS2"),
    # As RFC 7628 4.4 has it, in an example that breaks the grammar of RFC 5801 4.
    ("OAUTHBEARER", [b"n,user=ann,\x01auth=Bearer t\x01\x01"], "5.5.2", "GS2"),
    ("OAUTHBEARER", [b"n,a=,\x01auth=Bearer t\x01\x01"], "5.5.2", "GS2"),
    ("OAUTHBEARER", [b"n,a=a=2c,\x01auth=Bearer t\x01\x01"], "5.5.2", "GS2"),
    ("OAUTHBEARER", [b"p=tls-unique,,\x01auth=Bearer t\x01\x01"], "5.5.2", "key=value"),
    ("OAUTHBEARER", [b"n,,auth=Bearer t\x01\x01"], "5.5.2", "key=value"),
    ("OAUTHBEARER", [b"n,,\x01auth=Bearer t\x01"], "5.5.2", "key=value"),
    ("OAUTHBEARER", [b"n,,\x01auth\x01\x01"], "5.5.2", "key=value"),
    ("OAUTHBEARER", [b"n,,\x01auth=Bearer t\x01\x01\x01"], "5.5.2", "key=value"),
    ("OAUTHBEARER", [b"n,,\x01\x01"], "5.5.4", "key auth"),
    ("OAUTHBEARER", [b"n,,\x01host=h\x01port=025\x01auth=Bearer t\x01\x01"], "5.5.4", "port"),
    ("OAUTHBEARER", [b"n,,\x01auth=Basic YTpi\x01\x01"], "5.5.4", "auth=Bearer"),
    ("EXTERNAL", [b"\xff"], "5.5.2", "UTF-8"),
    ("EXTERNAL", [None, b"ann\0"], "5.5.2", "NUL"),
    ("ANONYMOUS", [b"\xff"], "5.5.2", "UTF-8"),
    ("ANONYMOUS", [b"a\nb"], "5.5.2", "controls"),
    ("ANONYMOUS", [b"x" * 256], "5.5.2", "255"),
    *((name, [None, b"\xff"], "5.5.2", "UTF-8") for name in SCRAM),
    *((name, [b""], "5.5.2", "GS2") for name in SCRAM),
    *((name, [b"n=ann,r=abc"], "5.5.2", "GS2") for name in SCRAM),
    *((name, [b"p=,,n=ann,r=abc"], "5.5.2", "GS2") for name in SCRAM),
    ("SCRAM-SHA-1", [b"p=tls-unique,,n=ann,r=abc"], "5.5.4", "does not take a channel binding: p=tls-unique"),
    ("SCRAM-SHA-1-PLUS", [b"n,,n=ann,r=abc"], "5.5.4", "needs a channel binding: n"),
    ("SCRAM-SHA-256-PLUS", [b"y,,n=ann,r=abc"], "5.5.4", "needs a channel binding: y"),
    ("SCRAM-SHA-1", [b"n,,"], "5.5.2", "Malformed client_first_bare"),
    ("SCRAM-SHA-1", [b"n,,n=ann"], "5.5.2", "Malformed client_first_bare"),
    ("SCRAM-SHA-1", [b"n,,n=,r=abc"], "5.5.2", "at least one character"),
    ("SCRAM-SHA-1", [b"n,,n=a=n,r=abc"], "5.5.2", "invalid-username-encoding"),
    ("SCRAM-SHA-1", ["n,,n=a\u200bn\u0007,r=abc".encode()], "5.5.2", "control characters forbidden"),
    ("SCRAM-SHA-1", ["n,,n=ann,r=é".encode()], "5.5.2", "Nonce"),
    ("SCRAM-SHA-1", [b"n,,m=x,n=ann,r=abc"], "5.5.2", "extensions-not-supported"),
    ("SCRAM-SHA-1", [HALF, b""], "5.5.2", "Malformed client final"),
    ("SCRAM-SHA-1", [HALF, b"c=biws,r=abcnonce-1"], "5.5.2", "Malformed client final"),
    ("SCRAM-SHA-1", [HALF, b"c=biws,r=abcnonce-1,p=*"], "5.5.2", "base 64"),
    ("SCRAM-SHA-1", [HALF, "c=é,r=abcnonce-1,p=AAAA".encode()], "5.5.2", "channel binding"),
    ("SCRAM-SHA-1", [HALF, b"c=biws,r=abcnonce-2,p=AAAA"], "5.5.2", "nonce"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "responses", "enhanced", "text"), REFUSED)
def test_malformed_responses_are_501_with_the_reason(name, responses, enhanced, text):
    with pytest.raises(CommandRefused) as caught:
        run_exchange(name, *responses)

    reply = caught.value.reply
    assert (reply.code, reply.enhanced) == (501, enhanced)
    assert text in str(reply) and name in str(reply)


@pytest.mark.parametrize("name", [name for name in MECHANISMS if name not in SCRAM])
@pytest.mark.parametrize("accepted", [True, False])
def test_only_token_mechanisms_have_a_final_challenge(name, accepted):
    word = MECHANISMS[name].start_exchange(make_context()).build_final_challenge(accepted)

    expected = {
        # developers.google.com/gmail/imap/xoauth2-protocol, and RFC 7628 3.2.2
        "XOAUTH2": {"status": "401", "schemes": "bearer", "scope": "https://mail.google.com/"},
        "OAUTHBEARER": {"status": "invalid_token"},
    }.get(name)
    if accepted or expected is None:
        assert word is None
    else:
        assert json.loads(word) == expected


SECRET = "s3cret"
SHOWN = [
    (Credentials("PLAIN", "ann", password=SECRET), "Credentials('PLAIN', 'ann', password=***)"),
    (Credentials("PLAIN", "ann", password=""), "Credentials('PLAIN', 'ann', password=***)"),
    (
        Credentials("PLAIN", "ann", password=SECRET, authzid="bob"),
        "Credentials('PLAIN', 'ann', password=***, authzid='bob')",
    ),
    (Credentials("XOAUTH2", "ann", token=SECRET), "Credentials('XOAUTH2', 'ann', token=***)"),
    (Credentials("EXTERNAL", "a\nn", proved=True), "Credentials('EXTERNAL', 'a\\nn', proved=True)"),
    (Credentials("CRAM-MD5", "ann", check=SECRET.__eq__), "Credentials('CRAM-MD5', 'ann')"),
]


@pytest.mark.parametrize(("credentials", "text"), SHOWN)
def test_credentials_show_no_secret(credentials, text):
    assert repr(credentials) == str(credentials) == f"{credentials}" == text
    assert SECRET not in f"{credentials!r:>200}"


def test_credentials_are_equal_by_their_facts():
    one, same = (Credentials("PLAIN", "ann", password="a") for _ in "12")
    others = [
        Credentials("LOGIN", "ann", password="a"),
        Credentials("PLAIN", "bob", password="a"),
        Credentials("PLAIN", "ann", password="b"),
        Credentials("PLAIN", "ann", password="a", authzid="bob"),
        Credentials("PLAIN", "ann", password="a", proved=True),
        Credentials("PLAIN", "ann", token="a"),
        "Credentials('PLAIN', 'ann', password=***)",
    ]

    assert one == same and hash(one) == hash(same)
    assert all(one != other for other in others) and len({one, same, *others}) == 1 + len(others)


# RFC 5802 5 and RFC 7677 3; user and password are user and pencil.
EXAMPLES = [
    (
        "SCRAM-SHA-1",
        {
            "salt": "QSXCR+Q6sek8bf92",
            "client_nonce": "fyko+d2lbbFgONRv9qkxdawL",
            "server_nonce": "3rfcNHYJY1ZVvWVs7j",
            "proof": "v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
            "signature": "rmF9pqV8S7suAoZWja4dJRkFsKQ=",
        },
    ),
    (
        "SCRAM-SHA-256",
        {
            "salt": "W22ZaJ0SNY7soEsUEjb6gQ==",
            "client_nonce": "rOprNGfwEbeRWgbNEkqO",
            "server_nonce": "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0",
            "proof": "dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
            "signature": "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=",
        },
    ),
]


@pytest.mark.parametrize(("name", "example"), EXAMPLES)
def test_scram_dialogues_of_the_rfcs(name, example):
    exchange = ScramExchange(
        make_context(nonce=lambda: example["server_nonce"], find_password={"user": "pencil"}.get),
        name,
        derive_salt=lambda *_: base64.b64decode(example["salt"]),
    )

    first = "n,,n=user,r={client_nonce}".format_map(example)
    assert exchange.begin(first.encode()).decode() == (
        "r={client_nonce}{server_nonce},s={salt},i=4096".format_map(example)
    )
    credentials = exchange.respond("c=biws,r={client_nonce}{server_nonce},p={proof}".format_map(example).encode())
    assert credentials == Credentials(name, "user", proved=True)
    assert credentials.matches("pencil") and not credentials.matches("pencil2")
    assert exchange.build_final_challenge(accepted=True).decode() == "v={signature}".format_map(example)
    assert exchange.build_final_challenge(accepted=False) is None


def scram(name, username="ann", password="pencil", *, client_bindings=BINDINGS, **facts):
    """Run a SCRAM exchange with scramp's client; return client, exchange and credentials."""
    plus = name.endswith("-PLUS")
    binding = next(iter(client_bindings.items())) if plus else None
    facts = {"channel_bindings": BINDINGS if plus else {}} | facts
    client = ScramClient([name], username, password, channel_binding=binding)
    exchange = MECHANISMS[name].start_exchange(make_context(**facts))
    client.set_server_first(exchange.begin(client.get_client_first().encode()).decode())
    return client, exchange, exchange.respond(client.get_client_final().encode())


@pytest.mark.parametrize("username", PASSWORDS)
@pytest.mark.parametrize("name", SCRAM)
def test_scram_proves_client_and_server_to_each_other(name, username):
    client, exchange, credentials = scram(name, username, PASSWORDS[username])

    assert credentials == Credentials(name, username, proved=True)
    assert credentials.matches(PASSWORDS[username]) and not credentials.matches("pencil2")
    client.set_server_final(exchange.build_final_challenge(accepted=True).decode())


class HeaderWithAuthzid:
    """The GS2 header of a client that names an authorization identity; scramp's client cannot."""

    def __init__(self, header, authzid):
        self._header, self._authzid = header, authzid

    def __str__(self):
        return f"{str(self._header)[:-1]}a={self._authzid},"

    def make_cbind_input(self, binding):
        return str(self).encode() + self._header.make_cbind_input(binding)[len(str(self._header)) :]


@pytest.mark.parametrize("name", SCRAM)
@pytest.mark.parametrize(("sent", "authzid"), [("ann", "ann"), ("b=2Co=3Db", "b,o=b"), ("päul", "päul")])
def test_scram_client_may_name_an_authorization_identity(name, sent, authzid):
    plus = name.endswith("-PLUS")
    client = ScramClient([name], "ann", "pencil", channel_binding=next(iter(BINDINGS.items())) if plus else None)
    client.gs2_header = HeaderWithAuthzid(client.gs2_header, sent)
    exchange = MECHANISMS[name].start_exchange(make_context(channel_bindings=BINDINGS if plus else {}))
    client.set_server_first(exchange.begin(client.get_client_first().encode()).decode())
    final = client.get_client_final()
    credentials = exchange.respond(final.encode())

    assert credentials == Credentials(name, "ann", authzid=authzid, proved=True)
    assert credentials.matches("pencil") and not credentials.matches("crayon")
    assert credentials.matches("pencil")
    client.set_server_final(exchange.build_final_challenge(accepted=True).decode())


@pytest.mark.parametrize("sent", ["c=biws", "c=" + base64.b64encode(b"n,a=bob,").decode()])
def test_scram_header_must_be_repeated(sent):
    client = ScramClient(["SCRAM-SHA-1"], "ann", "pencil")
    client.gs2_header = HeaderWithAuthzid(client.gs2_header, "ann")
    exchange = MECHANISMS["SCRAM-SHA-1"].start_exchange(make_context())
    client.set_server_first(exchange.begin(client.get_client_first().encode()).decode())
    header, _, rest = client.get_client_final().partition(",")
    assert header == "c=" + base64.b64encode(b"n,a=ann,").decode()

    assert not exchange.respond(f"{sent},{rest}".encode()).proved


@pytest.mark.parametrize("name", SCRAM)
def test_scram_with_a_wrong_password(name):
    _, _, credentials = scram(name, "ann", "crayon")

    assert credentials == Credentials(name, "ann")
    assert credentials.matches("crayon") and not credentials.matches("pencil")


def test_scram_signs_nothing_that_was_not_proved():
    _, exchange, credentials = scram("SCRAM-SHA-1", "ann", "crayon")
    assert exchange.build_final_challenge(accepted=True) is None

    # A decision may use another password, and the server then signs with it.
    client, exchange, credentials = scram("SCRAM-SHA-1", "ann", "crayon", find_password=None)
    assert not credentials.proved and credentials.matches("crayon")
    client.set_server_final(exchange.build_final_challenge(accepted=True).decode())


@pytest.mark.parametrize("name", SCRAM)
def test_scram_does_not_reveal_unknown_users(name):
    flag = b"p=tls-unique" if name.endswith("-PLUS") else b"n"
    known, unknown, again = (
        run_exchange(
            name, flag + b",,n=" + username + b",r=abc", channel_bindings=BINDINGS if name.endswith("-PLUS") else {}
        )
        for username in (b"ann", b"nobody", b"nobody")
    )

    assert unknown.startswith(b"r=abcnonce-1,s=") and unknown.endswith(b",i=4096")
    assert len(unknown) == len(known) and unknown != known
    assert unknown == again
    assert scram(name, "nobody")[2] == Credentials(name, "nobody")


def test_salts_differ_by_server_by_mechanism_and_by_user():
    salts = {
        derive_salt(*parts) for parts in itertools.product(("h", "i"), ("SCRAM-SHA-1", "SCRAM-SHA-256"), ("a", "b"))
    }

    assert len(salts) == 8 and {len(salt) for salt in salts} == {16}


def test_password_rejected_by_saslprep_proves_nothing():
    # RFC 4013 2.3: no control characters.
    _, _, credentials = scram("SCRAM-SHA-1", "ann", "pencil", find_password=lambda _: "pen\x07cil")

    assert not credentials.proved and not credentials.matches("\x07") and credentials.matches("pencil")


@pytest.mark.parametrize(
    ("name", "client_first", "bindings"),
    [
        # RFC 5802 6: the client can bind, but was told that the server cannot: an attack.
        ("SCRAM-SHA-1", b"y,,n=ann,r=abc", BINDINGS),
        ("SCRAM-SHA-256", b"y,,n=ann,r=abc", BINDINGS),
        ("SCRAM-SHA-1-PLUS", b"p=tls-unique,,n=ann,r=abc", {}),
        ("SCRAM-SHA-256-PLUS", b"p=tls-unique,,n=ann,r=abc", {"tls-server-end-point": b"x"}),
        ("SCRAM-SHA-256-PLUS", b"p=tls-exporter,,n=ann,r=abc", {"tls-exporter": b"x"}),  # not supported by scramp
        ("SCRAM-SHA-256-PLUS", b"p=tls-unique,,n=ann,r=abc", {"tls-unique": b""}),
    ],
)
def test_unavailable_channel_binding_proves_nothing(name, client_first, bindings):
    credentials = run_exchange(name, client_first, channel_bindings=bindings)

    assert credentials == Credentials(name, "ann")
    assert not credentials.matches("pencil")


def test_flag_y_is_accepted_without_server_bindings():
    assert run_exchange("SCRAM-SHA-1", b"y,,n=ann,r=abc").startswith(b"r=abcnonce-1,s=")
    assert run_exchange("SCRAM-SHA-1", b"n,,n=ann,r=abc", channel_bindings=BINDINGS).startswith(b"r=abcnonce-1,s=")


@pytest.mark.parametrize("binding", BINDINGS)
@pytest.mark.parametrize("name", ["SCRAM-SHA-1-PLUS", "SCRAM-SHA-256-PLUS"])
def test_scram_plus_is_bound_to_the_channel(name, binding):
    _, _, credentials = scram(name, client_bindings={binding: BINDINGS[binding]})
    assert credentials.proved

    _, exchange, credentials = scram(name, client_bindings={binding: b"another channel"})
    assert credentials == Credentials(name, "ann")
    assert not credentials.matches("pencil")
    assert exchange.build_final_challenge(accepted=True) is None


def test_optional_scram_extensions_are_ignored():
    # RFC 5802 5.1: mandatory extensions (m=) are refused, optional ones ignored.
    assert run_exchange("SCRAM-SHA-1", b"n,,n=ann,r=abc,x=y").startswith(b"r=abcnonce-1,s=")


def test_scram_proof_of_wrong_length_is_wrong():
    credentials = run_exchange("SCRAM-SHA-1", HALF, b"c=biws,r=abcnonce-1,p=AAAA")

    assert credentials == Credentials("SCRAM-SHA-1", "ann")
    assert not credentials.matches("pencil")


def test_finished_scram_exchange_rejects_input():
    exchange = MECHANISMS["SCRAM-SHA-1"].start_exchange(make_context())
    exchange.begin(HALF)
    exchange.respond(b"c=biws,r=abcnonce-1,p=AAAA")

    with pytest.raises(CommandRefused):
        exchange.respond(b"c=biws,r=abcnonce-1,p=AAAA")


@pytest.mark.parametrize("name", SCRAM)
def test_missing_scramp_raises_missing_extra(name, monkeypatch):
    assert is_scram_available()

    monkeypatch.setitem(sys.modules, "scramp", None)  # import fails
    assert not is_scram_available()
    with pytest.raises(MissingExtra, match=r'pip install "lazr\.smtptest\[auth\]"'):
        MECHANISMS[name].start_exchange(make_context())


# Valid and broken responses of each step, so that random input gets deep into the grammars.
PIECES = [
    b"", b"\0", b"\x01", b" ", b",", b"=", b"\xff", b"ann", b"n,,", b"y,,", b"p=tls-unique,,", b"p=x,,", b"a=bob",
    b"n=ann", b"r=abc", b"r=abcnonce-1", b"c=biws,r=abcnonce-1,p=AAAA", b"c=biws", b"p=AAAA", b"m=x", b"x=y",
    b"c=biws,r=abcnonce-1,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
    b"user=ann\x01", b"auth=Bearer t\x01", b"host=h\x01", b"port=25\x01", b"tim " + DIGEST, "\u0640ß🐴".encode(),
    HALF, GOOGLE, b"\0ann\0pencil", b"n,,n=" + b"a" * 2000 + b",r=" + b"b" * 2000,
]  # fmt: skip
MESSAGES = (
    st.binary(max_size=300)
    | st.text(max_size=50).map(lambda text: text.encode("utf-8", "surrogatepass"))
    | st.lists(st.sampled_from(PIECES), max_size=6).map(b"".join)
    | st.lists(st.sampled_from(PIECES), max_size=6).map(b",".join)
)


@settings(max_examples=500, deadline=None)
@given(
    name=st.sampled_from(list(MECHANISMS)),
    initial=st.none() | MESSAGES,
    responses=st.lists(MESSAGES, min_size=3, max_size=3),
    bindings=st.sampled_from([{}, BINDINGS]),
    secret=st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=10),
)
def test_random_responses_are_parsed_or_refused(name, initial, responses, bindings, secret):
    exchange = MECHANISMS[name].start_exchange(make_context(channel_bindings=bindings, identities=("ann",)))
    steps = iter(responses)
    try:
        answer = exchange.begin(initial)
        while not isinstance(answer, Credentials):
            assert isinstance(answer, bytes)
            answer = exchange.respond(next(steps))
    except CommandRefused as refused:
        assert refused.reply.code == 501 and refused.reply.enhanced in {"5.5.2", "5.5.4", "5.7.0"}
        return

    assert answer.mechanism == name
    assert answer.matches(secret) in {True, False}
    assert exchange.build_final_challenge(accepted=answer.proved) is None or name in {*SCRAM, "XOAUTH2", "OAUTHBEARER"}


@pytest.mark.parametrize("name", MECHANISMS)
@pytest.mark.parametrize("octets", [b"\0" * 12288, b"a" * 12288, b"\xff" * 12288, b"n,,n=" + b"," * 12283])
def test_longest_lines_of_rfc_4954_are_parsed(name, octets):
    exchange = MECHANISMS[name].start_exchange(make_context())
    answer = exchange.begin(None)
    try:
        while isinstance(answer, bytes):
            answer = exchange.respond(octets)
    except CommandRefused as refused:
        assert refused.reply.code == 501


class Gsasl:
    """Run GNU SASL's client, an independent implementation that msmtp and curl use."""

    AUTHID, AUTHZID, PASSWORD, ANONYMOUS_TOKEN, CB_TLS_UNIQUE = 1, 2, 3, 4, 18

    def __init__(self, name, **properties):
        found = ctypes.util.find_library("gsasl")
        if found is None:
            assert "SMTPTEST_ALL_CLIENTS" not in os.environ, "libgsasl is not here"
            pytest.skip("libgsasl is not on this machine")
        self.library = ctypes.CDLL(found)
        self.context, self.session = ctypes.c_void_p(), ctypes.c_void_p()
        assert self.library.gsasl_init(ctypes.byref(self.context)) == 0
        assert self.library.gsasl_client_start(self.context, name.encode(), ctypes.byref(self.session)) == 0
        for key, value in properties.items():
            self.library.gsasl_property_set(self.session, getattr(self, key.upper()), value.encode())

    def step(self, challenge):
        out, size = ctypes.c_void_p(), ctypes.c_size_t()
        code = self.library.gsasl_step(
            self.session, challenge, ctypes.c_size_t(len(challenge)), ctypes.byref(out), ctypes.byref(size)
        )
        assert code in {0, 1}, f"gsasl: {code}"
        response = ctypes.string_at(out, size.value)
        self.library.gsasl_free(out)
        return response

    def close(self):
        self.library.gsasl_finish(self.session)
        self.library.gsasl_done(self.context)


@pytest.mark.parametrize("name", [name for name in MECHANISMS if name not in {"XOAUTH2", "OAUTHBEARER"}])
def test_gnu_sasl_client_authenticates(name):
    properties = {"authid": "a,n=n", "password": "pen,cil="}
    if name.endswith("-PLUS"):
        properties["cb_tls_unique"] = base64.b64encode(BINDINGS["tls-unique"]).decode()
    properties |= {"EXTERNAL": {"authzid": "a,n=n"}, "ANONYMOUS": {"anonymous_token": "a,n=n"}}.get(name, {})
    client = Gsasl(name, **properties)
    bindings = BINDINGS if name.endswith("-PLUS") else {}
    exchange = MECHANISMS[name].start_exchange(make_context(channel_bindings=bindings, identities=("a,n=n",)))
    try:
        answer = exchange.begin(None)
        while isinstance(answer, bytes):
            answer = exchange.respond(client.step(answer))
        word = exchange.build_final_challenge(accepted=True)
        if name in SCRAM:
            assert client.step(word) == b""
    finally:
        client.close()

    assert answer.username == "a,n=n"
    assert answer.proved is (name in {*SCRAM, "EXTERNAL"})
    assert answer.matches("pen,cil=") is (name not in {"EXTERNAL", "ANONYMOUS"})


def test_scramp_client_detects_a_server_without_the_password():
    client, _, _ = scram("SCRAM-SHA-256")

    with pytest.raises(ScramException):
        client.set_server_final("v=" + base64.b64encode(bytes(32)).decode())


def test_redacted_credentials_keep_the_identity_and_no_secret():
    credentials = Credentials(
        "PLAIN", "ann", password=SECRET, token=SECRET, authzid="bob", proved=True, check=SECRET.__eq__
    )
    redacted = credentials.redacted()

    assert redacted == Credentials("PLAIN", "ann", authzid="bob", proved=True)
    assert not redacted.matches(SECRET) and not redacted.matches("")
    assert credentials.matches(SECRET)
    assert all(getattr(redacted, name) != SECRET for name in Credentials.__slots__)
