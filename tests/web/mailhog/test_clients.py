"""Third-party clients of MailHog, from npm and PyPI, work with the REST API."""

import base64
import json
from urllib.parse import urlsplit

from lazr.smtptest import MailServer
from lazr.smtptest.web.outbound.relay import Relay
from tests.helpers.mime_messages import build_message_with_files
from tests.helpers.third_party_clients import run_node_client, run_python_client


def get_address(rest_api):
    """Return host and port of the REST API, as arguments of a script."""
    url = urlsplit(rest_api.web.url)
    return url.hostname, str(url.port)


def mailhog_node(rest_api, *calls):
    return json.loads(run_node_client("mailhog", "mailhog.cjs", *get_address(rest_api), text=json.dumps(calls)))


def mailhog_python(rest_api, *calls):
    output = run_python_client("mailhog", "mailhog_client.py", *get_address(rest_api), text=json.dumps(calls))
    return json.loads(output)


MAIL = (
    "From: =?utf-8?q?=C3=84nn?= <ann@example.com>\r\nTo: bob@example.com\r\nCc: cy@example.com\r\n"
    "Reply-To: desk@example.com\r\nSubject: =?utf-8?b?R3LDvMOfZQ==?=\r\nDate: Fri, 21 Nov 1997 09:55:06 -0600\r\n"
    "Content-Type: multipart/alternative; boundary=b\r\n\r\n"
    "--b\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
    "H=C3=A4llo\r\n"
    "--b\r\nContent-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\nPGI+SMOkbGxvPC9iPg==\r\n"
    "--b--\r\n"
)


def test_mailhog_node_decodes_a_mail(rest_api):
    mail_id = rest_api.add_mail(MAIL)
    listed, latest = mailhog_node(rest_api, ["messages"], ["latestTo", "bob@example.com"])

    assert (listed["total"], listed["count"], listed["start"]) == (1, 1, 0) and listed["items"] == [latest]
    assert (latest["ID"], latest["from"], latest["to"]) == (mail_id, "Änn <ann@example.com>", "bob@example.com")
    assert (latest["cc"], latest["replyTo"], latest["subject"]) == ("cy@example.com", "desk@example.com", "Grüße")
    assert (latest["text"], latest["html"]) == ("Hällo", "<b>Hällo</b>")
    assert latest["date"] == "1997-11-21T15:55:06.000Z" and latest["deliveryDate"] > "2020"


def test_mailhog_node_decodes_attachments(rest_api):
    rest_api.add_mail(build_message_with_files(("application/pdf", "a.pdf", b"%PDF")))
    (listed,) = mailhog_node(rest_api, ["messages"])
    (attachment,) = listed["items"][0]["attachments"]

    assert attachment["name"] == "a.pdf" and attachment["type"].startswith("application/pdf")
    assert base64.b64decode(attachment["Body"]) == b"%PDF" and attachment["encoding"] == "base64"


def test_mailhog_node_searches_and_deletes(rest_api):
    red, blue = rest_api.add_mail(Subject="red", To="bob@example.com"), rest_api.add_mail(Subject="blue")
    pages, by_text, by_sender, none, deleted, rest, all_deleted, at_end = mailhog_node(
        rest_api,
        ["messages", 1, 1],
        ["latestContaining", "red"],
        ["latestFrom", "ann@example.com"],
        ["latestTo", "eve@example.com"],
        ["deleteMessage", blue],
        ["search", "bob", "to", 0, 10],
        ["deleteAll"],
        ["messages"],
    )

    assert [item["ID"] for item in pages["items"]] == [red] and (pages["total"], pages["start"]) == (2, 1)
    assert by_text["ID"] == red and by_sender["ID"] == blue and none == 0
    assert deleted == all_deleted == 200
    assert [item["ID"] for item in rest["items"]] == [red] and at_end["total"] == 0


def test_mailhog_node_releases_a_mail(make_rest_api):
    with MailServer() as target:
        host, port = target.address
        rest_api = make_rest_api(relay=Relay(host, port, allow=["*@example.com"]))
        mail_id = rest_api.add_mail()
        released, refused = mailhog_node(
            rest_api,
            ["releaseMessage", mail_id, {"host": host, "port": str(port), "email": "bob@example.com"}],
            ["releaseMessage", mail_id, {"host": "192.0.2.1", "port": "25", "email": "bob@example.com"}],
        )

        assert released == 200 and "error" in refused
        assert [mail.recipients for mail in target.inbox] == [("bob@example.com",)]


def test_mailhog_python_lists_searches_and_deletes(rest_api):
    rest_api.add_mail(Subject="red")
    rest_api.add_mail(Subject="blue", sender="eve@example.com")
    listed, page, by_text, by_sender, by_recipient, _, rest, _, at_end = mailhog_python(
        rest_api,
        ["messages"],
        ["messages", 1, 1],
        ["search", "red"],
        ["search", "eve", "from"],
        ["search", "bob@example.com", "to", 0, 10],
        ["delete", "$0"],
        ["messages"],
        ["delete_all"],
        ["messages"],
    )
    red = ["ann@example.com", ["bob@example.com"], "red"]
    blue = ["eve@example.com", ["bob@example.com"], "blue"]

    assert listed == by_recipient == {"total": 2, "items": [blue, red]}
    assert page == {"total": 2, "items": [red]} and by_text == rest == {"total": 1, "items": [red]}
    assert by_sender == {"total": 1, "items": [blue]} and at_end == {"total": 0, "items": []}
