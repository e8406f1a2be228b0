"""`smtptest bench`: number of mails, sizes, sessions and refusals."""

import json

import pytest

from tests.helpers.command_line import run_smtptest


def bench(server, *arguments):
    return run_smtptest("bench", "--server", "{}:{}".format(*server.address), *arguments)


@pytest.mark.parametrize(("sessions", "mails", "size"), [(1, 1, 100), (3, 10, 2048), (5, 2, 1024)])
def test_bench_sends_mails_of_the_size_in_sessions(server, sessions, mails, size):
    done = bench(server, "--sessions", sessions, "--mails", mails, "--size", size, "--json")
    assert (done.stderr, done.returncode) == ("", 0)
    results = json.loads(done.stdout)
    assert len(server.inbox) == mails == results["mails"]
    assert {mail.size for mail in server.inbox} == {size} == {results["size"]}
    assert len(server.sessions) == min(sessions, mails) == results["sessions"]
    milliseconds = results["milliseconds"]
    assert 0 < milliseconds["p50"] <= milliseconds["p90"] <= milliseconds["p99"] <= milliseconds["max"]
    assert results["mails_per_second"] > 0


def test_bench_prints_one_line(server):
    output = bench(server, "--mails", "5", "--size", "1K").stdout
    assert output.startswith("5 mails of 1,024 bytes in 5 sessions: ") and " a second; p50 " in output


@pytest.mark.parametrize("host", ["192.0.2.1:25", "[2001:db8::1]:25"])
def test_bench_requires_anywhere_for_another_machine(host):
    done = run_smtptest("bench", "--server", host)
    assert "add --anywhere if you may load that server" in done.stderr and done.returncode == 2


@pytest.mark.parametrize(
    ("when", "reply"), [("CONNECT", (421, "Busy")), ("RCPT", (450, "4.2.1", "Busy")), ("END_OF_DATA", (451, "Later"))]
)
def test_refusal_ends_bench(server, when, reply):
    server.on(when).reply(*reply)
    done = bench(server, "--mails", "3")
    assert str(reply[0]) in done.stderr and done.stderr.count("\n") == 1 and done.returncode == 1
