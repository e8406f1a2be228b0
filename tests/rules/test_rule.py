"""A rule by itself: selectors, limits, errors, and its explanation."""

import contextlib
import copy
import gc
import pickle
import re
import warnings
from datetime import date
from decimal import Decimal
from pathlib import PurePath
from unittest import mock

import pytest

from lazr.smtptest import Match, Reply, Rule, RuleContext, Rules, WaitTimeout, presets
from lazr.smtptest.presets import greylist
from lazr.smtptest.protocol.smtp import events
from lazr.smtptest.protocol.smtp.address import Path
from lazr.smtptest.rules.rule import get_engine
from tests.helpers.rule_contexts import CLEAR, EVENTS, RCPTS, SESSION, make_context


async def return_true_later(value):
    return True


def yield_true(value):
    yield True


def evaluate(rule, *contexts):
    """Return what the rule does in each context."""
    return [str(get_engine(rule).evaluate(context) or "") for context in contexts]


@pytest.mark.parametrize(
    ("when", "selectors", "at", "met"),
    [
        ("MAIL", {"sender": "*@example.org"}, "MAIL", True),
        ("mail", {"sender": "ann@EXAMPLE.org"}, "MAIL", True),
        ("MAIL", {"sender": "bob@example.org"}, "MAIL", False),
        ("RCPT", {"sender": "ann@*", "to": "Carol@example.NET"}, "RCPT", True),
        ("RCPT", {"to": "bob@example.com"}, "RCPT", False),  # accepted before: the event has another recipient
        ("RCPT", {"to": re.compile("^C")}, "RCPT", True),
        ("DATA", {"to": "bob@example.com"}, "DATA", True),
        ("DATA", {"to": ["bob@example.com", "*@example.net"]}, "DATA", True),
        ("DATA", {"to": ["bob@example.com", "dan@example.net"]}, "DATA", False),
        ("RCPT", {"to": ["bob@example.com", "carol@example.net"]}, "RCPT", False),  # the local part is case-sensitive
        (
            "RCPT",
            {"to": ["dan@example.com", "Carol@example.net"]},
            "RCPT",
            True,
        ),  # one of the items
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
        ("NOOP", {"helo": re.compile("^client")}, "NOOP", False),  # a pattern is case-sensitive
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
        ("NOOP", {"where": lambda context: context.recipients[0] == "bob@example.com"}, "NOOP", True),
        (
            "RCPT",
            {"where": lambda context: context.accepted == ("bob@example.com", "Carol@Example.net")},
            "RCPT",
            True,
        ),
        ("NOOP", {"where": lambda context: context.number > 3}, "NOOP", False),
        ("STAT", {"sender": "*"}, "STAT", True),
    ],
)
def test_selectors_match_as_in_the_inbox(when, selectors, at, met):
    assert evaluate(Rule(when, **selectors).reply(451), make_context(at, number=3)) == ["reply(451)" if met else ""]


@pytest.mark.parametrize(
    ("selectors", "met"), [({"tls": False}, True), ({"tls": "TLSv1.3"}, False), ({"user": "*"}, False)]
)
def test_missing_fact_meets_no_selector(selectors, met):
    assert bool(get_engine(Rule("NOOP", **selectors).drop()).evaluate(make_context("NOOP", CLEAR))) is met


def test_context_outside_a_transaction_has_no_sender():
    outside = RuleContext("NOOP", CLEAR, event=EVENTS["NOOP"])

    assert (outside.sender, outside.recipients, outside.size, outside.message, outside.user) == (
        None,
        (),
        None,
        None,
        None,
    )
    assert get_engine(Rule("NOOP", sender="*").drop()).evaluate(outside) is None
    assert RuleContext("MAIL", CLEAR, event=events.Mail(Path(""), {})).size is None
    assert repr(RuleContext("IDLE", CLEAR, amount=2.5)) == "<RuleContext IDLE 2.5 s, session 1>"
    assert RuleContext("TLS", CLEAR).said() == "TLS"


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
        (lambda rule: rule.drop().then(), "ddddd"),  # the next step has no action yet
    ],
)
def test_limits_select_matches(write, expected):
    rule = write(Rule("NOOP"))
    names = {"drop()": "d", "reset()": "r", "stall()": "s", "": "-"}

    assert "".join(names[action] for action in evaluate(rule, *[make_context("NOOP")] * 5)) == expected
    assert rule.count == len(rule.calls) == 5 - expected.count("-")


@pytest.mark.parametrize(
    ("nth", "expected"), [(3, "--d--"), ([1, 4], "d--d-"), (">=4", "---dd"), (lambda n: n % 2 == 0, "-d-d-")]
)
def test_nth_counts_matches_of_other_selectors(nth, expected):
    rule = Rule("RCPT", to="Carol@*", nth=nth).drop()
    other = RuleContext("RCPT", SESSION, event=RCPTS[0])
    results = []
    for _ in range(5):
        assert get_engine(rule).evaluate(other) is None
        results.append("d" if get_engine(rule).evaluate(make_context("RCPT")) else "-")

    assert "".join(results) == expected


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (lambda: Rule("RCPT", subject="x"), "subject= cannot be used at RCPT; its selectors: .*sender"),
        (lambda: Rule("CONNECT", helo="x"), "helo= cannot be used at CONNECT"),
        (lambda: Rule("NOOP", after=1), "after= cannot be used at NOOP"),
        (lambda: Rule("RCPT", rcpt="x"), r"unknown selector 'rcpt'; did you mean 'to'\? Known: .*to"),
        (
            lambda: Rule("END_OF_DATA", content="x"),
            r"'content'; use where=Match\(text=…\) at END_OF_DATA\. Known: .*to",
        ),
        (lambda: Rule("RCPT", cc="x"), r"unknown selector 'cc'; use where=Match\(cc=…\) at END_OF_DATA"),
        (lambda: Rule("DATA; x"), "unknown trigger 'DATA; x'.*nown: CONNECT.*any other verb"),
        (lambda: Rule("IDLE"), "IDLE needs after="),
        (lambda: Rule("IDLE", after=0), "greater than 0 seconds"),
        (lambda: Rule("IDLE", after="1"), "must be a number of seconds"),
        (lambda: Rule("CONTENT", after=1.5), "whole number"),
        (lambda: Rule("CONTENT", after=-1), "must be a number of bytes"),
        (lambda: Rule("NOOP", probability=2), "> 0 and <= 1, got 2"),
        (lambda: Rule("NOOP", probability=0), "must be a number > 0"),
        (lambda: Rule("NOOP", probability=True), "must be a number > 0"),
        (lambda: Rule("NOOP", probability="x"), "must be a number > 0"),
        (lambda: Rule(250), "the trigger of a rule must be a string"),
        (lambda: Rule("end-of-data"), r"did you mean 'END_OF_DATA'\?"),
        (lambda: Rule("\u017ftat"), "unknown trigger"),
        (lambda: Rule("IDLE", after=float("inf")), "must be a number of seconds"),
        (lambda: Rule("NOOP", nth=0), "nth must be at least 1, got 0"),
        (lambda: Rule("NOOP", session=[1, 0]), "session must be at least 1"),
        (lambda: Rule("NOOP", nth=[]), "is empty"),
        (lambda: Rule("NOOP", nth=[[1]]), "list of numbers"),
        (lambda: Rule("NOOP", session=range(10**9)), "at most 10,000 numbers, got 1,000,000,000"),
        (lambda: Rule("MAIL", size=-1), "must be at least 0"),
        (lambda: Rule("RCPT", to=[]), "is empty"),
        (lambda: Rule("RCPT", to={"a@b", "c@d"}), "to= must be a string, a pattern, a function, or a list"),
        (lambda: Rule("RCPT", to=5), "to= must be a string"),
        (lambda: Rule("RCPT", to=b"a@b"), "to= must be a string"),
        (lambda: Rule("RCPT", to=[None]), "to= must be a string"),
        (lambda: Rule("RCPT", to=[["a@b"]]), "not of lists"),
        (lambda: Rule("MAIL", sender=re.compile(b"a")), "sender= must be a string"),
        (lambda: Rule("MAIL", sender=object()), "sender= must be a string"),
        (lambda: Rule("MAIL", sender=str), "sender= must be a string"),
        (lambda: Rule("MAIL", sender=iter(["a@b"])), "sender= must be a string"),
        (lambda: Rule("MAIL", sender=(part for part in ["a@b"])), "sender= must be a string"),
        (lambda: Rule("MAIL", sender=PurePath("a")), "sender= must be a string"),
        (lambda: Rule("MAIL", sender=date(2026, 1, 1)), "sender= must be a string"),
        (lambda: Rule("MAIL", sender=Decimal(1)), "sender= must be a string"),
        (lambda: Rule("MAIL", sender=1j), "sender= must be a string"),
        (lambda: Rule("MAIL", sender=Reply(250)), "sender= must be a string"),
        (lambda: Rule("MAIL", sender=lambda: True), "sender= must be a function of one argument, the text"),
        (lambda: Rule("MAIL", sender=lambda a, b: True), "sender= must be a function of one argument"),
        (lambda: Rule("MAIL", sender=return_true_later), "must be a function that returns at once"),
        (lambda: Rule("MAIL", size=lambda: True), "must be a function of one argument, the number"),
        (lambda: Rule("MAIL", size=int), "must be a function of the number"),
        (lambda: Rule("MAIL", nth=return_true_later), "must be a function that returns at once"),
        (lambda: Rule("NOOP", where=lambda: True), "where must be a function of one argument, the context"),
        (lambda: Rule("NOOP", where=lambda *, context: True), "where must be a function of one argument"),
        (lambda: Rule("NOOP", where=return_true_later), "where must be a function that returns at once"),
        (lambda: Rule("NOOP", where=yield_true), "where must be a function that returns at once"),
        (lambda: Rule("NOOP", where=Match), "where must be a function"),
        (lambda: Rule("NOOP", where=True), "where must be a function"),
        (lambda: Rule("NOOP").call(lambda: None), "call must be a function of one argument, the event"),
        (lambda: Rule("NOOP").call(Reply), "call must be a function"),
        (lambda: Rule("NOOP").call(yield_true), "call must be a function that returns at once"),
        (lambda: Rule("END_OF_DATA", header={"X": None}), "header X= must be a string"),
        (lambda: Rule("END_OF_DATA", header={}), "header must be a mapping"),
        (lambda: Rule("RCPT", tls=1), "tls= must be a string"),
        (lambda: Rule("NOOP").reply(600, "x"), r"a reply code must be .* got 600 .*; \.raw"),
        (lambda: Rule("NOOP").reply("451"), "must be a reply code"),
        (lambda: Rule("NOOP").reply(451, 5), "must be strings, got 5"),
        (lambda: Rule("NOOP").after("2"), "number of matches >= 0"),
        (lambda: Rule("NOOP").after(1.5), "number of matches >= 0"),
        (lambda: Rule("NOOP").between(1, "2"), "must be a whole number of matches >= 1"),
        (
            lambda: Rule("EHLO").without("SIZE 7"),
            "without must have keywords without parameters, such as 'SIZE', got 'SIZE 7'",
        ),
        (lambda: Rule("NOOP").wait(0), "must be a whole number of matches >= 1"),
        (lambda: Rules().add("NOOP"), "expected a rule or a preset"),
        (lambda: Rules().remove(["x"]), "expected a rule or a preset"),
        (lambda: Rule("NOOP", session="many"), "expected a comparison"),
        (lambda: Rule("NOOP", session=1.5), "expected a whole number"),
        (lambda: Rule("NOOP", where=1), "where must be a function"),
        (lambda: Rule("END_OF_DATA", header="x"), "header must be a mapping"),
        (lambda: Rule("NOOP").reply(999), "999"),
        (lambda: get_engine(Rule("NOOP")).add_action("reply", 451), "must be a Reply"),
        (lambda: Rule("NOOP").delay(-1), "must be a number of seconds"),
        (lambda: Rule("NOOP").raw("text"), "raw must be bytes"),
        (lambda: Rule("NOOP").truncate(-1), "must be a whole number of bytes"),
        (lambda: Rule("NOOP").throttle(0), "bytes per second"),
        (lambda: Rule("NOOP").throttle(1, "up"), "direction"),
        (lambda: Rule("NOOP").call(1), "call must be a function"),
        (lambda: get_engine(Rule("NOOP")).add_action("drop", 1), "must have the value True"),
        (lambda: Rule("EHLO").without(), "at least one keyword"),
        (lambda: Rule("EHLO").advertise(" "), "at least one keyword"),
        (lambda: Rule("NOOP").drop().reply(451), r"reply\(\) cannot be combined with drop\(\); use .then\(\)"),
        (lambda: Rule("NOOP").reply(451).drop(), r"drop\(\) cannot be combined with reply"),
        (lambda: Rule("NOOP").reply(451).reply(452), "there twice"),
        (lambda: Rule("NOOP").raw(b"").truncate(1), "cannot be combined with raw"),
        (lambda: Rule("NOOP").stall().close_after(), "cannot be combined with stall"),
        (lambda: Rule("END_OF_DATA").duplicate().accept_but_lose(), "cannot be combined with duplicate"),
        (lambda: Rule("NOOP").then(), "must follow an action"),
        (lambda: Rule("NOOP").times(0), "must be a whole number of matches >= 1"),
        (lambda: Rule("NOOP").after(-1), "number of matches >= 0"),
        (lambda: Rule("NOOP").between(3, 2), "is empty"),
        (lambda: Rules().add(Rule("NOOP")), "has no action"),
        (lambda: Rule("NOOP").drop().__enter__(), "needs a rule of a server"),
    ],
)
def test_wrong_rules_are_refused_when_written(write, message):
    with pytest.raises((ValueError, TypeError), match=message):
        write()


class EqualToAll:
    def __eq__(self, other):
        return True

    __hash__ = None


@pytest.mark.parametrize("matcher", [mock.ANY, EqualToAll(), str.isprintable, mock.Mock(return_value=True), max])
def test_objects_that_compare_with_texts_are_accepted(matcher):
    assert get_engine(Rule("MAIL", sender=matcher).drop()).evaluate(make_context("MAIL")) is not None


def test_exception_in_where_gets_a_note():
    with pytest.raises(ZeroDivisionError) as raised:
        get_engine(Rule("NOOP", where=lambda context: 1 / 0).drop()).evaluate(make_context("NOOP"))

    assert "while a rule's where=" in raised.value.__notes__[0]


def test_completion_shows_what_a_test_needs():
    assert {name for name in dir(Rule) if not name.startswith("_")} == {
        *("when", "selectors", "then", "once", "times", "after", "between", "optional", "remove", "calls", "count"),
        "is_exhausted",
        *("wait", "async_wait", "to_dict", "from_dict"),
        *("reply", "delay", "stall", "drop", "reset", "raw", "truncate", "throttle", "close_after", "accept_but_lose"),
        *("duplicate", "call", "without", "advertise", "accept", "then_bounce", "then_delayed", "then_delivered"),
        *("then_complaint", "then_out_of_office", "then_challenge", "then_auto_reply"),
    }
    assert [name for name in vars(Rule("NOOP")) if not name.startswith("_")] == []


@pytest.mark.parametrize(
    "rule",
    [
        Rule("RCPT", to=["a@*", re.compile("b")]).reply(450).times(2).then().drop().after(1).optional(),
        Rule("MAIL", where=lambda context: True, probability=0.5, seed=3).delay(1).call(print),
        Rule("RCPT", to=~Match(to="*@b")).drop().between(2, 4),
        greylist(attempts=2, to="ann@*").optional(when_it_never_comes=True),
    ],
)
def test_copy_is_equal_and_has_not_acted(rule):
    for make in (copy.copy, copy.deepcopy):
        made = make(rule)
        assert made == rule and made is not rule and str(made) == str(rule)
        rules = Rules()
        rules.add(made)
        get_engine(made).evaluate(make_context("RCPT"))
        assert rule.count == 0
        assert make(made).count == 0


def test_copy_of_a_preset_counts_for_itself():
    rule = greylist()
    copies = [copy.copy(rule), copy.copy(rule)]

    for made in copies:
        assert [get_engine(made).evaluate(make_context("RCPT")) is None for _ in range(2)] == [False, True]


def test_rule_of_data_can_be_pickled():
    rule = Rule("RCPT", to="ann@*").reply(450, "4.2.1", "Busy").times(2)

    assert pickle.loads(pickle.dumps(rule)) == rule


@pytest.mark.parametrize(
    ("write", "warnings"),
    [
        (lambda: Rule("NOOP").drop(), 1),
        (greylist, 1),
        (presets.tarpit, 1),
        (presets.strip_starttls, 1),
        (lambda: presets.provider("gmail").over_quota(), 1),
        (lambda: Rule("NOOP"), 0),  # without an action, it is nothing
        (lambda: Rules().add(greylist(), presets.tarpit()[1:]), 0),
        (lambda: repr(greylist()), 0),
        (lambda: greylist() == greylist(), 0),
        (lambda: greylist().to_dict(), 0),
        (lambda: copy.copy(greylist()).count, 0),
        (lambda: Rules().on("NOOP").drop(), 0),
        (lambda: Rule.from_dict({"when": "NOOP", "do": [{"drop": True}]}), 0),
        (lambda: Rule.from_dict({"preset": "greylist"}), 0),
    ],
)
def test_rule_that_is_never_used_gives_one_warning(write, warnings):
    with pytest.warns(RuntimeWarning) if warnings else contextlib.nullcontext([]) as found:
        write()
        gc.collect()

    assert len(found) == warnings
    assert all("was made, and never added to a server; use server.rules.add(…)" in str(one.message) for one in found)
    assert all(one.filename == __file__ for one in found)


MODULE = """
from lazr.smtptest import Rule, presets

marker = [presets.greylist(), Rule("NOOP").drop()]  # of a test that is not run

class Test:
    rules = [presets.tarpit()]
"""


def test_rule_of_a_module_or_a_class_gives_no_warning():
    namespace = {"__name__": "test_module"}
    exec(MODULE, namespace)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        namespace.clear()
        gc.collect()


# -- account -----------------------------------------------------------------------------------


EHLO_TURNS = [False, True]


@pytest.mark.parametrize(
    ("rule", "verbs", "message"),
    [
        (Rule("RCPT", to="a@b").drop(), [], "RCPT never came"),
        (Rule("RCTP").drop(), [], "RCTP never came; did you mean RCPT?"),
        (Rule("CONENCT").drop(), [], "did you mean CONNECT"),
        (Rule("RECIPIENT").drop(), [], "did you mean RCPT"),
        (Rule("STAT").drop(), [], "STAT never came$"),
        (Rule("EHLO").without("STRATTLS"), ["EHLO"], "EHLO came once; the reply had no STRATTLS"),
        (Rule("CONTENT", after=9).drop(), [], "no content reached 9 bytes while the rule was there$"),
        (Rule("CONTENT").drop(), [], "no content came while the rule was there$"),
        (Rule("IDLE", after=2.5).drop(), [], "no client was silent for 2.5 s while the server waited for a command"),
        (Rule("RCPT", to="a@b").drop(), ["RCPT"] * 2,
         "RCPT came 2 times; the nearest miss: RCPT TO:<Carol@Example.net>: to is 'Carol@Example.net'"),
        (Rule("NOOP", sender="ann@*", tls="TLSv1.2").drop(), ["NOOP"], "NOOP came once; .* tls is 'TLSv1.3'"),
        (Rule("NOOP", where=lambda context: False).drop(), ["NOOP"], "where returned false"),
        (Rule("NOOP").drop().after(3), ["NOOP"] * 2, r"it matched 2 times, but was not due yet \(after\(3\)\)"),
        (Rule("NOOP", nth=3).drop(), ["NOOP"], r"it matched once, but was not due yet \(nth=3\)"),
        (Rule("NOOP", nth=1).drop().after(1), ["NOOP"], r"it matched once, and can act no more \(nth=1, after\(1\)\)"),
        (Rule("NOOP", nth=">2").drop().after(1), ["NOOP"], r"not due yet \(nth='>2', after\(1\)\)"),
        (Rule("EHLO", where=lambda context: EHLO_TURNS.pop()).without("X"), ["EHLO"] * 2,
         "EHLO came 2 times; the reply had no X once; the nearest miss: .*: where returned false"),
    ],
)  # fmt: skip
def test_rule_explains_why_it_never_acted(rule, verbs, message):
    Rules().add(rule)
    evaluate(rule, *map(make_context, verbs))

    assert get_engine(rule).is_unused and re.search(message, get_engine(rule).explain_unused())


def test_rule_of_no_server_explains_that():
    with pytest.raises(
        WaitTimeout, match=r"it did not act:\n.*\n .*it was not added to a server; use server.rules.add"
    ):
        Rule("NOOP").drop().wait(timeout=0)


def test_latest_calls_are_kept():
    rule = Rule("NOOP").drop()
    for _ in range(3000):
        get_engine(rule).evaluate(make_context("NOOP", at=1.5))

    assert rule.count == 3000 and 1000 <= len(rule.calls) < 2000
    assert repr(rule.calls[-1]) == "<Call 3000 at 1.500 s, session 1: NOOP → drop()>"
    assert repr(rule) == "<Rule NOOP → drop(), acted 3000 times>"


def test_long_texts_are_shortened_in_descriptions():
    rule = Rule("NOOP").reply(250, *["x" * 1000] * 10)
    get_engine(rule).evaluate(make_context("NOOP"))
    get_engine(rule).evaluate(make_context("NOOP"))

    assert len(str(rule)) < 600 and str(rule).count("…") == 6
    assert rule.calls[0].action is rule.calls[1].action
    assert len(str(Rule("NOOP").raw(b"x" * 1000))) < 200
