"""Chaos: Mailpit's triggers, seen from SMTP."""

import smtplib

import pytest

OFF = {
    "Sender": {"ErrorCode": 451, "Probability": 0},
    "Recipient": {"ErrorCode": 451, "Probability": 0},
    "Authentication": {"ErrorCode": 535, "Probability": 0},
}
CHAOS = "/api/v1/chaos"


def codes(caught):
    """What the server says to a sender, a recipient, and credentials."""
    with smtplib.SMTP(*caught.server.address) as client:
        client.ehlo()
        auth = client.docmd("AUTH", "PLAIN AGFubgBzZWNyZXQ=")[0]
        sender = client.mail("ann@example.com")[0]
        return sender, client.rcpt("bob@example.com")[0], auth


def test_chaos_is_off_at_first(caught):
    assert caught.http.get(CHAOS).json() == OFF
    assert codes(caught) == (250, 250, 235)


@pytest.mark.parametrize(
    ("form", "expected", "said"),
    [
        ({"Sender": {"ErrorCode": 421, "Probability": 0}}, {"Sender": (421, 0)}, (250, 250, 235)),
        ({"Sender": {"Probability": 100}}, {"Sender": (451, 100)}, (451, 503, 235)),
        ({"recipient": {"errorcode": 550, "probability": 100}}, {"Recipient": (550, 100)}, (250, 550, 235)),
        ({"Authentication": {"Probability": 100}}, {"Authentication": (535, 100)}, (250, 250, 535)),
        ({"Else": 1}, {}, (250, 250, 235)),
    ],
)
def test_a_trigger_is_a_rule(caught, form, expected, said):
    answer = caught.http.put(CHAOS, json=form)
    expected = {name: {"ErrorCode": code, "Probability": likely} for name, (code, likely) in expected.items()}

    assert answer.json() == OFF | expected == caught.http.get(CHAOS).json()
    assert codes(caught) == said


def test_a_trigger_that_is_left_out_is_reset(caught):
    caught.http.put(CHAOS, json={"Sender": {"Probability": 100}})
    caught.http.put(CHAOS, json={"Recipient": {"Probability": 50}})

    assert caught.http.get(CHAOS).json() == OFF | {"Recipient": {"ErrorCode": 451, "Probability": 50}}
    assert [str(rule) for rule in caught.server.rules] == [
        "RCPT probability=0.5 → reply(451, 'This recipient is refused by chance').optional()"
    ]


@pytest.mark.parametrize(
    "form",
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
def test_what_makes_no_sense_changes_nothing(caught, form):
    caught.http.put(CHAOS, json={"Recipient": {"Probability": 50}})
    answer = caught.http.put(CHAOS, json=form)

    assert answer.status_code == 400 and answer.text
    assert caught.http.get(CHAOS).json()["Recipient"]["Probability"] == 50


def test_a_trigger_whose_rule_is_removed_is_off(caught):
    caught.http.put(CHAOS, json={"Sender": {"Probability": 100}})
    caught.server.rules.clear()

    assert caught.http.get(CHAOS).json() == OFF


def test_chaos_can_be_switched_off(catching):
    caught = catching(chaos=False)

    for answer in (caught.http.get(CHAOS), caught.http.put(CHAOS, json={})):
        assert (answer.status_code, answer.text) == (400, "Chaos is not enabled")
    assert caught.http.get("/api/v1/webui").json()["ChaosEnabled"] is False
