"""Type checkers report wrong criteria, and know the types of results."""

import re
import subprocess
import sys

import pytest

SOURCE = """
import re
from lazr.smtptest import Event, MailServer, Match, Reply, presets, with_server
from lazr.smtptest.protocol.smtp import events

def check(server: MailServer) -> None:
    mail = server.inbox.one(to="a@example.com", subject=re.compile("x"), where=lambda mail: mail.size > 1, timeout=1)
    reveal_type(mail)  # Mail
    for arrived in server.inbox.arrivals(code="1234", attachment=True):
        reveal_type(arrived)  # Mail
    server.inbox.matching(Match(to="x@example.com") & ~Match(cc=None), since=1)
    server.inbox.one(subjct="x")  # error
    server.inbox.wait(2, titl="x")  # error
    server.inbox.none(header=5)  # error
    server.inbox.arrivals(form_="x")  # error
    Match(recipient="x")  # error
    server.messages  # error
    server.inbox.first()  # error

async def check_async(server: MailServer) -> None:
    reveal_type(await server.inbox.async_one(bcc="a@example.com"))  # Mail
    await server.inbox.async_wait(2, tot="x")  # error
    await server.inbox.async_none(subjekt="x")  # error

@with_server
def plain(server: MailServer) -> int:
    return 1

@with_server(timeout=1)
def with_options(server: MailServer) -> int:
    return 1

reveal_type(plain() + with_options())  # int

def decide(event: Event, reply: Reply) -> Reply:
    if isinstance(event, (events.Mail, events.Rcpt)):
        reveal_type(event.path.mailbox)  # str
    if event.verb == "RCPT":
        reveal_type(event)  # Rcpt
        return Reply(452, "4.2.2", "Full")
    if event.verb == "MAIL" or isinstance(event, events.Delivery):
        return reply.text  # error
    match event.verb:
        case "AUTH":
            reveal_type(event.credentials.user)  # str
        case _:
            event.path  # error
    return reply

def check_rules(server: MailServer) -> None:
    server.on("RCPT", to=~Match(to="*@a.example"), username="ann").reply(450).times(2).then().drop()
    server.rules.add(presets.greylist(recipients="ann@*"), presets.tarpit(0.1))
    server.on("RCPT", tto="x")  # error
    server.on("RCPT").respond(450)  # error
    presets.greylist(too="x")  # error
    for session in server.sessions:
        reveal_type([command.verb for command in session.commands])  # str
        session.username  # error
"""
REVEALED = ("# Mail", "# int", "# Rcpt", "# str")
EXPECTED_LINES = {number for number, line in enumerate(SOURCE.splitlines(), 1) if line.endswith("# error")}
REVEALED_LINES = {number for number, line in enumerate(SOURCE.splitlines(), 1) if line.endswith(REVEALED)}


@pytest.mark.slow
@pytest.mark.parametrize("checker", ["mypy", "pyright"])
def test_type_checkers_report_wrong_criteria(checker, tmp_path):
    pytest.importorskip(checker)
    file = tmp_path / "checked.py"
    file.write_text(SOURCE, "utf-8")
    options = ["--strict", "--no-error-summary"] if checker == "mypy" else ["--pythonpath", sys.executable]
    done = subprocess.run(
        [sys.executable, "-m", checker, *options, str(file)],
        capture_output=True,
        text=True,
        timeout=300,
        cwd=tmp_path,
        check=False,
    )
    if "nodejs" in done.stderr or "ENOTFOUND" in done.stderr:
        pytest.skip("pyright cannot be installed")
    found = re.findall(r"checked\.py:(\d+)(?::\d+)?(?:: |\s+- )(error|note|information)(.*)", done.stdout)
    assert {int(number) for number, kind, _ in found if kind == "error"} == EXPECTED_LINES, done.stdout + done.stderr
    notes = [(int(number), text) for number, kind, text in found if kind != "error"]
    revealed = {number: text for number, text in notes if "evealed type" in text or "Type of" in text}
    assert set(revealed) == REVEALED_LINES
    for number, text in revealed.items():
        assert SOURCE.splitlines()[number - 1].rpartition("# ")[2] in text
