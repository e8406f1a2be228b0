"""The faults that the tests of aiosmtplib cover, as rules.

The tests of aiosmtplib have a handler of a test server for each of these faults.  Here each is a rule.
"""

import asyncio
import ssl

import aiosmtplib
import pytest

from lazr.smtptest import MailServer

CONTENT = b"Subject: Hi\r\n\r\nHi\r\n"


async def connect(client):
    return await client.connect()


def send_command(method, *arguments):
    """Return a function that connects a client and sends one command."""

    async def run(client):
        await client.connect()
        return await getattr(client, method)(*arguments)

    run.__name__ = method
    return run


async def send(client, *to, content=CONTENT):
    await client.connect()
    errors, _reply = await client.sendmail("app@example.com", to or ("bob@example.com",), content)
    return errors


async def send_to_three(client):
    return await send(client, "ann@example.com", "ben@example.com", "cat@example.com")


async def send_much(client):
    return await send(client, content=CONTENT + b"x" * 70 + b"\r\n" + b"y" * 100_000 + b"\r\n")


async def log_in(client):
    await client.connect()
    return (await client.login("app", "secret")).code


async def log_in_with_plain(client):
    await client.connect()
    await client.ehlo()
    return await client.auth_plain("app", "secret")


async def send_noop_and_check_connection(client):
    """Return the code of a reply, and whether the client is still connected."""
    await client.connect()
    try:
        code = (await client.noop()).code
    except aiosmtplib.SMTPResponseException as error:
        code = error.code
    return code, client.is_connected


async def send_noop_twice(client):
    await client.connect()
    await client.noop()
    return await client.noop()


AUTH = {"auth": {"app": "secret"}}
TLS = {"tls": "starttls"}
SHORT_TIMEOUT = 0.4

# The rule of the server, the action of the client, and the outcome: a value, or an exception and its reply code.
CASES = {
    "a greeting of 421": (("CONNECT", "reply", 421, "Busy"), connect, (aiosmtplib.SMTPConnectResponseError, 421)),
    "a greeting of 554": (("CONNECT", "reply", 554, "No"), connect, (aiosmtplib.SMTPConnectResponseError, 554)),
    "no greeting": (("CONNECT", "stall"), connect, aiosmtplib.SMTPConnectTimeoutError),
    "a close instead of the greeting": (("CONNECT", "drop"), connect, aiosmtplib.SMTPConnectError),
    "a reset instead of the greeting": (("CONNECT", "reset"), connect, aiosmtplib.SMTPConnectError),
    "gibberish for a greeting": (("CONNECT", "raw", b"hi there\r\n"), connect, (aiosmtplib.SMTPResponseException, -1)),
    "a greeting, and the end": (("CONNECT", "close_after"), send_command("noop"), aiosmtplib.SMTPServerDisconnected),
    "EHLO refused, HELO taken": (("EHLO", "reply", 502, "What?"), send, {}),
    "EHLO refused, and nothing after it": (("EHLO", "reply", 421, "Bye"), send, (aiosmtplib.SMTPHeloError, 421)),
    "EHLO disconnects": (("EHLO", "drop"), send_command("ehlo"), aiosmtplib.SMTPServerDisconnected),
    "half a multi-line reply": (("EHLO", "truncate", 24), send_command("ehlo"), aiosmtplib.SMTPReadTimeoutError),
    "half a multi-line reply, and the end": (
        ("EHLO", "truncate", 24, "close_after"),
        send_command("ehlo"),
        aiosmtplib.SMTPServerDisconnected,
    ),
    "a multi-line reply that never ends": (
        ("EHLO", "raw", b"250-localhost\r\n250-SIZE 7\r\n"),
        send_command("ehlo"),
        aiosmtplib.SMTPReadTimeoutError,
    ),
    "a multi-line reply with another code in its last line": (
        ("EHLO", "raw", b"250-localhost\r\n550 SIZE 7\r\n"),
        send_command("ehlo"),
        (aiosmtplib.SMTPHeloError, 550),
    ),
    "a reply in pieces": (("EHLO", "throttle", 2_000, "out"), send, {}),
    "a reply that comes late": (("NOOP", "delay", 0.05), send_command("noop"), (250, "2.0.0 Ok")),
    "a reply that comes too late": (("NOOP", "delay", 30.0), send_command("noop"), aiosmtplib.SMTPReadTimeoutError),
    "a reply that is not UTF-8": (("NOOP", "raw", b"250 caf\xe9\r\n"), send_command("noop"), (250, "caf\udce9")),
    "a reply without a code": (
        ("NOOP", "raw", b"Ok\r\n"),
        send_command("noop"),
        (aiosmtplib.SMTPResponseException, -1),
    ),
    "a reply without a text": (("NOOP", "raw", b"250\r\n"), send_command("noop"), (250, "")),
    "a reply that ends with a bare LF": (("NOOP", "raw", b"250 Ok\n"), send_command("noop"), (250, "Ok")),
    "a line that is far too long": (
        ("NOOP", "raw", b"250 " + b"x" * 9000 + b"\r\n"),
        send_command("noop"),
        (aiosmtplib.SMTPResponseException, -1),
    ),
    "more than one reply": (  # the client takes the second one for the reply to its next command
        ("NOOP", {"nth": 1}, "raw", b"250 one\r\n550 two\r\n"),
        send_noop_twice,
        (aiosmtplib.SMTPResponseException, 550),
    ),
    "421, and the end": (("NOOP", "reply", 421, "Bye"), send_noop_and_check_connection, (421, False)),
    "a reply, and the end": (("NOOP", "close_after"), send_noop_twice, aiosmtplib.SMTPServerDisconnected),
    "a reset instead of a reply": (("NOOP", "reset"), send_command("noop"), aiosmtplib.SMTPServerDisconnected),
    "RSET refused": (("RSET", "reply", 501), send_command("rset"), (aiosmtplib.SMTPResponseException, 501)),
    "VRFY refused": (("VRFY", "reply", 550), send_command("vrfy", "bob"), (aiosmtplib.SMTPResponseException, 550)),
    "EXPN refused": (("EXPN", "reply", 550), send_command("expn", "staff"), (aiosmtplib.SMTPResponseException, 550)),
    "HELP refused": (("HELP", "reply", 502), send_command("help"), (aiosmtplib.SMTPResponseException, 502)),
    "QUIT refused": (("QUIT", "reply", 501), send_command("quit"), (aiosmtplib.SMTPResponseException, 501)),
    "QUIT without a reply": (("QUIT", "drop"), send_command("quit"), aiosmtplib.SMTPServerDisconnected),
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
        log_in_with_plain,
        (aiosmtplib.SMTPAuthenticationError, 334),
    ),
    "a close in AUTH": (("AUTH", "drop"), log_in, aiosmtplib.SMTPServerDisconnected),
    "AUTH is not offered": (("EHLO", "without", "AUTH"), log_in, aiosmtplib.SMTPException),
    "STARTTLS refused": (("STARTTLS", "reply", 454), send_command("starttls"), (aiosmtplib.SMTPResponseException, 454)),
    "STARTTLS is not offered": (("EHLO", "without", "STARTTLS"), send_command("starttls"), aiosmtplib.SMTPException),
    "220 to STARTTLS, and the end": (
        ("STARTTLS", "close_after"),
        send_command("starttls"),
        aiosmtplib.SMTPServerDisconnected,
    ),
    "a close in the handshake": (("TLS", "drop"), send_command("starttls"), aiosmtplib.SMTPServerDisconnected),
    "a reset in the handshake": (("TLS", "reset"), send_command("starttls"), aiosmtplib.SMTPServerDisconnected),
    "a handshake without an answer": (("TLS", "stall"), send_command("starttls"), aiosmtplib.SMTPTimeoutError),
    "a handshake in clear": (("TLS", "raw", b"220 What?\r\n"), send_command("starttls"), ssl.SSLError),
}


def get_settings(do):
    if do in (log_in, log_in_with_plain):
        return AUTH
    return TLS if do.__name__ == "starttls" else {}


def add_rule(server, when, *words):
    """Add the rule of a case: `server.on(when, …)` and its actions."""
    selectors = words[0] if words and isinstance(words[0], dict) else {}
    words = list(words[1:] if selectors else words)
    rule = server.on(when, **selectors)
    while words:
        action = getattr(rule, words.pop(0))
        arguments = []
        while words and not (isinstance(words[0], str) and words[0] == "close_after"):
            arguments.append(words.pop(0))
        action(*arguments)
    return rule


def run_client(server, do, *, timeout=10, context=None):
    """Run a client; return its value or its exception."""

    async def run():
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

    return asyncio.run(run())


@pytest.mark.parametrize("case", CASES)
def test_aiosmtplib_reacts_to_fault(case):
    words, do, outcome = CASES[case]
    times_out = isinstance(outcome, type) and issubclass(outcome, aiosmtplib.SMTPTimeoutError)
    settings = get_settings(do)
    with MailServer(**settings) as server:
        rule = add_rule(server, *words)
        context = server.client_context() if settings == TLS else None
        result = run_client(server, do, timeout=SHORT_TIMEOUT if times_out else 10, context=context)

        assert rule.count
    if isinstance(outcome, tuple) and isinstance(outcome[0], type):
        assert type(result) is outcome[0] and result.code == outcome[1], repr(result)
    elif isinstance(outcome, type):
        assert isinstance(result, outcome), repr(result)
    else:
        assert result == outcome, repr(result)


def test_aiosmtplib_takes_invalid_base64_challenge_as_empty():
    with MailServer() as server:  # without AUTH: only the rules reply to it
        server.on("EHLO").advertise("AUTH CRAM-MD5")
        server.on("AUTH").raw(b"334 !\r\n")
        result = run_client(server, log_in)

        assert isinstance(result, aiosmtplib.SMTPAuthenticationError)
        assert "CRAM-MD5" in str(server.sessions[0].transcript)
