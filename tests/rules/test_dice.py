"""Rules with a probability: equal seeds give equal results."""

import pytest

from lazr.smtptest import MailServer, Rule, Rules
from lazr.smtptest.rules.rule import get_engine
from tests.helpers.rule_contexts import make_context


def roll(rule):
    return [bool(get_engine(rule).evaluate(make_context("NOOP"))) for _ in range(100)]


def is_always_met(context):
    return True


def test_dice_depend_on_seed_and_rule_only():
    def roll_new_rule(seed, *, before=0, **selectors):
        rules = Rules(seed)
        for number in range(before):
            rules.on("VRFY", probability=0.5).drop()
            rules.on("NOOP", session=number + 2).drop()
        return roll(rules.on("NOOP", probability=0.3, **selectors).drop())

    assert roll_new_rule(7) == roll_new_rule(7) == roll_new_rule(7, before=3) != roll_new_rule(8)
    assert roll_new_rule("x") == roll_new_rule("x") != roll_new_rule(7)
    assert roll_new_rule(7, session=[1]) != roll_new_rule(7)  # another rule
    # The address of a function differs from run to run; its name does not.
    assert roll_new_rule(7, where=is_always_met) == roll_new_rule(7, where=is_always_met)
    assert "0x" not in get_engine(Rule("NOOP", where=is_always_met, probability=0.3)).dice.key
    assert 10 < sum(roll_new_rule(7)) < 50
    assert Rules().seed != Rules().seed
    assert sum(roll(Rules().on("NOOP", probability=1).drop())) == 100


@pytest.mark.parametrize("method", ["clear", "forget", "start_run"])
def test_dice_restart_and_differ_between_equal_rules(method):
    rules = Rules(7)

    def roll_two_equal_rules():
        return [roll(rules.add(Rule("NOOP", probability=0.5).drop())[0]) for _ in range(2)]

    first, second = roll_two_equal_rules()
    assert first != second
    getattr(rules, method)()
    if method == "start_run":
        assert [roll(rule) for rule in rules] == [first, second]
    else:
        assert roll_two_equal_rules() == [first, second]


def test_own_seed_is_independent_of_the_server():
    rules = [Rules(seed).on("NOOP", probability=0.5, seed=9).drop() for seed in (1, 2)]
    others = [Rules(1).on("NOOP", probability=0.5, seed=seed).drop() for seed in (8, "9 lives")]

    assert roll(rules[0]) == roll(rules[1]) != roll(others[0]) != roll(others[1])
    assert rules[0] != others[0] and rules[0].to_dict()["match"] == {"probability": 0.5, "seed": 9}


@pytest.mark.parametrize("seed", [1.5, True, object(), b"x"])
def test_seed_must_be_an_integer_or_a_string(seed):
    for write in (Rules, lambda seed: MailServer(seed=seed), lambda seed: Rule("NOOP", probability=0.5, seed=seed)):
        with pytest.raises(TypeError, match="seed must be an integer or a string"):
            write(seed)


def test_seed_without_probability_is_refused():
    with pytest.raises(ValueError, match="probability=, which is missing"):
        Rule("NOOP", seed=1)
