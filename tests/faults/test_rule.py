"""A rule by itself: what it acts on, how often, what it refuses, and that it is a value."""

import json
import re
from pathlib import Path

import jsonschema
import pytest

from lazr.smtptest import Credentials, Moment, Reply, Rule, Rules, SessionRecord, TlsFacts
from lazr.smtptest.faults.act import ACTS
from lazr.smtptest.faults.form import LIMITS
from lazr.smtptest.faults.when import OTHER, WHENS
from lazr.smtptest.protocol.smtp import event
from lazr.smtptest.protocol.smtp.address import Path as Address

SCHEMA = json.loads((Path(__file__).parents[2] / "docs" / "rules.schema.json").read_text("utf-8"))


def path(mailbox):
    return Address(mailbox)


def a_session(**facts):
    record = SessionRecord()
    record.peer = "192.0.2.7:40000"
    record.helo = "Client.Example"
    for name, value in facts.items():
        setattr(record, name, value)
    return record


MAIL = event.Mail(path("ann@example.org"), {"SIZE": "2000"})
RCPTS = (event.Rcpt(path("bob@example.com"), {}), event.Rcpt(path("Carol@Example.net"), {}))
SESSION = a_session(tls=TlsFacts("TLSv1.3", "X"), auth=Credentials("PLAIN", "ann"))
MESSAGE = event.EndOfData(MAIL, RCPTS, [b"Subject: Hello\r\nX-Tag: a\r\n\r\nText\r\n"], SESSION)

EVENTS = {
    "CONNECT": event.Connect("192.0.2.7:40000"),
    "EHLO": event.Ehlo("other.example"),
    "AUTH": event.Auth(Credentials("SCRAM-SHA-256", "bart")),
    "MAIL": MAIL,
    "RCPT": RCPTS[1],
    "DATA": event.Data(),
    "BDAT": event.Bdat(70, last=False),
    "END_OF_DATA": MESSAGE,
    "DELIVERY": event.Delivery(MESSAGE, RCPTS[1]),
    "NOOP": event.Noop(""),
    "STAT": event.Unknown("STAT", ""),
}


def moment(what, session=SESSION, **facts):
    when = "END_OF_DATA" if what == "DELIVERY" else what
    transaction = (None, ()) if what in ("CONNECT", "EHLO", "AUTH", "MAIL") else (MAIL, RCPTS)
    return Moment(when, session, event=EVENTS.get(what), transaction=transaction, **facts)


def acts(rule, *moments):
    """What the rule does at each moment."""
    return [str(rule.consider(moment) or "") for moment in moments]


CLEAR = a_session()


@pytest.mark.parametrize(
    ("when", "selectors", "at", "met"),
    [
        ("MAIL", {"sender": "*@example.org"}, "MAIL", True),
        ("mail", {"sender": "ann@EXAMPLE.org"}, "MAIL", True),
        ("MAIL", {"sender": "bob@example.org"}, "MAIL", False),
        ("RCPT", {"sender": "ann@*", "to": "Carol@example.NET"}, "RCPT", True),
        ("RCPT", {"to": "bob@example.com"}, "RCPT", False),  # accepted before; another is in question
        ("RCPT", {"to": re.compile("^C")}, "RCPT", True),
        ("DATA", {"to": "bob@example.com"}, "DATA", True),
        ("DATA", {"to": ["bob@example.com", "*@example.net"]}, "DATA", True),
        ("DATA", {"to": ["bob@example.com", "dan@example.net"]}, "DATA", False),
        ("END_OF_DATA", {"to": "bob@example.com"}, "END_OF_DATA", True),
        ("END_OF_DATA", {"to": "bob@example.com"}, "DELIVERY", False),
        ("END_OF_DATA", {"to": "*@example.net", "subject": "Hello"}, "DELIVERY", True),
        ("END_OF_DATA", {"subject": re.compile("(?i)hello")}, "END_OF_DATA", True),
        ("END_OF_DATA", {"header": {"x-tag": "a"}}, "END_OF_DATA", True),
        ("END_OF_DATA", {"header": {"x-tag": "b"}}, "END_OF_DATA", False),
        ("END_OF_DATA", {"size": 34}, "END_OF_DATA", True),
        ("END_OF_DATA", {"size": "> 34"}, "END_OF_DATA", False),
        ("END_OF_DATA", {"size": lambda size: size > 30}, "DELIVERY", True),
        ("MAIL", {"size": ">=2_000"}, "MAIL", True),
        ("BDAT", {"size": "<70"}, "BDAT", False),
        ("EHLO", {"helo": "OTHER.*"}, "EHLO", True),
        ("NOOP", {"helo": "client.example"}, "NOOP", True),
        ("NOOP", {"helo": re.compile("^client")}, "NOOP", False),  # a pattern says itself what counts
        ("CONNECT", {"peer": "192.0.2.7"}, "CONNECT", True),
        ("CONNECT", {"peer": "192.0.2.7:40000"}, "CONNECT", True),
        ("CONNECT", {"peer": "192.0.3.*"}, "CONNECT", False),
        ("AUTH", {"user": "bart"}, "AUTH", True),
        ("AUTH", {"mechanism": "scram-*"}, "AUTH", True),
        ("AUTH", {"mechanism": "PLAIN"}, "AUTH", False),
        ("MAIL", {"user": "ann"}, "MAIL", True),
        ("MAIL", {"tls": True}, "MAIL", True),
        ("MAIL", {"tls": "TLSv1.2"}, "MAIL", False),
        ("MAIL", {"tls": False}, "MAIL", False),
        ("NOOP", {"session": 3}, "NOOP", True),
        ("NOOP", {"session": [1, 2]}, "NOOP", False),
        ("NOOP", {"session": "<=3"}, "NOOP", True),
        ("NOOP", {"where": lambda moment: moment.recipients[0] == "bob@example.com"}, "NOOP", True),
        ("RCPT", {"where": lambda moment: moment.accepted == ("bob@example.com", "Carol@Example.net")}, "RCPT", True),
        ("NOOP", {"where": lambda moment: moment.number > 3}, "NOOP", False),
        ("STAT", {"sender": "*"}, "STAT", True),
    ],
)
def test_selectors_are_met_as_the_inbox_matches(when, selectors, at, met):
    assert acts(Rule(when, **selectors).reply(451), moment(at, number=3)) == ["reply(451)" if met else ""]


@pytest.mark.parametrize(
    ("selectors", "met"), [({"tls": False}, True), ({"tls": "TLSv1.3"}, False), ({"user": "*"}, False)]
)
def test_what_is_not_there_meets_nothing(selectors, met):
    assert bool(Rule("NOOP", **selectors).drop().consider(moment("NOOP", CLEAR))) is met


def test_outside_a_transaction_nobody_sends_to_nobody():
    outside = Moment("NOOP", CLEAR, event=EVENTS["NOOP"])

    assert (outside.sender, outside.recipients, outside.size, outside.message, outside.user) == (
        None,
        (),
        None,
        None,
        None,
    )
    assert Rule("NOOP", sender="*").drop().consider(outside) is None
    assert Moment("MAIL", CLEAR, event=event.Mail(path(""), {})).size is None
    assert repr(Moment("IDLE", CLEAR, amount=2.5)) == "<Moment IDLE 2.5 s, session 1>"
    assert Moment("TLS", CLEAR).said() == "TLS"


@pytest.mark.parametrize(
    ("write", "expected"),
    [
        (lambda rule: rule.drop(), "ddddd"),
        (lambda rule: rule.drop().once(), "d----"),
        (lambda rule: rule.drop().times(2), "dd---"),
        (lambda rule: rule.times(2).drop(), "dd---"),
        (lambda rule: rule.drop().after(3), "---dd"),
        (lambda rule: rule.drop().after(1).times(2), "-dd--"),
        (lambda rule: rule.drop().between(2, 4), "-ddd-"),
        (lambda rule: rule.drop().between(2, 4).once(), "-d---"),
        (lambda rule: rule.drop().then().reset(), "drrrr"),
        (lambda rule: rule.drop().times(2).then().reset().once(), "ddr--"),
        (lambda rule: rule.drop().then().reset().after(1).then().stall(), "d-rss"),
        (lambda rule: rule.drop().between(1, 2).then().reset().between(2, 2), "dd-r-"),
        (lambda rule: rule.drop().then(), "ddddd"),  # nothing comes behind it yet
    ],
)
def test_how_often_it_acts(write, expected):
    rule = write(Rule("NOOP"))
    names = {"drop()": "d", "reset()": "r", "stall()": "s", "": "-"}

    assert "".join(names[act] for act in acts(rule, *[moment("NOOP")] * 5)) == expected
    assert rule.count == len(rule.calls) == 5 - expected.count("-")


@pytest.mark.parametrize(
    ("nth", "expected"), [(3, "--d--"), ([1, 4], "d--d-"), (">=4", "---dd"), (lambda n: n % 2 == 0, "-d-d-")]
)
def test_nth_counts_what_meets_all_else(nth, expected):
    rule = Rule("RCPT", to="Carol@*", nth=nth).drop()
    other = Moment("RCPT", SESSION, event=RCPTS[0])
    found = []
    for _ in range(5):
        assert rule.consider(other) is None
        found.append("d" if rule.consider(moment("RCPT")) else "-")

    assert "".join(found) == expected


def test_dice_are_the_seeds_and_each_rule_has_its_own():
    def throws(seed, *, others=0):
        rules = Rules(seed)
        rule = rules.on("NOOP", probability=0.3).drop()
        for _ in range(others):
            rules.on("VRFY", probability=0.5).drop()
        return [bool(rule.consider(moment("NOOP"))) for _ in range(100)]

    assert throws(7) == throws(7) == throws(7, others=3) != throws(8)
    assert 10 < sum(throws(7)) < 50
    assert Rules().seed != Rules().seed
    for chance, expected in ((0, 0), (1, 100)):
        rules = Rules()
        rule = rules.on("NOOP", probability=chance).drop()
        assert sum(bool(rule.consider(moment("NOOP"))) for _ in range(100)) == expected


@pytest.mark.parametrize(
    ("write", "says"),
    [
        (lambda: Rule("RCPT", subject="x"), "subject= makes no sense at RCPT; there, a rule may have .*sender"),
        (lambda: Rule("CONNECT", helo="x"), "helo= makes no sense at CONNECT"),
        (lambda: Rule("NOOP", after=1), "after= makes no sense at NOOP"),
        (lambda: Rule("RCPT", rcpt="x"), "no selector 'rcpt'; at RCPT there are .*to"),
        (lambda: Rule("DATA; x"), "no moment of a session; there are CONNECT.*any other verb"),
        (lambda: Rule("IDLE"), "IDLE wants after="),
        (lambda: Rule("IDLE", after=0), "more than no seconds"),
        (lambda: Rule("IDLE", after="1"), "no number of seconds"),
        (lambda: Rule("CONTENT", after=1.5), "whole number"),
        (lambda: Rule("CONTENT", after=-1), "no number of octets"),
        (lambda: Rule("NOOP", probability=2), "between 0 and 1"),
        (lambda: Rule("NOOP", probability="x"), "between 0 and 1"),
        (lambda: Rule("NOOP", session="many"), "no comparison"),
        (lambda: Rule("NOOP", session=1.5), "neither a number"),
        (lambda: Rule("NOOP", where=1), "where wants a function"),
        (lambda: Rule("END_OF_DATA", header="x"), "header wants a mapping"),
        (lambda: Rule("NOOP").reply(999), "999"),
        (lambda: Rule("NOOP").do("reply", 451), "is no Reply"),
        (lambda: Rule("NOOP").delay(-1), "no number of seconds"),
        (lambda: Rule("NOOP").raw("text"), "raw wants bytes"),
        (lambda: Rule("NOOP").truncate(-1), "no number of octets"),
        (lambda: Rule("NOOP").throttle(0), "octets a second"),
        (lambda: Rule("NOOP").throttle(1, "up"), "direction"),
        (lambda: Rule("NOOP").call(1), "call wants a function"),
        (lambda: Rule("NOOP").do("drop", 1), "True is wanted"),
        (lambda: Rule("EHLO").without(), "one keyword"),
        (lambda: Rule("EHLO").advertise(" "), "one keyword"),
        (lambda: Rule("NOOP").drop().reply(451), r"reply\(\) does not go with drop\(\); .then\(\) begins"),
        (lambda: Rule("NOOP").reply(451).drop(), r"drop\(\) does not go with reply"),
        (lambda: Rule("NOOP").reply(451).reply(452), "there twice"),
        (lambda: Rule("NOOP").raw(b"").truncate(1), "does not go with raw"),
        (lambda: Rule("NOOP").stall().close_after(), "does not go with stall"),
        (lambda: Rule("END_OF_DATA").duplicate().accept_but_lose(), "does not go with duplicate"),
        (lambda: Rule("NOOP").then(), "behind an act"),
        (lambda: Rule("NOOP").times(0), "counts from 1"),
        (lambda: Rule("NOOP").after(-1), "number of matches"),
        (lambda: Rule("NOOP").between(3, 2), "is empty"),
        (lambda: Rules().add(Rule("NOOP")), "does not say what to do"),
        (lambda: Rule("NOOP").drop().__enter__(), "wants a rule of a server"),
    ],
)
def test_what_makes_no_sense_is_refused_when_it_is_written(write, says):
    with pytest.raises((ValueError, TypeError), match=says):
        write()


def test_what_a_where_raises_names_the_rule():
    with pytest.raises(ZeroDivisionError) as raised:
        Rule("NOOP", where=lambda moment: 1 / 0).drop().consider(moment("NOOP"))

    assert "while a rule's where=" in raised.value.__notes__[0]


# -- as a value --------------------------------------------------------------------------------

WRITTEN = [
    Rule("RCPT", to="*@full.example").reply(452, "4.2.2", "Mailbox full"),
    Rule("EHLO").reply(Reply(250, "one", "two")),
    Rule("DATA", sender=re.compile("^x", re.IGNORECASE)).delay(0.5).reply(451).times(2).then().drop().after(1).once(),
    Rule("CONTENT", after=10_000, session=[1, 3]).throttle(100, "in").delay(1).reset(),
    Rule("IDLE", after=2.5, tls=True).raw(b"\xff\x00\r\n").close_after(),
    Rule("EHLO", helo="a").without("STARTTLS", "SIZE").advertise("X-A 1"),
    Rule("END_OF_DATA", header={"X-Tag": re.compile("a")}, size=">10", subject="s").accept_but_lose().between(2, 3),
    Rule("END_OF_DATA", to=["a@b", "c@d"], nth=2).duplicate().truncate(3),
    Rule("MAIL", probability=0.2, size=range(3)).reply(421).optional(),
    Rule("STAT").stall(),
]


@pytest.mark.parametrize("rule", WRITTEN, ids=str)
def test_a_rule_is_a_value_that_json_can_carry(rule):
    form = json.loads(json.dumps(rule.to_dict()))
    jsonschema.validate(form, SCHEMA, cls=jsonschema.Draft202012Validator)
    again = Rule.from_dict(form)

    assert again.to_dict() == form
    assert again == rule or "range" in str(rule)
    assert hash(again) == hash(rule) and again is not rule and rule != Rule("QUIT").drop() and rule != 1


def test_the_schema_knows_what_the_tables_know():
    link = SCHEMA["$defs"]["behaviour"]["properties"]
    every = frozenset().union(*(row.selectors for row in (*WHENS.values(), OTHER)))

    assert set(link) == {*ACTS, *LIMITS} - {"call"}
    assert set(SCHEMA["properties"]["match"]["properties"]) == every - {"where"}
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize(
    "form",
    [
        {"when": "NOOP"},
        {"when": "NOOP", "do": []},
        {"when": "NOOP", "do": [{"explode": True}]},
        {"when": "NOOP", "do": ["drop"]},
        {"when": "NOOP", "do": [{"drop": True}], "how": 1},
        {"when": "NOOP", "do": [{"drop": True, "times": 0}]},
        {"when": "NOOP", "do": [{"drop": False}]},
        {"when": "NOOP", "do": [{"call": "f"}]},
        {"when": "NOOP", "match": {"helo": {"pattern": "x"}}, "do": [{"drop": True}]},
        [],
    ],
)
def test_what_is_no_rule_is_refused_by_from_dict_and_by_the_schema(form):
    with pytest.raises((ValueError, TypeError)):
        Rule.from_dict(form)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(form, SCHEMA, cls=jsonschema.Draft202012Validator)


@pytest.mark.parametrize(
    "rule", [Rule("NOOP").call(print), Rule("NOOP", where=print).drop(), Rule("MAIL", sender=print).drop()]
)
def test_a_function_is_no_value(rule):
    with pytest.raises(ValueError, match=r"file can(not)? carry"):
        rule.to_dict()


def test_short_forms_are_understood():
    rule = Rule.from_dict({"when": "noop", "do": [{"throttle": 100, "reply": 451}]})

    assert rule == Rule("NOOP").throttle(100).reply(451)


# -- the account -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "moments", "says"),
    [
        (Rule("RCPT", to="a@b").drop(), [], "RCPT never came"),
        (Rule("RCTP").drop(), [], "RCTP never came; is RCPT meant?"),
        (Rule("CONTENT", after=9).drop(), [], "CONTENT never came"),
        (Rule("RCPT", to="a@b").drop(), ["RCPT"] * 2,
         "RCPT came 2 times; the nearest miss: RCPT TO:<Carol@Example.net>: to is 'Carol@Example.net'"),
        (Rule("NOOP", sender="ann@*", tls="TLSv1.2").drop(), ["NOOP"], "NOOP came once; .* tls is 'TLSv1.3'"),
        (Rule("NOOP", where=lambda moment: False).drop(), ["NOOP"], "where says no"),
        (Rule("NOOP").drop().after(3), ["NOOP"] * 2, r"it matched 2 times, and was not due by then \(after\(3\)\)"),
        (Rule("NOOP", nth=3).drop(), ["NOOP"], r"it matched once, and was not due by then \(nth=3\)"),
    ],
)  # fmt: skip
def test_a_rule_says_why_it_never_acted(rule, moments, says):
    acts(rule, *map(moment, moments))

    assert rule.idle and re.search(says, rule.account())


def test_calls_are_kept_but_not_for_ever():
    rule = Rule("NOOP").drop()
    for _ in range(3000):
        rule.consider(moment("NOOP", at=1.5))

    assert rule.count == 3000 and 1000 <= len(rule.calls) < 2000
    assert repr(rule.calls[-1]) == "<Call 3000 at 1.500 s, session 1: NOOP → drop()>"
    assert repr(rule) == "<Rule NOOP → drop(), acted 3000 times>"


def test_rules_are_a_sequence():
    rules = Rules(1)
    one, other, third = Rule("NOOP").drop(), Rule("VRFY").drop(), Rule("NOOP").reset()
    rules.add(one, other)
    rules.add(one)
    rules.add(third)

    assert list(rules) == [one, other, third] and rules[:2] == (one, other) and len(rules) == 3
    assert repr(rules) == "<Rules: NOOP → drop(), VRFY → drop(), NOOP → reset()>"
    with pytest.raises(ValueError, match="another server's"):
        Rules().add(one)
    one.remove()
    one.remove()
    Rule("NOOP").remove()
    assert list(rules) == [other, third]
    rules.clear()
    assert list(rules) == [] and repr(rules) == "<Rules: none>" and rules.by_verb is None
