"""Regular expressions from files and HTTP: RE2 matches them, and no pattern stops the server."""

import builtins
import json
import subprocess
import sys

import pytest

from lazr.smtptest import Rule
from lazr.smtptest.errors import MissingExtra
from lazr.smtptest.rules import build_rules
from lazr.smtptest.rules.linear_pattern import LinearPattern

EVIL_PATTERNS = [
    "(a+)+$",
    "(a*)*$",
    "((a+)+)+$",
    "(a|a)*$",
    "(a|aa)+$",
    "(a|a?)+$",
    "(.*a){25}$",
    "(.*)(.*)(.*)(.*)(.*)(.*)(.*)x$",
    "^(([a-z])+.)+[A-Z]([a-z])+$",
    "([a-zA-Z]+)*$",
    "(a?){25}a{25}$",
    "(?:(?:a+)+b?)+$",
    r"(\w+\s?)*$",
    "(a{0,30}){0,30}$",
]

# Evaluates each pattern of its argument, for a text that makes `re` backtrack forever.
PROGRAM = """
import json, sys
from lazr.smtptest import presets
from lazr.smtptest.rules import build_rules
from lazr.smtptest.rules.rule import get_engine
from tests.helpers.rule_contexts import EVENTS, MAIL, RCPTS, SESSION
from lazr.smtptest.protocol.smtp import events
from lazr.smtptest.protocol.smtp.address import Path
from lazr.smtptest.rules import RuleContext

mailbox = "a" * 5_000 + "!@b.test"
rcpt = events.Rcpt(Path(mailbox), {})
for pattern in json.loads(sys.argv[1]):
    for definition in (
        {"when": "RCPT", "match": {"to": {"regex": pattern}}, "do": [{"drop": True}]},
        {"when": "RCPT", "match": {"to": ["x", {"regex": pattern, "flags": "ims"}]}, "do": [{"drop": True}]},
        {"preset": "quota_full", "to": {"regex": pattern}},
    ):
        (rule,) = build_rules(definition, is_untrusted=True)
        get_engine(rule).evaluate(RuleContext("RCPT", SESSION, event=rcpt, transaction=(MAIL, RCPTS)))
    print("ok", flush=True)
"""


def test_no_untrusted_pattern_runs_for_ever():
    command = [sys.executable, "-c", PROGRAM, json.dumps(EVIL_PATTERNS)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)

    assert (done.stderr, done.stdout.split()) == ("", ["ok"] * len(EVIL_PATTERNS))


@pytest.mark.parametrize(
    ("pattern", "flags", "text", "found"),
    [
        ("^ann", "", "ann@example.com", True),
        ("^ann", "", "Ann@example.com", False),
        ("^ann", "i", "Ann@example.com", True),
        ("^b", "", "a\nb", False),
        ("^b", "m", "a\nb", True),
        ("a.b", "", "a\nb", False),
        ("a.b", "s", "a\nb", True),
        (r"\d+", "a", "12", True),
        ("gr[üu]n", "i", "GRÜN", True),
        (r"^\pL+$", "", "Grün", True),
        ("x", "", "a\ud800x", True),  # a lone surrogate
        ("", "", "", True),
        ("b", "", "a" * 20_000 + "b", False),  # only the first 10,000 characters are searched
    ],
)
def test_pattern_is_found_as_in_re(pattern, flags, text, found):
    assert LinearPattern(pattern, flags)(text) is found


@pytest.mark.parametrize(
    ("pattern", "flags", "message"),
    [
        (r"(a)\1", "", r"not valid: .*; patterns from files and HTTP have the syntax of RE2.*no backreferences"),
        ("(?=a)", "", "not valid: .*no look-around"),
        ("(?<!a)b", "", "not valid"),
        ("(", "", "not valid: .*missing"),
        ("a{1001}", "", "not valid: .*repetition"),
        ("((a{100}){100}){100}", "", "not valid: .*repetition|too large"),
        ("(a?b?){500}", "", "too large: it must compile to at most 2,000 instructions"),
        ("\ud800", "", "not valid"),
        ("a", "x", "flags must be out of 'imsa', got 'x'"),
    ],
)
def test_pattern_that_re2_cannot_match_is_refused(pattern, flags, message, capfd):
    definition = {"when": "RCPT", "match": {"to": {"regex": pattern, "flags": flags}}, "do": [{"drop": True}]}
    with pytest.raises(ValueError, match=message):
        build_rules(definition, is_untrusted=True)

    assert capfd.readouterr() == ("", "")


def test_untrusted_pattern_survives_a_round_trip():
    definition = {"when": "RCPT", "match": {"to": {"regex": "^a", "flags": "i"}}, "do": [{"drop": True}]}
    (rule,) = build_rules(definition, is_untrusted=True)

    assert rule.to_dict() == definition and (rule,) == build_rules(definition, is_untrusted=True)
    assert rule != Rule.from_dict(definition) and len({*rule.selectors.values()}) == 1
    assert str(rule) == "RCPT to=regex('^a', 'i') → drop()"
    assert LinearPattern("a") != LinearPattern("a", "i") != "a"


@pytest.mark.parametrize(
    ("when", "match"),
    [
        ("MAIL", {"size": {"regex": "1"}}),
        ("RCPT", {"nth": {"regex": "1"}}),
        ("RCPT", {"session": [{"regex": "1"}]}),
        ("RCPT", {"probability": {"regex": "1"}}),
    ],
)
def test_pattern_is_refused_for_numbers(when, match):
    for is_untrusted in (False, True):
        with pytest.raises((TypeError, ValueError), match=r"must be|expected"):
            build_rules({"when": when, "match": match, "do": [{"drop": True}]}, is_untrusted=is_untrusted)


def test_without_re2_the_error_says_what_to_install(monkeypatch):
    def import_without_re2(name, *arguments, **keywords):
        if name == "re2":
            raise ImportError(name)
        return real_import(name, *arguments, **keywords)

    real_import = builtins.__import__
    monkeypatch.setattr(builtins, "__import__", import_without_re2)
    definition = {"when": "RCPT", "match": {"to": {"regex": "a"}}, "do": [{"drop": True}]}

    with pytest.raises(MissingExtra, match=r'needs google-re2: pip install "lazr\.smtptest\[regex\]"'):
        build_rules(definition, is_untrusted=True)
    assert build_rules(definition) == (Rule.from_dict(definition),)  # Python code needs no RE2
    assert build_rules({**definition, "match": {"to": "*@a"}}, is_untrusted=True)
