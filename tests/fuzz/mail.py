"""Coverage-guided fuzzing of the reader of mails (`make fuzz`): everything of a mail is read, and nothing raises.

Some octets of the input stand for words that grammars know, which mutation would take long to find.
"""

import sys
import time

import atheris

with atheris.instrument_imports():
    from lazr.smtptest.mail.envelope import Envelope
    from lazr.smtptest.mail.mail import Mail
    from lazr.smtptest.mail.parsed import parse

ENVELOPE = Envelope("", ("ann@example.com",), mail_parameters={}, rcpt_parameters=({},))
WORDS = [
    *(b"Subject: ", b"From: ", b"To: ", b"Date: ", b"Message-ID: ", b"Content-ID: ", b"\r\n", b"\r\n\r\n", b"\r\n "),
    *(b"Content-Type: ", b"text/plain", b"text/html", b"multipart/mixed", b"multipart/related", b"message/rfc822"),
    *(b"; boundary=b", b"\r\n--b\r\n", b"\r\n--b--\r\n", b"; charset=", b"utf-8", b"utf-7", b"iso-2022-jp", b"zlib"),
    *(b"Content-Transfer-Encoding: ", b"base64", b"quoted-printable", b"Content-Disposition: attachment"),
    *(b"; filename=", b"; name*=utf-8''%C3", b"; name*0*=", b"; name*1=", b"=?utf-8?q?=C3?=", b"=?utf-8?b?w6Q=?= "),
    *(b"<a@b>", b'"a b"', b"(", b")", b"<a href='", b"'>", b"<!--", b"-->", b"<script>", b"&#", b"&amp;", b"<pre>"),
    *(b"code 123456 ", b"https://e.test/", b"multipart/digest; boundary=b", b"multipart/alternative; boundary=b"),
]
SECONDS = 1.0


def strings(value):
    stack = [value]
    while stack:
        one = stack.pop()
        if isinstance(one, str):
            yield one
        elif isinstance(one, (tuple, frozenset)):
            stack.extend(one)
        elif type(one).__module__.startswith("lazr."):
            stack.extend(getattr(one, name) for name in type(one).__slots__ if not name.startswith("_"))
            stack += [str(one), repr(one)]


def one_input(data):
    # The octets from 0x80 on stand for words; 0xFF escapes one that stands for itself.
    pieces, escaped = [], False
    for octet in data:
        if escaped or octet < 0x80:
            pieces.append(bytes((octet,)))
            escaped = False
        elif octet == 0xFF:
            escaped = True
        else:
            pieces.append(WORDS[(octet - 0x80) % len(WORDS)])
    content = b"".join(pieces)
    begin = time.process_time()
    mail = Mail("1", ENVELOPE, [content])
    for name in dir(Mail):
        if name.startswith("_") or name in {"save", "snapshot", "header", "content"}:
            continue
        for text in strings(getattr(mail, name)):
            if "\0" in text:
                raise AssertionError(f"NUL in {name}")
            text.encode("utf-8")
    for field in mail.headers:
        field.value.encode("utf-8")
    mail.snapshot().encode("utf-8")
    list(mail.message.walk())
    list(mail.message.items())
    parse(content)
    if mail.content != content:
        raise AssertionError("the content is not what it was")
    if time.process_time() - begin > SECONDS * (1 + len(content) / 10_000):
        raise AssertionError("it took too long")


if __name__ == "__main__":
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()
