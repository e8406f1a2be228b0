"""Transcripts: what a dialogue was, what of it is shown, and what never is."""

import base64
import re
import xml.etree.ElementTree as ET

import pytest

from lazr.smtptest.protocol.smtp.auth import Auth
from lazr.smtptest.protocol.smtp.diagram import drawn
from lazr.smtptest.protocol.smtp.record import SessionRecord
from lazr.smtptest.protocol.smtp.reply import Reply
from lazr.smtptest.protocol.smtp.transcript import Transcript, TranscriptLine
from talk import GREETED, TO_RCPT, Recorded, recipient

SECRET = "open sesame"


def dialogue(recorded, skip=1):
    """The lines without their times, behind the first so many."""
    return [f"{line.who} {line.text}" for line in recorded.record.transcript][skip:]


def test_commands_and_replies_stand_in_the_order_in_which_they_came():
    recorded = Recorded(extensions=[])
    recorded.say(b"EHLO me\r\nNOOP\r\nFOO\r\nNOOP\r\nQUIT\r\n")

    assert dialogue(recorded, 0) == [
        "S 220 localhost ESMTP lazr.smtptest",
        "C EHLO me",
        "S 250 localhost",
        "C NOOP",
        "S 250 Ok",
        "C FOO",
        "S 500 Command not recognized",
        "C NOOP",
        "S 250 Ok",
        "C QUIT",
        "S 221 Bye",
    ]


# What is sent as content, and what of it is shown.
CONTENTS = [
    (b"", []),
    (b"one\r\n", ["one"]),
    (b"one\r\ntwo\r\nthree\r\n", ["one", "two", "three"]),
    (b"one\r\ntwo\r\nthree\r\nfour\r\n", ["one", "two", "(… 7 octets …)", "four"]),
    (b"a\x00\x1b[2J\xff\r\n\r\n", ["a\\x00\\x1b[2J\\xff", ""]),
    (b"x" * 1000 + b"\r\n", ["x" * 160, "(… 762 octets …)", "x" * 78]),
    (b"a\r\n" + b"b\r\n" * 2000 + b"end\r\n", ["a", "b", "(… 5,997 octets …)", "end"]),
]


@pytest.mark.parametrize(("content", "shown"), CONTENTS)
@pytest.mark.parametrize("bytewise", [False, True])
def test_of_a_message_the_first_lines_and_the_last_are_shown_and_the_rest_is_counted(content, shown, bytewise):
    by_data, by_bdat = recipient(), recipient()
    wire = content.replace(b"\r\n.", b"\r\n..")
    (by_data.bytewise if bytewise else by_data.say)(b"DATA\r\n" + wire + b".\r\n")
    (by_bdat.bytewise if bytewise else by_bdat.say)(b"BDAT %d LAST\r\n" % len(content) + content)

    lines = list(by_data.record.transcript)
    start = [line.text for line in lines].index("DATA") + 2
    assert [line.text for line in lines[start:-1]] == [*shown, "."]
    assert all(line.who == "C" and line.content == (line.text != ".") for line in lines[start:-1])
    assert dialogue(by_bdat)[-len(shown) - 2 :] == [
        f"C BDAT {len(content)} LAST",
        *(f"C {line}" for line in shown),
        "S 250 2.0.0 Message accepted",
    ]


def test_a_chunk_that_is_not_the_last_is_counted():
    recorded = recipient()
    recorded.say(b"BDAT 5\r\nhelloBDAT 0\r\nBDAT 3 LAST\r\n me")

    assert dialogue(recorded)[-8:] == [
        "C BDAT 5",
        "C (… 5 octets …)",
        "S 250 2.0.0 5 octets received",
        "C BDAT 0",
        "S 250 2.0.0 0 octets received",
        "C BDAT 3 LAST",
        "C hello me",
        "S 250 2.0.0 Message accepted",
    ]


def test_of_a_message_that_is_too_big_only_the_size_is_there():
    from lazr.smtptest.protocol.smtp.limits import Limits

    recorded = recipient(limits=Limits(message_size=100))
    recorded.say(b"DATA\r\n" + b"x" * 150 + b"\r\n.\r\n")

    assert dialogue(recorded)[-3:] == ["C (… 152 octets …)", "C .", "S 552 5.3.4 Message too big"]


def b64(text):
    return base64.b64encode(text.encode())


# How a password comes, and what stands in the transcript for each line.
SECRETS = [
    ([b"AUTH PLAIN " + b64(f"\0ann\0{SECRET}")], ["AUTH PLAIN ***"]),
    ([b"AUTH PLAIN", b64(f"\0ann\0{SECRET}")], ["AUTH PLAIN", "***"]),
    ([b"auth login " + b64("ann"), b64(SECRET)], ["auth login ***", "***"]),
    ([b"AUTH LOGIN", b64("ann"), b"*"], ["AUTH LOGIN", "***", "*"]),
    ([b"AUTH " + b64(SECRET)], ["AUTH ***"]),
    ([b"AUTH\t" + b64(SECRET)], ["AUTH ***"]),
    ([b"AUTH PLAIN " + b64(SECRET * 2000)], ["AUTH PLAIN ***"]),
    ([b"AUTH PLAIN", b64(SECRET * 3000)], ["AUTH PLAIN", "***"]),
]


@pytest.mark.parametrize(("lines", "shown"), SECRETS)
def test_no_credentials_are_kept(lines, shown):
    recorded = Recorded(auth=Auth({"ann": SECRET}))
    recorded.say(GREETED)
    before = len(recorded.record.transcript)
    for line in lines:
        recorded.say(line + b"\r\n")
    transcript = recorded.record.transcript

    assert [line.text for line in transcript[before:] if line.who == "C"] == shown
    held = repr(transcript.entries) + str(transcript) + recorded.record.to_svg()
    assert SECRET not in held and not any(piece in held for line in lines for piece in (line.decode()[12:],) if piece)


# What a client goes on to say that does not look at replies: settings, the first lines, and the last one, a secret.
NAIVE = [
    ({}, [b"AUTH LOGIN", b64("ann")]),
    ({}, [b"AUTH PLAIN"]),
    ({"auth": Auth({"ann": SECRET}), "tls": "offered"}, [b"AUTH LOGIN", b64("ann")]),
    ({"auth": Auth({"ann": SECRET})}, [b"AUTH NTLM"]),
    ({"auth": Auth({"ann": SECRET})}, [b"AUTH LOGIN", b"ann"]),  # not base64: 501
    ({"auth": Auth({"ann": SECRET})}, [b"AUTH LOGIN", b"*"]),
    ({"auth": Auth({"ann": SECRET})}, [b"MAIL FROM:<a@b.example>", b"AUTH LOGIN"]),
    ({"auth": Auth({"ann": SECRET}, required=False)}, [b"MAIL FROM:<a@b.example>", b"AUTH LOGIN"]),
]


@pytest.mark.parametrize(("settings", "lines"), NAIVE)
@pytest.mark.parametrize("pipelined", [False, True])
def test_what_follows_an_auth_that_was_refused_is_not_kept_either(settings, lines, pipelined):
    secret = b64(SECRET).replace(b"=", b"x")
    recorded = Recorded(**settings)
    recorded.say(GREETED)
    wire = [line + b"\r\n" for line in (*lines, secret, SECRET.replace(" ", "-").encode())]
    for piece in [b"".join(wire)] if pipelined else wire:
        recorded.say(piece)
    held = repr(recorded.record.transcript.entries) + str(recorded.record.transcript)
    held += "".join(event.said() for event in recorded.events)

    assert secret.decode() not in held and "open-sesame" not in held.lower()


def test_a_command_ends_the_silence_behind_auth():
    recorded = Recorded()
    recorded.say(GREETED + b"AUTH LOGIN\r\nc2VjcmV0\r\nNOOP\r\nFOO bar\r\n")

    assert [line.text for line in recorded.record.transcript if line.who == "C"][1:] == [
        "AUTH LOGIN",
        "***",
        "NOOP",
        "FOO bar",
    ]
    assert [event.said() for event in recorded.events[-3:]] == ["***", "NOOP", "FOO bar"]


@pytest.mark.parametrize(
    "line", [b"NOOP\nAUTH PLAIN %s", b"\xef\xbb\xbfAUTH PLAIN %s", b"\0AUTH LOGIN %s", b"XAUTH PLAIN %s", b"\rauth %s"]
)
def test_auth_that_has_lost_its_way_is_not_kept(line):
    recorded = Recorded(auth=Auth({"ann": SECRET}))
    recorded.say(GREETED + line % b64(SECRET) + b"\r\n")
    held = repr(recorded.record.transcript.entries) + "".join(event.said() for event in recorded.events)

    assert b64(SECRET).decode() not in held and "AUTH" in held.upper()


def test_auth_as_a_parameter_is_not_masked():
    recorded = Recorded(auth=Auth({"ann": SECRET}, required=False))
    recorded.say(GREETED + b"MAIL FROM:<a@b.example> AUTH=<>\r\n")

    assert "C MAIL FROM:<a@b.example> AUTH=<>" in dialogue(recorded)


def test_of_a_session_that_is_over_no_more_is_kept_than_its_start_and_its_end():
    recorded = Recorded()
    recorded.record.transcript.mark(1.0)
    recorded.say(b"NOOP\r\n" * 50 + GREETED + (TO_RCPT[len(GREETED) :] + b"DATA\r\n.\r\n") * 200 + b"QUIT\r\n")

    assert len(recorded.record.transcript.entries) <= 302
    assert str(recorded.record.transcript).splitlines()[-1].endswith("221 2.0.0 Bye")


def test_a_handshake_and_what_was_discarded_stand_in_their_places():
    recorded = Recorded(tls="offered")
    recorded.say(b"EHLO me\r\nSTARTTLS\r\n")
    recorded.secure(server_name="mx.example")
    recorded.say(b"EHLO me\r\n")
    assert "* TLS: TLSv1.3 TLS_AES_256_GCM_SHA384, STARTTLS, server_name='mx.example'" in dialogue(recorded)

    eager = Recorded(tls="offered")
    eager.say(b"EHLO me\r\nSTARTTLS\r\nEHLO you\r\n")
    assert dialogue(eager)[-3:-1] == ["C STARTTLS", "* 10 octets discarded"]


def test_a_reply_of_several_lines_is_one_in_brief():
    recorded = Recorded(extensions=["SIZE", "HELP"])
    recorded.say(b"EHLO me\r\nNOOP\r\n")

    assert recorded.record.transcript.brief(4).splitlines() == [
        "   0.000 C: EHLO me",
        "   0.000 S: 250 localhost, SIZE 33554432, HELP",
        "   0.000 C: NOOP",
        "   0.000 S: 250 Ok",
    ]


def test_times_are_those_of_whoever_drives_the_session():
    transcript = Transcript()
    for now, line in ((100.0, b"a"), (100.25, b"b"), (101.0, b"c")):
        transcript.mark(now)
        transcript.heard(line)
    transcript.mark(105.0)
    transcript.mark(106.0)  # nothing came of the one before

    assert [(line.at, line.text) for line in transcript] == [(0.0, "a"), (0.25, "b"), (1.0, "c")]
    assert transcript.last(2) == "   0.250 C: b\n   1.000 C: c"
    assert str(transcript[0]) == "   0.000 C: a" and repr(transcript[0]) == "<TranscriptLine 0.000 C: a>"
    assert repr(transcript) == "<Transcript: 3 lines>"
    assert str(TranscriptLine(1.5, "*", "TLS")) == "   1.500 *  TLS"


@pytest.mark.parametrize("marked", [True, False])
def test_a_long_dialogue_keeps_its_start_and_its_end(marked):
    transcript = Transcript()
    for number in range(5000):
        if marked or number % 1000 == 0:
            transcript.mark(float(number))
        transcript.heard(b"%d" % number)
    transcript.mark(5000.0)
    if not marked:
        assert len(transcript.entries) <= 1600
    texts = [line.text for line in transcript]

    assert texts[:10] == [str(number) for number in range(10)]
    assert texts[-10:] == [str(number) for number in range(4990, 5000)]
    skipped = next(text for text in texts if "not kept" in text)
    assert int(re.sub(r"\D", "", skipped)) + len(texts) - 1 == 5000
    assert len(transcript.entries) < 2000


def test_times_at_which_nobody_spoke_go_first():
    transcript = Transcript()
    for number in range(2000):  # content trickles: the clock is read for each piece
        transcript.mark(float(number))
    transcript.heard(b"after it")
    for number in range(2000, 4000):
        transcript.mark(float(number))
    transcript.heard(b"and again")

    assert [str(line).strip() for line in transcript] == ["0.000 C: after it", "2000.000 C: and again"]
    assert len(transcript.entries) <= 1000


def test_content_that_came_octet_by_octet_is_shown_like_any_other():
    content = b"".join(b"line %d of the message\r\n" % number for number in range(100))
    whole, pieces = Transcript(), Transcript()
    whole.content(len(content), [content])
    pieces.content(len(content), [bytes([octet]) for octet in content])

    assert str(pieces) == str(whole)
    assert [line.text for line in pieces][:1] == ["line 0 of the message"]


def test_a_line_is_kept_up_to_a_length():
    recorded = Recorded()
    recorded.say(b"NOOP " + b"x" * 400 + b"\r\n" + b"NOOP " + b"y" * 20_000)
    recorded.say(b"\r\n")
    long, longer = [line.text for line in recorded.record.transcript if line.text.startswith("NOOP")]

    assert long == "NOOP " + "x" * 245 + "..." and longer == "NOOP " + "y" * 245 + "..."


def test_a_record_counts_what_happened():
    recorded = Recorded(decide=lambda event, reply: Reply(450, "Busy") if event.verb == "VRFY" else reply)
    recorded.say(TO_RCPT + b"DATA\r\nHi\r\n.\r\nVRFY ann\r\nHELO me\r\nFOO\r\nQUIT\r\n")
    record = recorded.record

    assert (record.greetings, record.mails, record.refusals, record.ended) == (("EHLO", "HELO"), 1, 2, "QUIT")
    assert "1 mail, 2 refusals, ended by QUIT" in repr(record)
    assert repr(SessionRecord()).endswith("0 mails, open>")


@pytest.mark.parametrize(
    ("end", "how", "last"),
    [
        (lambda session: session.receive(b"QUIT\r\n"), "QUIT", "S 221 2.0.0 Bye"),
        (lambda session: session.end_of_input(), "EOF", "* the client closed the connection"),
        (lambda session: session.time_out(), "timeout", "S 421 4.4.2 Timeout, closing the connection"),
        (lambda session: session.shut_down(), "stop", "S 421 4.3.2 Server shutting down, goodbye"),
        (
            lambda session: session.receive(b"GET / HTTP/1.1\r\n"),
            "421",
            "S 421 5.5.1 This is an SMTP server, and that was HTTP",
        ),
    ],
)
def test_a_record_says_how_the_session_ended(end, how, last):
    recorded = Recorded()
    end(recorded.session)
    recorded.session.shut_down()

    assert recorded.record.ended == how
    assert dialogue(recorded)[-1].split()[:2] == last.split()[:2]
    assert recorded.record.refusals == 0 or how == "421"


def test_a_transcript_that_is_not_kept_says_so():
    recorded = Recorded()
    recorded.record.transcript.forget()
    recorded.say(b"NOOP\r\n")

    assert str(recorded.record.transcript) == "   0.000 *  (not kept: too many sessions came after this one)"


def test_the_picture_is_well_formed_and_has_all_that_was_said_and_the_gaps():
    recorded = recipient()
    transcript = recorded.record.transcript
    transcript.mark(0.0)
    recorded.say(b'DATA\r\nSubject: <b>&"\x01\r\n\r\n.\r\n')
    transcript.mark(2.5)
    recorded.say(b"NOOP " + b"z" * 200 + b"\r\nFOO\r\n")
    recorded.session.end_of_input()
    root = ET.fromstring(recorded.record.to_svg())
    texts = [element.text for element in root.iter("{http://www.w3.org/2000/svg}text")]

    assert root.get("role") == "img" and texts[0] == "Session from 192.0.2.1:1025"
    assert [text for text in texts if text in {"client", "server", "DATA", ".", "MAIL FROM:<ann@example.com>"}] == [
        "client",
        "server",
        "MAIL FROM:<ann@example.com>",
        "DATA",
        ".",
    ]
    assert 'Subject: <b>&"\\x01' in texts and "⋮ 2.5 s later" in texts
    assert max(len(text or "") for text in texts) == 96
    refused = [element for element in root.iter() if element.get("class") == "bad"]
    assert [element.text for element in refused] == ["500 5.5.2 Command not recognized"]


def test_a_short_pause_is_told_in_milliseconds():
    lines = [TranscriptLine(0.0, "S", "220 a"), TranscriptLine(0.05, "C", "QUIT")]

    assert "⋮ 50 ms later" in drawn(lines, title="x")
