"""Jim: MailHog's faults at random."""

import smtplib

import pytest

DEFAULTS = {
    "DisconnectChance": 0.005,
    "AcceptChance": 0.99,
    "LinkSpeedAffect": 0.1,
    "LinkSpeedMin": 1024.0,
    "LinkSpeedMax": 10240.0,
    "RejectSenderChance": 0.05,
    "RejectRecipientChance": 0.05,
    "RejectAuthChance": 0.05,
}
JIM = "/api/v2/jim"
NO_FAULTS = dict.fromkeys(DEFAULTS, 0.0) | {"AcceptChance": 1.0}


@pytest.fixture(autouse=True)
def jim_is_off(rest_api):
    yield
    rest_api.http.delete(JIM)


def get_status(rest_api, method, **arguments):
    return rest_api.http.request(method, JIM, **arguments).status_code


def test_jim_is_off_until_it_is_invited(rest_api):
    for method in ("GET", "PUT", "DELETE"):
        assert get_status(rest_api, method, json={}) == 404
    assert get_status(rest_api, "POST") == 201 and rest_api.http.get(JIM).json() == DEFAULTS
    assert get_status(rest_api, "POST") == 400
    assert get_status(rest_api, "PUT", json={"RejectSenderChance": 0.5}) == 200
    assert rest_api.http.get(JIM).json() == NO_FAULTS | {"RejectSenderChance": 0.5}
    assert len(rest_api.server.rules[:]) == 1
    assert get_status(rest_api, "DELETE") == 200 and get_status(rest_api, "GET") == 404
    assert len(rest_api.server.rules[:]) == 0


def test_jim_is_off_after_its_rules_are_removed(rest_api):
    assert get_status(rest_api, "POST", json={"rejectsenderchance": 1}) == 201
    rest_api.http.delete("/api/v1/rules")

    assert get_status(rest_api, "GET") == 404
    assert get_status(rest_api, "POST", json={"RejectSenderChance": 1}) == 201


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"AcceptChance": 0}, "disconnected"),
        ({"DisconnectChance": 1}, "disconnected"),
        ({"RejectSenderChance": 1}, 550),
        ({"RejectRecipientChance": 1}, 550),
        ({"RejectAuthChance": 1}, 535),
        ({"LinkSpeedAffect": 1, "LinkSpeedMin": 1e6, "LinkSpeedMax": 1e9}, "sent"),
        ({}, "sent"),
    ],
)
def test_fault_is_seen_by_the_client(rest_api, settings, expected):
    assert get_status(rest_api, "POST", json=settings) == 201
    try:
        with smtplib.SMTP(*rest_api.server.address, timeout=30) as client:
            client.ehlo()
            client.user, client.password = "ann", "secret"
            client.auth("PLAIN", client.auth_plain)
            client.sendmail("ann@example.com", "bob@example.com", "Subject: Hi\r\n\r\nHello\r\n")
        outcome = "sent"
    except smtplib.SMTPServerDisconnected:
        outcome = "disconnected"
    except smtplib.SMTPRecipientsRefused as refused:
        ((outcome, _),) = refused.recipients.values()
    except smtplib.SMTPResponseException as refused:
        outcome = refused.smtp_code

    assert outcome == expected


@pytest.mark.parametrize(
    "body",
    [
        "{",
        "[]",
        '{"AcceptChance": 1.1}',
        '{"DisconnectChance": -0.1}',
        '{"RejectAuthChance": "1"}',
        '{"RejectAuthChance": true}',
        '{"RejectAuthChance": NaN}',
        '{"LinkSpeedAffect": 1}',
        '{"LinkSpeedAffect": 1, "LinkSpeedMin": 9, "LinkSpeedMax": 5}',
        '{"LinkSpeedAffect": 1, "LinkSpeedMin": 9, "LinkSpeedMax": 1e999}',
        '{"LinkSpeedAffect": 1, "LinkSpeedMin": 9, "LinkSpeedMax": 1' + 400 * "0" + "}",
    ],
)
def test_invalid_settings_return_400_and_change_nothing(rest_api, body):
    assert get_status(rest_api, "POST", content=body) == 400 and get_status(rest_api, "GET") == 404
    get_status(rest_api, "POST")
    assert get_status(rest_api, "PUT", content=body) == 400 and rest_api.http.get(JIM).json() == DEFAULTS


def test_jim_needs_chaos(make_rest_api):
    rest_api = make_rest_api(chaos=False)
    for method in ("GET", "POST", "PUT", "DELETE"):
        assert get_status(rest_api, method, json={}) == 404


def test_there_are_no_other_outgoing_servers(rest_api):
    assert rest_api.http.get("/api/v2/outgoing-smtp").json() == {}
