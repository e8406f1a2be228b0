"""The rules of a server: order, owners, thresholds, and the report of unused rules."""

import pytest

from lazr.smtptest import Reply, Rule, RuleContext, RuleNeverActed, Rules
from lazr.smtptest.presets import strip_starttls
from lazr.smtptest.rules import copy_rules
from lazr.smtptest.rules.rule import get_engine
from tests.helpers.rule_contexts import CLEAR, EVENTS, make_context


def test_rules_are_a_sequence():
    rules = Rules(1)
    one, other, third = Rule("NOOP").drop(), Rule("VRFY").drop(), Rule("NOOP").reset()
    rules.add(one, other)
    rules.add(one)
    rules.add(third)

    assert list(rules) == [one, other, third] and rules[:2] == (one, other) and len(rules) == 3
    assert repr(rules) == "<Rules: NOOP → drop(), VRFY → drop(), NOOP → reset()>"
    with pytest.raises(ValueError, match="belongs to another server"):
        Rules().add(one)
    one.remove()
    one.remove()
    Rule("NOOP").remove()
    assert list(rules) == [other, third]
    Rules().add(one)
    rules.clear()
    assert list(rules) == [] and repr(rules) == "<Rules: none>" and rules.rules_by_verb is None


def test_add_adds_all_or_none_and_each_once():
    rules, elsewhere = Rules(), Rules()
    others = elsewhere.on("NOOP").drop()
    rule = Rule("NOOP").drop()
    with pytest.raises(ValueError, match="belongs to another server"):
        rules.add(rule, others)
    assert len(rules) == 0
    elsewhere.add(rule)
    assert len(elsewhere) == 2

    both = rules.add([Rule("VRFY").drop(), Rule("EXPN").drop()], *[Rule("NOOP").drop()] * 2)
    assert list(rules) == list(both) and len(both) == len(rules) == 3
    rules.remove(both)
    assert len(rules) == 0


def test_adding_thousands_of_rules_is_fast():
    # Guards against a cost by the cube of their number, which took minutes.
    rules = Rules()
    for number in range(3000):
        rules.on("RCPT", to=f"user{number}@example.com").reply(450)

    assert len(rules) == len(rules.rules_by_verb["RCPT"]) == 3000
    with pytest.raises(RuleNeverActed, match="3000 rules never acted") as failure:
        rules.check()
    assert "… and 2980 more" in str(failure.value)


def test_removed_rule_that_never_acted_is_reported():
    rules = Rules()
    rules.on("NOOP").drop().remove()
    rules.on("VRFY").drop().optional().remove()
    rules.on("EXPN").drop().remove()
    moved = rules.on("RSET").drop()
    moved.remove()
    get_engine(moved).evaluate(make_context("NOOP"))
    with pytest.raises(RuleNeverActed, match="2 rules never acted"):
        rules.check()
    rules.check()
    rules.on("NOOP").drop().remove()
    rules.clear()
    rules.check()


def test_thresholds_end_with_exhausted_rules():
    rules = Rules()
    changes = []
    rules.on_idle_thresholds_change = lambda: changes.append(rules.idle_thresholds)
    rules.on("IDLE", after=2).drop().once()
    rules.on("IDLE", after=3, nth=1).reply(421)
    lasting = rules.on("IDLE", after=4).times(1).drop()
    rules.on("CONTENT", after=9).drop().between(1, 1)
    for amount in (2, 3, 4):
        assert rules.evaluate("IDLE", RuleContext("IDLE", CLEAR, amount=amount)) is not None
    assert rules.evaluate("CONTENT", RuleContext("CONTENT", CLEAR, amount=9)) is not None

    assert (rules.idle_thresholds, rules.content_thresholds) == ((), ())
    assert changes == [(2,), (2, 3), (2, 3, 4), (3, 4), (4,), ()]
    lasting.then().reset()
    assert rules.idle_thresholds == (4,)


def test_content_that_began_before_its_rule_is_explained():
    rules = Rules()
    rules.on("CONTENT", after=3).drop()
    rules.count_event(EVENTS["END_OF_DATA"], Reply(250))

    with pytest.raises(RuleNeverActed, match=r"of \d+ bytes came, but it had 3 bytes before the rule was added"):
        rules.check()


def test_counted_verbs_are_bounded():
    rules = Rules()
    for number in range(1_000):
        rules.count_verb(f"X{number}")
    rules.on("X999").drop()

    with pytest.raises(RuleNeverActed, match=r"X999 did not come after the rule was added$"):
        rules.check()


def test_copies_of_rules_belong_to_no_server():
    rule = Rules().on("QUIT").drop()
    copies = copy_rules([rule, strip_starttls(), {"preset": "greylist"}, {"when": "NOOP", "do": [{"drop": True}]}])

    assert [one.when for one in copies] == ["QUIT", "EHLO", "STARTTLS", "RCPT", "NOOP"]
    assert len(Rules().add(copies)) == 5


@pytest.mark.parametrize("rules", [5, "QUIT", Rule("QUIT").drop(), {"preset": "greylist"}, [5], ["QUIT"], [["QUIT"]]])
def test_other_values_than_lists_of_rules_are_not_copied(rules):
    with pytest.raises(TypeError, match=r"rules must be a list of|expected a rule, a preset or a definition"):
        copy_rules(rules)


def evaluate(rules, verb="NOOP"):
    found = rules.evaluate(verb, make_context(verb))
    return None if found is None else str(found[1])


def test_disabled_rule_never_acts_and_keeps_its_progress():
    rules = Rules()
    first, second = rules.on("NOOP").reply(451).times(2), rules.on("NOOP").reply(452).optional()
    assert evaluate(rules) == "reply(451)"
    rules.set_enabled(first, enabled=False)
    rules.set_enabled(first, enabled=False)

    assert not rules.is_enabled(first) and rules.is_enabled(second) and list(rules) == [first, second]
    assert [evaluate(rules), first.count, second.count] == ["reply(452)", 1, 1]
    rules.set_enabled(first, enabled=True)
    assert [evaluate(rules) for _ in range(2)] == ["reply(451)", "reply(452)"]
    assert first.is_exhausted and not second.is_exhausted


def test_disabled_rules_cost_connections_nothing():
    rules = Rules()
    rule, content = rules.on("NOOP").drop(), rules.on("CONTENT", after=10).drop()
    assert rules.content_thresholds == (10,)
    for one in (rule, content):
        rules.set_enabled(one, enabled=False)

    assert rules.rules_by_verb is None and rules.content_thresholds == ()
    rules.on("VRFY").drop()
    assert set(rules.rules_by_verb) == {"VRFY"}


def test_disabled_rule_is_not_reported_as_unused():
    rules = Rules()
    rule = rules.on("NOOP").drop()
    rules.set_enabled(rule, enabled=False)
    rules.check()
    rule.remove()
    rules.check()

    rules.add(rule)
    assert rules.is_enabled(rule), "a rule that is added again is enabled"
    with pytest.raises(RuleNeverActed):
        rules.check()


def test_rule_is_replaced_in_its_place():
    rules = Rules()
    first, last = rules.on("NOOP").reply(451).optional(), rules.on("NOOP").reply(452)
    new = Rule("NOOP").reply(453)
    rules.replace(first, new)

    assert list(rules) == [new, last] and evaluate(rules) == "reply(453)"
    assert not rules.is_enabled(first)
    new.remove()
    assert list(rules) == [last]


def test_replacement_must_be_complete_and_free():
    rules, elsewhere = Rules(), Rules()
    rule, foreign = rules.on("NOOP").drop(), elsewhere.on("NOOP").drop()
    cases = [
        (rule, Rule("NOOP"), ValueError, "has no action"),
        (rule, foreign, ValueError, "belongs to a server"),
        (rule, rule, ValueError, "belongs to a server"),
        (foreign, Rule("NOOP").drop(), LookupError, "not one of these rules"),
    ]
    for old, new, error, text in cases:
        with pytest.raises(error, match=text):
            rules.replace(old, new)
    with pytest.raises(LookupError, match="not one of these rules"):
        rules.set_enabled(foreign, enabled=False)
    assert list(rules) == [rule]


def test_listeners_hear_of_changes_and_acts():
    rules = Rules()
    counts = []
    unsubscribe = rules.subscribe(lambda: counts.append(rules.count_active()))
    rule = rules.on("NOOP").drop().once().optional()
    evaluate(rules)
    evaluate(rules)
    other = Rule("VRFY").drop().optional()
    rules.replace(rule, other)
    rules.set_enabled(other, enabled=False)
    rules.set_enabled(other, enabled=True)
    rules.remove(other)
    rules.clear()
    unsubscribe()
    rules.on("NOOP").drop().optional()

    assert counts == [(1, 0), (0, 1), (1, 0), (0, 0), (1, 0), (0, 0), (0, 0)]
