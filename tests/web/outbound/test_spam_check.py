"""The programs that check mails for spam: real ones, and hostile ones; their answers are untrusted."""

import asyncio
import json
import os
import shutil
import socket
import subprocess
import sys
import time

import pytest

from lazr.smtptest import Mail
from lazr.smtptest._util.clock import monotonic
from lazr.smtptest.web.outbound import RspamdChecker, SpamCheckFailed, SpamdChecker
from lazr.smtptest.web.outbound.rspamd_client import parse_rspamd_answer
from lazr.smtptest.web.outbound.spam_check import MAX_CHECKED_BYTES
from lazr.smtptest.web.outbound.spamd_client import parse_spamd_response
from tests.mail.review.rule_cases import GOOD, build
from tests.mail.review.test_spam_rules import GTUBE

SPAM = build(body=f"{GTUBE}\r\n")
SPAM_WORDS = build({"Subject": None, "Message-ID": None, "Date": "x"})

REPORT = """SPAMD/1.1 0 EX_OK\r
Content-length: 9999\r
Spam: True ; 6.1 / 5.0\r
\r
Content preview: a
   ---- --------
   9 FAKE a

Content analysis details:   (6.1 points, 5.0 required)

 pts rule name              description
---- ---------------------- --------------------------------------------------
 2.7 MISSING_DATE           Missing Date: header
-0.5 NO_RELAYS              Informational: message was
                            not relayed
 3.9 LONG_NAME_THAT_IS_LONGER_THAN_ITS_COLUMN Hi

"""


# -- parsing --------------------------------------------------------------------------------------


def test_report_of_spamd_is_parsed():
    verdict = parse_spamd_response(REPORT.encode())

    assert (verdict.is_spam, verdict.score) == (True, 6.1)
    assert [tuple(sign) for sign in verdict.signs] == [
        ("LONG_NAME_THAT_IS_LONGER_THAN_ITS_COLUMN", 3.9, "Hi"),
        ("MISSING_DATE", 2.7, "Missing Date: header"),
        ("NO_RELAYS", -0.5, "Informational: message was not relayed"),
    ]


def test_table_in_the_quoted_mail_is_not_the_report():
    fake = REPORT.replace("   ---- --------\n   9 FAKE a\n", "---- ---------\n 9.0 FAKE a\n")

    assert "FAKE" not in [sign.name for sign in parse_spamd_response(fake.encode()).signs]


@pytest.mark.parametrize(
    ("response", "text"),
    [
        (b"", "must begin its response"),
        (b"220 mail ESMTP\r\n", "is another server there"),
        (b"SPAMD/1.0 76 Bad header line: \x1b[31m\r\n", "error 76 Bad header line: "),
        (b"SPAMD/1.1 0 EX_OK\r\n\r\n", "must send Spam"),
        (b"SPAMD/1.1 0 EX_OK\r\nSpam: maybe ; 1 / 5\r\n\r\n", "must send Spam"),
        (b"SPAMD/1.1 0 EX_OK\r\nSpam: True ; nan / 5\r\n\r\n", "must send Spam"),
        (b"SPAMD/1.1 0 EX_OK\r\nSpam: True ; " + b"9" * 5_000 + b" / 5\r\n\r\n", "must send Spam"),
        (b"SPAMD/" + b"1" * 100_000, "must begin its response"),
    ],
)
def test_malformed_response_of_spamd_is_refused(response, text):
    with pytest.raises(SpamCheckFailed, match=text) as caught:
        parse_spamd_response(response)

    assert str(caught.value).isprintable() and len(str(caught.value)) < 700


def test_report_of_spamd_without_table_has_no_signs():
    header = b"SPAMD/1.1 0 EX_OK\r\nSpam: Yes ; 5.0 / 5.0\r\n\r\n"

    assert parse_spamd_response(header + b"-" * 200_000).signs == ()
    assert parse_spamd_response(header + b"---- -----\n" + b" 1 A " + b"x " * 90_000).signs[0].description[:3] == "x x"
    assert len(parse_spamd_response(header + b"---- -----\n" + b" 1 A a\n" * 9_000).signs) == 200


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b"", "must answer with JSON"),
        (b"<html>", "must answer with JSON"),
        (b"[" * 500_000, "must answer with JSON"),
        (b"[]", "object that has a score"),
        (b'{"score": "9"}', "object that has a score"),
        (b'{"score": true}', "object that has a score"),
        (b'{"score": NaN}', "object that has a score"),
        (b'{"score": 1e999}', "object that has a score"),
        (b'{"score": ' + b"9" * 4_000 + b"}", "object that has a score"),
        (b'{"score": ' + b"9" * 5_000 + b"}", "must answer with JSON"),
        (b'{"symbols": {}}', "object that has a score"),
    ],
)
def test_malformed_answer_of_rspamd_is_refused(body, text):
    with pytest.raises(SpamCheckFailed, match=text):
        parse_rspamd_answer(body)


def test_odd_symbols_of_rspamd_are_cleaned():
    symbols = {"A\x1b[31m": {"score": 1, "description": "x\ny"}, "B": {"score": "x"}, "C": 3, "D" * 9_000: {}}
    answer = json.dumps({"score": 1, "action": ["reject"], "symbols": symbols}).encode()
    verdict = parse_rspamd_answer(answer.replace(b'["reject"]', b'"reject"'))

    assert verdict.is_spam and [(sign.name[:6], sign.score, sign.description) for sign in verdict.signs] == [
        ("A [31m", 1.0, "x y"),
        ("B", 0.0, ""),
        ("DDDDDD", 0.0, ""),
    ]
    assert not parse_rspamd_answer(answer).is_spam
    assert parse_rspamd_answer(b'{"score": 1, "symbols": []}').signs == ()


# -- sockets --------------------------------------------------------------------------------------


async def run_server(handle, check):
    """Call `check` with the port of a server; the result is that of `check`."""
    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    async with server:
        return await check(server.sockets[0].getsockname()[1])


def ask_spamd(answer, *, timeout=5.0, mail=GOOD, received=None, hold=False):
    async def handle(reader, writer):
        header = await reader.readuntil(b"\r\n\r\n")
        content = await reader.readexactly(mail.size)
        if received is not None:
            received.append((header, content))
        try:
            writer.write(answer)
            await writer.drain()
            if hold:
                await reader.read()
                await asyncio.sleep(60)
        except OSError:
            pass
        finally:
            writer.close()

    return asyncio.run(run_server(handle, lambda port: SpamdChecker("127.0.0.1", port, timeout=timeout).check(mail)))


def test_spamd_gets_the_mail_and_its_length():
    received = []

    assert ask_spamd(REPORT.encode(), received=received).score == 6.1
    assert received == [(b"REPORT SPAMC/1.5\r\nContent-length: %d\r\n\r\n" % GOOD.size, GOOD.content)]


def test_endless_response_of_spamd_is_cut_off():
    with pytest.raises(SpamCheckFailed, match="more than 262,144 bytes"):
        ask_spamd(b"SPAMD/1.1 0 EX_OK\r\n" + b"a: b\r\n" * 200_000)


def test_silent_spamd_is_given_up():
    with pytest.raises(SpamCheckFailed, match=r"took longer than 0\.2 s"):
        ask_spamd(b"SPAMD/1.1 0", timeout=0.2, hold=True)


def test_missing_spamd_is_explained():
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        with pytest.raises(SpamCheckFailed, match=r"spamd at 127\.0\.0\.1:"):
            asyncio.run(SpamdChecker(*bound.getsockname()).check(GOOD))


def test_missing_rspamd_is_explained():
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        with pytest.raises(SpamCheckFailed, match=r"Rspamd at http://127\.0\.0\.1:"):
            asyncio.run(RspamdChecker("http://{}:{}".format(*bound.getsockname())).check(GOOD))


@pytest.mark.parametrize("checker", [SpamdChecker("127.0.0.1", 1), RspamdChecker("http://127.0.0.1:1")])
def test_large_mail_is_not_sent(checker):
    mail = Mail("1", GOOD.envelope, [b"x" * (MAX_CHECKED_BYTES + 1)])
    with pytest.raises(SpamCheckFailed, match="at most 10,485,760 bytes"):
        asyncio.run(checker.check(mail))


def ask_rspamd(answer, mail=GOOD, **settings):
    async def handle(reader, writer):
        requests.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(answer)
        await writer.drain()
        writer.close()

    requests = []
    verdict = asyncio.run(
        run_server(handle, lambda port: RspamdChecker(f"http://127.0.0.1:{port}/", **settings).check(mail))
    )
    return verdict, requests[0].decode().lower()


def test_rspamd_gets_the_envelope():
    body = b'{"score": 1.5, "action": "greylist", "symbols": {}}'
    mail = build(envelope={"mail_from": "ann@example.com", "helo": "mx.example.com"})
    verdict, request = ask_rspamd(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body, mail)

    assert verdict == (False, 1.5, ())
    assert request.startswith("post /checkv2 ")
    assert "\r\nfrom: ann@example.com\r\n" in request and "\r\nhelo: mx.example.com\r\n" in request


def test_envelope_with_odd_characters_is_left_out():
    body = b'{"score": 1.5}'
    mail = build(envelope={"mail_from": "ä@example.com", "helo": "a\r\nX: y"})
    _, request = ask_rspamd(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body, mail)

    assert "\r\nfrom:" not in request and "\r\nhelo:" not in request and "\r\nx:" not in request


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1/\r\n\r\n", "the status 302"),
        (b"HTTP/1.1 500 Error\r\n\r\n", "the status 500"),
        (b"HTTP/1.1 200 OK\r\n\r\n{" + b" " * 1_100_000, "must answer with JSON"),
        (b"SPAMD/1.1 0\r\n\r\n", "Rspamd at"),
    ],
)
def test_wrong_answer_of_rspamd_is_explained(answer, text):
    with pytest.raises(SpamCheckFailed, match=text):
        ask_rspamd(answer)


@pytest.mark.parametrize("url", ["ftp://a.test", "http://user@a.test/", "http://a.test/?x", "a.test"])
def test_wrong_url_of_rspamd_is_refused(url):
    with pytest.raises(ValueError, match="URL"):
        RspamdChecker(url)


# -- the real programs ----------------------------------------------------------------------------

IS_REQUIRED = bool(os.environ.get("SMTPTEST_ALL_CLIENTS"))
needs_posix = pytest.mark.skipif(sys.platform != "linux", reason="spamd and rspamd are packages of Debian")


def find_program(name):
    path = shutil.which(name, path=os.defpath + ":/usr/sbin:/usr/local/bin")
    if path is None and not IS_REQUIRED:
        pytest.skip(f"{name} is not installed; on Debian: apt-get install {name}")
    return path


def find_free_port():
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        return bound.getsockname()[1]


def can_connect(port):
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def run_program(command, port, tmp_path):
    """Start a program, wait for its port, and yield it; it is ended at last."""
    log = (tmp_path / "log").open("wb")
    with log, subprocess.Popen(command, cwd=tmp_path, stdout=log, stderr=log, stdin=subprocess.DEVNULL) as process:
        try:
            deadline = monotonic() + 60
            while not can_connect(port) and process.poll() is None and monotonic() < deadline:
                time.sleep(0.05)
            assert process.poll() is None, (tmp_path / "log").read_text("utf-8", "replace")
            yield port
        finally:
            process.terminate()
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()


@pytest.fixture
def spamd_port(tmp_path):
    """The port of a spamd that uses the rules of its package, and no network."""
    spamd, port = find_program("spamd"), find_free_port()
    options = ["--local", "--nouser-config", "--syslog=stderr", "--max-children=1", f"--pidfile={tmp_path}/pid"]
    options += [f"--listen=127.0.0.1:{port}", "--configpath=/usr/share/spamassassin", f"--helper-home-dir={tmp_path}"]
    yield from run_program([spamd, *options, "--siteconfigpath=/etc/spamassassin"], port, tmp_path)


RSPAMD_CONF = """
options {{
  pidfile = "{folder}/pid"; tempdir = "{folder}"; hs_cache_dir = "{folder}"; disable_hyperscan = true;
  url_tld = "{folder}/tld";
  filters = "regexp"; dns {{ timeout = 0.1s; retransmits = 1; nameserver = ["127.0.0.1:1"]; }}
}}
logging {{ type = "console"; level = "warning"; }}
worker "normal" {{ bind_socket = "127.0.0.1:{port}"; count = 1; }}
actions {{ reject = 15; "add header" = 6; greylist = 4; }}
lua = "/usr/share/rspamd/rules/rspamd.lua";
"""


@pytest.fixture
def rspamd_port(tmp_path):
    """The port of an Rspamd that uses the rules of its package, and no name server."""
    rspamd, port = find_program("rspamd"), find_free_port()
    (tmp_path / "tld").write_text("com\ntest\n")  # compiling the complete list takes 10 s
    (tmp_path / "rspamd.conf").write_text(RSPAMD_CONF.format(folder=tmp_path, port=port))
    yield from run_program([rspamd, "-c", str(tmp_path / "rspamd.conf"), "-f", "-i"], port, tmp_path)


@pytest.mark.slow
@needs_posix
def test_real_spamd_finds_spam(spamd_port):
    checker = SpamdChecker("127.0.0.1", spamd_port)
    spam, words = (asyncio.run(checker.check(mail)) for mail in (SPAM, SPAM_WORDS))

    assert spam.is_spam and spam.score > 900 and spam.signs[0].name == "GTUBE"
    names = {sign.name: sign.description for sign in words.signs}
    assert {"MISSING_SUBJECT", "MISSING_MID", "INVALID_DATE"} <= set(names) and not words.score > 900
    assert names["MISSING_SUBJECT"] == "Missing Subject: header"


@pytest.mark.slow
@needs_posix
def test_real_rspamd_finds_spam(rspamd_port):
    checker = RspamdChecker(f"http://127.0.0.1:{rspamd_port}")
    started = monotonic()
    spam, words = (asyncio.run(checker.check(mail)) for mail in (SPAM, SPAM_WORDS))

    assert spam.is_spam and spam.score == 15 and spam.signs[0].name == "GTUBE" and monotonic() - started < 60
    names = {sign.name: sign.description for sign in words.signs}
    assert names["MISSING_SUBJECT"] == "Subject header is missing" and {"MISSING_MID", "INVALID_DATE"} <= set(names)


@pytest.mark.slow
@needs_posix
def test_route_asks_the_real_spamd(make_rest_api, spamd_port):
    rest_api = make_rest_api(spam_checker=SpamdChecker("127.0.0.1", spamd_port))
    rest_api.add_mail(SPAM.content)
    answer = rest_api.http.get("/api/v1/message/latest/sa-check").json()

    assert answer["IsSpam"] and answer["Error"] == "" and answer["Rules"][0]["Name"] == "GTUBE"
