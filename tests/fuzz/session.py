"""Coverage-guided fuzzing of the protocol (`make fuzz`): whole, and split, with the same outcome.

The first octet chooses the server's settings, the second where the input is cut.  Servers with AUTH
and STARTTLS are fed line by line, as clients have to wait there; and PROXY headers are read.
"""

import sys

import atheris

with atheris.instrument_imports():
    from lazr.smtptest.protocol.proxy import BadProxyHeader, read_header
    from lazr.smtptest.protocol.smtp.auth import Auth
    from lazr.smtptest.protocol.smtp.limits import Limits
    from lazr.smtptest.protocol.smtp.profile import Profile
    from lazr.smtptest.protocol.smtp.record import TlsFacts
    from lazr.smtptest.protocol.smtp.session import Session

LIMITS = Limits(message_size=500, recipients=3, command_flood=2000, session_memory=4000, replies_waiting=300)
PROFILES = [
    Profile(limits=LIMITS, bare_line_ends=ends, strict=strict, extensions=extensions)
    for ends in ("reject", "accept")
    for strict in (False, True)
    for extensions in (None, [])
]
PATIENT = [
    Profile(limits=LIMITS, auth=Auth({"ann": "secret"}, required=False), tls=tls, lmtp=lmtp, xclient=True)
    for tls in ("none", "offered", "on")
    for lmtp in (False, True)
]


def outcome(profile, pieces):
    events = []
    session = Session(lambda event, reply: (events.append(event), reply)[1], profile)
    output = session.greet("x")
    for piece in pieces:
        output += session.receive(piece)
        while session.backlog:
            output += session.receive(b"")
        if len(session._unread) > 10_000:
            raise MemoryError("the session holds more than it may")
    output += session.end_of_input()
    if not session.closing:
        raise AssertionError("the session goes on behind the end of its input")
    return output, events


def patiently(profile, data):
    session = Session(lambda event, reply: reply, profile)
    session.greet("x")
    for line in data.splitlines(keepends=True):
        if session.handshaking:
            session.secured(TlsFacts("TLSv1.3", "x"), profile.but(tls="on"))
        session.receive(line)
    if not session.handshaking:
        session.end_of_input()
        if not session.closing:
            raise AssertionError("the session goes on behind the end of its input")


def one_input(data):
    if len(data) < 2:
        return
    if data[0] >= 128:
        patiently(PATIENT[data[0] % len(PATIENT)], data[1:])
        try:
            read_header(data[1:])
        except BadProxyHeader:
            pass
        return
    profile, step, rest = PROFILES[data[0] % len(PROFILES)], data[1] + 1, data[2:]
    whole = outcome(profile, [rest])
    if whole != outcome(profile, [rest[i : i + step] for i in range(0, len(rest), step)]):
        raise AssertionError("the outcome depends on how the octets were split")


if __name__ == "__main__":
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()
