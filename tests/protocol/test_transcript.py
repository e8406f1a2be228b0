"""Transcripts: the dialogue, the parts of it that are shown, and the secrets that are not."""

import base64
import re
import xml.etree.ElementTree as ET

import pytest

from lazr.smtptest import Limits
from lazr.smtptest.protocol.smtp.auth import Auth
from lazr.smtptest.protocol.smtp.reply import PENDING, Reply
from lazr.smtptest.protocol.smtp.sequence_diagram import render_sequence_diagram
from lazr.smtptest.protocol.smtp.session_record import SessionRecord
from lazr.smtptest.protocol.smtp.tls_mode import TlsMode
from lazr.smtptest.protocol.smtp.transcript import Transcript, TranscriptLine
from tests.helpers.smtp_client import EHLO_LINE, TO_RCPT, RecordedSession, start_transaction

SECRET = "open sesame"


def dialogue(recorded, skip=1):
    """Return the lines without times, from this one on."""
    return [f"{line.who} {line.text}" for line in recorded.record.transcript][skip:]


def test_commands_and_replies_are_in_order():
    recorded = RecordedSession(extensions=[])
    recorded.feed(b"EHLO me\r\nNOOP\r\nFOO\r\nNOOP\r\nQUIT\r\n")

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


# (content, the lines that are shown)
CONTENTS = [
    (b"", []),
    (b"one\r\n", ["one"]),
    (b"one\r\ntwo\r\nthree\r\n", ["one", "two", "three"]),
    (b"one\r\ntwo\r\nthree\r\nfour\r\n", ["one", "two", "(… 7 octets …)", "four"]),
    (b"a\x00\x1b[2J\xff\r\n\r\n", ["a\\x00\\x1b[2J\\xff", ""]),
    (b"x" * 1000 + b"\r\n", ["x" * 160, "(… 762 octets …)", "x" * 78]),
    (b"a\r\n" + b"b\r\n" * 2000 + b"end\r\n", ["a", "b", "(… 5,997 octets …)", "end"]),
]


@pytest.mark.parametrize(("content", "lines_shown"), CONTENTS)
@pytest.mark.parametrize("bytewise", [False, True])
def test_message_shows_first_and_last_lines_and_a_count(content, lines_shown, bytewise):
    by_data, by_bdat = start_transaction(), start_transaction()
    wire = content.replace(b"\r\n.", b"\r\n..")
    (by_data.feed_bytewise if bytewise else by_data.feed)(b"DATA\r\n" + wire + b".\r\n")
    (by_bdat.feed_bytewise if bytewise else by_bdat.feed)(b"BDAT %d LAST\r\n" % len(content) + content)

    lines = list(by_data.record.transcript)
    start = [line.text for line in lines].index("DATA") + 2
    assert [line.text for line in lines[start:-1]] == [*lines_shown, "."]
    assert all(line.who == "C" and line.content == (line.text != ".") for line in lines[start:-1])
    assert dialogue(by_bdat)[-len(lines_shown) - 2 :] == [
        f"C BDAT {len(content)} LAST",
        *(f"C {line}" for line in lines_shown),
        "S 250 2.0.0 Message accepted",
    ]


def test_chunk_before_the_last_one_is_counted():
    recorded = start_transaction()
    recorded.feed(b"BDAT 5\r\nhelloBDAT 0\r\nBDAT 3 LAST\r\n me")

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


def test_message_over_the_limit_shows_only_its_size():
    from lazr.smtptest.protocol.smtp.limits import Limits

    recorded = start_transaction(limits=Limits(message_size=100))
    recorded.feed(b"DATA\r\n" + b"x" * 150 + b"\r\n.\r\n")

    assert dialogue(recorded)[-3:] == ["C (… 152 octets …)", "C .", "S 552 5.3.4 Message too big"]


def b64(text):
    return base64.b64encode(text.encode())


# (lines with a password, the lines of the transcript)
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


@pytest.mark.parametrize(("lines", "masked"), SECRETS)
def test_credentials_are_masked(lines, masked):
    recorded = RecordedSession(auth=Auth({"ann": SECRET}))
    recorded.feed(EHLO_LINE)
    before = len(recorded.record.transcript)
    for line in lines:
        recorded.feed(line + b"\r\n")
    transcript = recorded.record.transcript

    assert [line.text for line in transcript[before:] if line.who == "C"] == masked
    held = repr(transcript.entries) + str(transcript) + recorded.record.to_svg()
    assert SECRET not in held and not any(piece in held for line in lines for piece in (line.decode()[12:],) if piece)


# A client that ignores replies: (settings, first lines); the next line is a secret.
NAIVE = [
    ({}, [b"AUTH LOGIN", b64("ann")]),
    ({}, [b"AUTH PLAIN"]),
    ({"auth": Auth({"ann": SECRET}), "tls": TlsMode.STARTTLS}, [b"AUTH LOGIN", b64("ann")]),
    ({"auth": Auth({"ann": SECRET})}, [b"AUTH NTLM"]),
    ({"auth": Auth({"ann": SECRET})}, [b"AUTH LOGIN", b"ann"]),  # not base64: 501
    ({"auth": Auth({"ann": SECRET})}, [b"AUTH LOGIN", b"*"]),
    ({"auth": Auth({"ann": SECRET})}, [b"MAIL FROM:<a@b.example>", b"AUTH LOGIN"]),
    ({"auth": Auth({"ann": SECRET}, required=False)}, [b"MAIL FROM:<a@b.example>", b"AUTH LOGIN"]),
]


@pytest.mark.parametrize(("settings", "lines"), NAIVE)
@pytest.mark.parametrize("pipelined", [False, True])
def test_lines_after_a_refused_auth_are_masked(settings, lines, pipelined):
    secret = b64(SECRET).replace(b"=", b"x")
    recorded = RecordedSession(**settings)
    recorded.feed(EHLO_LINE)
    wire = [line + b"\r\n" for line in (*lines, secret, SECRET.replace(" ", "-").encode())]
    for piece in [b"".join(wire)] if pipelined else wire:
        recorded.feed(piece)
    held = repr(recorded.record.transcript.entries) + str(recorded.record.transcript)
    held += "".join(event.said() for event in recorded.events)

    assert secret.decode() not in held and "open-sesame" not in held.lower()


def test_valid_command_ends_the_masking_after_auth():
    recorded = RecordedSession()
    recorded.feed(EHLO_LINE + b"AUTH LOGIN\r\nc2VjcmV0\r\nNOOP\r\nFOO bar\r\n")

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
def test_misplaced_auth_is_masked(line):
    recorded = RecordedSession(auth=Auth({"ann": SECRET}))
    recorded.feed(EHLO_LINE + line % b64(SECRET) + b"\r\n")
    held = repr(recorded.record.transcript.entries) + "".join(event.said() for event in recorded.events)

    assert b64(SECRET).decode() not in held and "AUTH" in held.upper()


def test_auth_as_a_parameter_is_not_masked():
    recorded = RecordedSession(auth=Auth({"ann": SECRET}, required=False))
    recorded.feed(EHLO_LINE + b"MAIL FROM:<a@b.example> AUTH=<>\r\n")

    assert "C MAIL FROM:<a@b.example> AUTH=<>" in dialogue(recorded)


def test_closed_session_keeps_only_start_and_end():
    recorded = RecordedSession()
    recorded.record.transcript.add_timestamp(1.0)
    recorded.feed(b"NOOP\r\n" * 50 + EHLO_LINE + (TO_RCPT[len(EHLO_LINE) :] + b"DATA\r\n.\r\n") * 200 + b"QUIT\r\n")

    assert len(recorded.record.transcript.entries) <= 402
    assert str(recorded.record.transcript).splitlines()[-1].endswith("221 2.0.0 Bye")


def test_notes_about_tls_and_discarded_input_are_in_place():
    recorded = RecordedSession(tls=TlsMode.STARTTLS)
    recorded.feed(b"EHLO me\r\nSTARTTLS\r\n")
    recorded.complete_handshake(server_name="mx.example")
    recorded.feed(b"EHLO me\r\n")
    assert "* TLS: TLSv1.3 TLS_AES_256_GCM_SHA384, STARTTLS, server_name='mx.example'" in dialogue(recorded)

    eager = RecordedSession(tls=TlsMode.STARTTLS)
    eager.feed(b"EHLO me\r\nSTARTTLS\r\nEHLO you\r\n")
    assert dialogue(eager)[-3:-1] == ["C STARTTLS", "* 10 octets discarded"]


def test_brief_format_joins_lines_of_a_reply():
    recorded = RecordedSession(extensions=["SIZE", "HELP"])
    recorded.feed(b"EHLO me\r\nNOOP\r\n")

    assert recorded.record.transcript.format_brief(4).splitlines() == [
        "   0.000 C: EHLO me",
        "   0.000 S: 250 localhost, SIZE 33554432, HELP",
        "   0.000 C: NOOP",
        "   0.000 S: 250 Ok",
    ]


def test_times_come_from_the_driver():
    transcript = Transcript()
    for now, line in ((100.0, b"a"), (100.25, b"b"), (101.0, b"c")):
        transcript.add_timestamp(now)
        transcript.add_command(line)
    transcript.add_timestamp(105.0)
    transcript.add_timestamp(106.0)  # no entry followed the one before

    assert [(line.at, line.text) for line in transcript] == [(0.0, "a"), (0.25, "b"), (1.0, "c")]
    assert transcript.last(2) == "   0.250 C: b\n   1.000 C: c"
    assert str(transcript[0]) == "   0.000 C: a" and repr(transcript[0]) == "<TranscriptLine 0.000 C: a>"
    assert repr(transcript) == "<Transcript: 3 lines>"
    assert str(TranscriptLine(1.5, "*", "TLS")) == "   1.500 *  TLS"


@pytest.mark.parametrize("marked", [True, False])
def test_long_dialogue_keeps_start_and_end(marked):
    transcript = Transcript()
    for number in range(5000):
        if marked or number % 1000 == 0:
            transcript.add_timestamp(float(number))
        transcript.add_command(b"%d" % number)
    transcript.add_timestamp(5000.0)
    if not marked:
        assert len(transcript.entries) <= 1600
    texts = [line.text for line in transcript]

    assert texts[:10] == [str(number) for number in range(10)]
    assert texts[-10:] == [str(number) for number in range(4990, 5000)]
    skipped = next(text for text in texts if "not kept" in text)
    assert int(re.sub(r"\D", "", skipped)) + len(texts) - 1 == 5000
    assert len(transcript.entries) < 2000


def test_unused_times_are_dropped_first():
    transcript = Transcript()
    for number in range(2000):  # slow content: the clock is read for each part
        transcript.add_timestamp(float(number))
    transcript.add_command(b"after it")
    for number in range(2000, 4000):
        transcript.add_timestamp(float(number))
    transcript.add_command(b"and again")

    assert [str(line).strip() for line in transcript] == ["0.000 C: after it", "2000.000 C: and again"]
    assert len(transcript.entries) <= 1300


def test_content_received_byte_by_byte_is_shown_alike():
    content = b"".join(b"line %d of the message\r\n" % number for number in range(100))
    joined, split = Transcript(), Transcript()
    joined.add_content(len(content), [content])
    split.add_content(len(content), [bytes([octet]) for octet in content])

    assert str(split) == str(joined)
    assert [line.text for line in split][:1] == ["line 0 of the message"]


def test_long_lines_are_cut():
    recorded = RecordedSession()
    recorded.feed(b"NOOP " + b"x" * 400 + b"\r\n" + b"NOOP " + b"y" * 20_000)
    recorded.feed(b"\r\n")
    long, longer = [line.text for line in recorded.record.transcript if line.text.startswith("NOOP")]

    assert long == "NOOP " + "x" * 245 + "..." and longer == "NOOP " + "y" * 245 + "..."


def test_record_counts_mails_and_refusals():
    recorded = RecordedSession(decide=lambda event, reply: Reply(450, "Busy") if event.verb == "VRFY" else reply)
    recorded.feed(TO_RCPT + b"DATA\r\nHi\r\n.\r\nVRFY ann\r\nHELO me\r\nFOO\r\nQUIT\r\n")
    record = recorded.record

    assert (record.greetings, record.mails, record.refusals, record.ended) == (("EHLO", "HELO"), 1, 2, "QUIT")
    assert "1 mail, 2 refusals, ended by QUIT" in repr(record)
    assert repr(SessionRecord()).endswith("0 mails, open>")


@pytest.mark.parametrize(
    ("end", "how", "last"),
    [
        (lambda session: session.receive(b"QUIT\r\n"), "QUIT", "S 221 2.0.0 Bye"),
        (lambda session: session.receive_eof(), "EOF", "* the client closed the connection"),
        (lambda session: session.time_out(), "timeout", "S 421 4.4.2 Timeout, closing the connection"),
        (lambda session: session.shut_down(), "stop", "S 421 4.3.2 Server shutting down, goodbye"),
        (
            lambda session: session.receive(b"GET / HTTP/1.1\r\n"),
            "421",
            "S 421 5.5.1 This is an SMTP server, and that was HTTP",
        ),
    ],
)
def test_record_has_the_end_of_the_session(end, how, last):
    recorded = RecordedSession()
    end(recorded.session)
    recorded.session.shut_down()

    assert recorded.record.ended == how
    assert dialogue(recorded)[-1].split()[:2] == last.split()[:2]
    assert recorded.record.refusals == 0 or how == "421"


def test_dropped_transcript_shows_a_note():
    recorded = RecordedSession()
    recorded.record.transcript.discard()
    recorded.feed(b"NOOP\r\n")

    assert str(recorded.record.transcript) == "   0.000 *  (not kept: too many sessions came after this one)"


def test_diagram_is_well_formed_and_shows_lines_and_gaps():
    recorded = start_transaction()
    transcript = recorded.record.transcript
    transcript.add_timestamp(0.0)
    recorded.feed(b'DATA\r\nSubject: <b>&"\x01\r\n\r\n.\r\n')
    transcript.add_timestamp(2.5)
    recorded.feed(b"NOOP " + b"z" * 200 + b"\r\nFOO\r\n")
    recorded.session.receive_eof()
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


def test_short_pause_is_shown_in_milliseconds():
    lines = [TranscriptLine(0.0, "S", "220 a"), TranscriptLine(0.05, "C", "QUIT")]

    assert "⋮ 50 ms later" in render_sequence_diagram(lines, title="x")


@pytest.mark.parametrize("bytewise", [False, True])
@pytest.mark.parametrize("sending", [b"DATA\r\n%s.\r\n", b"BDAT 10\r\n%s", b"BDAT 0\r\n"])
def test_full_transcript_has_whole_messages(sending, bytewise):
    content = b"".join(b"line %d\r\n" % number for number in range(100)) + b"\xff\x0b\r\n"
    recorded = RecordedSession(transcript="full")
    data = TO_RCPT
    if sending.startswith(b"DATA"):
        data += sending % content
    else:
        first = 10 if b"10" in sending else 0
        data += (
            b"BDAT %d\r\n" % first + content[:first] + b"BDAT %d LAST\r\n" % (len(content) - first) + content[first:]
        )
    (recorded.feed_bytewise if bytewise else recorded.feed)(data)
    lines = [line.text for line in recorded.record.transcript if line.content and "octets" not in line.text]

    assert lines == [*(f"line {number}" for number in range(100)), "\\xff\\x0b"]
    assert "(… 81 lines …)" in recorded.record.to_svg() and "line 50" not in recorded.record.to_svg()


def test_full_transcript_shows_only_the_size_of_dropped_content():
    recorded = RecordedSession(transcript="full", limits=Limits(message_size=5))
    recorded.feed(TO_RCPT + b"DATA\r\n" + b"x" * 8 + b"\r\n.\r\n")

    assert [line.text for line in recorded.record.transcript if line.content] == ["(… 10 octets …)"]


def test_invalid_kind_of_transcript_is_rejected():
    with pytest.raises(ValueError, match=r"'ful'.*did you mean 'full'"):
        RecordedSession(transcript="ful")


def test_transcript_has_the_hash_of_its_identity():
    first, second = Transcript(), Transcript()
    assert first == second and len({first, second, first}) == 2


def test_last_refusal_is_one_line():
    transcript = Transcript()
    assert transcript.last_refusal == ""

    replies = (b"550-5.1.1 No such\r\n550 user \x1b\r\n", b"250 Ok\r\n", b"4 is no code\r\n", b"550-x\r\nloose\r\n")
    for reply in replies:
        transcript.add_reply(reply)

    assert transcript.last_refusal == "550 5.1.1 No such user \\x1b"


def test_refusals_are_replies_with_4yz_and_5yz_codes():
    texts = ["250 Ok", "354 Go", "421 Bye", "550", "550-No", "5500", "5x0 a", ""]
    lines = [TranscriptLine(0.0, "S", text) for text in texts]

    assert [line.text for line in lines if line.is_refusal] == ["421 Bye", "550", "550-No"]
    assert not TranscriptLine(0.0, "C", "550 No", content=True).is_refusal


def test_transaction_ends_with_all_replies_of_lmtp():
    def decide(event, reply):
        if event.verb == "END_OF_DATA":
            event.session.add_mail(event.content.decode().strip())
        return reply

    recorded = RecordedSession(decide, lmtp=True)
    command = b"MAIL FROM:<a@example.com>\r\nRCPT TO:<b@example.com>\r\nRCPT TO:<c@example.com>\r\n"
    recorded.feed(b"LHLO me\r\n" + b"".join(command + b"DATA\r\n%s\r\n.\r\n" % name for name in (b"one", b"two")))
    lines = dialogue(recorded, 0)
    first, last = recorded.record.transcript.find_transaction("one")

    assert lines[first] == "C MAIL FROM:<a@example.com>" and lines[last + 1] == "C MAIL FROM:<a@example.com>"
    assert [line[:5] for line in lines[last - 2 : last + 1]] == ["C .", "S 250", "S 250"]
    assert recorded.record.transcript.find_transaction("two")[1] == len(lines) - 1
    assert recorded.record.transcript.find_transaction("three") is None
    assert [command.verb for command in recorded.record.commands][-2:] == ["DATA", "END_OF_DATA"]


def test_transaction_without_a_reply_ends_with_the_content():
    def decide(event, reply):
        if event.verb != "END_OF_DATA":
            return reply
        event.session.add_mail("1")
        return PENDING

    recorded = RecordedSession(decide)
    recorded.feed(TO_RCPT + b"DATA\r\nHi\r\n.\r\n")
    recorded.session.receive_eof()
    lines = dialogue(recorded, 0)
    first, last = recorded.record.transcript.find_transaction("1")

    assert lines[first] == "C MAIL FROM:<ann@example.com>" and lines[first - 1].startswith("S 250")
    assert lines[last] == "C ."
