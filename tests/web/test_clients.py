"""Clients of Mailpit that we did not write, from PyPI and npm, find a Mailpit here."""

import base64
import json
import shutil

import httpx
import pytest

from foreign import HERE, NODE_MODULES, need, run
from lazr.smtptest import MailServer
from lazr.smtptest.web.linkcheck import LinkCheck
from lazr.smtptest.web.mailbox import Mailbox
from lazr.smtptest.web.outgoing import Outgoing
from lazr.smtptest.web.relay import Relay
from receiving import Receiver
from web.test_message import with_files

OK = "ok"


# -- mailpit-api (npm) -------------------------------------------------------------------------------


def mailpit_api(caught, *calls, **options):
    """What these calls gave: each the name of a method, and its arguments."""
    need((NODE_MODULES / "mailpit-api").exists(), "mailpit-api")
    script = str(HERE / "clients" / "mailpit-api.cjs")
    said = run("node", script, caught.web.url, json.dumps(options), text=json.dumps(calls), NODE_PATH=str(NODE_MODULES))
    return json.loads(said)


SENT = {
    "From": {"Email": "ann@example.com", "Name": "Ann"},
    "To": [{"Email": "bob@example.com", "Name": "Bob"}],
    "Subject": "Welcome",
    "Text": "Your code is 123456",
    "HTML": "<b>Your code is 123456</b>",
    "Tags": ["sign-up"],
    "Attachments": [
        {"Content": base64.b64encode(b"%PDF").decode(), "Filename": "a.pdf", "ContentType": "application/pdf"}
    ],
}


def test_mailpit_api_sends_waits_and_reads(caught):
    (sent,) = mailpit_api(caught, ["sendMessage", SENT])
    found, waited, several, summary, headers, source, html, text, part = mailpit_api(
        caught,
        ["searchMessages", {"query": "subject:welcome", "start": 0, "limit": 10, "tz": "Europe/Berlin"}],
        ["waitForMessage", {"query": "to:bob@example.com"}],
        ["waitForMessages", {"query": "is:read", "count": 1, "exact": True}],
        ["getMessageSummary"],
        ["getMessageHeaders"],
        ["getMessageSource", sent["ID"]],
        ["renderMessageHTML", "latest", 1],
        ["renderMessageText"],
        ["getMessageAttachment", sent["ID"], "2"],
    )

    assert found["messages"][0]["ID"] == waited["ID"] == summary["ID"] == sent["ID"]
    assert several["messages_count"] == 1
    assert waited["Text"] == "Your code is 123456" and waited["Attachments"][0]["PartID"] == "2"
    assert headers["Subject"] == ["Welcome"] and "Message-Id" in headers
    assert source.encode() == caught.store.mail(sent["ID"]).content
    assert html == '<base target="_blank"><b>Your code is 123456</b>' and text == "Your code is 123456"
    assert part == {"type": "application/pdf", "base64": base64.b64encode(b"%PDF").decode()}


def test_mailpit_api_lists_marks_tags_and_deletes(caught):
    one, two, three = caught.mail(Subject="red"), caught.mail(Subject="blue"), caught.mail(Subject="red", X_Tags="old")
    said = mailpit_api(
        caught,
        ["listMessages", 1, 1],
        ["setReadStatus", {"IDs": [one], "Read": True}],
        ["setReadStatus", {"Search": "subject:blue", "Read": True}, {"tz": "America/Chicago"}],
        ["waitForMessages", {"query": "is:unread", "count": 1, "exact": True}],
        ["setReadStatus"],
        ["waitForMessages", {"query": "is:read", "count": 0}],
        ["setTags", {"IDs": [one, two], "Tags": ["a b", "c"]}],
        ["renameTag", "a b", "d/e"],
        ["getTags"],
        ["deleteTag", "d/e"],
        ["setTags", {"IDs": [one]}],
        ["getTags"],
        ["deleteMessages", {"IDs": [two]}],
        ["deleteMessagesBySearch", {"query": "tag:old"}],
        ["listMessages"],
        ["deleteMessages"],
        ["listMessages"],
    )

    assert [message["ID"] for message in said[0]["messages"]] == [two] and said[0]["start"] == 1
    assert said[1:3] == [OK, OK] and said[3]["messages"][0]["ID"] == three
    assert said[4] == OK and said[5]["messages_count"] == 0
    assert said[6:8] == [OK, OK] and said[8] == ["c", "d/e", "old"]
    assert said[9:11] == [OK, OK] and said[11] == ["c", "old"]
    assert said[12:14] == [OK, OK] and [message["ID"] for message in said[14]["messages"]] == [one]
    assert said[15] == OK and said[16]["total"] == 0


def test_mailpit_api_learns_of_the_server_and_makes_chaos(caught):
    info, configuration, at_first, made, off = mailpit_api(
        caught,
        ["getInfo"],
        ["getConfiguration"],
        ["getChaosTriggers"],
        ["setChaosTriggers", {"Sender": {"ErrorCode": 421, "Probability": 50}}],
        ["setChaosTriggers"],
    )

    assert info["Database"] == "memory:" and configuration["ChaosEnabled"] is True
    assert at_first == off and made["Sender"] == {"ErrorCode": 421, "Probability": 50}


def test_mailpit_api_is_told_why_not(caught):
    caught.mail("Content-Type: text/html\r\n\r\n<p>x")
    said = mailpit_api(
        caught,
        ["getMessageSummary", "none"],
        ["searchMessages", {"query": ""}],
        ["htmlCheck", "none"],
        ["linkCheck", "latest", True],
        ["spamAssassinCheck"],
        ["releaseMessage", "latest", ["bob@example.com"]],
        ["getAttachmentThumbnail", "latest", "1"],
        ["sendMessage", {"From": {"Email": "nobody"}}],
    )

    for one, status in zip(said, (404, 400, 404, 403, 404, 400, 404, 400), strict=True):
        assert f"Mailpit API Error: {status} " in one["error"]
    assert 'invalid From address: nobody"}' in said[-1]["error"]


def test_mailpit_api_releases_a_mail_and_sees_thumbnails(catching):
    with MailServer() as theirs:
        caught = catching(relay=Relay(*theirs.address, allow=["*@example.com"]))
        caught.mail(with_files(("application/pdf", "a.pdf", b"%PDF")))
        configuration, released, refused, thumbnail = mailpit_api(
            caught,
            ["getConfiguration"],
            ["releaseMessage", "latest", {"To": ["bob@example.com"]}],
            ["releaseMessage", "latest", {"To": ["eve@example.org"]}],
            ["getAttachmentThumbnail", "latest", "2"],
        )

        assert configuration["MessageRelay"]["Enabled"] is True and released == OK
        assert "do not match" in refused["error"] or "does not match" in refused["error"]
        assert thumbnail["type"] == "image/jpeg"
        assert theirs.inbox[0].envelope.rcpt_tos == ("bob@example.com",)


def test_mailpit_api_checks_html(caught):
    caught.mail("Content-Type: text/html\r\n\r\n<p style='display:flex'>x")
    (told,) = mailpit_api(caught, ["htmlCheck"])

    assert told["Total"]["Nodes"] == 1 and told["Total"]["Supported"] < 100
    assert [one["Slug"] for one in told["Warnings"]] == ["css-display", "css-display-flex"]


def test_mailpit_api_checks_links(catching):
    with Receiver() as receiver:
        caught = catching(links=LinkCheck(Outgoing(["127.0.0.1"])))
        caught.mail(f"\r\n{receiver.url()}\r\n")
        once, followed = mailpit_api(caught, ["linkCheck"], ["linkCheck", "latest", "true"])

    link = {"URL": receiver.url(), "StatusCode": 204, "Status": "No Content"}
    assert once == followed == {"Errors": 0, "Links": [link]}


def test_mailpit_api_opens_a_mailbox_by_its_password(catching):
    caught = catching(mailboxes=[Mailbox.of_recipient("one", "token-of-mailbox-1", "*@one.example")])
    caught.mail()
    own = caught.mail(to=("bob@one.example",))
    (listed,) = mailpit_api(caught, ["listMessages"], auth={"username": "ci", "password": "token-of-mailbox-1"})
    (refused,) = mailpit_api(caught, ["deleteMessages"], auth={"username": "ci", "password": "token-of-mailbox-2"})

    assert [message["ID"] for message in listed["messages"]] == [own]
    assert "401" in refused["error"] and caught.store.totals().mails == 2


# -- cypress-mailpit (npm) ---------------------------------------------------------------------------


def cypress_mailpit(caught, folder, *calls):
    """What these commands gave; its own code on another `cy`, see tests/clients/cypress-mailpit.mjs."""
    theirs = NODE_MODULES / "cypress-mailpit" / "dist" / "src" / "MailpitCommands.js"
    need(theirs.exists(), "cypress-mailpit")
    # It is a module, and its package does not say so.
    shutil.copy(theirs, folder / "MailpitCommands.mjs")
    script = str(HERE / "clients" / "cypress-mailpit.mjs")
    return json.loads(run("node", script, str(folder / "MailpitCommands.mjs"), caught.web.url, text=json.dumps(calls)))


def test_cypress_mailpit(caught, tmp_path):
    said = cypress_mailpit(
        caught,
        tmp_path,
        ["mailpitSendMail", {"subject": "Hello Cypress", "attachments": [{"Content": "QQ==", "Filename": "a.bin"}]}],
        ["mailpitHasEmailsBySubject", "Cypress"],
        ["mailpitHasEmailsByTo", "jane@example.com"],
        ["mailpitNotHasEmailsByTo", "nobody@example.com"],
        ["mailpitGetMail"],
        ["mailpitGetSubject", "$4"],
        ["mailpitGetFromAddress", "$4"],
        ["mailpitGetRecipientAddress", "$4"],
        ["mailpitGetAttachments", "$4"],
        ["mailpitGetMailHTMlBody", "$4"],
        ["mailpitGetMailTextBody", "$4"],
        ["mailpitSetStatusAsUnRead", "$4"],
        ["mailpitSearchEmails", "is:unread"],
        ["mailpitSetAllEmailStatusAsRead"],
        ["mailpitNotHasEmailsBySearch", "is:unread"],
        ["mailpitSetAllEmailStatusAsUnRead"],
        ["mailpitGetMailSpamAssassinSummary", "$4"],
        ["mailpitGetAllMails"],
        ["mailpitDeleteEmailsBySearch", "subject:none"],
        ["mailpitDeleteAllEmails"],
        ["mailpitGetAllMails", 0, 10],
    )

    assert said[1]["messages_count"] == said[2]["messages_count"] == 1 and said[3]["messages"] == []
    assert said[4]["ID"] == said[0]["ID"]
    assert said[5:9] == ["Hello Cypress", "from@example.com", ["jane@example.com"], ["a.bin"]]
    assert said[9:12] == ["<p>hello from mailpit</p>", "hello from mailpit", OK]
    assert said[12]["messages_count"] == 1 and said[13] == OK and said[14]["messages_count"] == 0
    assert said[15] == OK and said[16]["error"].startswith("404") and said[17]["unread"] == 1
    assert said[18]["status"] == said[19]["status"] == 200 and said[20]["total"] == 0


# -- mailpit-api-client (PyPI) -----------------------------------------------------------------------


# It warns of the null that Mailpit, too, has for no addresses.
NULL = pytest.mark.filterwarnings("ignore:.NoneType. object value of non-optional type:RuntimeWarning")


@pytest.fixture
def api(caught):
    from mailpit.client.api import API

    return API(caught.web.url, timeout=30)


@NULL
def test_mailpit_api_client_lists_and_reads(caught, api):
    caught.mail(
        "From: Ann <ann@example.com>\r\nTo: bob@example.com\r\nCc: cy@example.com\r\nSubject: Hi\r\n"
        "Message-ID: <1@example.com>\r\nDate: Fri, 21 Nov 1997 09:55:06 -0600\r\nDelivered-To: bob@example.com\r\n"
        "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nHello\r\n"
        "--b\r\nContent-Type: text/x-notes\r\nContent-Disposition: attachment; filename=n.txt\r\n\r\nnotes\r\n--b--\r\n"
    )
    listed = api.get_messages(limit=5)
    message = api.get_message(listed.messages[0].id)

    assert (listed.total, listed.unread, listed.count, listed.start) == (1, 1, 1, 0)
    assert listed.messages[0].created.tzinfo is not None and listed.messages[0].read is False
    assert message.read is False  # without this field of ours, it raises
    assert (message.from_.name, message.to[0].address, message.cc[0].address) == (
        "Ann",
        "bob@example.com",
        "cy@example.com",
    )
    assert message.date.isoformat() == "1997-11-21T09:55:06-06:00" and message.text == "Hello"
    assert api.get_message_attachment(message.id, message.attachments[0].part_id) == "notes"
    headers = api.get_message_headers(message.id)
    assert headers.message_id == ["<1@example.com>"] and headers.additional["Subject"] == ["Hi"]
    assert api.get_messages().unread == 0


def test_mailpit_api_client_marks_and_deletes_what_it_names(caught, api):
    one, two, three = caught.mail(), caught.mail(), caught.mail()
    api.put_messages([one, two], "Read", True)
    assert caught.found("is:unread") == [three]
    api.delete_messages([one])
    assert caught.ids() == [three, two]
    api.delete_messages([])
    assert caught.ids() == []


def test_mailpit_api_client_hears_of_what_is_not_there(api):
    with pytest.raises(httpx.HTTPStatusError):
        api.get_message("none")
