"""Messages for tests of FETCH: the interfaces of `protocol.folder_access` as plain values."""

from dataclasses import dataclass, field

from lazr.smtptest.protocol.folder_access import MessageEnvelope


@dataclass
class FakePart:
    """A part; the ranges are those of `FakeMessage.content`."""

    type: bytes = b"TEXT"
    subtype: bytes = b"PLAIN"
    parameters: list = field(default_factory=list)
    content_id: bytes | None = None
    description: bytes | None = None
    encoding: bytes = b"7BIT"
    line_count: int = 0
    md5: bytes | None = None
    disposition: tuple | None = None
    languages: list = field(default_factory=list)
    location: bytes | None = None
    header_range: tuple = (0, 0)
    body_range: tuple = (0, 0)
    parts: list = field(default_factory=list)
    message: "FakePart | None" = None
    envelope: MessageEnvelope | None = None
    decoded: bytes = b""
    decode_count: int = 0

    def decode(self):
        self.decode_count += 1
        return self.decoded


@dataclass
class FakeMessage:
    """A message; `structure` is only given where a test needs it."""

    content: bytes = b""
    structure: FakePart = field(default_factory=FakePart)
    uid: int = 7
    id: str = "0000000000000007"
    flags: frozenset = frozenset()
    mod_seq: int = 3
    internal_date: float = 837596665.0

    @property
    def size(self):
        return len(self.content)


def build_nested_message() -> FakeMessage:
    """Return a multipart of a text, a message/rfc822 (itself a multipart) and a file, with exact ranges."""
    inner_text = b"A: a\r\n\r\ninner"
    inner = b"Subject: in\r\n\r\n--j\r\n" + inner_text + b"\r\n--j--\r\n"
    pieces = [
        (b"Subject: out\r\nX-Y: 1\r\n 2\r\nsubject: again\r\n\r\n", "header"),
        (b"--i\r\n", ""),
        (b"Content-ID: <1>\r\n\r\n", "text_header"),
        (b"one\r\n", "text"),
        (b"--i\r\nContent-Type: message/rfc822\r\n\r\n", "message_header"),
        (inner, "inner"),
        (b"\r\n--i\r\n", ""),
        (b"\r\n", "file_header"),
        (b"AAEC\r\n", "file"),
        (b"--i--\r\n", ""),
    ]
    content = b""
    ranges = {}
    for octets, name in pieces:
        ranges[name] = (len(content), len(content) + len(octets))
        content += octets
    start = ranges["inner"][0]
    inner_header = (start, start + len(b"Subject: in\r\n\r\n"))
    leaf_start = start + inner.index(inner_text)
    leaf = FakePart(
        header_range=(leaf_start, leaf_start + 8), body_range=(leaf_start + 8, leaf_start + 13), line_count=1
    )
    nested = FakePart(
        type=b"MULTIPART",
        subtype=b"MIXED",
        header_range=inner_header,
        body_range=(inner_header[1], ranges["inner"][1]),
        parts=[leaf],
        envelope=MessageEnvelope(subject=b"in"),
    )
    parts = [
        FakePart(header_range=ranges["text_header"], body_range=ranges["text"], line_count=1, content_id=b"<1>"),
        FakePart(
            type=b"MESSAGE",
            subtype=b"RFC822",
            header_range=ranges["message_header"],
            body_range=ranges["inner"],
            line_count=8,
            message=nested,
        ),
        FakePart(
            type=b"APPLICATION",
            subtype=b"OCTET-STREAM",
            encoding=b"BASE64",
            header_range=ranges["file_header"],
            body_range=ranges["file"],
            decoded=b"\0\1\2",
        ),
    ]
    root = FakePart(
        type=b"MULTIPART",
        subtype=b"MIXED",
        header_range=ranges["header"],
        body_range=(ranges["header"][1], len(content)),
        parts=parts,
        envelope=MessageEnvelope(subject=b"out"),
    )
    return FakeMessage(content, root)
