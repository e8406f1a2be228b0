"""Sending something back about a mail over HTTP, and the list of what came back."""

import pytest

from lazr.smtptest import MailServer
from lazr.smtptest.web import Mailbox

TEXT = "From: app@shop.example\r\nTo: gone@x.example\r\nSubject: Order\r\n\r\nHello\r\n"


def bounce(rest_api, mail_id, **form):
    return rest_api.http.post(f"/api/v1/message/{mail_id}/bounce", json=form)


def add_mail(rest_api, **settings):
    return rest_api.add_mail(TEXT, **{"sender": "app@shop.example", "to": ["gone@x.example"]} | settings)


def test_bounce_is_in_the_store_when_the_response_arrives(rest_api):
    mail_id = add_mail(rest_api)
    response = bounce(rest_api, mail_id, status="5.2.2", style="postfix", text="Full")

    assert response.json() == {
        "Kind": "bounce",
        "Status": "5.2.2",
        "About": ["gone@x.example"],
        "Recipient": "app@shop.example",
        "MailID": mail_id,
        "Target": "inbox",
        "Outcome": "delivered",
        "Reason": "",
    }
    newest, original = rest_api.list_ids()
    mail = rest_api.store.get_mail(newest)
    assert original == mail_id and mail.recipients == ("app@shop.example",) and mail.sender == ""
    assert b"Status: 5.2.2" in mail.content and b"X-Postfix-Queue-ID" in mail.content
    assert rest_api.http.get("/api/v1/notifications").json() == [response.json()]


@pytest.mark.parametrize(
    ("form", "kind"),
    [
        ({}, "bounce"),
        ({"Kind": "delayed", "Status": "4.4.2"}, "delayed"),
        ({"Kind": "complaint", "FeedbackType": "virus"}, "complaint"),
        ({"Kind": "out_of_office"}, "out_of_office"),
        ({"Kind": "challenge", "Style": "exchange"}, "challenge"),
        ({"Kind": "auto_reply", "Text": "Thank you", "Recipients": ["gone@x.example"]}, "auto_reply"),
    ],
)
def test_every_kind_can_be_sent(rest_api, form, kind):
    response = rest_api.http.post(f"/api/v1/message/{add_mail(rest_api)}/bounce", json=form)

    assert (response.json()["Kind"], response.json()["Outcome"]) == (kind, "delivered")


def test_request_without_a_body_bounces_the_latest_mail(rest_api):
    add_mail(rest_api)

    assert rest_api.http.post("/api/v1/message/latest/bounce").json()["Status"] == "5.1.1"


def test_outcome_says_why_nothing_was_sent(rest_api):
    response = bounce(rest_api, add_mail(rest_api, sender=""))

    assert response.json()["Outcome"] == "not sent"
    assert response.json()["Reason"] == "the reverse-path is null (RFC 5321 4.5.5)"


def test_notification_can_be_scheduled(rest_api):
    response = bounce(rest_api, add_mail(rest_api), after=0.02)

    assert response.json()["Outcome"] == "scheduled"
    rest_api.server.notifications.wait()
    assert [one["Outcome"] for one in rest_api.http.get("/api/v1/notifications").json()] == ["delivered"]


@pytest.mark.parametrize(
    ("form", "text"),
    [
        ({"Kind": "bouncee"}, "unknown kind 'bouncee'; did you mean 'bounce'?"),
        ({"Status": "550"}, "must be as"),
        ({"Kind": "delayed", "Status": "5.1.1"}, "must begin with 4."),
        ({"Style": "sendmail"}, "unknown style"),
        ({"Kind": "complaint", "Status": "5.1.1"}, "unknown argument of then_complaint()"),
        ({"Kind": "auto_reply"}, "must have a text"),
        ({"Recipients": ["eve@x.example"]}, "recipient must be one of the mail's recipients"),
        ({"After": -1}, "must be a number of seconds"),
        ({"After": "soon"}, "After must be"),
        ({"Text": "x" * 10_001}, "at most 10,000 characters"),
    ],
)
def test_wrong_request_is_400_with_the_reason(rest_api, form, text):
    response = rest_api.http.post(f"/api/v1/message/{add_mail(rest_api)}/bounce", json=form)

    assert response.status_code == 400 and text in response.text
    assert len(rest_api.list_ids()) == 1


def test_unknown_mail_is_404(rest_api):
    assert bounce(rest_api, "nothing").status_code == 404


def test_refusal_by_the_application_is_400(make_rest_api):
    with MailServer() as application:
        application.on("RCPT").reply(550, "5.1.1", "Not mine")
        rest_api = make_rest_api(server_settings={"bounces_to": application.address})
        response = bounce(rest_api, add_mail(rest_api))

    assert response.status_code == 400 and "failed: 550 5.1.1 Not mine" in response.text


def test_token_of_a_mailbox_does_not_open_these_routes(make_rest_api):
    rest_api = make_rest_api(mailboxes=[Mailbox.of_user("job 7", "token-of-job-7-xyz", "ci-7")])
    mail_id = add_mail(rest_api, user="ci-7")
    headers = {"Authorization": "Bearer token-of-job-7-xyz"}

    assert rest_api.http.post(f"/api/v1/message/{mail_id}/bounce", headers=headers).status_code == 403
    assert rest_api.http.get("/api/v1/notifications", headers=headers).status_code == 403
