"""Coverage-guided fuzzing of POP3 (`make fuzz`): split input gives the same result, and only QUIT deletes.

The first byte selects the settings of the listener, the second the size of the parts.  Bytes from 0x80 on stand for
commands, which mutation alone would find late.
"""

import sys

import atheris

with atheris.instrument_imports():
    from lazr.smtptest.protocol.pop3.session import Pop3Session
    from lazr.smtptest.protocol.reading_session import ReadingSettings
    from lazr.smtptest.protocol.smtp.auth import Auth
    from lazr.smtptest.protocol.smtp.limits import Limits
    from lazr.smtptest.protocol.smtp.session_record import TlsFacts
    from lazr.smtptest.protocol.smtp.tls_mode import TlsMode
    from tests.helpers.memory_folders import MemoryAccount, run_calls

LIMITS = Limits(command_flood=2000, replies_waiting=300)
USERS = {"ann": "secret"}
SETTINGS = [
    ReadingSettings(limits=LIMITS, auth=auth, tls=tls)
    for auth in (
        None,
        Auth(USERS, nonce=lambda: "nonce", in_clear=True),
        Auth(USERS, nonce=lambda: "nonce", mechanisms=["CRAM-MD5"]),
    )
    for tls in (TlsMode.NONE, TlsMode.STARTTLS)
]
WORDS = [
    *(b"USER ann\r\n", b"PASS secret\r\n", b"APOP ann ", b"AUTH PLAIN ", b"AUTH LOGIN\r\n", b"AUTH CRAM-MD5\r\n"),
    *(b"AGFubgBzZWNyZXQ=\r\n", b"YW5u\r\n", b"*\r\n", b"CAPA\r\n", b"STLS\r\n", b"UTF8\r\n", b"LANG ", b"STAT\r\n"),
    *(b"LIST ", b"UIDL ", b"RETR ", b"TOP ", b"DELE ", b"RSET\r\n", b"NOOP\r\n", b"QUIT\r\n", b"1\r\n", b"2\r\n"),
    *(b"1 1\r\n", b"2 99\r\n", b"\r\n", b"GET / HTTP/1.1\r\n", b"\x16\x03", b"x" * 600, b"x" * 2100, b"\xc3\xbc"),
]
MAILS = (b"Subject: a\r\n\r\n.Hi\r\n", b".\n.\n\nx\n.")


def run_session(settings, parts):
    account = MemoryAccount(*MAILS)
    session = Pop3Session(lambda command, reply: None, settings, lambda username: account)
    session.greet("x")
    output = b""
    for part in parts:
        output = run_calls(session, output + session.receive(part))
        if session.unread_size > 13_000:
            raise MemoryError("the session holds too much input")
        if session.record.ended != "QUIT" and len(account.inbox.messages) != len(MAILS):
            raise AssertionError("a message was deleted without QUIT")
        if session.is_handshaking:
            session.complete_handshake(TlsFacts("TLSv1.3", "x"), settings.replace(tls_active=True))
    output += session.receive_eof()
    if not session.is_closing:
        raise AssertionError("the session continues after the end of its input")
    str(session.record.transcript)
    return output, session.record.ended


def test_one_input(data):
    if len(data) < 2:
        return
    settings, step = SETTINGS[data[0] % len(SETTINGS)], data[1] + 1
    rest = b"".join(bytes((octet,)) if octet < 0x80 else WORDS[(octet - 0x80) % len(WORDS)] for octet in data[2:])
    if settings.offers_starttls:
        run_session(settings, rest.splitlines(keepends=True))  # the client must wait after STLS
    elif run_session(settings, [rest]) != run_session(
        settings, [rest[start : start + step] for start in range(0, len(rest), step)]
    ):
        raise AssertionError("the result depends on how the input was split")


if __name__ == "__main__":
    atheris.Setup(sys.argv, test_one_input)
    atheris.Fuzz()
