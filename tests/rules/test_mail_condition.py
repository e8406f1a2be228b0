"""`Match` in rules: "not", "and" and "or" of the criteria of the inbox."""

import json
import re

import jsonschema
import pytest

from lazr.smtptest import MailServer, Match, Rule, RuleContext, RuleNeverActed
from lazr.smtptest.rules import build_rules, read_rules_schema
from lazr.smtptest.rules.rule import get_engine
from tests.helpers.rule_contexts import CLEAR, SESSION, make_context

SCHEMA = read_rules_schema()

EXAMPLE_ORG = Match(sender="*@example.org")


@pytest.mark.parametrize(
    ("when", "selectors", "met"),
    [
        ("RCPT", {"to": ~Match(to="*@example.com")}, True),
        ("RCPT", {"to": ~Match(to="*@example.net")}, False),
        ("RCPT", {"to": Match(to="carol@*") | Match(to="Carol@*")}, True),
        ("RCPT", {"where": ~Match(to="*@example.com") & EXAMPLE_ORG}, True),
        ("RCPT", {"where": ~Match(to="*@example.com") & ~EXAMPLE_ORG}, False),
        ("RCPT", {"where": Match(to=re.compile("^C"))}, True),
        ("RCPT", {"where": Match(to=lambda address: "@" in address)}, True),
        ("MAIL", {"sender": ~EXAMPLE_ORG}, False),
        ("MAIL", {"where": ~Match(sender="")}, True),
        ("DATA", {"where": Match(to=["bob@example.com", "Carol@example.net"])}, True),
        ("DATA", {"where": ~Match(to="*@example.net")}, False),
        ("END_OF_DATA", {"subject": ~Match(subject="Hi")}, True),
        ("END_OF_DATA", {"where": Match(header={"X-None": None}) & ~Match(text="no such text")}, True),
        ("END_OF_DATA", {"where": Match(where=lambda mail: mail.size > 0)}, True),
        ("NOOP", {"where": ~Match(sender="nobody@example.com")}, True),
    ],
)
def test_condition_is_met_by_the_mail_so_far(when, selectors, met):
    assert bool(get_engine(Rule(when, **selectors).drop()).evaluate(make_context(when))) is met


def test_no_condition_is_met_outside_a_transaction():
    for condition in (Match(sender="a@b"), ~Match(sender="a@b")):
        rule = Rule("NOOP", where=condition).drop()
        assert get_engine(rule).evaluate(RuleContext("NOOP", CLEAR)) is None
        assert "there is no mail yet" in get_engine(rule).explain_unused()


@pytest.mark.parametrize(
    ("when", "selectors", "message"),
    [
        ("RCPT", {"where": Match(subject="Hi")}, "cannot be used at RCPT, where subject is not known yet"),
        ("RCPT", {"where": EXAMPLE_ORG & ~(EXAMPLE_ORG | Match(text="a"))}, "where text is not known yet"),
        ("RCPT", {"where": Match(where=print)}, "where where is not known yet"),
        ("MAIL", {"where": Match(to="a@b")}, "cannot be used at MAIL, where to is not known yet"),
        ("CONNECT", {"where": EXAMPLE_ORG}, "cannot be used at CONNECT, where sender is not known yet"),
        ("RCPT", {"to": Match(sender="a@b")}, "must have the criterion to only; use where=Match"),
        ("RCPT", {"to": Match(to="a@b"), "where": print}, "must be the only condition; join them with &"),
        ("RCPT", {"to": Match(to="a@b"), "sender": Match(sender="a@b")}, "must be the only condition"),
        ("RCPT", {"to": [Match(to="a@b")]}, "must not have a Match in a list"),
        ("END_OF_DATA", {"header": {"X-Tag": Match(to="a@b")}}, "must not have a Match in a list"),
        ("MAIL", {"size": Match(to="a@b")}, "must have the criterion size only"),
        ("MAIL", {"nth": Match(to="a@b")}, "must have the criterion nth only"),
    ],
)
def test_condition_that_can_never_be_met_is_refused(when, selectors, message):
    with pytest.raises((TypeError, ValueError), match=re.escape(message)):
        Rule(when, **selectors)


def test_mismatch_is_explained():
    rule = Rule("RCPT", where=Match(to="bob@*") & ~Match(sender="ann@*")).drop()
    get_engine(rule).evaluate(make_context("RCPT", SESSION))

    reason = get_engine(rule).explain_unused()
    assert "Carol@Example.net" in reason and "Match(sender='ann@*') matches" in reason and len(reason.splitlines()) == 2


def test_rule_refuses_all_recipients_but_one(connect):
    with MailServer() as server:
        server.on("RCPT", to=~Match(to="*@example.com")).reply(550, "5.1.1", "Unknown")
        client = connect(server)
        for command in (b"EHLO a", b"MAIL FROM:<a@b>"):
            client.send_command(command)

        assert client.send_command(b"RCPT TO:<bob@example.com>").startswith(b"250")
        assert client.send_command(b"RCPT TO:<bob@example.org>") == b"550 5.1.1 Unknown\r\n"


def test_rule_with_a_condition_explains_itself_in_a_failure(connect):
    message = r"RCPT came once; the nearest miss: .*Match\(to='\*@b'\) matches"
    with pytest.raises(RuleNeverActed, match=message), MailServer() as server:
        server.on("RCPT", to=~Match(to="*@b")).drop()
        client = connect(server)
        for command in (b"EHLO a", b"MAIL FROM:<a@b>", b"RCPT TO:<a@b>"):
            client.send_command(command)


DEFINITIONS = [
    {"not": {"to": "*@example.com"}},
    {"to": "a@b", "sender": ["*@c", {"regex": "^x", "flags": "i"}]},
    {"all": [{"to": "a@b"}, {"not": {"any": [{"sender": "c@d"}, {"sender": {"regex": "e"}}]}}]},
]


@pytest.mark.parametrize("is_untrusted", [False, True])
@pytest.mark.parametrize("where", DEFINITIONS)
def test_condition_survives_a_json_round_trip(where, is_untrusted):
    definition = {"when": "RCPT", "match": {"where": where}, "do": [{"drop": True}]}
    (rule,) = build_rules(definition, is_untrusted=is_untrusted)
    (again,) = build_rules(json.loads(json.dumps(rule.to_dict())), is_untrusted=is_untrusted)

    jsonschema.validate(definition, SCHEMA, cls=jsonschema.Draft202012Validator)
    assert rule == again and hash(rule.selectors["where"]) == hash(again.selectors["where"])
    assert rule.to_dict() == again.to_dict()
    assert rule.selectors["where"] != Rule("RCPT", where=Match(to="q@q")).selectors["where"] != 1


def test_pattern_of_a_header_field_can_be_loaded():
    definition = {"when": "END_OF_DATA", "do": [{"drop": True}]}
    where = {"header": {"X-Tag": {"regex": "^a", "flags": "i"}}}

    (rule,) = build_rules(definition | {"match": {"where": where}})

    assert rule.to_dict()["match"]["where"] == where


def test_definition_of_a_condition_is_nested_in_pairs():
    rule = Rule("END_OF_DATA", where=~Match(to="a@b") & Match(header={"X": "y"}) | Match(subject="z"))

    assert rule.drop().to_dict()["match"]["where"] == {
        "any": [{"all": [{"not": {"to": "a@b"}}, {"header": {"X": "y"}}]}, {"subject": "z"}]
    }
    with pytest.raises(ValueError, match="cannot be written as JSON"):
        Rule("END_OF_DATA", where=Match(where=print)).drop().to_dict()


@pytest.mark.parametrize(
    ("where", "message"),
    [
        ({"not": {}}, "must be a mapping of criteria, or of not, all or any"),
        ({"not": "a@b"}, "must be a mapping of criteria"),
        ({"all": []}, "`all` must be a list of at least one condition"),
        ({"any": {"to": "a@b"}}, "`any` must be a list"),
        ({"not": {"to": "a"}, "to": "b"}, "`not` of a condition must be its only key"),
        ({"tu": "a@b"}, "unknown criterion 'tu'"),
        ({"greylst": {}}, "unknown condition 'greylst'; did you mean 'greylist'?"),
        ({"where": "x"}, "must have names of criteria as keys"),
        ({"to": 5}, "to must be a string, a pattern, or a list"),
        ({"to": ["a", None]}, "must be a string"),
        ({"to": []}, "must not be empty"),
        ({"header": "x"}, "header must be a mapping"),
        ({"header": {"X": 5}}, "header X must be a string"),
        ({"to": "a", "greylist": {}}, "where must have one condition that counts"),
    ],
)
def test_wrong_definition_of_a_condition_is_refused(where, message):
    with pytest.raises((TypeError, ValueError), match=re.escape(message)):
        Rule.from_dict({"when": "END_OF_DATA", "match": {"where": where}, "do": [{"drop": True}]})


def test_nested_conditions_are_bounded():
    where = {"to": "a@b"}
    for _ in range(10_000):
        where = {"not": where}
    with pytest.raises(ValueError, match="at most 10 levels"):
        Rule.from_dict({"when": "RCPT", "match": {"where": where}, "do": [{"drop": True}]})
