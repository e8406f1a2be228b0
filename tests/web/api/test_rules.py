"""Rules over HTTP, observed over SMTP; and the same definitions in files and in Python."""

import inspect
import json
import re
import smtplib
import sys

import jsonschema
import pytest

from lazr.smtptest import Rule, Rules
from lazr.smtptest.cli.errors import CommandError
from lazr.smtptest.cli.rules_file import read_rules
from lazr.smtptest.rules import PRESETS

RULES = "/api/v1/rules"
FULL = {"when": "RCPT", "match": {"to": "*@full.example"}, "do": [{"reply": [452, "4.2.2", "Mailbox full"]}]}


def send_rcpt(rest_api, to="bob@full.example"):
    with smtplib.SMTP(*rest_api.server.address) as client:
        client.ehlo()
        client.mail("ann@example.com")
        return client.rcpt(to)


def test_rule_is_added_acts_and_is_removed(rest_api):
    answer = rest_api.http.post(RULES, json=FULL)
    (added,) = answer.json()
    number = added.pop("ID")

    assert answer.status_code == 200
    assert added == {
        "Text": "RCPT to='*@full.example' → reply(452, '4.2.2', 'Mailbox full').optional()",
        "Rule": FULL | {"optional": True},
        "Enabled": True,
        "Exhausted": False,
        "Count": 0,
        "Calls": [],
    }
    assert send_rcpt(rest_api) == (452, b"4.2.2 Mailbox full")
    acted = rest_api.http.get(f"{RULES}/{number}").json()
    assert acted["Count"] == 1 and acted["Calls"][0]["Said"] == "RCPT TO:<bob@full.example>"
    session = rest_api.http.get(f"/api/v1/sessions/{acted['Calls'][0]['Session']}").json()
    assert session["Refusals"] == 1

    assert rest_api.http.delete(f"{RULES}/{number}").text == "ok"
    assert send_rcpt(rest_api)[0] == 250
    assert rest_api.http.delete(f"{RULES}/{number}").status_code == 404
    assert rest_api.http.get(f"{RULES}/{number}").status_code == 404


def test_rules_keep_their_numbers(rest_api):
    for _ in range(3):
        rest_api.http.post(RULES, json=FULL)
    one, two, three = rest_api.http.get(RULES).json()
    rest_api.http.delete(f"{RULES}/{two['ID']}")
    (four,) = rest_api.http.post(RULES, json=FULL).json()

    assert [rule["ID"] for rule in rest_api.http.get(RULES).json()] == [one["ID"], three["ID"], four["ID"]]
    assert len({one["ID"], two["ID"], three["ID"], four["ID"]}) == 4


def test_rules_of_a_test_are_listed(rest_api):
    rest_api.server.on("NOOP", where=lambda moment: True).reply(451).optional()
    (listed,) = rest_api.http.get(RULES).json()

    assert listed["Rule"] is None and listed["Text"].startswith("NOOP where=")


def test_delete_removes_all_rules(rest_api):
    rest_api.server.on("NOOP").reply(451)
    rest_api.http.post(RULES, json=FULL)

    assert rest_api.http.delete(RULES).text == "ok"
    assert rest_api.http.get(RULES).json() == [] and len(rest_api.server.rules) == 0


def test_rule_over_http_is_optional(rest_api):
    rest_api.http.post(RULES, json=FULL)
    rest_api.server.check_rules()


def test_answer_has_the_definition_that_was_posted(rest_api):
    definition = {
        "when": "END_OF_DATA",
        "match": {"subject": {"regex": "gr[üu]n", "flags": "i"}, "probability": 0.5, "session": [1, 2]},
        "do": [{"delay": 0.5, "reply": [451], "times": 2}, {"drop": True}],
        "optional": True,
    }
    (added,) = rest_api.http.post(RULES, json=definition).json()

    assert added["Rule"] == Rule.from_dict(definition).to_dict() == definition


@pytest.mark.parametrize(
    "body",
    [
        "",
        "{",
        "[]",
        "7",
        "null",
        '{"when": "RCPT"}',
        '{"when": "RCPT", "do": []}',
        '{"when": "RCPT", "do": [7]}',
        '{"when": "RCPT", "do": {"drop": true}}',
        '{"when": "R C", "do": [{"drop": true}]}',
        '{"when": 7, "do": [{"drop": true}]}',
        '{"when": "RCPT", "do": [{"drop": "yes"}]}',
        '{"when": "RCPT", "do": [{"explode": true}]}',
        '{"when": "RCPT", "do": [{"call": "print"}]}',
        '{"when": "RCPT", "do": [{"reply": [99]}]}',
        '{"when": "RCPT", "do": [{"raw": 7}]}',
        '{"when": "RCPT", "do": [{"raw": "\\u20ac"}]}',
        '{"when": "RCPT", "do": [{"throttle": {}}]}',
        '{"when": "RCPT", "do": [{"times": 1}]}',
        '{"when": "RCPT", "match": [], "do": [{"drop": true}]}',
        '{"when": "RCPT", "match": {"else": "x"}, "do": [{"drop": true}]}',
        '{"when": "RCPT", "match": {"where": "x"}, "do": [{"drop": true}]}',
        '{"when": "RCPT", "match": {"to": {"regex": "("}}, "do": [{"drop": true}]}',
        '{"when": "RCPT", "match": {"to": {"regex": 7}}, "do": [{"drop": true}]}',
        '{"when": "RCPT", "match": {"to": {"flags": "i"}}, "do": [{"drop": true}]}',
        '{"when": "RCPT", "match": {"to": {"regex": "a", "flags": "?"}}, "do": [{"drop": true}]}',
        '{"when": "RCPT", "match": {"to": {"regex": "' + "a" * 300 + '"}}, "do": [{"drop": true}]}',
        '{"when": "RCPT", "match": {"probability": 2}, "do": [{"drop": true}]}',
        '{"when": "RCPT", "else": 1, "do": [{"drop": true}]}',
        *(
            pytest.param(body.replace("HUGE", str(10**400)), id=f"huge {body}")
            for body in (
                '{"when": "RCPT", "do": [{"delay": HUGE}]}',
                '{"when": "RCPT", "do": [{"throttle": HUGE}]}',
                '{"when": "RCPT", "do": [{"throttle": {"bytes_per_second": HUGE}}]}',
                '{"when": "RCPT", "do": [{"reply": [HUGE]}]}',
                '{"when": "RCPT", "match": {"probability": HUGE}, "do": [{"drop": true}]}',
                '{"when": "RCPT", "match": {"where": {"rate": {"n": 1, "per": HUGE}}}, "do": [{"drop": true}]}',
                '{"when": "RCPT", "match": {"where": {"greylist": {"seconds": HUGE}}}, "do": [{"drop": true}]}',
                '{"when": "IDLE", "match": {"after": HUGE}, "do": [{"drop": true}]}',
                '{"when": "CONTENT", "match": {"after": HUGE}, "do": [{"drop": true}]}',
            )
        ),
    ],
)
def test_wrong_rule_returns_400_with_a_reason(rest_api, body):
    answer = rest_api.http.post(RULES, content=body)

    assert answer.status_code == 400 and len(answer.text) > 10
    assert rest_api.http.get(RULES).json() == []


def test_presets_are_listed_and_added_by_name(rest_api):
    presets = rest_api.http.get("/api/v1/presets").json()
    assert "gmail.over_quota" in presets
    assert presets["greylist"] == "attempts: int = 1, seconds: float | None = None, **selectors"
    assert presets["old_server"] == ""

    (added,) = rest_api.http.post("/api/v1/presets/quota_full", json={"to": "*@full.example"}).json()
    assert added["Text"].startswith("RCPT to='*@full.example'")
    assert send_rcpt(rest_api)[0] == 452
    assert len(rest_api.http.post("/api/v1/presets/max_recipients", json={"n": 2}).json()) == 2
    assert rest_api.http.post("/api/v1/presets/maintenance").status_code == 200
    with pytest.raises(smtplib.SMTPConnectError):
        smtplib.SMTP(*rest_api.server.address)


def test_every_preset_without_arguments_can_be_added(rest_api):
    for name in rest_api.http.get("/api/v1/presets").json():
        answer = rest_api.http.post(f"/api/v1/presets/{name}")
        needs_arguments = "missing" in answer.text
        assert answer.status_code == (400 if needs_arguments else 200), (name, answer.text)


@pytest.mark.parametrize(
    ("name", "body", "status"),
    [
        ("none", "{}", 404),
        ("gmail", "{}", 404),
        ("gmail.none", "{}", 404),
        ("greylist", "[]", 400),
        ("greylist", "{", 400),
        ("greylist", '{"attempts": 0}', 400),
        ("greylist", '{"attempts": "many"}', 400),
        ("greylist", '{"else": 1}', 400),
        ("quota_full", '{"to": 7, "subject": "x"}', 400),
        ("tarpit", '{"seconds": -1}', 400),
        ("slow_link", '{"bytes_per_second": 0}', 400),
        ("flaky", "{}", 400),
        *(
            pytest.param(name, f'{{"{parameter}": {10**400}{rest}}}', 400, id=f"huge {name}")
            for name, parameter, rest in (
                ("tarpit", "seconds", ""),
                ("drops_idle", "seconds", ""),
                ("greylist", "seconds", ""),
                ("slow_link", "bytes_per_second", ""),
                ("rate_limit", "per", ', "n": 1'),
                ("flaky", "p", ""),
            )
        ),
    ],
)
def test_wrong_preset_is_refused(rest_api, name, body, status):
    answer = rest_api.http.post(f"/api/v1/presets/{name}", content=body)

    assert answer.status_code == status and answer.text
    assert rest_api.http.get(RULES).json() == []


# -- one reader of definitions ----------------------------------------------------------------------

DEFINITIONS = [
    FULL,
    {"when": "DATA", "match": {"sender": {"regex": "^a", "flags": "i"}}, "do": [{"reply": 451, "times": 2}]},
    {"preset": "greylist", "attempts": 2},
    {"preset": "greylist", "attempts": 2, "times": 5},
    {"preset": "quota_full", "to": {"regex": "@full", "flags": "i"}, "after": 1, "until": 3},
    {"preset": "quota_full", "to": ["ann@*", "bob@*"], "optional": True},
    {"preset": "spam_rejected", "header": {"X-Tag": {"regex": "spam"}}},
    {"preset": "provider", "name": "gmail", "what": "over_quota"},
    {"preset": "provider", "name": "yahoo", "what": "rate_limit", "n": 2, "per": 60, "times": 1},
    {"preset": "strip_starttls"},
    {"preset": "max_recipients", "n": 2},
]


def load(definition, _rest_api, _path):
    """As `server.rules.load` does in Python."""
    return Rules().load([definition])


def read_json_file(definition, _rest_api, path):
    """As `smtptest serve --rules` does."""
    path.write_text(json.dumps([definition]))
    return read_rules(path)


def post_rule(definition, rest_api, _path):
    answer = rest_api.http.post(RULES, json=definition)
    assert answer.status_code == 200, answer.text
    return rest_api.server.rules[:]


def post_preset(definition, rest_api, _path):
    arguments = {name: value for name, value in definition.items() if name != "preset"}
    answer = rest_api.http.post(f"/api/v1/presets/{definition['preset']}", json=arguments)
    assert answer.status_code == 200, answer.text
    return rest_api.server.rules[:]


READERS = [
    (read, definition)
    for definition in DEFINITIONS
    for read in (read_json_file, post_rule, post_preset)
    if read is not post_preset or "preset" in definition
]


@pytest.mark.parametrize(("read", "definition"), READERS, ids=lambda value: getattr(value, "__name__", str(value)))
def test_definition_makes_equal_rules_in_python_files_and_http(read, definition, rest_api, tmp_path):
    expected = load(definition, rest_api, None)

    found = read(definition, rest_api, tmp_path / "rules.json")

    # In files and over HTTP, all rules are optional, and RE2 matches their patterns.
    assert [rule.to_dict() for rule in found] == [rule.optional().to_dict() for rule in expected]


@pytest.mark.parametrize(
    ("definition", "message"),
    [
        ({"preset": "grelist"}, "unknown preset 'grelist'; did you mean 'greylist'?"),
        (
            {"preset": "provider", "name": "gmial", "what": "over_quota"},
            "unknown provider 'gmial'; did you mean 'gmail'?",
        ),
        (
            {"preset": "provider", "name": "gmail", "what": "over-quota"},
            "unknown provider reply 'over-quota'; did you mean 'over_quota'?",
        ),
        ({"preset": "quota_full", "rcpt": "a@b"}, "unknown selector 'rcpt'; did you mean 'to'?"),
        ({"preset": "flaky", "p": 0.5, "when": "RCTP"}, "unknown trigger 'RCTP'; did you mean 'RCPT'?"),
        ({"when": "RCPT", "do": [{"replay": 451}]}, "unknown action 'replay'; did you mean 'reply'?"),
        ({"when": "end-of-data", "do": [{"drop": True}]}, "unknown trigger 'end-of-data'; did you mean 'END_OF_DATA'?"),
        ({"when": "RCPT", "math": {}, "do": [{"drop": True}]}, "unknown key of a rule 'math'; did you mean 'match'?"),
        ({"preset": "strip_starttls", "times": 2}, "preset strip_starttls makes 2 rules"),
        ({"preset": "quota_full", "times": 0}, "times must be a number of matches >= 1, got 0"),
    ],
)
def test_wrong_definition_has_one_message_in_python_files_and_http(definition, message, rest_api, tmp_path):
    with pytest.raises((ValueError, TypeError)) as raised:
        load(definition, rest_api, None)
    assert message in str(raised.value)

    with pytest.raises(CommandError) as failure:
        read_json_file(definition, rest_api, tmp_path / "rules.json")
    assert f"rules.json: rule 1: {message}" in str(failure.value)

    answer = rest_api.http.post(RULES, json=definition)
    assert answer.status_code == 400 and message in answer.text
    assert rest_api.http.get(RULES).json() == []


def test_provider_reply_is_named_in_the_path(rest_api):
    arguments = {"n": 2, "per": 60, "sender": None, "times": 3}  # null stands for the default
    assert rest_api.http.post("/api/v1/presets/yahoo.rate_limit", json=arguments).status_code == 200

    definition = {"preset": "provider", "name": "yahoo", "what": "rate_limit", "n": 2, "per": 60, "times": 3}
    assert list(rest_api.server.rules) == [rule.optional() for rule in Rules().load([definition])]


def test_refusals_of_reading_clients_are_presets(rest_api):
    assert rest_api.http.get("/api/v1/presets").json()["dovecot.locked"] == "user: str | None = None"
    added = rest_api.http.post("/api/v1/presets/dovecot.locked", json={"user": "ann@*", "times": 1})
    assert added.status_code == 200

    definition = {"preset": "reading_provider", "name": "dovecot", "what": "locked", "user": "ann@*", "times": 1}
    assert list(rest_api.server.rules) == [rule.optional() for rule in Rules().load([definition])]


@pytest.mark.parametrize(
    ("name", "key"), [("gmail.over_quota", "name"), ("gmail.over_quota", "what"), ("greylist", "preset")]
)
def test_body_may_not_repeat_the_path(rest_api, name, key):
    answer = rest_api.http.post(f"/api/v1/presets/{name}", json={key: "greylist"})

    assert (answer.status_code, answer.text.rstrip()) == (400, f"{name}: {key} is in the path already; leave it out")


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("(?=a)", "RE2, which has no look-around"),
        (r"(a)\1", "no backreferences"),
        ("(a?b?){500}", "at most 200 characters|too large"),
        ("*" * 2_000, "a text with wildcards must have at most 1,000 characters"),
    ],
)
def test_pattern_that_may_not_run_is_refused(pattern, message, rest_api, tmp_path):
    matcher = pattern if pattern.startswith("*") else {"regex": pattern}
    for path, body in (
        (RULES, {"when": "RCPT", "match": {"to": matcher}, "do": [{"drop": True}]}),
        (RULES, {"when": "RCPT", "match": {"where": {"not": {"to": matcher}}}, "do": [{"drop": True}]}),
        ("/api/v1/presets/quota_full", {"to": [matcher]}),
    ):
        answer = rest_api.http.post(path, json=body)
        assert answer.status_code == 400 and re.search(message, answer.text), answer.text


def test_pattern_without_re2_is_an_error(rest_api, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "re2", None)
    definition = {"when": "RCPT", "match": {"to": {"regex": "a"}}, "do": [{"drop": True}]}

    answer = rest_api.http.post(RULES, json=definition)
    assert answer.status_code == 400 and 'needs google-re2: pip install "lazr.smtptest[regex]"' in answer.text
    with pytest.raises(CommandError, match=r"rules\.json: rule 1: .*needs google-re2"):
        read_json_file(definition, rest_api, tmp_path / "rules.json")


@pytest.mark.parametrize(
    ("matcher", "mailbox"),
    [
        ({"regex": "(a+)+$"}, "a" * 60 + "!@b.test"),
        ({"regex": "(a|aa)+$"}, "a" * 60 + "!@b.test"),
        ("*a" * 20 + "@c.test", "a" * 60 + "@b.test"),
        ([{"regex": "(.*a){20}x"}, {"regex": r"^(\w+\s?)*$"}], "a" * 60 + "!@b.test"),
    ],
)
def test_pattern_over_http_does_not_stop_the_server(matcher, mailbox, rest_api):
    for definition in (
        {"when": "RCPT", "match": {"to": matcher}, "do": [{"reply": 450}]},
        {"when": "RCPT", "match": {"where": {"all": [{"to": matcher}]}}, "do": [{"reply": 450}]},
    ):
        assert rest_api.http.post(RULES, json=definition).status_code == 200
    with smtplib.SMTP(*rest_api.server.address, timeout=20) as client:
        client.ehlo()
        client.mail("ann@example.com")
        assert client.rcpt(mailbox)[0] == 250

    assert rest_api.http.get(RULES).status_code == 200


def test_disabled_rule_stays_with_its_calls_and_never_acts(rest_api):
    number = rest_api.http.post(RULES, json=FULL | {"do": [FULL["do"][0] | {"times": 2}]}).json()[0]["ID"]
    send_rcpt(rest_api)
    disabled = rest_api.http.put(f"{RULES}/{number}", json={"Enabled": False})

    assert disabled.status_code == 200
    assert (disabled.json()["ID"], disabled.json()["Enabled"], disabled.json()["Count"]) == (number, False, 1)
    assert send_rcpt(rest_api)[0] == 250
    assert rest_api.http.get(f"{RULES}/{number}").json() == disabled.json()

    enabled = rest_api.http.put(f"{RULES}/{number}", json={"Enabled": True}).json()
    assert (enabled["Enabled"], enabled["Exhausted"]) == (True, False)
    assert [send_rcpt(rest_api)[0] for _ in range(2)] == [452, 250]
    acted = rest_api.http.get(f"{RULES}/{number}").json()
    assert (acted["Count"], acted["Exhausted"], acted["Enabled"]) == (2, True, True)


def test_rule_is_replaced_in_its_place(rest_api):
    numbers = [rest_api.http.post(RULES, json=FULL).json()[0]["ID"] for _ in range(2)]
    send_rcpt(rest_api)
    other = {"when": "RCPT", "do": [{"reply": [550, "5.1.1", "Unknown"]}]}
    replaced = rest_api.http.put(f"{RULES}/{numbers[0]}", json={"Rule": other}).json()

    assert (replaced["ID"], replaced["Count"], replaced["Enabled"]) == (numbers[0], 0, True)
    assert replaced["Rule"] == other | {"optional": True}
    assert [rule["ID"] for rule in rest_api.http.get(RULES).json()] == numbers
    assert send_rcpt(rest_api)[0] == 550

    both = rest_api.http.put(f"{RULES}/{numbers[0]}", json={"Rule": FULL, "Enabled": False}).json()
    assert (both["Enabled"], both["Rule"]["match"]) == (False, FULL["match"])
    again = rest_api.http.put(f"{RULES}/{numbers[0]}", json={"Rule": other}).json()
    assert again["Enabled"] is False, "a rule that replaces a disabled one is disabled"
    assert send_rcpt(rest_api)[0] == 452, "the second rule acts"


@pytest.mark.parametrize(
    "change",
    [
        *(
            {},
            [],
            None,
            7,
            "Enabled",
            {"enabled": False},
            {"Enabled": 0},
            {"Enabled": "no"},
            {"Enabled": True, "ID": 1},
        ),
        *({"Rule": {}}, {"Rule": []}, {"Rule": {"when": "RCPT"}}, {"Rule": {"preset": "strip_starttls"}}),
        {"Enabled": False, "Rule": {"when": "RCPT", "do": [{"explode": True}]}},
    ],
)
def test_invalid_change_returns_400_and_changes_nothing(rest_api, change):
    (rule,) = rest_api.http.post(RULES, json=FULL).json()
    response = rest_api.http.put(f"{RULES}/{rule['ID']}", json=change)

    assert response.status_code == 400 and response.text
    assert rest_api.http.get(RULES).json() == [rule]


def test_change_of_unknown_rule_returns_404(rest_api):
    for change in ({"Enabled": False}, {"Rule": FULL}):
        assert rest_api.http.put(f"{RULES}/999999", json=change).status_code == 404


def test_schema_accepts_what_the_server_accepts(rest_api):
    schema = rest_api.http.get(f"{RULES}/schema").json()
    rest_api.http.post("/api/v1/presets/flaky")
    for rule in (FULL, *(rule["Rule"] for rule in rest_api.http.get(RULES).json())):
        jsonschema.validate(rule, schema, cls=jsonschema.Draft202012Validator)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"when": "RCPT"}, schema, cls=jsonschema.Draft202012Validator)


# -- numbers that are too large for a float -----------------------------------------------------------


@pytest.mark.parametrize("number", [10**400, -(10**400)], ids=["positive", "negative"])
def test_no_number_of_a_preset_is_an_error_of_the_server(rest_api, number):
    required = {"rate_limit": {"n": 1, "per": 1}, "connection_limit": {"n": 1}, "flaky": {"p": 1}}
    required["max_recipients"] = {"n": 1}
    for name, preset in PRESETS.items():
        for parameter in [*inspect.signature(preset).parameters, "nth", "seed", "size", "after", "times", "until"]:
            body = required.get(name, {}) | {parameter: number}
            assert rest_api.http.post(f"/api/v1/presets/{name}", json=body).status_code in (200, 400), (name, parameter)
    assert rest_api.http.get(RULES).status_code == 200
