"""Extensions are rows; their parameters are validated and decoded."""

import pytest

from lazr.smtptest import EXTENSIONS, Extension, Limits
from lazr.smtptest.protocol.smtp.extension import chosen_extensions, xtext_decode
from talk import GREETED, Recorded

KEYWORDS = [row.keyword for row in EXTENSIONS]


def offered(**settings):
    reply = Recorded(**settings).say(GREETED).decode()
    return [line[4:].split(" ")[0] for line in reply.splitlines()[1:]]


def test_all_rows_are_offered_by_default():
    assert offered() == KEYWORDS
    assert KEYWORDS == [
        "PIPELINING", "SIZE", "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES", "DSN", "CHUNKING", "BINARYMIME",
        "LIMITS", "HELP",
    ]  # fmt: skip


@pytest.mark.parametrize("keyword", KEYWORDS)
def test_each_row_can_be_switched_off(keyword):
    gone = {keyword, {"CHUNKING": "BINARYMIME", "8BITMIME": "SMTPUTF8"}.get(keyword)}
    left = [row for row in KEYWORDS if row not in gone]

    assert offered(extensions=left) == left


def test_a_row_of_your_own_can_be_offered():
    row = Extension("X-TRACE", argument="V1", mail={"X-TRACE": frozenset({"ON"})}, mail_octets=11)
    recorded = Recorded(extensions=[*EXTENSIONS, row])

    assert b"250 X-TRACE V1\r\n" in recorded.say(GREETED)
    assert recorded.code(b"MAIL FROM:<> X-TRACE=ON") == 250
    assert recorded.events[-1].parameters == {"X-TRACE": "ON"}
    assert repr(row) == "Extension('X-TRACE')"


@pytest.mark.parametrize(
    ("chosen", "says"),
    [
        (["8BITMIM"], "no extension '8BITMIM'; there are PIPELINING"),
        (["BINARYMIME"], "CHUNKING"),
        (["SMTPUTF8"], "8BITMIME"),
    ],
)
def test_a_choice_that_makes_no_sense_is_refused(chosen, says):
    with pytest.raises(ValueError, match=says):
        chosen_extensions(chosen)


def test_limits_and_size_say_their_numbers():
    reply = Recorded(limits=Limits(message_size=1000, recipients=7)).say(GREETED)
    without = Recorded(limits=Limits(message_size=None, recipients=None)).say(GREETED)

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
    recorded = Recorded()
    recorded.say(GREETED)

    assert recorded.code(b"MAIL FROM:<ann@example.com> " + parameters) == code
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
    recorded = Recorded()
    recorded.say(GREETED + b"MAIL FROM:<>\r\nRCPT TO:<first@example.com>\r\n")

    assert recorded.code(b"RCPT TO:<ann@example.com> " + parameters) == code
    if kept is not None:
        recorded.say(b"DATA\r\n.\r\n")
        assert [rcpt.parameters for rcpt in recorded.events[-1].rcpts] == [{}, kept]


def test_xtext_is_decoded_and_nothing_else_is():
    assert xtext_decode("a+2B+3Db") == "a+=b"
    for text in ("a+2b", "a+", "a=b", "a b", "+G0"):
        with pytest.raises(ValueError, match="xtext"):
            xtext_decode(text)


def test_an_extension_that_is_off_takes_its_parameters_and_verb_along():
    recorded = Recorded(extensions=["PIPELINING"])
    recorded.say(GREETED)

    assert recorded.code(b"MAIL FROM:<ann@example.com> SIZE=1") == 555
    assert recorded.code(b"HELP") == 502
    assert recorded.say(b"BDAT 3 LAST\r\nabcNOOP\r\n") == b"502 Command not implemented\r\n250 Ok\r\n"
    assert recorded.say(b"BDAT\r\n") == b"502 Command not implemented\r\n"
    assert (
        Recorded(extensions=["8BITMIME"])
        .say(GREETED + b"MAIL FROM:<> BODY=BINARYMIME\r\n")
        .endswith(b"501 BODY wants one of 7BIT, 8BITMIME\r\n")
    )
