"""with_server: a server for the time of a call."""

import asyncio
import inspect
import smtplib

import pytest

from lazr.smtptest import MailServer, with_server


def send(server):
    with smtplib.SMTP(*server.address) as client:
        client.sendmail("ann@example.com", ["bob@example.com"], "Subject: Hi\r\n\r\nHello")


def test_each_call_has_a_server_of_its_own():
    seen = []

    @with_server(hostname="mail.example.com")
    def function(to, *, server: MailServer, times=1):
        """What it is for."""
        seen.append(server)
        for _ in range(times):
            send(server)
        return to, len(server.inbox.matching(to="bob@example.com"))

    assert function("a") == ("a", 1)
    assert function("b", times=2) == ("b", 2)
    assert seen[0] is not seen[1] and not any(server.running for server in seen)
    assert (function.__name__, function.__doc__) == ("function", "What it is for.")
    assert list(inspect.signature(function).parameters) == ["to", "times"]


def test_coroutine_functions_are_coroutine_functions():
    @with_server()
    async def function(server):
        await asyncio.get_running_loop().run_in_executor(None, send, server)
        return await server.inbox.async_wait(1)

    assert inspect.iscoroutinefunction(function)
    [mail] = asyncio.run(function())
    assert mail.subject == "Hi"


def test_what_a_handler_raised_is_raised():
    def decide(event, reply):
        raise KeyError

    @with_server(decide=decide)
    def function(server):
        with pytest.raises(smtplib.SMTPException):
            smtplib.SMTP(*server.address)

    with pytest.raises(KeyError):
        function()


@with_server(hostname="mail.example.com")
def test_it_decorates_tests_of_pytest_that_have_fixtures_as_well(tmp_path, server):
    assert server.running and tmp_path.exists()
