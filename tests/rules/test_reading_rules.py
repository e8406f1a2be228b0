"""Rules about IMAP and POP3, over sockets."""

import json
import re
import time
from pathlib import Path

import jsonschema
import pytest

from lazr.smtptest import MailServer, Reply, Rule, RuleNeverActed, presets
from lazr.smtptest.protocol.reading_session import ReadingReply
from lazr.smtptest.rules import Rules, read_rules_schema
from lazr.smtptest.rules.reading_providers import READING_PROVIDERS
from lazr.smtptest.rules.reading_triggers import READING_TRIGGERS
from tests.helpers.reading_client import GatedStore, RawReadingClient

MAIL = b"Subject: Hi\r\n\r\nHello\r\n"


@pytest.fixture(params=["inline", "threads"])
def server(request):
    """A running server with one mail for Bob; its store is in memory, or is taken for one that blocks."""
    store = GatedStore() if request.param == "threads" else None
    with MailServer(imap=True, pop3=True, store=store) as server:
        server.deliver(MAIL, to="bob@example.com")
        yield server


@pytest.fixture
def client(server):
    """A client that has selected INBOX."""
    with RawReadingClient(server.imap.address, login="bob@example.com") as client:
        client.command("SELECT INBOX")
        yield client


def test_reply_replaces_a_command(server, client):
    rule = server.on("imap fetch", user="bob@*").reply("no", "[INUSE] Try later").times(2)

    assert client.command("FETCH 1 FLAGS") == [b"a NO [INUSE] Try later\r\n"]
    assert client.command("UID FETCH 1 FLAGS") == [b"a NO [INUSE] Try later\r\n"]
    assert client.command("FETCH 1 FLAGS")[-1].startswith(b"a OK")
    assert rule.count == 2 and rule.calls[0].said.startswith("IMAP FETCH 1")


def test_argument_selects_commands(server, client):
    server.on("IMAP CREATE", argument="*Sent*").reply("NO", "[CANNOT] Not this one")

    assert client.command("CREATE Sent2")[-1] == b"a NO [CANNOT] Not this one\r\n"
    assert client.command("CREATE Other")[-1].startswith(b"a OK")


def test_bye_closes(server, client):
    server.on("IMAP NOOP").reply("BYE", "Too busy")

    client.send(b"a NOOP\r\n")
    assert client.read_to_end() == b"* BYE Too busy\r\n"


@pytest.mark.parametrize(("when", "status"), [("IMAP CONNECT", "BYE"), ("POP3 CONNECT", "-ERR")])
def test_greeting_can_be_a_refusal(server, when, status):
    server.on(when).reply(status, "[ALERT] Too many connections")
    protocol = when[:4].lower()

    with RawReadingClient(getattr(server, protocol).address) as client:
        assert client.greeting.endswith(b"[ALERT] Too many connections\r\n")


def test_pop3_reply(server):
    server.on("POP3 PASS", user="bob@example.com").reply("-ERR", "[IN-USE] Maildrop is locked").once()
    with RawReadingClient(server.pop3.address) as client:
        lines = []
        for line in (b"USER bob@example.com", b"PASS x", b"USER bob@example.com", b"PASS x"):
            client.send(line + b"\r\n")
            lines.append(client.read_line())

    assert lines[1] == b"-ERR [IN-USE] Maildrop is locked\r\n" and lines[3].startswith(b"+OK")


def test_delay_holds_the_command_and_those_after_it(server, client):
    server.on("IMAP FETCH").delay(0.2).once()
    started = time.monotonic()
    client.send(b"b FETCH 1 BODY[]\r\na NOOP\r\n")

    lines = client.read_until(b"a ")
    assert time.monotonic() - started > 0.15
    assert b"Hello\r\n" in lines and lines[-1].startswith(b"a OK")


@pytest.mark.parametrize("action", ["drop", "reset"])
def test_connection_ends_without_a_reply(server, client, action):
    getattr(server.on("IMAP FETCH"), action)()
    client.send(b"a FETCH 1 FLAGS\r\n")

    try:
        assert client.read_to_end() == b""
    except ConnectionResetError:
        assert action == "reset"
    assert server.settle()[-1].ended == "rule"


def test_stall_never_answers(server, client):
    server.on("IMAP FETCH").stall()
    client.send(b"a FETCH 1 FLAGS\r\nb NOOP\r\n")
    client.socket.settimeout(0.2)

    with pytest.raises(TimeoutError):
        client.read_line()


def test_truncated_response_goes_on_with_the_next_command(server, client):
    server.on("IMAP FETCH").truncate(10).once()

    client.send(b"b FETCH 1 BODY[]\r\na NOOP\r\n")

    assert client.read_line() == b"* 1 FETCH a OK NOOP completed\r\n"


def test_close_in_the_middle_of_a_message(server, client):
    server.on("IMAP FETCH").truncate(30).close_after()

    client.send(b"a FETCH 1 BODY[]\r\na NOOP\r\n")
    output = client.read_to_end()

    assert output.startswith(b"* 1 FETCH (") and len(output) == 30
    assert server.settle()[-1].ended == "rule"


def test_raw_bytes_replace_the_response(server, client):
    server.on("IMAP FETCH").raw(b"* 1 FETCH (FLAGS (\r\na OK Done\r\n").once()

    assert client.command("FETCH 1 BODY[]") == [b"* 1 FETCH (FLAGS (\r\n", b"a OK Done\r\n"]
    assert client.command("NOOP")[-1].startswith(b"a OK NOOP")


def test_raw_bytes_have_the_tag_of_the_command(server, client):
    server.on("IMAP SELECT").raw(b"* 1 EXISTS\r\n* OK [UIDVALIDITY 99] New\r\n{tag} OK [READ-WRITE] Done\r\n").once()
    server.on("IMAP FETCH").raw(b"* 1 EXPUNGE\r\n{tag} OK Done\r\n").once()

    client.send(b"x7 SELECT INBOX\r\na FETCH 1 FLAGS\r\n")

    assert client.read_until(b"x7 ")[1:] == [b"* OK [UIDVALIDITY 99] New\r\n", b"x7 OK [READ-WRITE] Done\r\n"]
    assert client.read_until(b"a ") == [b"* 1 EXPUNGE\r\n", b"a OK Done\r\n"]
    assert client.command("FETCH 1 FLAGS")[0] == b"* 1 FETCH (FLAGS ())\r\n"


def test_transcript_tells_raw_bytes_from_what_they_replace(server, client):
    server.on("IMAP FETCH").raw(b"* 1 EXPUNGE\r\n{tag} OK Done\r\n").once()
    client.command("FETCH 1 FLAGS")
    client.send(b"a LOGOUT\r\n")
    client.read_to_end()

    lines = [line.partition(" S: ")[2] or line for line in str(server.settle()[-1].transcript).splitlines()]
    sent = lines.index("* 1 EXPUNGE")
    assert lines[sent + 1] == "a OK Done"
    assert lines[sent + 2].endswith("instead of these responses:")
    assert lines[sent + 3] == r"* 1 FETCH (FLAGS (\Recent))"


def test_raw_bytes_in_idle_have_its_tag(server, client):
    server.on("IMAP IDLE").delay(0).raw(b"{tag} BAD Leave\r\n").once()

    client.send(b"y2 IDLE\r\n")

    assert client.read_until(b"y2 ")[-1] == b"y2 BAD Leave\r\n"


def test_rule_without_the_protocol_names_its_trigger():
    with pytest.raises(TypeError, match=r'got \'NO\'.* the trigger "IMAP FETCH"'):
        Rule("FETCH").reply("NO", "[INUSE] Try later")


@pytest.mark.parametrize(
    ("when", "hint"),
    [("IMAP FETCH", r'\.reply\("NO", '), ("POP3 RETR", r'\.reply\("-ERR", '), ("NOOP", r"\.reply\(451\)")],
)
def test_rule_without_action_gets_a_hint_that_is_possible(when, hint):
    rules = Rules()
    rules.on(when)
    with pytest.raises(RuleNeverActed, match=hint):
        rules.check()


@pytest.mark.parametrize(
    ("options", "when", "reason"),
    [
        ({}, "imap fetch", r"IMAP FETCH never came; the server does not speak IMAP: MailServer\(imap=True\) does$"),
        (
            {"imap": True},
            "POP3 RETR",
            r"never came; the server does not speak POP3: MailServer\(pop3=True\) does$",
        ),
        ({"imap": True}, "IMAP FETCH", "IMAP FETCH never came$"),
    ],
)
def test_failure_states_that_the_server_does_not_speak_the_protocol(options, when, reason):
    with pytest.raises(RuleNeverActed) as failure, MailServer(**options) as server:
        server.on(when).drop()

    assert re.search(reason, str(failure.value), re.MULTILINE)


def test_throttle_slows_the_response(server, client):
    server.on("IMAP FETCH").throttle(200, "out")
    started = time.monotonic()

    assert client.command("FETCH 1 BODY[]")[-1].startswith(b"a OK")
    assert time.monotonic() - started > 0.2


def test_bye_comes_while_the_client_is_idle(server, client):
    rule = server.on("IMAP IDLE").delay(0.1).reply("BYE", "[UNAVAILABLE] Maintenance")

    client.send(b"a IDLE\r\n")

    assert client.read_line().startswith(b"+ ")
    assert client.read_to_end() == b"* BYE [UNAVAILABLE] Maintenance\r\n"
    assert rule.count == 1


@pytest.mark.parametrize("action", ["drop", "reset"])
def test_idle_connection_is_cut(server, client, action):
    getattr(server.on("IMAP IDLE").delay(0.05), action)()

    client.send(b"a IDLE\r\n")
    assert client.read_line().startswith(b"+ ")
    try:
        assert client.read_to_end() == b""
    except ConnectionResetError:
        assert action == "reset"


def test_idle_that_ends_before_its_delay_is_left_alone(server, client):
    server.on("IMAP IDLE").delay(0.3).reply("BYE", "Gone").once()

    client.send(b"a IDLE\r\nDONE\r\n")
    client.read_until(b"a OK")
    client.command("NOOP")
    time.sleep(0.4)

    assert client.command("NOOP")[-1].startswith(b"a OK")


def test_error_of_a_rule_is_raised_in_the_test():
    def fail(context):
        raise ZeroDivisionError("broken rule")

    with pytest.raises(ZeroDivisionError, match="broken rule"), MailServer(imap=True, pop3=True) as server:
        server.on("IMAP NOOP", where=fail).drop()
        server.on("POP3 CAPA", where=fail).drop().optional()
        with RawReadingClient(server.imap.address) as client:
            assert client.command("NOOP")[-1].startswith(b"a NO [SERVERBUG]")
            server.rules.clear()


def test_rule_of_another_protocol_does_not_act():
    with MailServer(imap=True, pop3=True) as server:
        server.on("NOOP").drop().optional()
        server.on("IDLE", after=0.02).drop().optional()
        server.on("POP3 NOOP").drop().optional()
        with RawReadingClient(server.imap.address, login="ann") as client:
            time.sleep(0.1)
            assert client.command("NOOP")[-1].startswith(b"a OK")


def test_unused_rule_is_reported():
    rules = Rules()
    rules.on("IMAP MOVE").drop()

    with pytest.raises(AssertionError, match="IMAP MOVE never came"):
        rules.check()


@pytest.mark.parametrize(
    ("when", "message"),
    [
        ("IMAP FETHC", "did you mean 'FETCH'"),
        ("POP3 RETER", "did you mean 'RETR'"),
        ("NNTP ARTICLE", "IMAP"),
        ("IMAP ", "IMAP command"),
    ],
)
def test_unknown_trigger_is_refused(when, message):
    with pytest.raises(ValueError, match=message):
        Rule(when)


@pytest.mark.parametrize(
    ("when", "arguments", "error", "message"),
    [
        ("IMAP FETCH", (450,), ValueError, r'such as reply\("NO", "Try later"\), got 450; its statuses: OK, NO'),
        ("IMAP FETCH", ("-ERR", "x"), ValueError, "its statuses: OK, NO, BAD, BYE, PREAUTH"),
        ("POP3 RETR", ("NO", "x"), ValueError, r"its statuses: \+OK, -ERR"),
        ("POP3 RETR", ("-ERR", "x", "y"), ValueError, "one text"),
        ("IMAP FETCH", ("NO", "x\r\ny"), ValueError, "one line"),
        ("IMAP FETCH", ("NO", 5), TypeError, "a string"),
        ("IMAP FETCH", (Reply(450),), ValueError, "must have a status"),
        ("RCPT", (ReadingReply("NO", "x"),), ValueError, "must have an SMTP reply code"),
    ],
)
def test_reply_of_another_protocol_is_refused(when, arguments, error, message):
    with pytest.raises(error, match=message):
        Rule(when).reply(*arguments)


@pytest.mark.parametrize("action", ["call", "duplicate", "accept_but_lose"])
def test_actions_of_smtp_are_refused(action):
    with pytest.raises(ValueError, match="is not possible at IMAP FETCH; its actions: close_after, delay"):
        Rule.from_dict({"when": "IMAP FETCH", "do": [{action: True}]})


def test_reply_without_a_text_has_a_default():
    assert Rule("IMAP FETCH").reply("NO") == Rule("IMAP FETCH").reply("NO", "[UNAVAILABLE] Not possible now, try later")


@pytest.mark.parametrize("when", sorted(READING_TRIGGERS))
def test_rule_survives_a_json_round_trip(when):
    status = READING_TRIGGERS[when].statuses[1]
    rule = Rule(when, user="ann", argument="*x*").reply(status, "[INUSE] Try later").times(2)

    copy = Rule.from_dict(json.loads(json.dumps(rule.to_dict())))

    assert copy == rule and copy.to_dict() == rule.to_dict() and str(copy) == str(rule)


@pytest.mark.parametrize("reply", [["NO"], ["MAYBE", "x"], ["NO", "x", "y"]])
def test_wrong_reply_in_a_definition_is_refused(reply):
    with pytest.raises(ValueError, match="reply must be a code, or a list of a status and one text"):
        Rule.from_dict({"when": "IMAP FETCH", "do": [{"reply": reply}]})


@pytest.mark.parametrize(("name", "what"), [(name, what) for name, row in READING_PROVIDERS.items() for what in row])
def test_provider_refuses_a_command(name, what):
    rule = presets.reading_provider(name, what, user="ann@*")
    definition = {"preset": "reading_provider", "name": name, "what": what, "user": "ann@*"}
    jsonschema.validate(definition, read_rules_schema(), cls=jsonschema.Draft202012Validator)

    assert Rule.from_dict(definition) == rule and Rule.from_dict(rule.to_dict()) == rule


def test_provider_says_that_there_are_too_many_connections():
    with MailServer(imap=True) as server:
        server.rules.add(presets.reading_provider("gmail", "connection_limit").once())
        with RawReadingClient(server.imap.address) as client:
            assert client.command("LOGIN ann x")[-1].startswith(b"a NO [ALERT] Too many simultaneous connections")
            assert client.command("LOGIN ann x")[-1].startswith(b"a OK")


@pytest.mark.parametrize(("name", "what"), [("gmial", "throttled"), ("dovecot", "throttled")])
def test_unknown_provider_or_reply_is_refused(name, what):
    with pytest.raises(ValueError, match="unknown provider"):
        presets.reading_provider(name, what)


def test_faults_of_the_page_are_rules(server):
    page = (Path(__file__).parents[2] / "docs/reference/imap.md").read_text("utf-8")
    rows = re.findall(r"`(server\.(?:on|rules\.add)\(.*\))`", page)
    assert len(rows) >= 12

    for row in rows:
        assert eval(row.split("`")[0], {"server": server, "presets": presets}), row
    assert {rule.when for rule in server.rules} >= {"TLS", "IMAP IDLE", "IMAP SELECT", "POP3 PASS"}
    server.rules.clear()
