"""Rules over HTTP, seen from SMTP."""

import smtplib

import pytest

from lazr.smtptest import Rule

RULES = "/api/v1/rules"
FULL = {"when": "RCPT", "match": {"to": "*@full.example"}, "do": [{"reply": [452, "4.2.2", "Mailbox full"]}]}


def rcpt(caught, to="bob@full.example"):
    with smtplib.SMTP(*caught.server.address) as client:
        client.ehlo()
        client.mail("ann@example.com")
        return client.rcpt(to)


def test_a_rule_is_added_acts_and_is_removed(caught):
    answer = caught.http.post(RULES, json=FULL)
    (added,) = answer.json()
    number = added.pop("ID")

    assert answer.status_code == 200
    assert added == {
        "Text": "RCPT to='*@full.example' → reply(452, '4.2.2', 'Mailbox full').optional()",
        "Rule": FULL | {"optional": True},
        "Count": 0,
        "Calls": [],
    }
    assert rcpt(caught) == (452, b"4.2.2 Mailbox full")
    acted = caught.http.get(f"{RULES}/{number}").json()
    assert acted["Count"] == 1 and acted["Calls"][0]["Said"] == "RCPT TO:<bob@full.example>"
    session = caught.http.get(f"/api/v1/sessions/{acted['Calls'][0]['Session']}").json()
    assert session["Refusals"] == 1

    assert caught.http.delete(f"{RULES}/{number}").text == "ok"
    assert rcpt(caught)[0] == 250
    assert caught.http.delete(f"{RULES}/{number}").status_code == 404
    assert caught.http.get(f"{RULES}/{number}").status_code == 404


def test_rules_keep_their_numbers(caught):
    for _ in range(3):
        caught.http.post(RULES, json=FULL)
    one, two, three = caught.http.get(RULES).json()
    caught.http.delete(f"{RULES}/{two['ID']}")
    (four,) = caught.http.post(RULES, json=FULL).json()

    assert [rule["ID"] for rule in caught.http.get(RULES).json()] == [one["ID"], three["ID"], four["ID"]]
    assert len({one["ID"], two["ID"], three["ID"], four["ID"]}) == 4


def test_rules_that_a_test_wrote_are_there_too(caught):
    caught.server.on("NOOP", where=lambda moment: True).reply(451).optional()
    (found,) = caught.http.get(RULES).json()

    assert found["Rule"] is None and found["Text"].startswith("NOOP where=")


def test_all_rules_are_removed(caught):
    caught.server.on("NOOP").reply(451)
    caught.http.post(RULES, json=FULL)

    assert caught.http.delete(RULES).text == "ok"
    assert caught.http.get(RULES).json() == [] and len(caught.server.rules) == 0


def test_a_rule_that_never_acted_is_nobodys_failure(caught):
    caught.http.post(RULES, json=FULL)
    caught.server.check_rules()


def test_what_a_rule_says_is_what_it_was_told(caught):
    form = {
        "when": "END_OF_DATA",
        "match": {"subject": {"regex": "gr[üu]n", "flags": "i"}, "probability": 0.5, "session": [1, 2]},
        "do": [{"delay": 0.5, "reply": [451], "times": 2}, {"drop": True}],
        "optional": True,
    }
    (added,) = caught.http.post(RULES, json=form).json()

    assert added["Rule"] == Rule.from_dict(form).to_dict() == form


@pytest.mark.parametrize(
    "form",
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
    ],
)
def test_what_is_no_rule_is_refused_with_a_reason(caught, form):
    answer = caught.http.post(RULES, content=form)

    assert answer.status_code == 400 and len(answer.text) > 10
    assert caught.http.get(RULES).json() == []


def test_presets_by_name(caught):
    presets = caught.http.get("/api/v1/presets").json()
    assert "gmail.over_quota" in presets
    assert presets["greylist"] == "attempts: int = 1, seconds: float | None = None, **selectors"
    assert presets["old_server"] == ""

    (added,) = caught.http.post("/api/v1/presets/quota_full", json={"to": "*@full.example"}).json()
    assert added["Text"].startswith("RCPT to='*@full.example'")
    assert rcpt(caught)[0] == 452
    assert len(caught.http.post("/api/v1/presets/max_recipients", json={"n": 2}).json()) == 2
    assert caught.http.post("/api/v1/presets/maintenance").status_code == 200
    with pytest.raises(smtplib.SMTPConnectError):
        smtplib.SMTP(*caught.server.address)


def test_every_preset_without_arguments_can_be_added(caught):
    for name in caught.http.get("/api/v1/presets").json():
        answer = caught.http.post(f"/api/v1/presets/{name}")
        wants = "missing" in answer.text
        assert answer.status_code == (400 if wants else 200), (name, answer.text)


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
    ],
)
def test_a_preset_that_makes_no_sense(caught, name, body, status):
    answer = caught.http.post(f"/api/v1/presets/{name}", content=body)

    assert answer.status_code == status and answer.text
    assert caught.http.get(RULES).json() == []
