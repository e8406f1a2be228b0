"""Wrong names of attributes: the errors suggest the right ones, and other names work."""

import copy
import smtplib

import pytest

import lazr.smtptest
from lazr.smtptest import Address, Credentials, Limits, Link, MailServer, Match, Reply, Rule, presets
from lazr.smtptest.protocol.smtp.address import Path


@pytest.fixture(scope="module")
def values():
    """Return objects by the name of their type, of a server that got a mail and refused one."""
    events, contexts = {}, []
    server = MailServer(auth={"ann": "secret"}, decide=lambda event, reply: events.update({event.verb: event}) or reply)
    with server, smtplib.SMTP(*server.address) as client:
        rule = server.on("RCPT", to="full@*", where=lambda context: contexts.append(context) or True).reply(452)
        client.login("ann", "secret")
        client.sendmail("app@example.com", "ann@example.com", "Content-Type: text/csv; name=a.csv\r\n\r\n1;2")
        client.mail("app@example.com")
        client.rcpt("full@example.com")
    mail, session = server.inbox[0], server.sessions[0]
    made = [
        server, server.inbox, mail, mail.envelope, mail.headers, mail.headers[0], mail.attachments[0], session,
        server.sessions, session.transcript, session.transcript[0], session.commands[0], session.auth, server.rules,
        rule, rule.calls[0], contexts[0], events["RCPT"], events["END_OF_DATA"], Address("Ann", "ann", "example.com"),
        Link("http://localhost/", "Start", "html"), Reply(250), Limits(), presets.provider("gmail"),
    ]  # fmt: skip
    return {type(value).__name__: value for value in made}


@pytest.mark.parametrize(
    ("kind", "name", "suggestion"),
    [
        ("MailServer", "messagez", "write server.inbox"),
        ("MailServer", "runningg", "did you mean 'running'?"),
        ("Inbox", "firstt", r"write inbox.one\(to=…\)"),
        ("Inbox", "subject", r"write inbox.one\(\).subject"),
        ("Mail", "body", "write mail.text or mail.html"),
        ("Mail", "sujbect", "did you mean 'subject'?"),
        ("Envelope", "sender", "write envelope.mail_from"),
        ("Envelope", "recipients", "write envelope.rcpt_tos"),
        ("Headers", "subject", "known: count, get, get_all, "),
        ("Headers", "content_type", r"write headers\['content-type'\]"),
        ("Headers", "items", "write {field.name: field.value for field in"),
        ("Field", "val", "did you mean 'value'?"),
        ("Attachment", "name", "write attachment.filename"),
        ("Attachment", "contentt", "did you mean 'content'?"),
        ("SessionRecord", "username", "write session.auth.username"),
        ("SessionRecord", "commandz", "did you mean 'commands'?"),
        ("Sessions", "last", r"write sessions\[-1\]"),
        ("Transcript", "text", r"write str\(transcript\)"),
        ("TranscriptLine", "time", "write line.at"),
        ("Command", "code", "write command.reply.code"),
        ("Credentials", "login", "write credentials.username"),
        ("Rules", "append", r"write rules.add\(rule\)"),
        ("Rule", "respond", r"write rule.reply\("),
        ("Rule", "tmies", "did you mean 'times'?"),
        ("Call", "time", "write call.at"),
        ("RuleContext", "username", "write context.user"),
        ("Rcpt", "address", "write event.path.mailbox"),
        ("Rcpt", "parameterz", "did you mean 'parameters'?"),
        ("EndOfData", "recipients", r"write \[rcpt.path.mailbox for rcpt in event.rcpts\]"),
        ("Address", "email", "write address.addr_spec"),
        ("Link", "href", "write link.url"),
        ("Reply", "text", "write reply.lines"),
        ("Limits", "size", "write limits.message_size"),
        ("Provider", "over_quot", "did you mean 'over_quota'?"),
    ],
)
def test_wrong_attribute_names_the_right_one(values, kind, name, suggestion):
    with pytest.raises(AttributeError, match=f"^'{kind}' object has no attribute '{name}'; {suggestion}"):
        getattr(values[kind], name)


def test_suggestions_name_what_exists(values):
    """Evaluate each suggestion that is an attribute of the object."""
    for value in values.values():
        module = __import__(type(value).__module__, fromlist=["x"])
        tables = [table for name, table in vars(module).items() if name.endswith("_ALIASES")]
        variable = {"MailServer": "server", "SessionRecord": "session", "TranscriptLine": "line"}
        word = variable.get(type(value).__name__, type(value).__name__.lower())
        for table in tables:
            for suggestion in table.values():
                first = suggestion.split(",")[0].split("(")[0].split("[")[0].split(";")[0].split(" ")[0].split(".")
                if first[0] == word and len(first) > 1:
                    assert first[1] in dir(value), suggestion


@pytest.mark.parametrize("name", ["grelist", "quota_ful", "tarpti"])
def test_wrong_preset_names_the_nearest_one(name):
    with pytest.raises(AttributeError, match=rf"no attribute '{name}'; did you mean '\w+'\?"):
        getattr(presets, name)


@pytest.mark.parametrize(("name", "known"), [("Mailserver", "MailServer"), ("Attachmentt", "Attachment")])
def test_wrong_public_name_names_the_nearest_one(name, known):
    with pytest.raises(AttributeError, match=f"did you mean '{known}'?"):
        getattr(lazr.smtptest, name)


def test_other_names_of_addresses_and_users_work():
    address = Address("Ann", "ann", "example.com")

    assert address.mailbox == address.addr_spec == "ann@example.com"
    assert Path("ann@example.com").addr_spec == Path("ann@example.com").mailbox
    assert Credentials("PLAIN", "ann").user == "ann"


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (lambda: Rule("RCPT", username="ann").reply(450), lambda: Rule("RCPT", user="ann").reply(450)),
        (lambda: Rule("RCPT", recipients=["a@b.example"]).drop(), lambda: Rule("RCPT", to=["a@b.example"]).drop()),
        (lambda: presets.quota_full(recipients="ann@*"), lambda: presets.quota_full(to="ann@*")),
        (
            lambda: Rule("RCPT", recipients=~Match(recipients="*@a.example")).drop(),
            lambda: Rule("RCPT", to=~Match(to="*@a.example")).drop(),
        ),
        (
            lambda: Rule.from_dict({"when": "AUTH", "match": {"username": "ann"}, "do": [{"reply": 535}]}),
            lambda: Rule("AUTH", user="ann").reply(535),
        ),
    ],
)
def test_other_names_of_selectors_make_an_equal_rule(first, second):
    assert copy.copy(first()) == second()
    assert first().to_dict() == second().to_dict()


def test_selector_by_both_of_its_names_is_refused():
    for selectors in ({"user": "ann", "username": "bob"}, {"username": "ann", "user": "bob"}):
        with pytest.raises(TypeError, match=r"username= is another name of user=; write user=\[…\]"):
            Rule("RCPT", **selectors)


def test_username_selects_the_user_of_a_session():
    with MailServer(auth="any") as server, smtplib.SMTP(*server.address) as client:
        rule = server.on("MAIL", username="ann").reply(450)
        client.login("ann", "secret")

        assert client.mail("app@example.com")[0] == 450
        assert rule.calls[0].said == "MAIL FROM:<app@example.com>"


@pytest.mark.parametrize(
    ("kind", "inner", "offered"),
    [
        ("MailServer", {"check_started", "is_receiving", "is_in_loop_thread"}, {"inbox", "on", "settle", "sessions"}),
        ("Inbox", {"append", "notify_waiters", "describe_late_mails"}, {"one", "none", "arrivals"}),
        ("Rules", {"evaluate", "register", "rules_by_verb", "count_event"}, {"add", "load", "on", "clear", "seed"}),
        ("Sessions", {"add"}, {"counts", "to_svg"}),
        ("SessionRecord", {"add_discarded", "end", "add_auth_attempt"}, {"commands", "transcript", "ended"}),
        ("Transcript", {"add_reply", "drop_middle", "entries"}, {"last"}),
    ],
)
def test_completion_does_not_offer_inner_names(values, kind, inner, offered):
    names = dir(values[kind])

    assert all(hasattr(values[kind], name) for name in inner)
    assert inner.isdisjoint(names)
    assert offered <= set(names)
