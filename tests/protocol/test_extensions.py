"""Extensions are rows of a table; their parameters are validated and decoded."""

import pytest

from lazr.smtptest import EXTENSIONS, Auth, Extension, Limits
from lazr.smtptest.protocol.smtp.extensions import decode_xtext, select_extensions
from lazr.smtptest.protocol.smtp.server_settings import ServerSettings
from lazr.smtptest.protocol.smtp.tls_mode import TlsMode
from tests.helpers.smtp_client import EHLO_LINE, RecordedSession

KEYWORDS = [row.keyword for row in EXTENSIONS]


def offered(**settings):
    reply = RecordedSession(**settings).feed(EHLO_LINE).decode()
    return [line[4:].split(" ")[0] for line in reply.splitlines()[1:]]


def test_all_extensions_are_offered_by_default():
    assert offered() == KEYWORDS
    assert KEYWORDS == [
        "PIPELINING", "SIZE", "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES", "DSN", "CHUNKING", "BINARYMIME",
        "LIMITS", "HELP",
    ]  # fmt: skip


@pytest.mark.parametrize("keyword", KEYWORDS)
def test_each_extension_can_be_left_out(keyword):
    gone = {keyword, {"CHUNKING": "BINARYMIME", "8BITMIME": "SMTPUTF8"}.get(keyword)}
    left = [row for row in KEYWORDS if row not in gone]

    assert offered(extensions=left) == left


def test_custom_extension_can_be_offered():
    row = Extension("X-TRACE", argument="V1", mail={"X-TRACE": frozenset({"ON"})}, mail_octets=11)
    recorded = RecordedSession(extensions=[*EXTENSIONS, row])

    assert b"250 X-TRACE V1\r\n" in recorded.feed(EHLO_LINE)
    assert recorded.feed_command(b"MAIL FROM:<> X-TRACE=ON") == 250
    assert recorded.events[-1].parameters == {"X-TRACE": "ON"}
    assert repr(row) == "Extension('X-TRACE')"


@pytest.mark.parametrize(
    ("selection", "message"),
    [
        (["8BITMIM"], r"unknown extension '8BITMIM'; did you mean '8BITMIME'\? Known: PIPELINING"),
        (
            ["X-CORP"],
            r"'X-CORP'; known: .* on\(\"EHLO\"\).advertise\('X-CORP'\), or add Extension\('X-CORP'\)",
        ),
        (["BINARYMIME"], "CHUNKING"),
        (["SMTPUTF8"], "8BITMIME"),
    ],
)
def test_invalid_selections_are_rejected(selection, message):
    with pytest.raises(ValueError, match=message):
        select_extensions(selection)


def test_limits_and_size_show_their_values():
    reply = RecordedSession(limits=Limits(message_size=1000, recipients=7)).feed(EHLO_LINE)
    without = RecordedSession(limits=Limits(message_size=None, recipients=None)).feed(EHLO_LINE)

    assert b"SIZE 1000\r\n" in reply and b"LIMITS RCPTMAX=7\r\n" in reply
    assert b"SIZE 0\r\n" in without and b"LIMITS" not in without


MAIL = [
    (b"SIZE=1000", 250, {"SIZE": "1000"}),
    (b"size=1000", 250, {"SIZE": "1000"}),
    (b"SIZE=33554433", 552, None),
    (b"SIZE=", 501, None),
    (b"SIZE", 501, None),
    (b"SIZE=12x", 501, None),
    (b"SIZE=123456789012345678901", 501, None),
    (b"BODY=7BIT", 250, {"BODY": "7BIT"}),
    (b"BODY=8bitmime", 250, {"BODY": "8BITMIME"}),
    (b"BODY=BINARYMIME", 250, {"BODY": "BINARYMIME"}),
    (b"BODY=9BIT", 501, None),
    ("BODY=8BıTMIME".encode(), 501, None),  # str.upper makes ı an I
    (b"BODY", 501, None),
    (b"SMTPUTF8", 250, {"SMTPUTF8": ""}),
    (b"SMTPUTF8=1", 501, None),
    (b"RET=FULL ENVID=QQ+2B1", 250, {"RET": "FULL", "ENVID": "QQ+1"}),
    (b"RET=SOME", 501, None),
    (b"ENVID=+0A", 501, None),
    (b"ENVID=+2b", 501, None),
    (b"ENVID=+E9", 501, None),
    (b"SIZE=1\nBODY=8BITMIME", 500, None),
    (b"SIZE=1\rBODY=8BITMIME", 500, None),
    (b"SIZE=1\tBODY=8BITMIME", 501, None),
    (b"SIZE=1\x1cBODY=8BITMIME", 501, None),
    ("SIZE=1\u2028BODY=7BIT".encode(), 501, None),
    (b"\n", 500, None),
    (b"ENVID=" + b"x" * 101, 501, None),
    (b"ENVID=" + b"x" * 100, 250, {"ENVID": "x" * 100}),
    (b"NOTIFY=NEVER", 555, None),
    (b"AUTH=<>", 555, None),  # AUTH is not offered
    (b"X=1", 555, None),
    (b"SIZE=1 SIZE=1", 501, None),
    (b"SIZE=1 size=2", 501, None),
    (b"=1", 501, None),
    (b"A_B=1", 501, None),
    (b"SIZE=1=2", 501, None),
    (b"SIZE=1\x00", 501, None),
    (b"  SIZE=1  ", 250, {"SIZE": "1"}),
]


@pytest.mark.parametrize(("parameters", "code", "kept"), MAIL)
def test_mail_parameters(parameters, code, kept):
    recorded = RecordedSession()
    recorded.feed(EHLO_LINE)

    assert recorded.feed_command(b"MAIL FROM:<ann@example.com> " + parameters) == code
    if kept is not None:
        assert recorded.events[-1].parameters == kept


RCPT = [
    (b"NOTIFY=NEVER", 250, {"NOTIFY": "NEVER"}),
    (b"NOTIFY=success,Delay", 250, {"NOTIFY": "SUCCESS,DELAY"}),
    (b"NOTIFY=NEVER,DELAY", 501, None),
    (b"NOTIFY=DELAY,DELAY", 501, None),
    (b"NOTIFY=", 501, None),
    (b"ORCPT=rfc822;ann+2Btag@example.com", 250, {"ORCPT": "rfc822;ann+tag@example.com"}),
    (b"ORCPT=ann@example.com", 501, None),
    (b"ORCPT=rfc822;", 501, None),
    (b"ORCPT=rfc 822;a", 501, None),
    (b"ORCPT=r_c;a", 501, None),
    (b"ORCPT=rfc822;a+zz", 501, None),
    (b"ORCPT=rfc822;a+0D", 501, None),
    (b"ORCPT=rfc822;" + b"x" * 494, 501, None),
    (b"ORCPT=rfc822;" + b"x" * 493, 250, {"ORCPT": "rfc822;" + "x" * 493}),
    (b"SIZE=1", 555, None),
]


@pytest.mark.parametrize(("parameters", "code", "kept"), RCPT)
def test_rcpt_parameters_are_kept_for_each_recipient(parameters, code, kept):
    recorded = RecordedSession()
    recorded.feed(EHLO_LINE + b"MAIL FROM:<>\r\nRCPT TO:<first@example.com>\r\n")

    assert recorded.feed_command(b"RCPT TO:<ann@example.com> " + parameters) == code
    if kept is not None:
        recorded.feed(b"DATA\r\n.\r\n")
        assert [rcpt.parameters for rcpt in recorded.events[-1].rcpts] == [{}, kept]


def test_only_valid_xtext_is_decoded():
    assert decode_xtext("a+2B+3Db") == "a+=b"
    for text in ("a+2b", "a+", "a=b", "a b", "+G0"):
        with pytest.raises(ValueError, match="xtext"):
            decode_xtext(text)


def test_missing_extension_removes_its_parameters_and_verb():
    recorded = RecordedSession(extensions=["PIPELINING"])
    recorded.feed(EHLO_LINE)

    assert recorded.feed_command(b"MAIL FROM:<ann@example.com> SIZE=1") == 555
    assert recorded.feed_command(b"HELP") == 502
    assert recorded.feed(b"BDAT 3 LAST\r\nabcNOOP\r\n") == b"502 Command not implemented\r\n250 Ok\r\n"
    assert (
        RecordedSession(extensions=["8BITMIME"])
        .feed(EHLO_LINE + b"MAIL FROM:<> BODY=BINARYMIME\r\n")
        .endswith(b"501 BODY must be one of 7BIT, 8BITMIME\r\n")
    )


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"extensions": "SIZE"}, r"got the string 'SIZE'; write extensions=\['SIZE'\]"),
        ({"extensions": [5]}, "extensions must have keywords and Extension values, got 5"),
        ({"limits": {"errors": 5}}, r"limits must be a Limits, got {'errors': 5}; write limits=Limits\(...\)"),
        ({"lenient": True}, r"lenient must be a Lenient, got True; write lenient=Lenient\(...\)"),
    ],
)
def test_setting_of_wrong_type_is_rejected(settings, text):
    with pytest.raises(TypeError, match=text):
        ServerSettings(**settings)


def test_keywords_may_be_iterated_once():
    settings = ServerSettings(extensions=iter(["SIZE"]))

    assert settings.replace(strict=True).ehlo_reply.lines == settings.ehlo_reply.lines


@pytest.mark.parametrize(
    ("settings", "verbs"),
    [
        ({}, "EHLO HELO MAIL RCPT DATA BDAT RSET NOOP VRFY HELP QUIT"),
        ({"extensions": ["HELP"]}, "EHLO HELO MAIL RCPT DATA RSET NOOP VRFY HELP QUIT"),
        ({"lmtp": True}, "LHLO MAIL RCPT DATA BDAT RSET NOOP VRFY HELP QUIT"),
        ({"tls": TlsMode.STARTTLS}, "EHLO HELO STARTTLS MAIL RCPT DATA BDAT RSET NOOP VRFY HELP QUIT"),
        (
            {"tls": TlsMode.STARTTLS, "starttls_fault": "stripped"},
            "EHLO HELO MAIL RCPT DATA BDAT RSET NOOP VRFY HELP QUIT",
        ),
        ({"auth": Auth("any")}, "EHLO HELO AUTH MAIL RCPT DATA BDAT RSET NOOP VRFY HELP QUIT"),
        (
            {"auth": Auth("any"), "tls": TlsMode.STARTTLS},  # AUTH is offered after the handshake
            "EHLO HELO STARTTLS MAIL RCPT DATA BDAT RSET NOOP VRFY HELP QUIT",
        ),
        ({"xclient": True}, "EHLO HELO XCLIENT MAIL RCPT DATA BDAT RSET NOOP VRFY HELP QUIT"),
    ],
)
def test_help_lists_what_is_available(settings, verbs):
    reply = ServerSettings(**settings).help_reply

    assert (reply.code, reply.enhanced, reply.lines[0], reply.lines[1]) == (214, "2.0.0", "Commands:", verbs)
    assert reply.lines[2] == ("See RFC 2033 and RFC 5321" if settings.get("lmtp") else "See RFC 5321")
    usable = RecordedSession(**settings)
    usable.feed(b"LHLO x\r\n" if settings.get("lmtp") else EHLO_LINE)
    for verb in verbs.split():
        if verb not in ("EHLO", "HELO", "LHLO", "QUIT", "STARTTLS"):
            assert usable.feed_command(verb.encode()) not in (500, 502)


def test_vrfy_says_nothing_about_the_address():
    assert RecordedSession().feed(b"VRFY ann\r\n").startswith(b"252 2.0.0 ")  # RFC 3463 3.2: 2.1.5 means valid


@pytest.mark.parametrize(
    ("line", "code"), [(b"RCPT TO:<\xc3\xbc@example.com>", b"553"), (b"MAIL FROM:<\xc3\xbc@x>", b"550")]
)
def test_non_ascii_address_without_smtputf8_has_the_code_of_the_rfc(line, code):
    recorded = RecordedSession()
    recorded.feed(EHLO_LINE + (b"MAIL FROM:<a@example.com>\r\n" if line.startswith(b"RCPT") else b""))

    assert recorded.feed(line + b"\r\n").startswith(code + b" 5.6.7 ")  # RFC 6531 3.5


def test_tls_mode_is_parsed_from_its_string():
    assert TlsMode.parse("starttls", (TlsMode.STARTTLS,)) is TlsMode.STARTTLS
    with pytest.raises(ValueError, match="implicit"):
        TlsMode.parse("implicit", (TlsMode.STARTTLS,))


def test_equal_extensions_have_equal_hashes():
    assert len({Extension("X-TRACE"), Extension("X-TRACE"), Extension("X-OTHER")}) == 2
    assert Extension("X-TRACE") != "X-TRACE"
