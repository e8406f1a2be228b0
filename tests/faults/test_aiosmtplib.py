"""The misbehaviours that a client library writes servers for, as rules; and that aiosmtplib reacts as it should.

aiosmtplib's own tests have a handler for each of these.  Here each is a rule, which the client meets over a socket.
"""

import asyncio
import ssl

import aiosmtplib
import pytest

from lazr.smtptest import MailServer

CONTENT = b"Subject: Hi\r\n\r\nHi\r\n"


async def connect(client):
    return await client.connect()


def ask(method, *arguments):
    """Connect, and say one thing more."""

    async def asking(client):
        await client.connect()
        return await getattr(client, method)(*arguments)

    asking.__name__ = method
    return asking


async def send(client, *to, content=CONTENT):
    await client.connect()
    errors, _said = await client.sendmail("app@example.com", to or ("bob@example.com",), content)
    return errors


async def send_to_three(client):
    return await send(client, "ann@example.com", "ben@example.com", "cat@example.com")


async def send_much(client):
    return await send(client, content=CONTENT + b"x" * 70 + b"\r\n" + b"y" * 100_000 + b"\r\n")


async def log_in(client):
    await client.connect()
    return (await client.login("app", "secret")).code


async def log_in_plainly(client):
    await client.connect()
    await client.ehlo()
    return await client.auth_plain("app", "secret")


async def ask_and_look(client):
    """A reply, and whether the client is still connected."""
    await client.connect()
    try:
        code = (await client.noop()).code
    except aiosmtplib.SMTPResponseException as error:
        code = error.code
    return code, client.is_connected


async def ask_twice(client):
    await client.connect()
    await client.noop()
    return await client.noop()


AUTH = {"auth": {"app": "secret"}}
TLS = {"tls": "starttls"}
QUICK = 0.4

# What the server does; what the client is asked to do; what comes of it: an exception, with its reply code if it has
# one, or a value.
CASES = {
    "a greeting of 421": (("CONNECT", "reply", 421, "Busy"), connect, (aiosmtplib.SMTPConnectResponseError, 421)),
    "a greeting of 554": (("CONNECT", "reply", 554, "No"), connect, (aiosmtplib.SMTPConnectResponseError, 554)),
    "no greeting": (("CONNECT", "stall"), connect, aiosmtplib.SMTPConnectTimeoutError),
    "a close in place of the greeting": (("CONNECT", "drop"), connect, aiosmtplib.SMTPConnectError),
    "a reset in place of the greeting": (("CONNECT", "reset"), connect, aiosmtplib.SMTPConnectError),
    "gibberish for a greeting": (("CONNECT", "raw", b"hi there\r\n"), connect, (aiosmtplib.SMTPResponseException, -1)),
    "a greeting, and the end": (("CONNECT", "close_after"), ask("noop"), aiosmtplib.SMTPServerDisconnected),
    "EHLO refused, HELO taken": (("EHLO", "reply", 502, "What?"), send, {}),
    "EHLO refused, and nothing after it": (("EHLO", "reply", 421, "Bye"), send, (aiosmtplib.SMTPHeloError, 421)),
    "EHLO disconnects": (("EHLO", "drop"), ask("ehlo"), aiosmtplib.SMTPServerDisconnected),
    "half a multi-line reply": (("EHLO", "truncate", 24), ask("ehlo"), aiosmtplib.SMTPReadTimeoutError),
    "half a multi-line reply, and the end": (
        ("EHLO", "truncate", 24, "close_after"),
        ask("ehlo"),
        aiosmtplib.SMTPServerDisconnected,
    ),
    "a multi-line reply that never ends": (
        ("EHLO", "raw", b"250-localhost\r\n250-SIZE 7\r\n"),
        ask("ehlo"),
        aiosmtplib.SMTPReadTimeoutError,
    ),
    "a multi-line reply with another code in its last line": (
        ("EHLO", "raw", b"250-localhost\r\n550 SIZE 7\r\n"),
        ask("ehlo"),
        (aiosmtplib.SMTPHeloError, 550),
    ),
    "a reply in pieces": (("EHLO", "throttle", 2_000, "out"), send, {}),
    "a reply that comes late": (("NOOP", "delay", 0.05), ask("noop"), (250, "2.0.0 Ok")),
    "a reply that comes too late": (("NOOP", "delay", 30.0), ask("noop"), aiosmtplib.SMTPReadTimeoutError),
    "a reply that is not UTF-8": (("NOOP", "raw", b"250 caf\xe9\r\n"), ask("noop"), (250, "caf\udce9")),
    "a reply without a code": (("NOOP", "raw", b"Ok\r\n"), ask("noop"), (aiosmtplib.SMTPResponseException, -1)),
    "a reply without a text": (("NOOP", "raw", b"250\r\n"), ask("noop"), (250, "")),
    "a reply that ends with a bare LF": (("NOOP", "raw", b"250 Ok\n"), ask("noop"), (250, "Ok")),
    "a line that is far too long": (
        ("NOOP", "raw", b"250 " + b"x" * 9000 + b"\r\n"),
        ask("noop"),
        (aiosmtplib.SMTPResponseException, -1),
    ),
    "more than one reply": (  # the second is taken for the reply to what is asked next
        ("NOOP", {"nth": 1}, "raw", b"250 one\r\n550 two\r\n"),
        ask_twice,
        (aiosmtplib.SMTPResponseException, 550),
    ),
    "421, and the end": (("NOOP", "reply", 421, "Bye"), ask_and_look, (421, False)),
    "a reply, and the end": (("NOOP", "close_after"), ask_twice, aiosmtplib.SMTPServerDisconnected),
    "a reset in place of a reply": (("NOOP", "reset"), ask("noop"), aiosmtplib.SMTPServerDisconnected),
    "RSET refused": (("RSET", "reply", 501), ask("rset"), (aiosmtplib.SMTPResponseException, 501)),
    "VRFY refused": (("VRFY", "reply", 550), ask("vrfy", "bob"), (aiosmtplib.SMTPResponseException, 550)),
    "EXPN refused": (("EXPN", "reply", 550), ask("expn", "staff"), (aiosmtplib.SMTPResponseException, 550)),
    "HELP refused": (("HELP", "reply", 502), ask("help"), (aiosmtplib.SMTPResponseException, 502)),
    "QUIT refused": (("QUIT", "reply", 501), ask("quit"), (aiosmtplib.SMTPResponseException, 501)),
    "QUIT without a reply": (("QUIT", "drop"), ask("quit"), aiosmtplib.SMTPServerDisconnected),
    "MAIL refused": (("MAIL", "reply", 550, "5.1.8", "No"), send, (aiosmtplib.SMTPSenderRefused, 550)),
    "MAIL disconnects": (("MAIL", "drop"), send, aiosmtplib.SMTPServerDisconnected),
    "all recipients refused": (("RCPT", "reply", 550), send, aiosmtplib.SMTPRecipientsRefused),
    "the second recipient refused": (
        ("RCPT", {"nth": 2}, "reply", 452, "Full"),
        send_to_three,
        {"ben@example.com": (452, "Full")},
    ),
    "421 to the second recipient": (
        ("RCPT", {"nth": 2}, "reply", 421, "Bye"),
        send_to_three,
        aiosmtplib.SMTPServerDisconnected,
    ),
    "DATA refused": (("DATA", "reply", 451), send, (aiosmtplib.SMTPDataError, 451)),
    "DATA answered with 250": (("DATA", "raw", b"250 Ok\r\n"), send, (aiosmtplib.SMTPDataError, 250)),
    "354, and the end": (("DATA", "close_after"), send, aiosmtplib.SMTPServerDisconnected),
    "a close in the content": (("CONTENT", {"after": 1_000}, "drop"), send_much, aiosmtplib.SMTPServerDisconnected),
    "a reset in the content": (("CONTENT", {"after": 1_000}, "reset"), send_much, aiosmtplib.SMTPServerDisconnected),
    "the content refused": (("END_OF_DATA", "reply", 554, "No"), send, (aiosmtplib.SMTPDataError, 554)),
    "content, and no reply": (("END_OF_DATA", "stall"), send, aiosmtplib.SMTPReadTimeoutError),
    "content, and half a reply": (
        ("END_OF_DATA", "raw", b"250-Ok\r\n", "close_after"),
        send,
        aiosmtplib.SMTPServerDisconnected,
    ),
    "AUTH refused": (("AUTH", "reply", 535), log_in, (aiosmtplib.SMTPAuthenticationError, 535)),
    "one mechanism refused, the next one taken": (("AUTH", {"mechanism": "CRAM-MD5"}, "reply", 535), log_in, 235),
    "AUTH answered with a further challenge": (
        ("AUTH", "raw", b"334 !\r\n"),
        log_in_plainly,
        (aiosmtplib.SMTPAuthenticationError, 334),
    ),
    "a close in AUTH": (("AUTH", "drop"), log_in, aiosmtplib.SMTPServerDisconnected),
    "AUTH is not offered": (("EHLO", "without", "AUTH"), log_in, aiosmtplib.SMTPException),
    "STARTTLS refused": (("STARTTLS", "reply", 454), ask("starttls"), (aiosmtplib.SMTPResponseException, 454)),
    "STARTTLS is not offered": (("EHLO", "without", "STARTTLS"), ask("starttls"), aiosmtplib.SMTPException),
    "220 to STARTTLS, and the end": (("STARTTLS", "close_after"), ask("starttls"), aiosmtplib.SMTPServerDisconnected),
    "a close in the handshake": (("TLS", "drop"), ask("starttls"), aiosmtplib.SMTPServerDisconnected),
    "a reset in the handshake": (("TLS", "reset"), ask("starttls"), aiosmtplib.SMTPServerDisconnected),
    "a handshake without an answer": (("TLS", "stall"), ask("starttls"), aiosmtplib.SMTPTimeoutError),
    "a handshake in clear": (("TLS", "raw", b"220 What?\r\n"), ask("starttls"), ssl.SSLError),
}


def settings_of(do):
    if do in (log_in, log_in_plainly):
        return AUTH
    return TLS if do.__name__ == "starttls" else {}


def tell(server, when, *words):
    """`server.on(when, …)`, and the acts behind it."""
    selectors = words[0] if words and isinstance(words[0], dict) else {}
    words = list(words[1:] if selectors else words)
    rule = server.on(when, **selectors)
    while words:
        act = getattr(rule, words.pop(0))
        arguments = []
        while words and not (isinstance(words[0], str) and words[0] == "close_after"):
            arguments.append(words.pop(0))
        act(*arguments)
    return rule


def meet(server, do, *, timeout=10, context=None):
    """What comes of it: a value, or an exception."""

    async def meeting():
        client = aiosmtplib.SMTP(
            hostname=server.host,
            port=server.port,
            timeout=timeout,
            start_tls=False,
            local_hostname="app",
            tls_context=context,
        )
        try:
            return await do(client)
        except (aiosmtplib.SMTPException, ssl.SSLError) as error:
            return error
        finally:
            client.close()

    return asyncio.run(meeting())


@pytest.mark.parametrize("case", CASES)
def test_aiosmtplib_reacts_as_it_should(case):
    told, do, outcome = CASES[case]
    late = isinstance(outcome, type) and issubclass(outcome, aiosmtplib.SMTPTimeoutError)
    settings = settings_of(do)
    with MailServer(**settings) as server:
        rule = tell(server, *told)
        context = server.client_context() if settings == TLS else None
        met = meet(server, do, timeout=QUICK if late else 10, context=context)

        assert rule.count
    if isinstance(outcome, tuple) and isinstance(outcome[0], type):
        assert type(met) is outcome[0] and met.code == outcome[1], repr(met)
    elif isinstance(outcome, type):
        assert isinstance(met, outcome), repr(met)
    else:
        assert met == outcome, repr(met)


def test_a_challenge_that_is_not_base64_is_answered_as_if_it_were_empty():
    with MailServer() as server:  # which has no AUTH itself, so that what is said to AUTH is the rule's alone
        server.on("EHLO").advertise("AUTH CRAM-MD5")
        server.on("AUTH").raw(b"334 !\r\n")
        met = meet(server, log_in)

        assert isinstance(met, aiosmtplib.SMTPAuthenticationError)
        assert "CRAM-MD5" in str(server.sessions[0].transcript)
