"""`with_server`: a server for the duration of a call."""

import asyncio
import inspect
import smtplib

import pytest

from lazr.smtptest import MailServer, with_server


def send(server):
    with smtplib.SMTP(*server.address) as client:
        client.sendmail("ann@example.com", ["bob@example.com"], "Subject: Hi\r\n\r\nHello")


def test_each_call_gets_its_own_server():
    seen = []

    @with_server(hostname="mail.example.com")
    def function(to, *, server: MailServer, times=1):
        """Send mails."""
        seen.append(server)
        for _ in range(times):
            send(server)
        return to, len(server.inbox.matching(to="bob@example.com"))

    assert function("a") == ("a", 1)
    assert function("b", times=2) == ("b", 2)
    assert seen[0] is not seen[1] and not any(server.running for server in seen)
    assert (function.__name__, function.__doc__) == ("function", "Send mails.")
    assert list(inspect.signature(function).parameters) == ["to", "times"]


def test_coroutine_functions_stay_coroutine_functions():
    @with_server()
    async def function(server):
        await asyncio.get_running_loop().run_in_executor(None, send, server)
        return await server.inbox.async_wait(1)

    assert inspect.iscoroutinefunction(function)
    [mail] = asyncio.run(function())
    assert mail.subject == "Hi"


def test_exception_in_a_handler_is_raised():
    def decide(event, reply):
        raise KeyError

    @with_server(decide=decide)
    def function(server):
        with pytest.raises(smtplib.SMTPException):
            smtplib.SMTP(*server.address)

    with pytest.raises(KeyError):
        function()


@with_server(hostname="mail.example.com")
def test_decorated_pytest_test_can_use_fixtures(tmp_path, server):
    assert server.running and tmp_path.exists()


def test_decorator_works_without_parentheses():
    @with_server
    def function(to, server):
        """Send a mail."""
        send(server)
        return to, len(server.inbox)

    @with_server
    async def coroutine(server):
        return server.running

    assert function("a") == ("a", 1) and function.__doc__ == "Send a mail."
    assert list(inspect.signature(function).parameters) == ["to"]
    assert inspect.iscoroutinefunction(coroutine) and asyncio.run(coroutine())


@pytest.mark.parametrize(
    ("decorate", "message"),
    [
        (lambda: with_server("127.0.0.1"), r"takes its options by name, got '127.0.0.1'; write @with_server\(host="),
        (lambda: with_server(1025), "takes its options by name, got 1025"),
        (lambda: with_server(lambda: None), "passes the server as `server`, which <lambda> does not take; add"),
        (lambda: with_server()(lambda x: None), "passes the server as `server`, which <lambda> does not take; add"),
        (lambda: with_server(int), "decorates functions and methods, got <class 'int'>; decorate each test"),
        (lambda: with_server()(5), "decorates functions and methods, got 5"),
    ],
)
def test_wrong_use_raises_type_error(decorate, message):
    with pytest.raises(TypeError, match=message):
        decorate()


def test_keyword_arguments_of_a_function_get_the_server():
    assert with_server(lambda **names: list(names))() == ["server"]
