"""Chaos: the triggers of Mailpit over HTTP, observed over SMTP."""

import smtplib

import pytest

OFF = {
    "Sender": {"ErrorCode": 451, "Probability": 0},
    "Recipient": {"ErrorCode": 451, "Probability": 0},
    "Authentication": {"ErrorCode": 535, "Probability": 0},
}
CHAOS = "/api/v1/chaos"


def collect_codes(rest_api):
    """Return the reply codes to a sender, a recipient, and credentials."""
    with smtplib.SMTP(*rest_api.server.address) as client:
        client.ehlo()
        auth = client.docmd("AUTH", "PLAIN AGFubgBzZWNyZXQ=")[0]
        sender = client.mail("ann@example.com")[0]
        return sender, client.rcpt("bob@example.com")[0], auth


def test_chaos_is_off_at_first(rest_api):
    assert rest_api.http.get(CHAOS).json() == OFF
    assert collect_codes(rest_api) == (250, 250, 235)


@pytest.mark.parametrize(
    ("settings", "expected", "codes"),
    [
        ({"Sender": {"ErrorCode": 421, "Probability": 0}}, {"Sender": (421, 0)}, (250, 250, 235)),
        ({"Sender": {"Probability": 100}}, {"Sender": (451, 100)}, (451, 503, 235)),
        ({"recipient": {"errorcode": 550, "probability": 100}}, {"Recipient": (550, 100)}, (250, 550, 235)),
        ({"Authentication": {"Probability": 100}}, {"Authentication": (535, 100)}, (250, 250, 535)),
        ({"Else": 1}, {}, (250, 250, 235)),
    ],
)
def test_trigger_becomes_a_rule(rest_api, settings, expected, codes):
    answer = rest_api.http.put(CHAOS, json=settings)
    expected = {name: {"ErrorCode": code, "Probability": probability} for name, (code, probability) in expected.items()}

    assert answer.json() == OFF | expected == rest_api.http.get(CHAOS).json()
    assert collect_codes(rest_api) == codes


def test_trigger_that_is_left_out_is_reset(rest_api):
    rest_api.http.put(CHAOS, json={"Sender": {"Probability": 100}})
    rest_api.http.put(CHAOS, json={"Recipient": {"Probability": 50}})

    assert rest_api.http.get(CHAOS).json() == OFF | {"Recipient": {"ErrorCode": 451, "Probability": 50}}
    assert [str(rule) for rule in rest_api.server.rules] == [
        "RCPT probability=0.5 → reply(451, 'This recipient is refused by chance').optional()"
    ]


@pytest.mark.parametrize(
    "settings",
    [
        {"Sender": {"ErrorCode": 250, "Probability": 1}},
        {"Sender": {"ErrorCode": 600, "Probability": 1}},
        {"Sender": {"ErrorCode": 499, "Probability": 1}},  # RFC 5321 4.2 has no such code
        {"Sender": {"ErrorCode": 451, "Probability": 101}},
        {"Sender": {"ErrorCode": 451, "Probability": -1}},
        {"Sender": {"ErrorCode": "451"}},
        {"Sender": {"Probability": True}},
        {"Sender": {"Probability": 10**30}},
        {"Sender": 451},
        [],
    ],
)
def test_wrong_triggers_change_nothing(rest_api, settings):
    rest_api.http.put(CHAOS, json={"Recipient": {"Probability": 50}})
    answer = rest_api.http.put(CHAOS, json=settings)

    assert answer.status_code == 400 and answer.text
    assert rest_api.http.get(CHAOS).json()["Recipient"]["Probability"] == 50


def test_trigger_is_off_after_its_rule_is_removed(rest_api):
    rest_api.http.put(CHAOS, json={"Sender": {"Probability": 100}})
    rest_api.server.rules.clear()

    assert rest_api.http.get(CHAOS).json() == OFF


def test_chaos_can_be_disabled(make_rest_api):
    rest_api = make_rest_api(chaos=False)

    for answer in (rest_api.http.get(CHAOS), rest_api.http.put(CHAOS, json={})):
        assert (answer.status_code, answer.text) == (400, "Chaos is not enabled")
    assert rest_api.http.get("/api/v1/webui").json()["ChaosEnabled"] is False
