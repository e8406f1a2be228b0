"""Coverage-guided fuzzing of the protocol (`make fuzz`): split input gives the same result.

The first byte selects the settings of the server, the second the size of the parts.  Servers with AUTH and STARTTLS get
their input line by line, as clients must wait there.  PROXY headers are parsed too.
"""

import sys

import atheris

with atheris.instrument_imports():
    from lazr.smtptest.protocol.proxy_protocol import BadProxyHeader, parse_header
    from lazr.smtptest.protocol.smtp.auth import Auth
    from lazr.smtptest.protocol.smtp.limits import Limits
    from lazr.smtptest.protocol.smtp.server_settings import ServerSettings
    from lazr.smtptest.protocol.smtp.session import SmtpSession
    from lazr.smtptest.protocol.smtp.session_record import TlsFacts
    from lazr.smtptest.protocol.smtp.tls_mode import TlsMode

LIMITS = Limits(message_size=500, recipients=3, command_flood=2000, session_memory=4000, replies_waiting=300)
SETTINGS = [
    ServerSettings(limits=LIMITS, bare_line_ends=ends, strict=strict, extensions=extensions)
    for ends in ("reject", "accept")
    for strict in (False, True)
    for extensions in (None, [])
]
SETTINGS_OF_WAITING_CLIENTS = [
    ServerSettings(
        limits=LIMITS, auth=Auth({"ann": "secret"}, required=False), tls=tls, tls_active=active, lmtp=lmtp, xclient=True
    )
    for tls, active in ((TlsMode.NONE, False), (TlsMode.STARTTLS, False), (TlsMode.STARTTLS, True))
    for lmtp in (False, True)
]


def run_session(settings, parts):
    events = []
    session = SmtpSession(lambda event, reply: (events.append(event), reply)[1], settings)
    output = session.greet("x")
    for part in parts:
        output += session.receive(part)
        while session.has_backlog:
            output += session.receive(b"")
        if session.unread_size > 10_000:
            raise MemoryError("the session holds too much input")
    output += session.receive_eof()
    if not session.is_closing:
        raise AssertionError("the session continues after the end of its input")
    return output, events


def run_line_by_line(settings, data):
    session = SmtpSession(lambda event, reply: reply, settings)
    session.greet("x")
    for line in data.splitlines(keepends=True):
        if session.is_handshaking:
            session.complete_handshake(TlsFacts("TLSv1.3", "x"), settings.replace(tls_active=True))
        session.receive(line)
        while session.has_backlog:
            session.receive(b"")
    if not session.is_handshaking:
        session.receive_eof()
        if not session.is_closing:
            raise AssertionError("the session continues after the end of its input")


def test_one_input(data):
    if len(data) < 2:
        return
    if data[0] >= 128:
        run_line_by_line(SETTINGS_OF_WAITING_CLIENTS[data[0] % len(SETTINGS_OF_WAITING_CLIENTS)], data[1:])
        try:
            parse_header(data[1:])
        except BadProxyHeader:
            pass
        return
    settings, step, rest = SETTINGS[data[0] % len(SETTINGS)], data[1] + 1, data[2:]
    expected = run_session(settings, [rest])
    if expected != run_session(settings, [rest[i : i + step] for i in range(0, len(rest), step)]):
        raise AssertionError("the result depends on how the input was split")


if __name__ == "__main__":
    atheris.Setup(sys.argv, test_one_input)
    atheris.Fuzz()
