"""A rule by itself: what it acts on, how often, what it refuses, and that it is a value."""

import json
import re
from pathlib import Path

import jsonschema
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from lazr.smtptest import (
    Credentials,
    MailServer,
    Moment,
    Reply,
    Rule,
    RuleNeverActed,
    Rules,
    SessionRecord,
    TlsFacts,
    presets,
)
from lazr.smtptest.faults.act import ACTS
from lazr.smtptest.faults.counting import COUNTING
from lazr.smtptest.faults.form import LIMITS
from lazr.smtptest.faults.selector import SELECTORS
from lazr.smtptest.faults.when import OTHER, WHENS
from lazr.smtptest.protocol.smtp import event
from lazr.smtptest.protocol.smtp.address import Path as Address

DOCS = Path(__file__).parents[2] / "docs"
SCHEMA = json.loads((DOCS / "rules.schema.json").read_text("utf-8"))
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)


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
    if what == "EHLO":
        facts["reply"] = Reply(250, "localhost", "SIZE 10")
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
        ("RCPT", {"to": ["bob@example.com", "carol@example.net"]}, "RCPT", False),  # the case of a local part counts
        ("RCPT", {"to": ["dan@example.com", "Carol@example.net"]}, "RCPT", True),  # one recipient: one of them
        ("RCPT", {"to": ("dan@example.com", "eve@example.net")}, "RCPT", False),
        ("END_OF_DATA", {"to": ["*@example.net", "dan@*"]}, "DELIVERY", True),
        ("END_OF_DATA", {"subject": ["Hi", "Hello"], "header": {"X-Tag": ["b", "a"]}}, "END_OF_DATA", True),
        ("MAIL", {"sender": ["bob@*", "ann@*"], "tls": ["TLSv1.2", "TLSv1.3"]}, "MAIL", True),
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


def thrown(rule):
    return [bool(rule.consider(moment("NOOP"))) for _ in range(100)]


def a_test_of_ones_own(moment):
    return True


def test_dice_are_the_seeds_and_each_rule_has_its_own():
    def throws(seed, *, before=0, **selectors):
        rules = Rules(seed)
        for number in range(before):
            rules.on("VRFY", probability=0.5).drop()
            rules.on("NOOP", session=number + 2).drop()
        return thrown(rules.on("NOOP", probability=0.3, **selectors).drop())

    assert throws(7) == throws(7) == throws(7, before=3) != throws(8)
    assert throws("x") == throws("x") != throws(7)
    assert throws(7, session=[1]) != throws(7)  # another rule
    # A function's address differs from run to run, its name does not.
    assert throws(7, where=a_test_of_ones_own) == throws(7, where=a_test_of_ones_own)
    assert "0x" not in Rule("NOOP", where=a_test_of_ones_own, probability=0.3).kind()
    assert 10 < sum(throws(7)) < 50
    assert Rules().seed != Rules().seed
    assert sum(thrown(Rules().on("NOOP", probability=1).drop())) == 100


@pytest.mark.parametrize("anew", ["clear", "forget", "begin"])
def test_dice_begin_anew_and_equal_rules_have_different_ones(anew):
    rules = Rules(7)

    def two():
        return [thrown(rules.add(Rule("NOOP", probability=0.5).drop())[0]) for _ in range(2)]

    first, second = two()
    assert first != second
    rules.begin() if anew == "begin" else getattr(rules, anew)()
    if anew == "begin":
        assert [thrown(rule) for rule in rules] == [first, second]
    else:
        assert two() == [first, second]


def test_dice_of_a_rules_own_are_its_own_wherever_it_is():
    rules = [Rules(seed).on("NOOP", probability=0.5, seed=9).drop() for seed in (1, 2)]
    others = [Rules(1).on("NOOP", probability=0.5, seed=seed).drop() for seed in (8, "9 lives")]

    assert thrown(rules[0]) == thrown(rules[1]) != thrown(others[0]) != thrown(others[1])
    assert rules[0] != others[0] and rules[0].to_dict()["match"] == {"probability": 0.5, "seed": 9}


@pytest.mark.parametrize("seed", [1.5, True, object(), b"x"])
def test_a_seed_is_a_number_or_a_string(seed):
    for write in (Rules, lambda seed: MailServer(seed=seed), lambda seed: Rule("NOOP", probability=0.5, seed=seed)):
        with pytest.raises(TypeError, match="seed is a number or a string"):
            write(seed)


def test_a_dice_less_rule_has_no_seed():
    with pytest.raises(ValueError, match="probability=, which is missing"):
        Rule("NOOP", seed=1)


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
        (lambda: Rule("NOOP", probability=2), "at the most 1"),
        (lambda: Rule("NOOP", probability=0), "more than 0"),
        (lambda: Rule("NOOP", probability=True), "more than 0"),
        (lambda: Rule("NOOP", probability="x"), "more than 0"),
        (lambda: Rule(250), "a rule begins with its moment"),
        (lambda: Rule("end-of-data"), "is END_OF_DATA meant"),
        (lambda: Rule("\u017ftat"), "no moment of a session"),
        (lambda: Rule("IDLE", after=float("inf")), "no number of seconds"),
        (lambda: Rule("NOOP", nth=0), "nth counts from 1; 0 never comes"),
        (lambda: Rule("NOOP", session=[1, 0]), "session counts from 1"),
        (lambda: Rule("NOOP", nth=[]), "wants nothing"),
        (lambda: Rule("NOOP", nth=[[1]]), "list of numbers"),
        (lambda: Rule("NOOP", session=range(10**9)), "1,000,000,000 numbers"),
        (lambda: Rule("MAIL", size=-1), "counts from 0"),
        (lambda: Rule("RCPT", to=[]), "wants nothing"),
        (lambda: Rule("RCPT", to={"a@b", "c@d"}), "to= wants a string, a pattern, a function, or a list"),
        (lambda: Rule("RCPT", to=5), "to= wants a string"),
        (lambda: Rule("RCPT", to=b"a@b"), "to= wants a string"),
        (lambda: Rule("RCPT", to=[None]), "to= wants a string"),
        (lambda: Rule("RCPT", to=[["a@b"]]), "not of lists"),
        (lambda: Rule("MAIL", sender=re.compile(b"a")), "sender= wants a string"),
        (lambda: Rule("END_OF_DATA", header={"X": None}), "header X= wants a string"),
        (lambda: Rule("END_OF_DATA", header={}), "header wants a mapping"),
        (lambda: Rule("RCPT", tls=1), "tls= wants a string"),
        (lambda: Rule("NOOP").reply(600, "x"), r"600 is no SMTP reply code.*; \.raw"),
        (lambda: Rule("NOOP").reply("451"), "starts with its code"),
        (lambda: Rule("NOOP").reply(451, 5), "strings, not 5"),
        (lambda: Rule("NOOP").after("2"), "number of matches"),
        (lambda: Rule("NOOP").after(1.5), "number of matches"),
        (lambda: Rule("NOOP").between(1, "2"), "counts from 1"),
        (lambda: Rule("EHLO").without("SIZE 7"), "without wants keywords alone, such as 'SIZE', not 'SIZE 7'"),
        (lambda: Rule("NOOP").wait(0), "counts from 1"),
        (lambda: Rules().add("NOOP"), "a rule is wanted, or a preset"),
        (lambda: Rules().remove(["x"]), "a rule is wanted, or a preset"),
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
    Rule("X-EXPS").reply(250, "2.0.0", ["one", "two"], "three"),
    Rule("NOOP", session=range(1, 4), nth={3, 2}).drop(),
    Rule("MAIL", sender=("a", re.compile("b"))).drop().then(),
    Rule("MAIL", probability=0.5, seed="x", tls=["TLSv1.3"]).drop().optional(when_it_never_comes=True),
    presets.greylist(attempts=2, seconds=5.5),
    presets.rate_limit(2, per=60),
    presets.connection_limit(3).once(),
    *presets.max_recipients(4),
    *presets.lying_size(),
    *presets.strip_starttls(),
    presets.flaky(0.5, seed=7),
    presets.provider("gmail").rate_limit(1, per=60),
]


@pytest.mark.parametrize("rule", WRITTEN, ids=str)
def test_a_rule_is_a_value_that_json_can_carry(rule):
    form = json.loads(json.dumps(rule.to_dict()))
    jsonschema.validate(form, SCHEMA, cls=jsonschema.Draft202012Validator)
    again = Rule.from_dict(form)

    assert again.to_dict() == form
    assert again == rule and str(again) == str(rule)
    assert hash(again) == hash(rule) and again is not rule and rule != Rule("QUIT").drop() and rule != 1


def test_the_schema_knows_what_the_tables_know():
    definitions = SCHEMA["$defs"]
    link = definitions["behaviour"]
    every = frozenset().union(*(row.selectors for row in (*WHENS.values(), OTHER)))
    match = definitions["rule"]["properties"]["match"]["properties"]
    preset = definitions["preset"]["properties"]

    assert set(link["properties"]) == {*ACTS, *LIMITS} - {"call"}
    assert {name for one in link["anyOf"] for name in one["required"]} == set(ACTS) - {"call"}
    assert set(match) == every == {*SELECTORS, "header", "nth", "after", "probability", "seed"}
    assert set(match["where"]["properties"]) == set(COUNTING)
    assert set(preset["preset"]["enum"]) == {*presets.PRESETS, "provider"}
    assert every - {"where"} <= set(preset)
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


# Forms of every shape, and what is wrong with most of them.
VALUES = [
    None, True, False, 0, 1, 2, -1, 0.5, 1.5, 250, 451, 600, "", " ", "x", ">3", "NOOP", "a@b", "in", "\u20ac",
    [], [[]], [1], ["x"], ["x", 5], [451, "x"], [451, 5], [5, "in"], {}, {"regex": "a"}, {"regex": "("}, {"regex": 5},
    {"flags": "i"}, {"regex": "a", "flags": "q"},
    {"regex": "a", "flags": "ii"}, {"x": "y"}, {"x": None}, {"x": ["y"]},
    {"bytes_per_second": 5}, {"bytes_per_second": 5, "direction": "up"}, {"rate": {"n": 1, "per": 60}}, {"rate": {}},
    {"rate": {"n": True, "per": 60}}, {"greylist": {}}, {"accepted": {"n": 0}}, {"oversized": {}},
    "when it never comes",
]  # fmt: skip
SELECTORS_AND_MORE = [*SELECTORS, "header", "nth", "after", "probability", "seed", "unknown"]
ANY = st.sampled_from(VALUES)
MAPPINGS = {
    "match": st.dictionaries(st.sampled_from(SELECTORS_AND_MORE), ANY, max_size=2),
    "link": st.dictionaries(st.sampled_from([*ACTS, *LIMITS, "unknown"]), ANY, max_size=3),
}
RULE_FORMS = st.fixed_dictionaries(
    {
        "when": st.sampled_from([*WHENS, "stat", "X-EXPS", "END-OF-DATA", "x y", 5, None]),
        "do": st.one_of(st.lists(MAPPINGS["link"], max_size=2), ANY),
    },
    optional={"match": st.one_of(MAPPINGS["match"], ANY), "optional": ANY, "unknown": ANY},
)
ARGUMENTS = ["n", "per", "attempts", "seconds", "permanent", "p", "when", "real", "announced", "name", "what", "where"]
PRESET_FORMS = st.builds(
    lambda name, rest: {"preset": name, **rest},
    st.sampled_from([*presets.PRESETS, "provider", "x", 5]),
    st.dictionaries(st.sampled_from([*SELECTORS_AND_MORE, *ARGUMENTS, *LIMITS, "optional"]), ANY, max_size=3),
)


@given(st.one_of(RULE_FORMS, PRESET_FORMS, ANY))
@settings(max_examples=400, deadline=None)
@example({"preset": "provider", "name": "gmail", "what": "rate_limit", "n": 1, "per": 60, "times": 2, "optional": True})
@example({"preset": "flaky", "p": 0.5, "seed": "x", "when": "RCPT", "to": {"regex": "a"}})
@example({"preset": "rate_limit", "n": 1, "per": 60, "after": 1, "until": 4})
@example({"when": "MAIL", "match": {"sender": {"regex": "a", "flags": "im"}}, "do": [{"reply": [451, "x"]}]})
@example({"when": "NOOP", "do": [{"drop": True, "after": 5, "until": 2}]})
@example({"when": "NOOP", "do": [{"reply": [450, "5.0.0", "x"]}]})
def test_what_is_read_is_valid_and_can_be_written_again_and_all_else_is_refused(form):
    valid = VALIDATOR.is_valid(form)
    try:
        rules = Rules().load([form])
    except (ValueError, TypeError) as error:
        assert str(error)
        return
    assert valid
    for rule in rules:
        again = json.loads(json.dumps(rule.to_dict()))
        assert VALIDATOR.is_valid(again) and Rule.from_dict(again) == rule
        assert Rule.from_dict(again).to_dict() == again


def test_all_rules_are_carried_in_a_list():
    server = MailServer()
    server.rules.load(
        [
            {"preset": "strip_starttls"},
            {"preset": "greylist", "attempts": 2, "to": "*@grey.example", "times": 3},
            {"when": "QUIT", "do": [{"drop": True}]},
        ]
    )
    other = Rules()
    other.load(json.loads(json.dumps(server.rules.to_list())))

    assert list(other) == list(server.rules) and [rule.when for rule in other] == ["EHLO", "STARTTLS", "RCPT", "QUIT"]
    with pytest.raises(ValueError, match=r"strip_starttls is 2 rules; server\.rules\.load"):
        Rule.from_dict({"preset": "strip_starttls"})
    with pytest.raises(ValueError, match="strip_starttls is 2 rules; times is for one"):
        other.load([{"when": "NOOP", "do": [{"drop": True}]}, {"preset": "strip_starttls", "times": 1}])
    assert len(other) == 4


@pytest.mark.parametrize(
    "rule",
    [
        Rule("NOOP").call(print),
        Rule("NOOP", where=print).drop(),
        Rule("MAIL", sender=print).drop(),
        Rule("NOOP").reply(Reply(250, "x").but(closes=True)),
        Rule("NOOP").reply(Reply(250, "x").but(wire=b"foo")),
    ],
)
def test_a_function_is_no_value_nor_is_a_reply_that_was_changed(rule):
    with pytest.raises(ValueError, match=r"file can(not)? carry"):
        rule.to_dict()
    with pytest.raises(ValueError, match="does not say what to do"):
        Rule("NOOP").to_dict()


def test_short_forms_are_understood():
    rule = Rule.from_dict({"when": "noop", "do": [{"throttle": 100, "reply": 451}]})

    assert rule == Rule("NOOP").throttle(100).reply(451)


# -- the account -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "moments", "says"),
    [
        (Rule("RCPT", to="a@b").drop(), [], "RCPT never came"),
        (Rule("RCTP").drop(), [], "RCTP never came; is RCPT meant?"),
        (Rule("CONENCT").drop(), [], "is CONNECT meant"),
        (Rule("RECIPIENT").drop(), [], "is RCPT meant"),
        (Rule("STAT").drop(), [], "STAT never came$"),
        (Rule("EHLO").without("STRATTLS"), ["EHLO"], "EHLO came once; the reply had no STRATTLS"),
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


def test_the_picture_has_every_moment():
    words = set(re.findall(r"[A-Z_]+", (DOCS / "rules.svg").read_text("utf-8")))

    assert set(WHENS) <= words


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
    Rules().add(one)
    rules.clear()
    assert list(rules) == [] and repr(rules) == "<Rules: none>" and rules.by_verb is None


def test_rules_are_added_all_or_none_and_each_once():
    rules, elsewhere = Rules(), Rules()
    others = elsewhere.on("NOOP").drop()
    rule = Rule("NOOP").drop()
    with pytest.raises(ValueError, match="another server's"):
        rules.add(rule, others)
    assert len(rules) == 0
    elsewhere.add(rule)
    assert len(elsewhere) == 2

    both = rules.add([Rule("VRFY").drop(), Rule("EXPN").drop()], *[Rule("NOOP").drop()] * 2)
    assert list(rules) == list(both) and len(both) == len(rules) == 3
    rules.remove(both)
    assert len(rules) == 0


def test_thousands_of_rules_are_added_one_by_one():
    # The old way took the cube of their number: minutes.
    rules = Rules()
    for number in range(3000):
        rules.on("RCPT", to=f"user{number}@example.com").reply(450)

    assert len(rules) == len(rules.by_verb["RCPT"]) == 3000
    with pytest.raises(RuleNeverActed, match="3000 rules never acted") as failure:
        rules.check()
    assert "… and 2980 more" in str(failure.value)


def test_a_rule_that_was_removed_before_it_acted_is_told_of():
    rules = Rules()
    rules.on("NOOP").drop().remove()
    rules.on("VRFY").drop().optional().remove()
    rules.on("EXPN").drop().remove()
    moved = rules.on("RSET").drop()
    moved.remove()
    moved.consider(moment("NOOP"))
    with pytest.raises(RuleNeverActed, match="2 rules never acted"):
        rules.check()
    rules.check()
    rules.on("NOOP").drop().remove()
    rules.clear()
    rules.check()


def test_when_there_is_nothing_left_to_ask_nobody_looks():
    rules = Rules()
    changes = []
    rules.changed = lambda: changes.append(rules.silences)
    rules.on("IDLE", after=2).drop().once()
    rules.on("IDLE", after=3, nth=1).reply(421)
    lasting = rules.on("IDLE", after=4).times(1).drop()
    rules.on("CONTENT", after=9).drop().between(1, 1)
    for amount in (2, 3, 4):
        assert rules.ask("IDLE", Moment("IDLE", CLEAR, amount=amount)) is not None
    assert rules.ask("CONTENT", Moment("CONTENT", CLEAR, amount=9)) is not None

    assert (rules.silences, rules.marks) == ((), ())
    assert changes == [(2,), (2, 3), (2, 3, 4), (3, 4), (4,), ()]
    lasting.then().reset()
    assert rules.silences == (4,)


def test_long_texts_are_cut_where_rules_are_shown():
    rule = Rule("NOOP").reply(250, *["x" * 1000] * 10)
    rule.consider(moment("NOOP"))
    rule.consider(moment("NOOP"))

    assert len(str(rule)) < 600 and str(rule).count("…") == 6
    assert rule.calls[0].act is rule.calls[1].act
    assert len(str(Rule("NOOP").raw(b"x" * 1000))) < 200
