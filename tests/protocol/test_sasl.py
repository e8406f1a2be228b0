"""Each SASL mechanism reads what its RFC has, refuses what it has not, and shows no secret."""

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
from lazr.smtptest.protocol.smtp.reply import Refused
from lazr.smtptest.protocol.smtp.sasl import MECHANISMS, Credentials, Exchange, Setting
from lazr.smtptest.protocol.smtp.scram import Scram, salt_of, scram_is_here

SCRAM = ["SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA-1-PLUS", "SCRAM-SHA-256-PLUS"]
BINDINGS = {"tls-server-end-point": b"\x01\x02,=\xff", "tls-unique": b"finished"}
PASSWORDS = {"ann": "pencil", "a,n=n": "pen,cil=", "Ünal": "paß wort"}


def setting(**facts):
    numbers = itertools.count(1)
    facts = {"nonce": lambda: f"nonce-{next(numbers)}", "password_of": PASSWORDS.get} | facts
    return Setting(facts.pop("hostname", "mail.example.com"), **facts)


def said(name, *responses, **facts):
    """What the server says to the last of these responses; the first one is the initial response."""
    exchange = MECHANISMS[name].new(setting(**facts))
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


def test_the_mechanisms_are_rows():
    assert [
        (name, row.rfc, row.discloses, row.needs_password, row.needs_tls) for name, row in MECHANISMS.items()
    ] == ROWS
    assert repr(MECHANISMS["PLAIN"]) == "Mechanism('PLAIN')"
    assert all(row.name == name and isinstance(row.new(setting()), Exchange) for name, row in MECHANISMS.items())


@pytest.mark.parametrize(
    ("name", "challenge"),
    [(name, {"LOGIN": b"Username:", "CRAM-MD5": b"<nonce-1@mail.example.com>"}.get(name, b"")) for name in MECHANISMS],
)
def test_without_an_initial_response_the_server_asks(name, challenge):
    assert said(name, None) == challenge


def test_the_prompts_of_login_are_the_ones_that_clients_look_for():
    assert base64.b64encode(said("LOGIN", None)) == b"VXNlcm5hbWU6"
    assert base64.b64encode(said("LOGIN", b"ann")) == b"UGFzc3dvcmQ6"


DIGEST = b"b913a602c7eda7a495b4e6e7334d3890"
TOKEN = "vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg=="
GOOGLE = b"user=someuser@example.com\x01auth=Bearer ya29.vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29tCg\x01\x01"
READ = [  # mechanism, responses, username, authzid, a secret that matches
    ("PLAIN", [b"\0tim\0tanstaaftanstaaf"], "tim", "", "tanstaaftanstaaf"),  # RFC 4616 4
    ("PLAIN", [b"Ursel\0Kurt\0xipj3plmq"], "Kurt", "Ursel", "xipj3plmq"),  # RFC 4616 4
    ("PLAIN", [None, b"\0tim\0tanstaaftanstaaf"], "tim", "", "tanstaaftanstaaf"),
    ("PLAIN", ["\0Ünal\0paß wort".encode()], "Ünal", "", "paß wort"),
    ("PLAIN", [b"\0tim\0"], "tim", "", ""),  # no RFC 4616, but a wrong password all the same
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
def test_what_a_client_discloses(name, responses, username, authzid, secret):
    kind = "password" if name in {"PLAIN", "LOGIN"} else "token"
    shown = said(name, *responses)

    assert shown == Credentials(name, username, authzid=authzid, **{kind: secret})
    assert shown.matches(secret)
    assert not shown.matches(secret + "x") and not shown.matches("ß") and not shown.proved


# RFC 2195 2.
TIM = {"hostname": "postoffice.reston.mci.net", "nonce": lambda: "1896.697170952"}


def test_cram_md5():
    assert said("CRAM-MD5", None, **TIM) == b"<1896.697170952@postoffice.reston.mci.net>"

    shown = said("CRAM-MD5", None, b"tim " + DIGEST, **TIM)
    assert shown == Credentials("CRAM-MD5", "tim")
    assert shown.matches("tanstaaftanstaaf")
    assert not shown.matches("tanstaaftanstaaF") and not shown.proved


def test_cram_md5_has_spaces_in_names_and_capitals_in_digests():
    shown = said("CRAM-MD5", None, b" tim  o " + DIGEST.upper(), **TIM)

    assert shown.username == " tim  o"
    assert shown.matches("tanstaaftanstaaf")


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
    shown = said("EXTERNAL", response, identities=("ann@example.com", "bob"))

    assert shown == Credentials("EXTERNAL", username, authzid=response.decode(), proved=proved)
    assert not shown.matches("") and not shown.matches(username)


@pytest.mark.parametrize("response", [b"", b"ann"])
def test_external_proves_nothing_without_a_certificate(response):
    assert said("EXTERNAL", response) == Credentials("EXTERNAL", response.decode(), authzid=response.decode())


@pytest.mark.parametrize("trace", ["sirhc", "", "ann@example.com", "Ünal", "x" * 255])  # the first is RFC 4505's
def test_anonymous_has_a_trace(trace):
    shown = said("ANONYMOUS", trace.encode())

    assert shown == Credentials("ANONYMOUS", trace)
    assert not shown.matches("") and not shown.matches(trace) and not shown.proved


HALF = b"n,,n=ann,r=abc"
REFUSED = [  # mechanism, responses, enhanced status code, a part of the text
    ("PLAIN", [b""], "5.5.2", "PLAIN wants"),
    ("PLAIN", [b"ann"], "5.5.2", "PLAIN wants"),
    ("PLAIN", [b"\0ann"], "5.5.2", "PLAIN wants"),
    ("PLAIN", [b"\0\0pencil"], "5.5.2", "PLAIN wants"),
    ("PLAIN", [b"\0ann\0pencil\0"], "5.5.2", "PLAIN wants"),
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
    ("SCRAM-SHA-1-PLUS", [b"n,,n=ann,r=abc"], "5.5.4", "wants a channel binding: n"),
    ("SCRAM-SHA-256-PLUS", [b"y,,n=ann,r=abc"], "5.5.4", "wants a channel binding: y"),
    ("SCRAM-SHA-1", [b"n,a=bob,n=ann,r=abc"], "5.5.4", "authorization identity"),
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
def test_what_has_no_grammar_is_a_501_that_says_so(name, responses, enhanced, text):
    with pytest.raises(Refused) as caught:
        said(name, *responses)

    reply = caught.value.reply
    assert (reply.code, reply.enhanced) == (501, enhanced)
    assert text in str(reply) and name in str(reply)


@pytest.mark.parametrize("name", [name for name in MECHANISMS if name not in SCRAM])
@pytest.mark.parametrize("accepted", [True, False])
def test_most_have_no_last_word_and_tokens_are_refused_in_json(name, accepted):
    word = MECHANISMS[name].new(setting()).last_word(accepted)

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


@pytest.mark.parametrize(("credentials", "shown"), SHOWN)
def test_credentials_show_no_secret(credentials, shown):
    assert repr(credentials) == str(credentials) == f"{credentials}" == shown
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
def test_the_dialogues_of_the_scram_rfcs(name, example):
    exchange = Scram(
        setting(nonce=lambda: example["server_nonce"], password_of={"user": "pencil"}.get),
        name,
        salt_of=lambda *_: base64.b64decode(example["salt"]),
    )

    first = "n,,n=user,r={client_nonce}".format_map(example)
    assert exchange.begin(first.encode()).decode() == (
        "r={client_nonce}{server_nonce},s={salt},i=4096".format_map(example)
    )
    shown = exchange.respond("c=biws,r={client_nonce}{server_nonce},p={proof}".format_map(example).encode())
    assert shown == Credentials(name, "user", proved=True)
    assert shown.matches("pencil") and not shown.matches("pencil2")
    assert exchange.last_word(accepted=True).decode() == "v={signature}".format_map(example)
    assert exchange.last_word(accepted=False) is None


def scram(name, username="ann", password="pencil", *, client_bindings=BINDINGS, **facts):
    """Drive a SCRAM exchange by scramp's own client; the client, the exchange and the credentials."""
    plus = name.endswith("-PLUS")
    binding = next(iter(client_bindings.items())) if plus else None
    facts = {"bindings": BINDINGS if plus else {}} | facts
    client = ScramClient([name], username, password, channel_binding=binding)
    exchange = MECHANISMS[name].new(setting(**facts))
    client.set_server_first(exchange.begin(client.get_client_first().encode()).decode())
    return client, exchange, exchange.respond(client.get_client_final().encode())


@pytest.mark.parametrize("username", PASSWORDS)
@pytest.mark.parametrize("name", SCRAM)
def test_scram_proves_client_and_server_to_each_other(name, username):
    client, exchange, shown = scram(name, username, PASSWORDS[username])

    assert shown == Credentials(name, username, proved=True)
    assert shown.matches(PASSWORDS[username]) and not shown.matches("pencil2")
    client.set_server_final(exchange.last_word(accepted=True).decode())


@pytest.mark.parametrize("name", SCRAM)
def test_scram_with_a_wrong_password(name):
    _, _, shown = scram(name, "ann", "crayon")

    assert shown == Credentials(name, "ann")
    assert shown.matches("crayon") and not shown.matches("pencil")


def test_scram_signs_nothing_that_was_not_proved():
    _, exchange, shown = scram("SCRAM-SHA-1", "ann", "crayon")
    assert exchange.last_word(accepted=True) is None

    # Whoever judges may know another password, and have the server know it too.
    client, exchange, shown = scram("SCRAM-SHA-1", "ann", "crayon", password_of=None)
    assert not shown.proved and shown.matches("crayon")
    client.set_server_final(exchange.last_word(accepted=True).decode())


@pytest.mark.parametrize("name", SCRAM)
def test_an_unknown_user_sees_what_a_known_one_sees(name):
    flag = b"p=tls-unique" if name.endswith("-PLUS") else b"n"
    known, unknown, again = (
        said(name, flag + b",,n=" + username + b",r=abc", bindings=BINDINGS if name.endswith("-PLUS") else {})
        for username in (b"ann", b"nobody", b"nobody")
    )

    assert unknown.startswith(b"r=abcnonce-1,s=") and unknown.endswith(b",i=4096")
    assert len(unknown) == len(known) and unknown != known
    assert unknown == again
    assert scram(name, "nobody")[2] == Credentials(name, "nobody")


def test_salts_differ_by_server_by_mechanism_and_by_user():
    salts = {salt_of(*parts) for parts in itertools.product(("h", "i"), ("SCRAM-SHA-1", "SCRAM-SHA-256"), ("a", "b"))}

    assert len(salts) == 8 and {len(salt) for salt in salts} == {16}


def test_a_password_that_cannot_be_prepared_proves_nothing():
    # RFC 4013 2.3: no control characters.
    _, _, shown = scram("SCRAM-SHA-1", "ann", "pencil", password_of=lambda _: "pen\x07cil")

    assert not shown.proved and not shown.matches("\x07") and shown.matches("pencil")


@pytest.mark.parametrize(
    ("name", "client_first", "bindings"),
    [
        # RFC 5802 6: the client could bind, and believes that we cannot.  We can: so it was lied to.
        ("SCRAM-SHA-1", b"y,,n=ann,r=abc", BINDINGS),
        ("SCRAM-SHA-256", b"y,,n=ann,r=abc", BINDINGS),
        ("SCRAM-SHA-1-PLUS", b"p=tls-unique,,n=ann,r=abc", {}),
        ("SCRAM-SHA-256-PLUS", b"p=tls-unique,,n=ann,r=abc", {"tls-server-end-point": b"x"}),
        ("SCRAM-SHA-256-PLUS", b"p=tls-exporter,,n=ann,r=abc", {"tls-exporter": b"x"}),  # scramp has it not
        ("SCRAM-SHA-256-PLUS", b"p=tls-unique,,n=ann,r=abc", {"tls-unique": b""}),
    ],
)
def test_a_channel_binding_that_is_not_there_proves_nothing(name, client_first, bindings):
    shown = said(name, client_first, bindings=bindings)

    assert shown == Credentials(name, "ann")
    assert not shown.matches("pencil")


def test_a_client_that_cannot_bind_may_say_so_to_a_server_that_cannot():
    assert said("SCRAM-SHA-1", b"y,,n=ann,r=abc").startswith(b"r=abcnonce-1,s=")
    assert said("SCRAM-SHA-1", b"n,,n=ann,r=abc", bindings=BINDINGS).startswith(b"r=abcnonce-1,s=")


@pytest.mark.parametrize("binding", BINDINGS)
@pytest.mark.parametrize("name", ["SCRAM-SHA-1-PLUS", "SCRAM-SHA-256-PLUS"])
def test_plus_is_bound_to_the_channel(name, binding):
    _, _, shown = scram(name, client_bindings={binding: BINDINGS[binding]})
    assert shown.proved

    _, exchange, shown = scram(name, client_bindings={binding: b"another channel"})
    assert shown == Credentials(name, "ann")
    assert not shown.matches("pencil")
    assert exchange.last_word(accepted=True) is None


def test_extensions_that_are_optional_are_passed_over():
    # RFC 5802 5.1: the others, m=, must not be.
    assert said("SCRAM-SHA-1", b"n,,n=ann,r=abc,x=y").startswith(b"r=abcnonce-1,s=")


def test_a_proof_of_the_wrong_length_is_wrong():
    shown = said("SCRAM-SHA-1", HALF, b"c=biws,r=abcnonce-1,p=AAAA")

    assert shown == Credentials("SCRAM-SHA-1", "ann")
    assert not shown.matches("pencil")


def test_an_exchange_that_is_over_takes_no_more():
    exchange = MECHANISMS["SCRAM-SHA-1"].new(setting())
    exchange.begin(HALF)
    exchange.respond(b"c=biws,r=abcnonce-1,p=AAAA")

    with pytest.raises(Refused):
        exchange.respond(b"c=biws,r=abcnonce-1,p=AAAA")


@pytest.mark.parametrize("name", SCRAM)
def test_scram_says_what_to_install(name, monkeypatch):
    assert scram_is_here()

    monkeypatch.setitem(sys.modules, "scramp", None)  # as if it were not there
    assert not scram_is_here()
    with pytest.raises(MissingExtra, match=r'pip install "lazr\.smtptest\[auth\]"'):
        MECHANISMS[name].new(setting())


# What a client could send at each step, whole and in pieces, so that the grammars are gone into.
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
def test_whatever_a_client_sends_is_read_or_refused(name, initial, responses, bindings, secret):
    exchange = MECHANISMS[name].new(setting(bindings=bindings, identities=("ann",)))
    steps = iter(responses)
    try:
        answer = exchange.begin(initial)
        while not isinstance(answer, Credentials):
            assert isinstance(answer, bytes)
            answer = exchange.respond(next(steps))
    except Refused as refused:
        assert refused.reply.code == 501 and refused.reply.enhanced in {"5.5.2", "5.5.4", "5.7.0"}
        return

    assert answer.mechanism == name
    assert answer.matches(secret) in {True, False}
    assert exchange.last_word(accepted=answer.proved) is None or name in {*SCRAM, "XOAUTH2", "OAUTHBEARER"}


@pytest.mark.parametrize("name", MECHANISMS)
@pytest.mark.parametrize("octets", [b"\0" * 12288, b"a" * 12288, b"\xff" * 12288, b"n,,n=" + b"," * 12283])
def test_a_line_as_long_as_rfc_4954_has_it(name, octets):
    exchange = MECHANISMS[name].new(setting())
    answer = exchange.begin(None)
    try:
        while isinstance(answer, bytes):
            answer = exchange.respond(octets)
    except Refused as refused:
        assert refused.reply.code == 501


class Gsasl:
    """GNU SASL's client, which msmtp and curl speak through, and which knows nothing of ours."""

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
def test_gnu_sasl_is_understood(name):
    properties = {"authid": "a,n=n", "password": "pen,cil="}
    if name.endswith("-PLUS"):
        properties["cb_tls_unique"] = base64.b64encode(BINDINGS["tls-unique"]).decode()
    properties |= {"EXTERNAL": {"authzid": "a,n=n"}, "ANONYMOUS": {"anonymous_token": "a,n=n"}}.get(name, {})
    client = Gsasl(name, **properties)
    bindings = BINDINGS if name.endswith("-PLUS") else {}
    exchange = MECHANISMS[name].new(setting(bindings=bindings, identities=("a,n=n",)))
    try:
        answer = exchange.begin(None)
        while isinstance(answer, bytes):
            answer = exchange.respond(client.step(answer))
        word = exchange.last_word(accepted=True)
        if name in SCRAM:
            assert client.step(word) == b""
    finally:
        client.close()

    assert answer.username == "a,n=n"
    assert answer.proved is (name in {*SCRAM, "EXTERNAL"})
    assert answer.matches("pen,cil=") is (name not in {"EXTERNAL", "ANONYMOUS"})


def test_scramp_s_client_finds_a_server_out_that_does_not_know_the_password():
    client, _, _ = scram("SCRAM-SHA-256")

    with pytest.raises(ScramException):
        client.set_server_final("v=" + base64.b64encode(bytes(32)).decode())
