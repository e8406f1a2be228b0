"""The facts of a session that may be stored."""

import xml.etree.ElementTree as ET
from datetime import UTC, datetime

from lazr.smtptest.protocol.smtp.sequence_diagram import render_sessions_diagram
from lazr.smtptest.protocol.smtp.session_record import SessionRecord, TlsFacts

FACTS = {
    "server_name": "mx.example",
    "alpn": "smtp",
    "implicit": True,
    "client_certificate": b"DER",
    "identities": ("ann@example.com",),
}


def test_redacted_tls_facts_have_no_channel_bindings():
    facts = TlsFacts("TLSv1.3", "TLS_AES_256_GCM_SHA384", channel_bindings={"tls-unique": b"secret"}, **FACTS)

    assert facts.redacted() == TlsFacts("TLSv1.3", "TLS_AES_256_GCM_SHA384", **FACTS)
    assert set(TlsFacts.__slots__) == {
        "version",
        "cipher",
        "channel_bindings",
        *FACTS,
    }  # decide for each new field whether it is a secret


def test_start_is_an_aware_datetime():
    record = SessionRecord()
    record.timestamp = 1_800_000_000.5

    assert record.started == datetime(2027, 1, 15, 8, 0, 0, 500_000, UTC)


def test_completion_offers_what_readers_use():
    record = SessionRecord()

    assert {"commands", "findings", "started", "to_svg", "transcript", "ended"} <= set(dir(record))
    assert not {"end", "add_auth_attempt", "add_discarded", "add_sent_in_clear"} & set(dir(record))
    assert {"last", "format_brief"} <= set(dir(record.transcript))
    assert not {"add_command", "add_note", "entries", "drop_middle", "discard", "close"} & set(dir(record.transcript))


def make_record(number, start, end, *lines):
    record = SessionRecord()
    record.number, record.peer = number, f"192.0.2.{number}:1025"
    record.transcript.add_timestamp(start)
    for line in lines:
        record.transcript.add_command(line)
    record.transcript.add_timestamp(end)
    return record


def test_diagram_of_sessions_shows_pauses_between_them():
    records = [
        make_record(1, 10.0, 10.5, b"EHLO first"),
        make_record(2, 13.0, 13.5, b"EHLO second"),
        make_record(3, 13.25, 14.0, b"EHLO <third>"),
        make_record(4, 14.001, 14.0),
        SessionRecord(),
    ]
    texts = [element.text or "" for element in ET.fromstring(render_sessions_diagram(records)).iter()]

    assert [text for text in texts if "session" in text or text.startswith("EHLO")][2:] == [
        "session 1 from 192.0.2.1:1025",
        "EHLO first",
        "⋮ 2.5 s without a session",
        "session 2 from 192.0.2.2:1025",
        "EHLO second",
        "began 250 ms before the end of the session above",
        "session 3 from 192.0.2.3:1025",
        "EHLO <third>",
        "session 4 from 192.0.2.4:1025",
        "session from an unknown client",
    ]
    assert texts[1] == "5 sessions"
    assert "<title>1 session<" in render_sessions_diagram(records[:1])


def test_notebooks_show_the_diagram():
    record = make_record(1, 0.0, 1.0, b"NOOP")

    assert record._repr_svg_() == record.to_svg() and "NOOP" in record.to_svg()


def test_mail_ids_are_bounded():
    record = SessionRecord()
    for number in range(1_200):
        record.add_mail(str(number))
        assert record.mail_ids == tuple(map(str, range(max(0, number - 499), number + 1)))
