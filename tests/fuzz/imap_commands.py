"""Coverage-guided fuzzing of the grammar of IMAP (`make fuzz`): commands, sequence sets, folder names, texts of mails.

The first byte selects the mode, and the second the size of the parts.  A byte from 128 on stands for a word of the
grammar, any other one for itself.
"""

import sys
import time

import atheris

with atheris.instrument_imports():
    from lazr.smtptest.folders import read_structure
    from lazr.smtptest.protocol.imap.command_parser import COMMAND_NAMES, parse_command
    from lazr.smtptest.protocol.imap.dates import parse_date_field
    from lazr.smtptest.protocol.imap.list_pattern import ListPattern
    from lazr.smtptest.protocol.imap.message_text import read_message_text
    from lazr.smtptest.protocol.imap.parse_error import ParseError
    from lazr.smtptest.protocol.imap.reader import ImapReader, RawCommand, Refused

WORDS = [
    *(f"a {name} ".encode() for name in sorted(COMMAND_NAMES)),
    *(
        b"\r\n",
        b"{3+}\r\n",
        b"~{2+}\r\n",
        b"{5}\r\n",
        b"{99999}\r\n",
        b"1:*",
        b"4294967295",
        b"&APw-",
        b"RETURN (",
        b"STATUS (",
    ),
    *(
        b"BODY[",
        b"BODY.PEEK[",
        b"BINARY[",
        b"HEADER.FIELDS (",
        b"TEXT",
        b"]<0.1>",
        b"FLAGS",
        b"CHANGEDSINCE",
        b"(USE (",
    ),
    *(
        b"OR ",
        b"NOT ",
        b"SEEN",
        b"HEADER ",
        b"SUBJECT ",
        b"KEYWORD ",
        b"1-Feb-2026",
        b"CHARSET UTF-8 ",
        b"UID ",
        b"\\Seen",
    ),
]
assert len(WORDS) <= 128
SECONDS = 1.0


class Content:
    """A message for the search of texts."""

    def __init__(self, content):
        self.content = content
        self.structure = read_structure(content)


def read_commands(parts, *, is_utf8):
    reader = ImapReader(lambda name: 50 if name == "APPEND" else 20, max_line_bytes=300, max_non_synchronizing_bytes=40)
    items = []
    for part in parts:
        reader.feed(part)
        while (item := reader.read()) is not None:
            items.append(item)
            if isinstance(item, Refused) and item.is_fatal:
                return items
            if isinstance(item, RawCommand):
                items.append(parse(item, is_utf8=is_utf8))
        if reader.unread_size > 600 or reader.literal_size > 50:
            raise MemoryError("the reader holds too much input")
    return items


def parse(raw, *, is_utf8):
    try:
        return repr(parse_command(raw, is_utf8=is_utf8))
    except ParseError as error:
        if not (str(error).isascii() and error.code.isascii()):
            raise AssertionError("the text of an error must be ASCII") from error
        return str(error)


def test_one_input(data):
    if len(data) < 2:
        return
    start = time.process_time()
    mode, step = data[0], data[1] + 1
    rest = b"".join(WORDS[byte - 128] if 128 <= byte < 128 + len(WORDS) else bytes([byte]) for byte in data[2:])
    if mode < 64:
        message = Content(data[2:])
        for kind in ("TEXT", "BODY", "SUBJECT"):
            read_message_text(message, kind, "")
        text = data[2:].decode("utf-8", "replace")
        parse_date_field(text)
        ListPattern("", text[:step]).matches(text[step:])
    else:
        expected = read_commands([rest], is_utf8=mode >= 128)
        if expected != read_commands([rest[i : i + step] for i in range(0, len(rest), step)], is_utf8=mode >= 128):
            raise AssertionError("the result depends on how the input was split")
    if time.process_time() - start > SECONDS:
        raise TimeoutError(f"took more than {SECONDS} s")


if __name__ == "__main__":
    atheris.Setup(sys.argv, test_one_input)
    atheris.Fuzz()
