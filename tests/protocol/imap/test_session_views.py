"""Several clients change one folder at random; what each one is told must stay true, as imaptest checks it."""

import random
import re

import pytest

from tests.helpers.imap_client import MAIL, ImapClient
from tests.helpers.memory_folders import MemoryAccount, run_calls

FLAGS = ("\\Seen", "\\Flagged", "\\Deleted", "$Work", "later")
FETCH = re.compile(r"\* (\d+) FETCH \((.*)\)")
SILENT = re.compile(r"UID STORE (\d+):(\d+) ([+-])FLAGS.SILENT \((.*)\)")
COUNT = re.compile(r"\* (\d+) (EXISTS|EXPUNGE)")


class Model:
    """What a client knows about its folder: the UID and the flags of each message, None if it was not told."""

    def __init__(self, account):
        self.client = ImapClient(account=account, select="")
        self.messages = []
        account.subscribe(self.note_change)
        self.is_selected = False
        self.send("SELECT INBOX")
        self.is_selected = True

    def note_change(self):
        # A driver calls this later, in its own thread, and not in the middle of a command.
        if not self.client.session.is_reply_pending:
            self.read(run_calls(self.client.session, self.client.session.notify_change()).decode().splitlines())

    def send(self, command):
        lines = self.client.send(command)
        if not command.startswith("UID") and command.split()[0] in {"FETCH", "STORE", "SEARCH"}:
            assert not [line for line in lines if line.endswith("EXPUNGE")], command
        self.read(lines)
        silent = SILENT.match(command)
        if silent:
            self.note_silent_store(*silent.groups())

    def note_silent_store(self, first, last, sign, flag):
        """Compute what the server does not tell."""
        for message in self.messages:
            if message[0] is None:
                message[1] = None
            elif message[1] is not None and min(int(first), int(last)) <= message[0] <= max(int(first), int(last)):
                message[1] = message[1] | {flag} if sign == "+" else message[1] - {flag}

    def read(self, lines):
        for line in lines:
            count = COUNT.fullmatch(line)
            if count and count[2] == "EXISTS":
                assert int(count[1]) >= len(self.messages)
                self.messages += [[None, None] for _ in range(int(count[1]) - len(self.messages))]
            elif count:
                assert 1 <= int(count[1]) <= len(self.messages)
                del self.messages[int(count[1]) - 1]
            fetch = FETCH.match(line)
            if fetch:
                message = self.messages[int(fetch[1]) - 1]
                uid, flags = re.search(r"UID (\d+)", fetch[2]), re.search(r"FLAGS \(([^)]*)\)", fetch[2])
                if uid:
                    assert message[0] in (None, int(uid[1]))
                    message[0] = int(uid[1])
                if flags:
                    message[1] = frozenset(flags[1].split())


def act(model, chance):
    count = len(model.messages)
    numbers = f"{chance.randint(1, count)}:{chance.randint(1, count)}" if count else "1:9"
    flag, sign = chance.choice(FLAGS), chance.choice("+-")
    model.send(
        chance.choice(
            [
                "NOOP", "CHECK", "EXPUNGE", f"FETCH {numbers} (UID FLAGS)", f"UID FETCH {numbers} (FLAGS)",
                f"STORE {numbers} {sign}FLAGS ({flag})", f"UID STORE {numbers} {sign}FLAGS.SILENT ({flag})",
                f"COPY {numbers} INBOX", f"UID MOVE {chance.randint(1, 9)} Trash", f"SEARCH {flag.lstrip('$')[-4:]}",
                f"SEARCH {numbers} UNSEEN", "UID SEARCH ALL", "STATUS INBOX (MESSAGES)", "APPEND INBOX {2+}\r\nHi",
                f"FETCH {numbers} BODY.PEEK[TEXT]",
            ]
        )
    )  # fmt: skip


@pytest.mark.parametrize("seed", range(8))
def test_what_clients_are_told_stays_true(seed):
    chance = random.Random(seed)
    account = MemoryAccount(*[MAIL] * 5)
    models = [Model(account) for _ in range(3)]
    for _ in range(60):
        act(chance.choice(models), chance)
        if len(account.inbox.messages) > 30:
            account.inbox.delete([*account.inbox.messages][:15])

    for model in models:
        model.send("NOOP")
        known = [(uid, flags) for uid, flags in model.messages]
        model.messages = [[None, None] for _ in known]
        model.send("FETCH 1:* (UID FLAGS)")
        assert [uid for uid, _ in model.messages] == [*account.inbox.messages]
        assert [flags for _, flags in model.messages] == [message.flags for message in account.inbox.messages.values()]
        for (known_uid, known_flags), (uid, flags) in zip(known, model.messages, strict=True):
            assert known_uid in (None, uid)
            assert known_flags in (None, flags)
