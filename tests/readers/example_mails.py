"""Mails that clients must read byte for byte."""

import base64
import zlib

__all__ = ["EXAMPLES", "MEETING", "REPORT", "make_mail"]


def make_mail(subject, body="Hello\r\n", fields=""):
    """Return the content of a mail."""
    return (
        f"From: Ann <ann@example.com>\r\nTo: bob@example.com\r\nSubject: {subject}\r\n"
        f"Date: Mon, 02 Nov 2026 10:00:00 +0000\r\nMessage-ID: <{zlib.crc32(subject.encode())}@example.com>\r\n"
        f"{fields}\r\n{body}"
    ).encode()


MEETING = make_mail("Meeting on Monday", "Shall we meet at noon?\r\n")
REPORT = make_mail("Report", "The numbers are fine.\r\n")

_FILE = base64.encodebytes(bytes(range(256)) * 40).decode().replace("\n", "\r\n")

EXAMPLES = {
    "plain": MEETING,
    "dots": make_mail("Dots", ".\r\n..\r\n.one\r\nend\r\n.\r\n"),
    "utf-8": make_mail(
        "=?utf-8?B?R3LDvMOfZQ==?=", "Grüße\r\n",
        "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n",
    ),
    "long line": make_mail("Long line", f"{'x' * 900}\r\n{'y ' * 400}end\r\n"),
    "attachment": make_mail(
        "Attachment",
        f"preamble\r\n--=b\r\nContent-Type: text/plain\r\n\r\nSee the file.\r\n--=b\r\nContent-Type: "
        f"application/octet-stream; name=file.bin\r\nContent-Transfer-Encoding: base64\r\nContent-Disposition: "
        f"attachment; filename=file.bin\r\n\r\n{_FILE}--=b--\r\n",
        'MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary="=b"\r\n',
    ),
    "empty body": make_mail("Empty body", ""),
    "literal in body": make_mail("Literal", "A1 OK {3}\r\n* 1 EXISTS\r\n)\r\n{10}\r\n"),
    "from line": make_mail("From line", "From here on\r\n>From there\r\n"),
}  # fmt: skip
