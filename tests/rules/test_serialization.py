"""Rules as data: definitions in JSON, and their schema."""

import json
import re

import jsonschema
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from lazr.smtptest import MailServer, Reply, Rule, Rules, presets
from lazr.smtptest.rules import read_rules_schema
from lazr.smtptest.rules.actions import ACTION_VALIDATORS
from lazr.smtptest.rules.counters import COUNTING_CONDITIONS
from lazr.smtptest.rules.reading_triggers import READING_TRIGGERS
from lazr.smtptest.rules.selectors import SELECTOR_SYNONYMS, SELECTORS
from lazr.smtptest.rules.serialization import LIMIT_PARAMETERS
from lazr.smtptest.rules.triggers import OTHER_VERB_TRIGGER, TRIGGERS

SCHEMA = read_rules_schema()
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)

RULES = [
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


@pytest.mark.parametrize("rule", RULES, ids=str)
def test_rule_survives_a_json_round_trip(rule):
    definition = json.loads(json.dumps(rule.to_dict()))
    jsonschema.validate(definition, SCHEMA, cls=jsonschema.Draft202012Validator)
    copy = Rule.from_dict(definition)

    assert copy.to_dict() == definition
    assert copy == rule and str(copy) == str(rule)
    assert hash(copy) == hash(rule) and copy is not rule and rule != Rule("QUIT").drop() and rule != 1


def test_schema_has_all_actions_selectors_and_presets():
    definitions = SCHEMA["$defs"]
    step = definitions["step"]
    selectors = frozenset().union(
        *(row.selectors for row in (*TRIGGERS.values(), *READING_TRIGGERS.values(), OTHER_VERB_TRIGGER))
    )
    match = definitions["rule"]["properties"]["match"]["properties"]
    preset = definitions["preset"]["properties"]

    assert set(step["properties"]) == {*ACTION_VALIDATORS, *LIMIT_PARAMETERS} - {"call"}
    assert {name for item in step["anyOf"] for name in item["required"]} == set(ACTION_VALIDATORS) - {"call"}
    assert (
        set(match) - {*SELECTOR_SYNONYMS} == selectors == {*SELECTORS, "header", "nth", "after", "probability", "seed"}
    )
    assert set(definitions["counting"]["properties"]) == set(COUNTING_CONDITIONS)
    assert set(preset["preset"]["enum"]) == {*presets.PRESETS, "provider", "reading_provider"}
    assert set(match) - {"where"} <= set(preset)
    assert {*SELECTOR_SYNONYMS} <= set(match)
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize(
    "definition",
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
        {"when": 5, "do": [{"drop": True}]},
        {"when": "NOOP", "do": [{"times": 2}]},
        {"when": "NOOP", "do": {"drop": True}},
        {"when": "NOOP", "do": [{"drop": True}], "optional": 1},
        {"when": "NOOP", "do": [{"drop": True}], "match": None},
        {"when": "MAIL", "do": [{"drop": True}], "match": {"sender": None}},
        {"when": "MAIL", "do": [{"drop": True}], "match": {"sender": [None]}},
        {"when": "MAIL", "do": [{"drop": True}], "match": {"sender": {"flags": "i"}}},
        {"when": "MAIL", "do": [{"drop": True}], "match": {"where": {}}},
        {"when": "MAIL", "do": [{"drop": True}], "match": {"where": {"rate": {"n": "2", "per": 60}}}},
        {"when": "NOOP", "do": [{"reply": [451, 5]}]},
        {"when": "NOOP", "do": [{"reply": []}]},
        {"when": "NOOP", "do": [{"raw": "\u20ac"}]},
        {"when": "NOOP", "do": [{"throttle": [5, "in"]}]},
        {"when": "NOOP", "do": [{"throttle": {}}]},
        {"when": "EHLO", "do": [{"without": "SIZE"}]},
        {"preset": "nothing"},
        {"preset": "quota_full", "where": {"accepted": {"n": 1}}},
        {"preset": "provider", "name": "gmail", "what": "joy"},
        [],
    ],
)
def test_wrong_definitions_are_refused_by_from_dict_and_schema(definition):
    with pytest.raises((ValueError, TypeError)):
        Rule.from_dict(definition)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(definition, SCHEMA, cls=jsonschema.Draft202012Validator)


# Parts of definitions of every shape, most of them wrong.
VALUES = [
    None, True, False, 0, 1, 2, -1, 0.5, 1.5, 250, 451, 600, "", " ", "x", ">3", "NOOP", "a@b", "in", "\u20ac",
    [], [[]], [1], ["x"], ["x", 5], [451, "x"], [451, 5], [5, "in"], {}, {"regex": "a"}, {"regex": "("}, {"regex": 5},
    {"flags": "i"}, {"regex": "a", "flags": "q"},
    {"regex": "a", "flags": "ii"}, {"x": "y"}, {"x": None}, {"x": ["y"]},
    {"bytes_per_second": 5}, {"bytes_per_second": 5, "direction": "up"}, {"rate": {"n": 1, "per": 60}}, {"rate": {}},
    {"rate": {"n": True, "per": 60}}, {"greylist": {}}, {"accepted": {"n": 0}}, {"oversized": {}},
    {"not": {"to": "a@b"}}, {"not": {"to": 5}}, {"any": [{"sender": ["x"]}, {"subject": {"regex": "a"}}]}, {"to": "a"},
    {"all": []}, {"not": {"not": {"header": {"X": "y"}}}}, {"not": {"header": {}}},
    "when it never comes",
]  # fmt: skip
SELECTORS_AND_MORE = [*SELECTORS, "header", "nth", "after", "probability", "seed", "unknown"]
ANY = st.sampled_from(VALUES)
MAPPINGS = {
    "match": st.dictionaries(st.sampled_from(SELECTORS_AND_MORE), ANY, max_size=2),
    "step": st.dictionaries(st.sampled_from([*ACTION_VALIDATORS, *LIMIT_PARAMETERS, "unknown"]), ANY, max_size=3),
}
RULE_DEFINITIONS = st.fixed_dictionaries(
    {
        "when": st.sampled_from(
            [
                *TRIGGERS,
                "IMAP FETCH",
                "pop3 retr",
                "IMAP UID STORE",
                "POP4 X",
                "IMAP X",
                "stat",
                "X-EXPS",
                "END-OF-DATA",
                "x y",
                5,
                None,
            ]
        ),
        "do": st.one_of(st.lists(MAPPINGS["step"], max_size=2), ANY),
    },
    optional={"match": st.one_of(MAPPINGS["match"], ANY), "optional": ANY, "unknown": ANY},
)
ARGUMENTS = ["n", "per", "attempts", "seconds", "permanent", "p", "when", "real", "announced", "name", "what", "where"]
PRESET_DEFINITIONS = st.builds(
    lambda name, rest: {"preset": name, **rest},
    st.sampled_from([*presets.PRESETS, "provider", "x", 5]),
    st.dictionaries(st.sampled_from([*SELECTORS_AND_MORE, *ARGUMENTS, *LIMIT_PARAMETERS, "optional"]), ANY, max_size=3),
)


@given(st.one_of(RULE_DEFINITIONS, PRESET_DEFINITIONS, ANY))
@settings(max_examples=400, deadline=None)
@example({"preset": "provider", "name": "gmail", "what": "rate_limit", "n": 1, "per": 60, "times": 2, "optional": True})
@example({"preset": "flaky", "p": 0.5, "seed": "x", "when": "RCPT", "to": {"regex": "a"}})
@example({"preset": "rate_limit", "n": 1, "per": 60, "after": 1, "until": 4})
@example({"when": "MAIL", "match": {"sender": {"regex": "a", "flags": "im"}}, "do": [{"reply": [451, "x"]}]})
@example({"when": "NOOP", "do": [{"drop": True, "after": 5, "until": 2}]})
@example({"when": "NOOP", "do": [{"reply": [450, "5.0.0", "x"]}]})
def test_definitions_are_loaded_exactly_if_valid(definition):
    is_valid = VALIDATOR.is_valid(definition)
    try:
        rules = Rules().load([definition])
    except (ValueError, TypeError) as error:
        assert str(error)
        return
    assert is_valid
    for rule in rules:
        written = json.loads(json.dumps(rule.to_dict()))
        assert VALIDATOR.is_valid(written) and Rule.from_dict(written) == rule
        assert Rule.from_dict(written).to_dict() == written


def test_rules_survive_a_json_round_trip():
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
    with pytest.raises(ValueError, match=r"strip_starttls makes 2 rules; use server\.rules\.load"):
        Rule.from_dict({"preset": "strip_starttls"})
    with pytest.raises(ValueError, match=r"strip_starttls makes 2 rules; .*times.* are for one rule"):
        other.load([{"when": "NOOP", "do": [{"drop": True}]}, {"preset": "strip_starttls", "times": 1}])
    assert len(other) == 4


@pytest.mark.parametrize(
    "rule",
    [
        Rule("NOOP").call(print),
        Rule("NOOP", where=print).drop(),
        Rule("MAIL", sender=print).drop(),
        Rule("NOOP").reply(Reply(250, "x").replace(closes=True)),
        Rule("NOOP").reply(Reply(250, "x").replace(wire=b"foo")),
    ],
)
def test_functions_and_changed_replies_have_no_definition(rule):
    with pytest.raises(ValueError, match=r"cannot be written as JSON|JSON cannot carry"):
        rule.to_dict()
    with pytest.raises(ValueError, match="has no action"):
        Rule("NOOP").to_dict()


def test_short_forms_of_actions_are_read():
    rule = Rule.from_dict({"when": "noop", "do": [{"throttle": 100, "reply": 451}]})

    assert rule == Rule("NOOP").throttle(100).reply(451)
