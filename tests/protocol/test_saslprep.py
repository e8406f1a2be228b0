"""SASLprep (RFC 4013): user names and passwords in any spelling."""

import base64
import hmac
import unicodedata

import pytest

from lazr.smtptest import Auth
from lazr.smtptest.protocol.smtp.saslprep import are_equal_secrets, find_password, list_spellings, prepare_string
from tests.helpers.smtp_client import EHLO_LINE, RecordedSession

COMPOSED = unicodedata.normalize("NFC", "jürgen"), unicodedata.normalize("NFC", "pässwörd")
DECOMPOSED = tuple(unicodedata.normalize("NFD", text) for text in COMPOSED)

# RFC 4013 3 has the first five examples.
PREPARED = [
    ("I\u00adX", "IX"),
    ("user", "user"),
    ("USER", "USER"),
    ("\u00aa", "a"),
    ("\u2168", "IX"),
    ("a\u00a0b", "a b"),
    ("a\u3000b", "a b"),
    ("p\u00e4ss", "p\u00e4ss"),
    ("pa\u0308ss", "p\u00e4ss"),
    ("\uff41\uff4e\uff4e", "ann"),
    ("\u0627\u0628", "\u0627\u0628"),
    ("key \U0001f511", "key \U0001f511"),
    ("", ""),
    ("\u00ad", ""),
]
PROHIBITED = ["\u0007", "a\u007fb", "\u0627\u0031", "\u0627a\u0628", "1\u0627", "\ue000", "\ufffd", "\u200e", "\ufdd0"]


@pytest.mark.parametrize(("text", "prepared"), PREPARED)
def test_text_is_prepared(text, prepared):
    assert prepare_string(text) == prepared


def test_endless_text_is_not_prepared():
    with pytest.raises(ValueError, match="at most 1024 characters, got 1025"):
        prepare_string("\u00fc" * 1025)
    assert are_equal_secrets("\u00fc" * 1025, "\u00fc" * 1025)


@pytest.mark.parametrize("text", PROHIBITED)
def test_prohibited_text_is_equal_only_to_itself(text):
    with pytest.raises(ValueError, match="SASLprep prohibits"):
        prepare_string(text)
    assert are_equal_secrets(text, text) and not are_equal_secrets(text, text + "x")
    assert find_password({text: "secret"}, text) == "secret"


def respond(mechanism, username, password):
    """Return the lines with which a client authenticates; the second one answers the challenge."""

    def encode(text):
        return base64.b64encode(text.encode())

    if mechanism == "PLAIN":
        return [b"AUTH PLAIN " + encode(f"\0{username}\0{password}")]
    if mechanism == "LOGIN":
        return [b"AUTH LOGIN", encode(username), encode(password)]
    digest = hmac.digest(password.encode(), b"<fixed@localhost>", "md5").hex()
    return [b"AUTH CRAM-MD5", encode(f"{username} {digest}")]


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN", "CRAM-MD5"])
@pytest.mark.parametrize("known", [COMPOSED, DECOMPOSED])
@pytest.mark.parametrize("sent", [COMPOSED, DECOMPOSED, (DECOMPOSED[0], COMPOSED[1]), (COMPOSED[0], DECOMPOSED[1])])
def test_credentials_match_in_any_normal_form(mechanism, known, sent):
    recorded = RecordedSession(auth=Auth(dict([known]), nonce=lambda: "fixed"))
    recorded.feed(EHLO_LINE)
    codes = [recorded.feed_command(line) for line in respond(mechanism, *sent)]

    assert codes[-1] == 235
    assert recorded.record.auth.username == sent[0]


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN", "CRAM-MD5"])
@pytest.mark.parametrize("sent", [("jurgen", COMPOSED[1]), (COMPOSED[0], "passwörd"), (COMPOSED[0], "PÄSSWÖRD")])
def test_other_letters_do_not_match(mechanism, sent):
    recorded = RecordedSession(auth=Auth(dict([COMPOSED]), nonce=lambda: "fixed"))
    recorded.feed(EHLO_LINE)

    assert [recorded.feed_command(line) for line in respond(mechanism, *sent)][-1] == 535


def test_function_compares_passwords_in_any_normal_form():
    recorded = RecordedSession(auth=Auth(lambda credentials: credentials.matches(COMPOSED[1])))
    recorded.feed(EHLO_LINE)

    assert recorded.feed_command(respond("PLAIN", *DECOMPOSED)[0]) == 235


def test_names_are_found_by_their_prepared_form():
    passwords = {"ann": "1", "\uff42ob": "2", COMPOSED[0]: "3", "em pty": ""}

    assert [find_password(passwords, name) for name in ("\uff41nn", "bob", DECOMPOSED[0], "em\u00a0pty", "cy")] == [
        "1", "2", "3", "", None,
    ]  # fmt: skip


def test_ascii_secret_has_one_spelling():
    assert list_spellings("secret") == {"secret"}
    assert len(list_spellings(DECOMPOSED[1])) == 2
