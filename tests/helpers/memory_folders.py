"""An account in memory, for tests of the sessions that read mail; `lazr.smtptest.folders` has the real one.

Messages have one text part.  `MemoryAccount.calls` records the methods that a session has called.
"""

from __future__ import annotations

from lazr.smtptest.protocol.folder_access import (
    FlagChanges,
    FolderError,
    FolderInfo,
    FolderState,
    FolderStatus,
    MessageEnvelope,
    MessageFlags,
)

SPECIAL_FOLDERS = {"Drafts": "\\Drafts", "Junk": "\\Junk", "Sent": "\\Sent", "Trash": "\\Trash"}
FIRST_DATE = 1_700_000_000.0


class MemoryPart:
    """The only part of a message: text/plain with an ASCII header."""

    type, subtype, parameters = b"TEXT", b"PLAIN", ((b"CHARSET", b"us-ascii"),)
    content_id = description = md5 = disposition = location = message = None
    encoding, languages, parts = b"7BIT", (), ()

    def __init__(self, content):
        self._content = content
        end = content.find(b"\r\n\r\n")
        end = len(content) if end < 0 else end + 4
        self.header_range = (0, end)
        self.body_range = (end, len(content))
        self.line_count = content.count(b"\n", end)

    @property
    def envelope(self):
        fields = {}
        for line in self._content[: self.header_range[1]].splitlines():
            name, colon, value = line.partition(b":")
            if colon:
                fields.setdefault(name.lower(), value.strip())
        return MessageEnvelope(
            date=fields.get(b"date"), subject=fields.get(b"subject"), message_id=fields.get(b"message-id")
        )

    def decode(self):
        return self._content[slice(*self.body_range)]


class MemoryMessage:
    """One message; the session gets it as it is, so it sees later changes too."""

    def __init__(self, uid, content, flags=(), internal_date=None, mod_seq=1):
        self.uid = uid
        self.id = f"mail-{uid}"
        self.content = content
        self.flags = frozenset(flags)
        self.internal_date = FIRST_DATE + uid if internal_date is None else internal_date
        self.mod_seq = mod_seq

    @property
    def size(self):
        return len(self.content)

    @property
    def structure(self):
        return MemoryPart(self.content)


class MemoryFolder:
    """One folder of a `MemoryAccount`."""

    def __init__(self, account, name):
        self._account = account
        self.name = name
        self.uid_validity = 7
        self.messages = {}
        self.claimed_uid = 1_000_000  # other sessions have seen all messages

    def claim_recent(self, last_uid):
        before, self.claimed_uid = self.claimed_uid, max(self.claimed_uid, last_uid)
        return before

    def read_state(self):
        self._account.note("read_state")
        unseen = [uid for uid, message in self.messages.items() if "\\Seen" not in message.flags]
        keywords = {flag for message in self.messages.values() for flag in message.flags if flag[0] != "\\"}
        return FolderState(
            tuple(self.messages),
            unseen_count=len(unseen),
            first_unseen_uid=unseen[0] if unseen else None,
            uid_next=self._account.last_uid + 1,
            highest_mod_seq=self._account.mod_seq,
            keywords=tuple(sorted(keywords)),
        )

    def _select(self, uids):
        return [self.messages[uid] for uid in (self.messages if uids is None else sorted(uids)) if uid in self.messages]

    def read_flags(self, uids=None, *, since=0):
        self._account.note("read_flags")
        return [
            MessageFlags(message.uid, message.flags, message.mod_seq)
            for message in self._select(uids)
            if message.mod_seq > since
        ]

    def read_messages(self, uids, *, with_content):
        self._account.note("read_messages")
        return self._select(uids)

    def change_flags(self, uids, action, flags, *, unchanged_since=None):
        self._account.note("change_flags")
        changed, conflicts = [], []
        for message in self._select(uids):
            if unchanged_since is not None and message.mod_seq > unchanged_since:
                conflicts.append(message.uid)
                continue
            new = {"replace": set(), "add": set(message.flags), "remove": set(message.flags)}[action]
            new = new - set(flags) if action == "remove" else new | set(flags)
            if new != message.flags:
                message.flags, message.mod_seq = frozenset(new), self._account.change()
            changed.append(MessageFlags(message.uid, message.flags, message.mod_seq))
        self._account.notify()
        return FlagChanges(changed, conflicts)

    def expunge(self, uids):
        return self.delete([message.uid for message in self._select(uids) if "\\Deleted" in message.flags])

    def delete(self, uids):
        self._account.note("delete")
        gone = [message.uid for message in self._select(uids)]
        for uid in gone:
            del self.messages[uid]
        self._account.change()
        self._account.notify()
        return gone

    def copy(self, uids, target):
        folder = self._account.open_folder(target)
        return [
            (message.uid, folder.add(message.content, message.flags, message.internal_date))
            for message in self._select(uids)
        ]

    def move(self, uids, target):
        pairs = self.copy(uids, target)
        self.delete([source for source, _ in pairs])
        return pairs

    def search_text(self, kind, name, text):
        self._account.note("search_text")

    def add(self, content, flags=(), internal_date=None):
        """Store a message, and return its UID."""
        self._account.last_uid += 1
        uid = self._account.last_uid
        self.messages[uid] = MemoryMessage(uid, content, flags, internal_date, self._account.change())
        self._account.notify()
        return uid


class MemoryAccount:
    """An account with INBOX and the special folders.

    Args:
        *contents: the messages of INBOX.
        username: the name that the user logged in with.

    Put an exception into `errors` by the name of a method of a folder, and the method raises it.
    """

    def __init__(self, *contents, username="ann@example.com"):
        self.username = username
        self.last_uid = 0
        self.mod_seq = 1
        self.calls = []
        self.errors = {}
        self.subscribed = set()
        self._listeners = []
        self.folders = {name: MemoryFolder(self, name) for name in ("INBOX", *SPECIAL_FOLDERS)}
        for content in contents:
            self.inbox.add(content)
        self.calls.clear()

    @property
    def inbox(self):
        """The folder INBOX."""
        return self.folders["INBOX"]

    def note(self, name):
        """Record a call, or raise the error that a test wants."""
        self.calls.append(name)
        if name in self.errors:
            raise self.errors[name]

    def change(self):
        """Return the next modification sequence."""
        self.mod_seq += 1
        return self.mod_seq

    def notify(self):
        """Tell the sessions that something has changed."""
        for listener in [*self._listeners]:
            listener()

    def list_folders(self):
        return [
            FolderInfo(name, special_use=SPECIAL_FOLDERS.get(name, ""), subscribed=name in self.subscribed)
            for name in ["INBOX", *sorted(set(self.folders) - {"INBOX"})]
        ]

    def create_folder(self, name):
        if self._fold(name) in self.folders:
            raise FolderError("The folder exists already", "ALREADYEXISTS")
        parts = name.split("/")
        for end in range(1, len(parts) + 1):
            path = "/".join(parts[:end])
            self.folders.setdefault(path, MemoryFolder(self, path))

    def delete_folder(self, name):
        self.open_folder(name)
        if self._fold(name) == "INBOX":
            raise FolderError("INBOX cannot be deleted", "CANNOT")
        del self.folders[name]

    def rename_folder(self, name, new_name):
        folder = self.open_folder(name)
        if self._fold(new_name) in self.folders:
            raise FolderError("The folder exists already", "ALREADYEXISTS")
        if folder is self.inbox:
            self.create_folder(new_name)
            folder.move([*folder.messages], new_name)
            return
        for path in [path for path in self.folders if path == name or path.startswith(f"{name}/")]:
            moved = self.folders.pop(path)
            moved.name = new_name + path[len(name) :]
            self.folders[moved.name] = moved

    def set_subscribed(self, name, *, subscribed):
        (self.subscribed.add if subscribed else self.subscribed.discard)(self._fold(name))

    def get_status(self, name):
        folder = self.open_folder(name)
        messages = [*folder.messages.values()]
        return FolderStatus(
            messages=len(messages),
            unseen=sum("\\Seen" not in message.flags for message in messages),
            deleted=sum("\\Deleted" in message.flags for message in messages),
            size=sum(message.size for message in messages),
            uid_next=self.last_uid + 1,
            uid_validity=folder.uid_validity,
            highest_mod_seq=self.mod_seq,
        )

    def open_folder(self, name):
        self.note("open_folder")
        try:
            return self.folders[self._fold(name)]
        except KeyError:
            raise FolderError("There is no such folder", "NONEXISTENT") from None

    def append(self, name, content, *, flags=(), internal_date=None):
        return self.open_folder(name).add(content, flags, internal_date)

    def subscribe(self, on_change):
        self._listeners.append(on_change)
        return lambda: self._listeners.remove(on_change)

    @staticmethod
    def _fold(name):
        return "INBOX" if name.upper() == "INBOX" else name


def run_calls(session, output=b""):
    """Run the calls that a session waits for, as its driver does, and return all output."""
    while session.is_reply_pending or session.has_backlog:
        if session.has_backlog:
            output += session.receive(b"")
            continue
        call = session.pending_call
        if call is None:
            break  # a decision is pending
        try:
            result = call()
        except Exception as error:
            output += session.fail(error)
        else:
            output += session.answer(result)
    return output
