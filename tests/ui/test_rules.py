"""The page of rules: the list, presets, and the editor."""

import json
import smtplib

import jsonschema
import pytest
from playwright.sync_api import expect

from tests.ui.pages.rules_page import RulesPage

FULL = {"when": "RCPT", "match": {"to": "*@full.example"}, "do": [{"reply": [452, "4.2.2", "Mailbox full"]}]}


def try_recipient(app_page, to):
    """Return the reply to RCPT."""
    with smtplib.SMTP(*app_page.server.mail_server.address, local_hostname="laptop.example") as client:
        client.ehlo()
        client.mail("ann@example.com")
        code, text = client.rcpt(to)
        return f"{code} {text.decode()}"


@pytest.fixture
def rules(app_page):
    app_page.open("/rules")
    return RulesPage(app_page.page)


@pytest.fixture
def with_rule(app_page):
    app_page.server.mail_server.on("RCPT", to="*@full.example").reply(452, "4.2.2", "Mailbox full").optional()
    app_page.open("/rules")
    return RulesPage(app_page.page)


def test_counter_is_live_and_call_leads_to_session(app_page, with_rule):
    expect(with_rule.count("full.example")).to_have_text("0")
    assert try_recipient(app_page, "bob@full.example") == "452 4.2.2 Mailbox full"

    expect(with_rule.count("full.example")).to_have_text("1")
    expect(with_rule.banner).to_contain_text("1 rule is active. Rules have acted 1 time.")
    with_rule.item("full.example").get_by_text("Latest calls").click()
    expect(with_rule.item("full.example")).to_contain_text("RCPT TO:<bob@full.example>")
    with_rule.item("full.example").get_by_role("link", name="Session 1").click()
    expect(app_page.page).to_have_url(f"{app_page.server.url}/sessions/1")


def test_switch_turns_rule_off_and_on(app_page, with_rule):
    with_rule.switch("full.example").uncheck()
    expect(with_rule.banner).to_be_hidden()
    assert try_recipient(app_page, "bob@full.example").startswith("250")

    with_rule.switch("full.example").check()
    expect(with_rule.banner).to_be_visible()
    assert try_recipient(app_page, "bob@full.example").startswith("452")


def test_rule_is_removed_and_brought_back(app_page, with_rule):
    with_rule.item("full.example").get_by_role("button", name="Remove").click()
    expect(with_rule.items).to_have_count(0)
    assert try_recipient(app_page, "bob@full.example").startswith("250")

    with_rule.toasts.get_by_role("button", name="Undo").click()
    expect(with_rule.items).to_have_count(1)
    assert try_recipient(app_page, "bob@full.example").startswith("452")


def test_all_rules_are_removed_and_brought_back(app_page, with_rule):
    app_page.server.mail_server.on("NOOP").reply(451).optional()
    app_page.page.reload()
    expect(with_rule.items).to_have_count(2)
    with_rule.remove_all.click()
    expect(with_rule.items).to_have_count(0)
    expect(app_page.page.get_by_text("There is no rule")).to_be_visible()
    with_rule.toasts.get_by_role("button", name="Undo").click()
    expect(with_rule.items).to_have_count(2)


def test_rule_with_function_cannot_be_changed_here(app_page, rules):
    app_page.server.mail_server.on("NOOP", where=lambda context: True).reply(451).optional()
    app_page.page.reload()
    expect(rules.item("NOOP").get_by_role("button", name="Change")).to_be_hidden()
    expect(rules.item("NOOP")).to_contain_text("with a function in it")


PRESETS = [
    ("greylist", {"Attempts_that_are_refused": "2"}, "greylist(attempts=2)"),
    ("rate limit", {"Number_(n)": "3", "In_how_many_seconds": "60"}, "rate(n=3, per=60)"),
    ("quota full", {"Only_for_this_recipient": "ann@*"}, "to='ann@*'"),
    ("slow link", {}, "throttle(1000"),
    ("maintenance", {}, "421"),
]


def test_preset_adds_rule(rules):
    for name, values, text in PRESETS:
        rules.add_preset(name, **values)
        expect(rules.item(text)).not_to_have_count(0)
        expect(rules.page.get_by_role("dialog")).to_have_count(0)


def test_presets_of_providers_are_offered(app_page, rules):
    app_page.page.get_by_text("Refusals of Gmail, Outlook and Yahoo").click()
    rules.add_preset("gmail: over quota", Only_for_this_recipient="ann@*")
    expect(rules.items).to_contain_text("452, '4.2.2'")


def test_presets_of_imap_and_pop3_are_offered(app_page, rules):
    app_page.page.get_by_text("Refusals of IMAP and POP3").click()
    rules.add_preset("dovecot: locked", Only_for_this_user_name="ann@*")
    expect(rules.items).to_contain_text("POP3 PASS user='ann@*'")


def test_preset_shows_reason_of_server(app_page, rules):
    app_page.tab.expect("status of 400")
    rules.add_preset("flaky", **{"Probability_(0–1)": "7"})
    expect(rules.page.get_by_role("dialog").get_by_role("alert")).to_contain_text("flaky: ")
    expect(rules.items).to_have_count(0)


@pytest.mark.slow
def test_every_preset_has_a_form(app_page, rules):
    for group in ("Refusals of Gmail, Outlook and Yahoo", "Refusals of IMAP and POP3"):
        app_page.page.get_by_text(group).click()
    buttons = app_page.page.locator(".presets button")
    expect(buttons).to_have_count(35)
    for number in range(35):
        buttons.nth(number).click()
        dialog = app_page.page.get_by_role("dialog")
        for control in dialog.locator("input, select").all():
            expect(control).to_have_accessible_name(control.evaluate("control => control.labels[0].textContent"))
        dialog.get_by_role("button", name="Add").click()
        expect(dialog).to_have_count(0)  # the values that the form proposes are right
    app_page.page.get_by_role("button", name="Remove all").click()
    expect(rules.items).to_have_count(0)


def test_form_adds_rule_that_acts(app_page, rules):
    rules.new.click()
    rules.field("Recipient").fill("bob@example.com")
    rules.field("Code").fill("450")
    rules.field("Enhanced code").fill("4.2.1")
    rules.field("Text").fill("Busy")
    rules.field("At most (times)").fill("1")
    assert json.loads(rules.json.input_value()) == {
        "when": "RCPT",
        "match": {"to": "bob@example.com"},
        "do": [{"reply": [450, "4.2.1", "Busy"], "times": 1}],
    }
    rules.add.click()

    expect(rules.items).to_have_count(1)
    expect(rules.editor).to_be_hidden()
    assert [try_recipient(app_page, "bob@example.com")[:3] for _ in range(2)] == ["450", "250"]


def test_next_recipient_fails_after_one_click(app_page, rules):
    app_page.page.get_by_role("button", name="Make the next RCPT fail").click()
    expect(rules.items).to_have_count(1)
    expect(rules.items.get_by_role("button", name="Change rule 1")).to_be_focused()
    assert [try_recipient(app_page, "bob@example.com")[:3] for _ in range(2)] == ["451", "250"]


def test_failure_of_next_recipient_is_an_action_with_undo(app_page):
    app_page.open()
    app_page.page.keyboard.press("Control+k")
    app_page.page.get_by_role("combobox", name="Action").fill("next rcpt")
    app_page.page.keyboard.press("Enter")
    rules = RulesPage(app_page.page)
    expect(rules.banner).to_contain_text("1 rule is active.")
    rules.toasts.get_by_role("button", name="Undo").click()
    expect(rules.banner).to_be_hidden()
    assert try_recipient(app_page, "bob@example.com").startswith("250")


def test_rule_that_acted_as_often_as_it_may_is_armed_again(app_page):
    app_page.server.mail_server.on("RCPT").reply(451).once().optional()
    assert [try_recipient(app_page, "bob@example.com")[:3] for _ in range(2)] == ["451", "250"]
    app_page.open("/settings")
    rules = RulesPage(app_page.page)
    expect(rules.banner).to_be_hidden()
    app_page.open("/rules")
    expect(rules.items).to_contain_text("It has acted as often as it may.")
    rules.items.get_by_role("button", name="Arm again").click()
    expect(rules.banner).to_contain_text("1 rule is active.")
    expect(rules.items.get_by_role("button", name="Arm again")).to_be_hidden()
    assert try_recipient(app_page, "bob@example.com").startswith("451")


def test_removal_that_fails_has_no_undo(app_page, with_rule):
    app_page.tab.expect("status of 503")
    app_page.page.route("**/api/v1/rules/*", lambda route: route.fulfill(status=503, body="Try again"))
    with_rule.item("full.example").get_by_role("button", name="Remove").click()
    expect(with_rule.toasts).to_contain_text("Try again")
    expect(with_rule.toasts.get_by_role("button", name="Undo")).to_have_count(0)
    expect(with_rule.items).to_have_count(1)


def test_rules_are_numbered_by_place_and_come_back_as_the_last(app_page, with_rule):
    app_page.server.mail_server.on("NOOP").reply(451).optional()
    app_page.page.reload()
    with_rule.items.get_by_role("button", name="Remove rule 1").click()
    expect(with_rule.items).to_have_count(1)
    expect(with_rule.switch("NOOP")).to_have_accessible_name("Rule 1 is on")
    with_rule.toasts.get_by_role("button", name="Undo").click()
    expect(with_rule.toasts).to_contain_text("The rule is back, as the last one.")
    expect(with_rule.switch("full.example")).to_have_accessible_name("Rule 2 is on")


def test_recipient_of_link_fills_form_and_nothing_is_active(app_page, rules):
    app_page.open("/rules?recipient=ann%2B1%40example.com")
    expect(rules.field("Recipient")).to_have_value("ann+1@example.com")
    assert not app_page.server.mail_server.rules[:]
    assert try_recipient(app_page, "ann+1@example.com").startswith("250")

    rules.add.click()
    expect(rules.items).to_have_count(1)
    expect(app_page.page).to_have_url(f"{app_page.server.url}/rules")
    assert try_recipient(app_page, "ann+1@example.com").startswith("550")


def test_form_offers_what_the_trigger_can_have(rules):
    rules.new.click()
    expect(rules.field("Subject")).to_have_count(0)
    rules.field("Trigger").select_option("END_OF_DATA")
    rules.field("Subject").fill("Hi")
    rules.field("Action").select_option("accept_but_lose")
    expect(rules.field("Code")).to_have_count(0)
    assert json.loads(rules.json.input_value()) == {
        "when": "END_OF_DATA",
        "match": {"subject": "Hi"},
        "do": [{"accept_but_lose": True}],
    }
    rules.field("Trigger").select_option("CONNECT")
    reply = {"reply": [550, "5.1.1", "User unknown"]}
    assert json.loads(rules.json.input_value()) == {"when": "CONNECT", "match": {}, "do": [reply]}
    rules.field("Trigger").select_option("END_OF_DATA")
    expect(rules.field("Subject")).to_have_value("Hi")


def test_rule_is_changed_in_form_and_json(app_page, with_rule):
    with_rule.item("full.example").get_by_role("button", name="Change").click()
    expect(with_rule.field("Recipient")).to_have_value("*@full.example")
    with_rule.field("Text").fill("Over quota")
    with_rule.save.click()
    expect(with_rule.items).to_contain_text("Over quota")
    assert try_recipient(app_page, "bob@full.example") == "452 4.2.2 Over quota"


def test_json_fills_form(rules):
    rules.new.click()
    match, step = {"sender": "a@*", "probability": 0.25}, {"delay": 1.5, "drop": True, "after": 2}
    rules.json.fill(json.dumps({"when": "mail", "match": match, "do": [step]}))
    values = {
        "Trigger": "MAIL",
        "Sender": "a@*",
        "Action": "drop",
        "Delay in seconds": "1.5",
        "Skip the first": "2",
        "Chance in percent": "25",
    }

    for label, value in values.items():
        expect(rules.field(label)).to_have_value(value)


RULES_OF_JSON_ONLY = [
    {"when": "RCPT", "match": {"to": ["ann@*", "bob@*"]}, "do": [{"drop": True}]},
    {"when": "RCPT", "do": [{"reply": [450]}, {"drop": True}]},
    {"when": "EHLO", "do": [{"without": ["SIZE"]}]},
    {"when": "RCPT", "match": {"to": {"regex": "^a"}}, "do": [{"drop": True}]},
    {"when": "X-UNKNOWN", "do": [{"drop": True}]},
    {"preset": "max_recipients", "n": 2},
]


def test_rule_that_form_cannot_show_is_added_as_json(rules):
    for number, rule in enumerate(RULES_OF_JSON_ONLY):
        rules.new.click()
        rules.json.fill(json.dumps(rule))
        expect(rules.editor.get_by_text("This rule has more than the form can show.")).to_be_visible()
        expect(rules.field("Trigger")).to_be_hidden()
        rules.add.click()
        expect(rules.items.nth(number)).to_be_visible()


PROBLEMS = [
    ("{", "This is not JSON yet"),
    ("7", "The rule must be an object"),
    ('{"when": "RCPT"}', "do is missing"),
    ('{"when": "RCPT", "do": []}', "do must not be empty"),
    ('{"when": "RCPT", "do": [{"reply": [199]}]}', "do[0].reply[0] must be at least 200"),
    ('{"when": "RCPT", "do": [{"replies": 1}]}', "do[0].replies is unknown here; possible: delay"),
    ('{"when": "RCPT", "match": {"nth": "x"}, "do": [{"drop": true}]}', "match.nth must"),
    ('{"when": "RCPT", "do": [{"times": 1}]}', "do[0] must have one of delay"),
    ('{"preset": "greylst"}', "preset must be one of greylist"),
]


def test_invalid_json_has_clear_message(rules):
    rules.new.click()
    for text, problem in PROBLEMS:
        rules.json.fill(text)
        expect(rules.problem).to_contain_text(problem)
        expect(rules.json).to_have_attribute("aria-invalid", "true")
        expect(rules.add).to_be_disabled()


def test_reason_of_server_is_shown(app_page, rules):
    app_page.tab.expect("status of 400")
    rules.new.click()
    rules.json.fill('{"when": "RCPT", "match": {"subject": "Hi"}, "do": [{"drop": true}]}')
    rules.add.click()
    expect(rules.problem).to_contain_text("subject= cannot be used at RCPT")
    expect(rules.items).to_have_count(0)


def test_wrong_number_marks_its_field(rules):
    rules.new.click()
    rules.field("Code").fill("99")
    expect(rules.field("Code")).to_have_attribute("aria-invalid", "true")
    expect(rules.problem).to_contain_text("do[0].reply[0] must be at least 200")


# Values for every keyword of the schema; the validator of the page must agree with jsonschema.
MATCHES = {
    "to": ["a", [], ["a"], ["a", 1], 1, None, {"regex": "a"}, {"regex": "a", "flags": "z"}, {}],
    "nth": [1, 0, 1.5, ">= 3", "> -3", [1, "<5"], [0], True],
    "probability": [0, 0.5, 1, 1.1, "1"],
    "tls": [True, "TLSv1.3", 13],
    "header": [{}, {"X": "a"}, {"X": 1}, []],
    "where": [
        *({}, {"any": []}, {"oversized": {}}, {"oversized": {"a": 1}}, {"not": {"any": [{"to": "a"}]}}),
        *({"rate": {"n": 1, "per": 0}}, {"rate": {"n": 1, "per": 2}}, {"greylist": {"seconds": None}}),
        {"rate": {"n": 1, "per": 1}, "accepted": {"n": 1}},
    ],
}
STEPS = [
    *({}, {"delay": -1}, {"drop": True}, {"drop": False}, {"raw": "ÿ"}, {"raw": "€"}),
    *({"reply": 250}, {"reply": []}, {"reply": [250, 1]}, {"reply": [560]}),
    *({"throttle": 0}, {"throttle": {"bytes_per_second": 1, "direction": "up"}}),
    *({"without": ["a b"]}, {"advertise": ["a b"]}),
]
DEFINITIONS = [
    *(FULL, {**FULL, "when": "not a verb"}, {**FULL, "when": 7}, {**FULL, "more": 1}),
    *({**FULL, "optional": "when it never comes"}, {**FULL, "optional": "never"}),
    *({**FULL, "match": {name: value}} for name, values in MATCHES.items() for value in values),
    *({**FULL, "do": [step]} for step in STEPS),
]


def test_validator_agrees_with_jsonschema(app_page, rules):
    schema = app_page.page.request.get(f"{app_page.server.url}/api/v1/rules/schema").json()
    rule_schema = {**schema["$defs"]["rule"], "$defs": schema["$defs"]}
    expected = [jsonschema.Draft202012Validator(rule_schema).is_valid(value) for value in DEFINITIONS]
    actual = app_page.page.evaluate(
        """async ({schema, values}) => {
            const { findProblems } = await import("/ui/json_schema.js");
            return values.map((value) => !findProblems(value, schema.$defs.rule, schema).length);
        }""",
        {"schema": schema, "values": DEFINITIONS},
    )
    wrong = [value for value, one, other in zip(DEFINITIONS, actual, expected, strict=True) if one != other]
    assert not wrong and len(set(expected)) == 2
