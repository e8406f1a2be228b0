"""Random dialogues of IMAP, split at random: no exception, bounded memory, the same result."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lazr.smtptest import Auth, Limits
from tests.helpers.imap_client import MAIL, ImapClient, make_mail
from tests.helpers.imap_dialogues import PIECES
from tests.helpers.memory_folders import run_calls

LIMITS = Limits(message_size=300, errors=8, replies_waiting=200, session_memory=4000)
MAILS = (MAIL, make_mail("Grün", "x" * 500), b"", b"no header", b"\r\n\r\n\0")
START = [b"", b"a LOGIN ann x\r\na SELECT INBOX\r\n", b"a LOGIN ann x\r\na ENABLE IMAP4rev2\r\na SELECT INBOX\r\n"]

dialogues = st.tuples(
    st.sampled_from(START), st.lists(st.one_of(st.sampled_from(PIECES), st.binary(max_size=12)), max_size=25)
).map(lambda parts: parts[0] + b"".join(parts[1]))
settings_of_servers = st.fixed_dictionaries({"auth": st.sampled_from([None, Auth({"ann": "x"})])})


def run_dialogue(data, cuts, server):
    client = ImapClient(*MAILS, login=False, limits=LIMITS, **server)
    output = [client.greeting]
    start = 0
    for cut in [*sorted(cut for cut in cuts if cut < len(data)), len(data)]:
        output.append(client.feed(data[start:cut]))
        start = cut
        assert client.session.unread_size <= len(data)
    output.append(client.session.receive_eof())
    assert client.session.is_closing
    assert client.session.record.transcript is not None and str(client.session.record.transcript)
    folders = {name: [*folder.messages] for name, folder in client.account.folders.items()}
    return b"".join(output), folders, [event.said() for event in client.events]


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(data=dialogues, cuts=st.lists(st.integers(0, 2000), max_size=10), server=settings_of_servers)
def test_result_does_not_depend_on_how_input_is_split(data, cuts, server):
    expected = run_dialogue(data, [], server)

    assert run_dialogue(data, cuts, server) == expected
    assert run_dialogue(data, range(len(data)), server) == expected


@settings(max_examples=100, deadline=None)
@given(data=dialogues, server=settings_of_servers)
def test_output_is_always_whole_responses(data, server):
    output, _, _ = run_dialogue(data, [], server)

    assert output.endswith(b"\r\n")


@settings(max_examples=100, deadline=None)
@given(commands=st.lists(st.sampled_from(PIECES), max_size=20), changes=st.lists(st.integers(0, 3), max_size=20))
def test_numbers_follow_exists_and_expunge(commands, changes):
    """Count messages as a client does, while another client changes the folder."""
    client = ImapClient(*[MAIL] * 3)
    inbox = client.account.inbox
    count = 3
    for number, command in enumerate(commands):
        change = changes[number] if number < len(changes) else 0
        if change == 1:
            inbox.add(MAIL)
        elif change == 2 and inbox.messages:
            inbox.delete([next(iter(inbox.messages))])
        elif change == 3:
            inbox.change_flags([*inbox.messages], "add", ["\\Flagged"])
        output = run_calls(client.session, client.session.notify_change()) + client.feed(command)
        if client.session.is_closing or b"CLOSED" in output or not client.session.selected_uids:
            return
        for line in output.split(b"\r\n"):
            words = line.split(b" ")
            if len(words) == 3 and words[0] == b"*" and words[2] == b"EXISTS":
                assert int(words[1]) >= count
                count = int(words[1])
            elif len(words) == 3 and words[0] == b"*" and words[2] == b"EXPUNGE":
                assert 1 <= int(words[1]) <= count
                count -= 1
        assert len(client.session.selected_uids) == count
