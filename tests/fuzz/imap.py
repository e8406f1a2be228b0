"""Coverage-guided fuzzing of whole IMAP sessions (`make fuzz`): split input gives the same result.

The first byte selects the state in which the dialogue begins, the second the size of the parts.  A byte from 128 on
stands for a piece of a dialogue, any other one for itself.
"""

import sys

import atheris

with atheris.instrument_imports():
    from lazr.smtptest.protocol.imap.session import ImapSession
    from lazr.smtptest.protocol.reading_session import ReadingSettings
    from lazr.smtptest.protocol.smtp.auth import Auth
    from lazr.smtptest.protocol.smtp.limits import Limits
    from tests.helpers.imap_dialogues import PIECES
    from tests.helpers.memory_folders import MemoryAccount, run_calls

LIMITS = Limits(message_size=500, errors=8, session_memory=4000, replies_waiting=300)
SETTINGS = [ReadingSettings(limits=LIMITS), ReadingSettings(limits=LIMITS, auth=Auth({"ann": "secret"}))]
MAILS = (b"Subject: Hi\r\n\r\nHello\r\n", b"no header", b"")
STARTS = [
    b"",
    b"a LOGIN ann secret\r\n",
    b"a LOGIN ann secret\r\na SELECT INBOX\r\n",
    b"a LOGIN ann secret\r\na ENABLE IMAP4rev2 CONDSTORE\r\na SELECT INBOX\r\n",
]


def run_session(settings, parts):
    account = MemoryAccount(*MAILS)
    session = ImapSession(lambda event, reply: None, settings, lambda username: account)
    output = run_calls(session, session.greet("x"))
    for part in parts:
        output += run_calls(session, session.receive(part))
        if session.unread_size > 200_000:
            raise MemoryError("the session holds too much input")
    output += session.receive_eof()
    if not session.is_closing:
        raise AssertionError("the session continues after the end of its input")
    return output, {name: [*folder.messages] for name, folder in account.folders.items()}


def expand(byte):
    return PIECES[byte - 128] if 128 <= byte < 128 + len(PIECES) else bytes([byte])


def test_one_input(data):
    if len(data) < 2:
        return
    settings, step = SETTINGS[data[0] // len(STARTS) % len(SETTINGS)], data[1] + 1
    rest = STARTS[data[0] % len(STARTS)] + b"".join(map(expand, data[2:]))
    expected = run_session(settings, [rest])
    if expected != run_session(settings, [rest[i : i + step] for i in range(0, len(rest), step)]):
        raise AssertionError("the result depends on how the input was split")


if __name__ == "__main__":
    atheris.Setup(sys.argv, test_one_input)
    atheris.Fuzz()
