"""Coverage-guided fuzzing of the mail parser (`make fuzz`): every attribute of a mail is read, and none raises.

Bytes from 0x80 on stand for words of the grammars, which mutation alone would find late.
"""

import sys
import time

import atheris

with atheris.instrument_imports():
    from lazr.smtptest.mail.envelope import Envelope
    from lazr.smtptest.mail.mail import Mail
    from lazr.smtptest.mail.stdlib_message import parse_compat32

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


def iterate_strings(value):
    """Yield every text in a value, in the public attributes of the package's objects too."""
    stack, seen = [value], {}  # the objects themselves are kept, so that no identity is used again
    while stack:
        item = stack.pop()
        if isinstance(item, str):
            yield item
        elif isinstance(item, (tuple, list, frozenset)):
            stack.extend(item)
        elif type(item).__module__.startswith("lazr.") and id(item) not in seen:
            seen[id(item)] = item
            stack += [getattr(item, name) for name in dir(item) if not name.startswith("_")]
            stack += [str(item), repr(item)]


def test_one_input(data):
    # Bytes from 0x80 on stand for words; 0xFF escapes a byte that stands for itself.
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
        if name.startswith("_") or name == "session":  # a mail without a server has no session
            continue
        for text in iterate_strings(getattr(mail, name)):
            if "\0" in text:
                raise AssertionError(f"NUL in {name}")
            text.encode("utf-8")
    for field in mail.headers:
        field.value.encode("utf-8")
    mail.snapshot().encode("utf-8")
    list(mail.message.walk())
    list(mail.message.items())
    parse_compat32(content)
    if mail.content != content:
        raise AssertionError("the content has changed")
    if time.process_time() - begin > SECONDS * (1 + len(content) / 10_000):
        raise AssertionError("parsing took too long")


if __name__ == "__main__":
    atheris.Setup(sys.argv, test_one_input)
    atheris.Fuzz()
