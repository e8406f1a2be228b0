"""Findings: what a client did that an RFC advises against, although it was accepted."""

import pytest

from lazr.smtptest import Extension, Lenient, Reply
from lazr.smtptest.protocol.smtp.extensions import EXTENSIONS
from lazr.smtptest.protocol.smtp.findings import FINDING_CODES, Finding
from tests.helpers.smtp_client import EHLO_LINE, RecordedSession

MAIL = b"MAIL FROM:<ann@example.com>"
RCPT = b"RCPT TO:<bob@example.com>"
CONTENT = [b"DATA", b"Subject: Hi\r\n\r\nHello\r\n."]
QUIT = [b"QUIT"]
EHLO = EHLO_LINE.rstrip()


def talk(*reads, settings=None, end=True):
    """Feed the reads, each with its time, and return the findings."""
    recorded = RecordedSession(**({"lenient": Lenient.all()} | (settings or {})))
    recorded.record.transcript.entries.insert(0, 0.0)
    for number, read in enumerate(reads, 1):
        recorded.record.transcript.add_timestamp(float(number))
        recorded.feed(read + b"\r\n")
    if end:
        recorded.session.receive_eof()
    return recorded.record.findings


def list_codes(*reads, settings=None, end=True):
    return [finding.code for finding in talk(*reads, settings=settings, end=end)]


NO_PIPELINING = {"extensions": ["SIZE", "8BITMIME"]}
CASES = [
    ("no_quit", [EHLO], {}),
    ("helo_instead_of_ehlo", [b"HELO client.example", *QUIT], {}),
    ("invalid_helo_name", [b"EHLO my_laptop", *QUIT], {}),
    ("invalid_helo_name", [b"EHLO [192.0.2.300]", *QUIT], {}),
    ("space_before_path", [EHLO, b"MAIL FROM: <ann@example.com>", *QUIT], {}),
    ("space_before_path", [EHLO, b"MAIL  FROM:<ann@example.com>", *QUIT], {}),
    ("space_before_path", [EHLO, MAIL, b"rcpt to:  <bob@example.com>", *QUIT], {}),
    ("path_without_brackets", [EHLO, b"MAIL FROM:ann@example.com", *QUIT], {}),
    ("path_without_brackets", [EHLO, MAIL, b"RCPT TO:postmaster", *QUIT], {}),
    ("address_without_domain", [EHLO, MAIL, b"RCPT TO:<root>", *QUIT], {}),
    ("underscore_in_domain", [EHLO, MAIL, b"RCPT TO:<ann@build_host.example>", *QUIT], {}),
    ("utf8_without_smtputf8", [EHLO, "MAIL FROM:<jürgen@example.com>".encode(), *QUIT], {}),
    ("utf8_without_smtputf8", [EHLO, MAIL, "RCPT TO:<bøb@example.com>".encode(), *QUIT], {}),
    ("unknown_parameter", [EHLO, MAIL + b" X-FOO=1", *QUIT], {}),
    ("unknown_parameter", [EHLO, MAIL + b" SIZE=5", *QUIT], {"extensions": ["HELP"]}),
    ("size_too_small", [EHLO, MAIL + b" SIZE=10", RCPT, *CONTENT, *QUIT], {}),
    ("size_too_small", [EHLO, MAIL + b" SIZE=1", RCPT, b"BDAT 4 LAST\r\nab", *QUIT], {}),
    ("eight_bit_without_8bitmime", [EHLO, MAIL, RCPT, b"DATA", b"\xc3\xbc\r\n.", *QUIT], {}),
    ("eight_bit_without_8bitmime", [EHLO, MAIL + b" BODY=7BIT", RCPT, b"DATA", b"x\xff\r\n.", *QUIT], {}),
    ("bare_line_end", [EHLO, MAIL, RCPT, b"DATA", b"Subject: Hi\n\nHello\r\n.", *QUIT], {}),
    ("bare_line_end", [EHLO, MAIL, RCPT, b"DATA", b"Subject: Hi\r\n\r\nHello\nAnn\r\n.", *QUIT], {}),
    ("bare_line_end", [EHLO, MAIL, RCPT, b"DATA", b"\nHello\r\n.", *QUIT], {}),
    ("bare_line_end", [EHLO, MAIL, RCPT, b"BDAT 1 LAST\r\n\n" + QUIT[0]], {}),
    ("bare_line_end", [EHLO, b"RSET\nRSET", *QUIT], {"bare_line_ends": "accept", "extensions": ["PIPELINING"]}),
    ("bare_line_end", [EHLO, b"RSET\rRSET", *QUIT], {"bare_line_ends": "accept", "extensions": ["PIPELINING"]}),
    ("pipelining_not_offered", [EHLO, MAIL + b"\r\n" + RCPT, *QUIT], NO_PIPELINING),
    ("pipelining_not_offered", [EHLO, MAIL, RCPT, b"DATA", b"x\r\n.\r\nQUIT"], NO_PIPELINING),
    ("pipelined_too_early", [EHLO + b"\r\n" + MAIL, *QUIT], {}),
    ("pipelined_too_early", [EHLO, MAIL, RCPT, b"DATA\r\nHello\r\n.", *QUIT], {}),
]  # fmt: skip

TRACING = Extension("X-TRACING", mail={"X-TRACE": frozenset({"ON"})})

# What the RFCs allow yields no finding.
GOOD = [
    ([EHLO, MAIL, RCPT, *CONTENT, *QUIT], {}),
    ([b"EHLO [192.0.2.1]", b"MAIL FROM:<>", b"RCPT TO:<Postmaster>", *CONTENT, *QUIT], {}),
    ([EHLO, MAIL + b" SIZE=22", RCPT, *CONTENT, *QUIT], {}),
    ([EHLO, MAIL + b" SIZE=0", RCPT, *CONTENT, *QUIT], {}),
    ([EHLO, MAIL + b" BODY=8BITMIME", RCPT, b"DATA", b"\xff\r\n.", *QUIT], {}),
    ([EHLO, MAIL + b" BODY=BINARYMIME", RCPT, b"BDAT 6 LAST\r\n\xff\na\r", *QUIT], {}),
    ([EHLO, "MAIL FROM:<ü@example.com> SMTPUTF8".encode(), "RCPT TO:<ø@example.com>".encode(), *QUIT], {}),
    ([EHLO, MAIL + b"\r\n" + RCPT + b"\r\nDATA", b"x\r\n.\r\n" + MAIL + b"\r\nRSET\r\nQUIT"], {}),
    ([EHLO, MAIL, RCPT, b"BDAT 2\r\nabBDAT 2 LAST\r\ncd", *QUIT], {}),
    ([b"LHLO client.example", MAIL, RCPT, *CONTENT, *QUIT], {"lmtp": True}),
    ([EHLO, MAIL + b" X-TRACE=ON", *QUIT], {"extensions": [*EXTENSIONS, TRACING]}),
    ([EHLO, b"FOO", b"MAIL FROM:<bad", *QUIT], {}),
    ([EHLO, b"", *QUIT], {}),
]  # fmt: skip


@pytest.mark.parametrize(("code", "reads", "settings"), CASES)
def test_departure_is_found(code, reads, settings):
    assert set(list_codes(*reads, settings=settings)) == {code}


@pytest.mark.parametrize(("reads", "settings"), GOOD)
def test_correct_client_has_no_findings(reads, settings):
    assert talk(*reads, settings=settings) == ()


def test_parameters_after_helo_are_found():
    codes = list_codes(b"HELO client.example", MAIL + b" SIZE=5", *QUIT)

    assert codes == ["helo_instead_of_ehlo", "parameters_after_helo"]


def test_every_code_has_a_case():
    assert {code for code, _, _ in CASES} | {"parameters_after_helo", "early_input"} == set(FINDING_CODES)


@pytest.mark.parametrize("first", [b"EHLO bad name", EHLO])
def test_helo_after_a_refused_ehlo_is_correct(first):
    def refuse(event, reply):
        return Reply(502, "no") if event.verb == "EHLO" else reply

    recorded = RecordedSession(refuse)
    recorded.feed(first + b"\r\n")
    recorded.feed(b"HELO client.example\r\nQUIT\r\n")

    assert recorded.record.findings == ()


def test_refused_commands_are_not_examined():
    recorded = RecordedSession(lambda event, reply: Reply(550, "no") if event.verb == "RCPT" else reply)
    recorded.feed(EHLO_LINE + MAIL + b"\r\nRCPT TO: bob@example.com\r\nQUIT\r\n")

    assert recorded.record.findings == ()


def test_crlf_split_between_reads_is_one_line_end():
    recorded = RecordedSession(bare_line_ends="accept")
    recorded.feed_bytewise(EHLO_LINE + b"NOOP\r\nQUIT\r\n")

    assert recorded.record.findings == ()


def test_number_of_findings_is_bounded():
    recorded = RecordedSession(lenient=Lenient.all())
    for number in range(150):
        recorded.feed(b"EHLO bad_%d\r\n" % number)

    assert len(recorded.record.findings) == 100


def test_findings_are_values_with_text_and_rfc():
    finding = talk(b"EHLO " + b"_" * 200, *QUIT)[0]

    assert finding.rfc == "RFC 5321 4.1.1.1" and str(finding) == f"{finding.text} (RFC 5321 4.1.1.1)"
    assert len(finding.text) < 180 and repr(finding) == f"<Finding invalid_helo_name: {finding}>"
    same = Finding(finding.code, finding.text)
    assert same == finding and hash(same) == hash(finding) and same != Finding("no_quit", "x") and same != "x"


def test_equal_findings_are_listed_once():
    reads = [EHLO, *[b"MAIL FROM: <ann@example.com>", b"RSET"] * 5, *QUIT]

    assert list_codes(*reads) == ["space_before_path"]
