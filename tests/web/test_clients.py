"""Third-party clients of Mailpit, from PyPI and npm, work with the REST API."""

import base64
import json
import shutil
import sys
import unittest

import httpx
import pytest

from lazr.smtptest import MailServer
from lazr.smtptest.web.mailbox import Mailbox
from lazr.smtptest.web.outbound.http_client import OutboundClient
from lazr.smtptest.web.outbound.link_check import LinkChecker
from lazr.smtptest.web.outbound.relay import Relay
from tests.helpers.http_receiver import Receiver
from tests.helpers.mime_messages import build_message_with_files
from tests.helpers.third_party_clients import (
    NODE_MODULES,
    TESTS,
    ClientFailed,
    find_python_of_clients,
    require_installed,
    run_client,
    run_node_client,
)

OK = "ok"
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


# -- mailpit-api (npm) -------------------------------------------------------------------------------


def mailpit_api(rest_api, *calls, **options):
    """Return the results of calls, each given as the name of a method and its arguments."""
    arguments = (rest_api.web.url, json.dumps(options))
    return json.loads(run_node_client("mailpit-api", "mailpit-api.cjs", *arguments, text=json.dumps(calls)))


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


def test_mailpit_api_sends_waits_and_reads(rest_api):
    (sent,) = mailpit_api(rest_api, ["sendMessage", SENT])
    found, waited, several, summary, headers, source, html, text, part = mailpit_api(
        rest_api,
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
    assert source.encode() == rest_api.store.get_mail(sent["ID"]).content
    assert html == '<base target="_blank"><b>Your code is 123456</b>' and text == "Your code is 123456"
    assert part == {"type": "application/pdf", "base64": base64.b64encode(b"%PDF").decode()}


# What the tests of mailpit-api require, which are not in its package: exactly these fields, and no field is empty.
HTML = '<p style="display:flex">Hi <img src="cid:logo"></p>\n<p><a href="https://example.com">Link</a></p>'
FULL = SENT | {
    "Cc": [{"Email": "cy@example.com", "Name": "Cy"}],
    "Bcc": ["hidden@example.com"],
    "ReplyTo": [{"Email": "desk@example.com", "Name": "Desk"}],
    "HTML": HTML,
    "Headers": {"List-Unsubscribe": "<mailto:u@example.com>, <https://example.com/u>"},
    "Attachments": [
        {"Content": base64.b64encode(PNG).decode(), "Filename": "a.png"},
        {
            "Content": base64.b64encode(PNG).decode(),
            "Filename": "b.png",
            "ContentID": "logo",
            "ContentType": "image/png",
        },
    ],
}
ADDRESS_FIELDS = {"From", "To", "Cc", "Bcc", "ReplyTo"}
SUMMARY_FIELDS = {
    *{"Attachments", "Created", "ID", "MessageID", "Read", "Size", "Snippet", "Subject", "Tags", "Username"},
    *ADDRESS_FIELDS,
}
MESSAGE_FIELDS = {
    *{"Attachments", "Date", "HTML", "ID", "Inline", "ListUnsubscribe", "MessageID", "ReturnPath", "Size", "Subject"},
    *{"Tags", "Text", "Username"},
    *ADDRESS_FIELDS,
}
HEADER_FIELDS = {
    *{"Bcc", "Cc", "Content-Type", "Date", "From", "List-Unsubscribe", "Message-Id", "Mime-Version", "Reply-To"},
    *{"Return-Path", "Subject", "To", "X-Tags"},
}


def test_mailpit_api_gets_exactly_mailpits_fields(rest_api):
    (sent,) = mailpit_api(rest_api, ["sendMessage", FULL])
    message, headers, listed, found, html, embedded, text, part, thumbnail, check = mailpit_api(
        rest_api,
        ["getMessageSummary", sent["ID"]],
        ["getMessageHeaders"],
        ["listMessages", 0, 10],
        ["searchMessages", {"query": "subject:Welcome", "start": 0, "limit": 10}],
        ["renderMessageHTML", sent["ID"]],
        ["renderMessageHTML", sent["ID"], 1],
        ["renderMessageText", sent["ID"]],
        ["getMessageAttachment", sent["ID"], "2"],
        ["getAttachmentThumbnail", sent["ID"], "2"],
        ["htmlCheck", sent["ID"]],
    )

    assert set(message) - {"Read"} == MESSAGE_FIELDS  # mailpit-api-client needs `Read`
    assert all(message[field] and set(message[field][0]) == {"Name", "Address"} for field in ADDRESS_FIELDS - {"From"})
    for files in (message["Inline"], message["Attachments"]):
        (file,) = files
        assert set(file) == {"ContentID", "ContentType", "FileName", "PartID", "Size", "Checksums"}
        assert set(file["Checksums"]) == {"MD5", "SHA1", "SHA256"}
    assert set(message["ListUnsubscribe"]) == {"Errors", "Header", "HeaderPost", "Links"}
    assert message["ReturnPath"] == "ann@example.com" and len(message["ListUnsubscribe"]["Links"]) == 2
    assert set(headers) == HEADER_FIELDS and all(len(values) == 1 for values in headers.values())
    for page in (listed, found):
        (summary,) = page.pop("messages")
        assert set(summary) == {*SUMMARY_FIELDS, "Recipients"}  # the last one is not in Mailpit
        assert all(summary[field] for field in ADDRESS_FIELDS)
        assert set(page) == {
            *("messages_count", "messages_unread", "start", "tags", "total", "unread", "count"),
            *("pending", "estimated", "cursors"),  # not in Mailpit
        }
    assert HTML.replace("cid:logo", f"/api/v1/message/{sent['ID']}/part/{message['Inline'][0]['PartID']}") == html
    assert 'target="_blank" rel="noreferrer noopener"' in embedded and HTML not in embedded
    assert text == "Your code is 123456" and (part["type"], thumbnail["type"]) == ("image/png", "image/jpeg")
    assert set(check) == {"Platforms", "Total", "Warnings"} and check["Warnings"][0]["Keywords"] is not None


def test_mailpit_api_names_the_reason_of_a_failure(make_rest_api):
    rest_api = make_rest_api(mailboxes=[Mailbox.of_recipient("one", "token-of-mailbox-1", "*@one.example")])
    (refused,) = mailpit_api(rest_api, ["getInfo"], auth={"username": "ci", "password": "wrong"})

    assert "401 Unauthorized" in refused["error"]


def test_mailpit_api_lists_marks_tags_and_deletes(rest_api):
    one, two, three = (
        rest_api.add_mail(Subject="red"),
        rest_api.add_mail(Subject="blue"),
        rest_api.add_mail(Subject="red", X_Tags="old"),
    )
    results = mailpit_api(
        rest_api,
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

    assert [message["ID"] for message in results[0]["messages"]] == [two] and results[0]["start"] == 1
    assert results[1:3] == [OK, OK] and results[3]["messages"][0]["ID"] == three
    assert results[4] == OK and results[5]["messages_count"] == 0
    assert results[6:8] == [OK, OK] and results[8] == ["c", "d/e", "old"]
    assert results[9:11] == [OK, OK] and results[11] == ["c", "old"]
    assert results[12:14] == [OK, OK] and [message["ID"] for message in results[14]["messages"]] == [one]
    assert results[15] == OK and results[16]["total"] == 0


def test_mailpit_api_gets_info_and_sets_chaos(rest_api):
    info, configuration, at_first, made, off = mailpit_api(
        rest_api,
        ["getInfo"],
        ["getConfiguration"],
        ["getChaosTriggers"],
        ["setChaosTriggers", {"Sender": {"ErrorCode": 421, "Probability": 50}}],
        ["setChaosTriggers"],
    )

    assert info["Database"] == "memory:" and configuration["ChaosEnabled"] is True
    assert at_first == off and made["Sender"] == {"ErrorCode": 421, "Probability": 50}


def test_mailpit_api_gets_error_statuses(rest_api):
    rest_api.add_mail("Content-Type: text/html\r\n\r\n<p>x")
    results = mailpit_api(
        rest_api,
        ["getMessageSummary", "none"],
        ["searchMessages", {"query": ""}],
        ["htmlCheck", "none"],
        ["linkCheck", "latest", True],
        ["spamAssassinCheck", "none"],
        ["releaseMessage", "latest", ["bob@example.com"]],
        ["getAttachmentThumbnail", "latest", "1"],
        ["sendMessage", {"From": {"Email": "nobody"}}],
    )

    for result, status in zip(results, (404, 400, 404, 403, 404, 400, 404, 400), strict=True):
        assert f"Mailpit API Error: {status} " in result["error"]
    assert 'invalid From address: nobody"}' in results[-1]["error"]


def test_mailpit_api_releases_a_mail_and_gets_thumbnails(make_rest_api):
    with MailServer() as mail_server:
        rest_api = make_rest_api(relay=Relay(*mail_server.address, allow=["*@example.com"]))
        rest_api.add_mail(build_message_with_files(("application/pdf", "a.pdf", b"%PDF")))
        configuration, released, refused, thumbnail = mailpit_api(
            rest_api,
            ["getConfiguration"],
            ["releaseMessage", "latest", {"To": ["bob@example.com"]}],
            ["releaseMessage", "latest", {"To": ["eve@example.org"]}],
            ["getAttachmentThumbnail", "latest", "2"],
        )

        assert configuration["MessageRelay"]["Enabled"] is True and released == OK
        assert "do not match" in refused["error"] or "does not match" in refused["error"]
        assert thumbnail["type"] == "image/jpeg"
        assert mail_server.inbox[0].envelope.rcpt_tos == ("bob@example.com",)


def test_mailpit_api_checks_html(rest_api):
    rest_api.add_mail("Content-Type: text/html\r\n\r\n<p style='display:flex'>x")
    (result,) = mailpit_api(rest_api, ["htmlCheck"])

    assert result["Total"]["Nodes"] == 1 and result["Total"]["Supported"] < 100
    assert [one["Slug"] for one in result["Warnings"]] == ["css-display", "css-display-flex"]


def test_mailpit_api_checks_links(make_rest_api):
    with Receiver() as receiver:
        rest_api = make_rest_api(link_checker=LinkChecker(OutboundClient(["127.0.0.1"])))
        rest_api.add_mail(f"\r\n{receiver.url()}\r\n")
        once, followed = mailpit_api(rest_api, ["linkCheck"], ["linkCheck", "latest", "true"])

    link = {"URL": receiver.url(), "StatusCode": 204, "Status": "No Content"}
    assert once == followed == {"Errors": 0, "Links": [link]}


def test_mailpit_api_opens_a_mailbox_with_its_token(make_rest_api):
    rest_api = make_rest_api(mailboxes=[Mailbox.of_recipient("one", "token-of-mailbox-1", "*@one.example")])
    rest_api.add_mail()
    own = rest_api.add_mail(to=("bob@one.example",))
    (listed,) = mailpit_api(rest_api, ["listMessages"], auth={"username": "ci", "password": "token-of-mailbox-1"})
    (refused,) = mailpit_api(rest_api, ["deleteMessages"], auth={"username": "ci", "password": "token-of-mailbox-2"})

    assert [message["ID"] for message in listed["messages"]] == [own]
    assert "401" in refused["error"] and rest_api.store.get_totals().mails == 2


# -- cypress-mailpit (npm) ---------------------------------------------------------------------------


def cypress_mailpit(rest_api, folder, *calls):
    """Return the results of commands; the client's code runs with a `cy` of tests/clients/cypress-mailpit.mjs."""
    mail_server = NODE_MODULES / "cypress-mailpit" / "dist" / "src" / "MailpitCommands.js"
    require_installed(mail_server.exists(), "cypress-mailpit")
    # The file is an ES module, but its package does not declare this.
    shutil.copy(mail_server, folder / "MailpitCommands.mjs")
    script = str(TESTS / "clients" / "cypress-mailpit.mjs")
    return json.loads(
        run_client("node", script, str(folder / "MailpitCommands.mjs"), rest_api.web.url, text=json.dumps(calls))
    )


def test_cypress_mailpit(rest_api, tmp_path):
    results = cypress_mailpit(
        rest_api,
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

    assert results[1]["messages_count"] == results[2]["messages_count"] == 1 and results[3]["messages"] == []
    assert results[4]["ID"] == results[0]["ID"]
    assert results[5:9] == ["Hello Cypress", "from@example.com", ["jane@example.com"], ["a.bin"]]
    assert results[9:12] == ["<p>hello from mailpit</p>", "hello from mailpit", OK]
    assert results[12]["messages_count"] == 1 and results[13] == OK and results[14]["messages_count"] == 0
    assert results[15] == OK and results[16]["IsSpam"] is False and results[17]["unread"] == 1
    assert results[18]["status"] == results[19]["status"] == 200 and results[20]["total"] == 0


# -- mailpit-api-client (PyPI) -----------------------------------------------------------------------


# The client warns of null for no addresses, which Mailpit returns, too.
NULL = pytest.mark.filterwarnings("ignore:.NoneType. object value of non-optional type:RuntimeWarning")


@pytest.fixture
def api(rest_api):
    from mailpit.client.api import API

    return API(rest_api.web.url, timeout=30)


@NULL
def test_mailpit_api_client_lists_and_reads(rest_api, api):
    rest_api.add_mail(
        "From: Ann <ann@example.com>\r\nTo: bob@example.com\r\nCc: cy@example.com\r\nSubject: Hi\r\n"
        "Message-ID: <1@example.com>\r\nDate: Fri, 21 Nov 1997 09:55:06 -0600\r\nDelivered-To: bob@example.com\r\n"
        "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nHello\r\n"
        "--b\r\nContent-Type: text/x-notes\r\nContent-Disposition: attachment; filename=n.txt\r\n\r\nnotes\r\n--b--\r\n"
    )
    listed = api.get_messages(limit=5)
    message = api.get_message(listed.messages[0].id)

    assert (listed.total, listed.unread, listed.count, listed.start) == (1, 1, 1, 0)
    assert listed.messages[0].created.tzinfo is not None and listed.messages[0].read is False
    assert message.read is False  # without this field, the client raises
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


def test_mailpit_api_client_marks_and_deletes_by_ids(rest_api, api):
    one, two, three = rest_api.add_mail(), rest_api.add_mail(), rest_api.add_mail()
    api.put_messages([one, two], "Read", True)
    assert rest_api.search_ids("is:unread") == [three]
    api.delete_messages([one])
    assert rest_api.list_ids() == [three, two]
    api.delete_messages([])
    assert rest_api.list_ids() == []


def test_mailpit_api_client_raises_for_an_unknown_message(api):
    with pytest.raises(httpx.HTTPStatusError):
        api.get_message("none")


@NULL
def test_mailpit_api_client_checks_mails_in_unittest(rest_api):
    from mailpit.testing.unittest import EMailTestCase

    class Case(EMailTestCase):
        api_url = rest_api.web.url

        def test_received(self):
            self.assertMessageReceived("1@example.com")

        def test_not_received(self):
            with pytest.raises(AssertionError, match="Message not found"):
                self.assertMessageReceived("2@example.com")

    rest_api.add_mail(Message_ID="<1@example.com>")
    result = unittest.TestResult()
    unittest.defaultTestLoader.loadTestsFromTestCase(Case).run(result)

    assert (result.testsRun, result.failures, result.errors) == (2, [], [])


@pytest.mark.slow
def test_mailpit_api_client_has_a_pytest_plugin(rest_api, tmp_path):
    rest_api.add_mail(Subject="Hi")
    (tmp_path / "test_it.py").write_text(
        "import pytest\n"
        f"@pytest.mark.parametrize('mailpit_api', [{rest_api.web.url!r}], indirect=True)\n"
        "def test_it(mailpit_api):\n"
        "    assert [message.subject for message in mailpit_api.get_messages().messages] == ['Hi']\n",
        "utf-8",
    )
    run_pytest(sys.executable, tmp_path, str(tmp_path / "test_it.py"), "-p", "mailpit.testing.pytest")

    assert rest_api.list_ids() == []  # the fixture deletes all mails at its end


# -- pytest-mailpit (PyPI) ---------------------------------------------------------------------------


def run_pytest(python, folder, *arguments, **environment):
    """Run pytest without the configuration of this project, and return its output."""
    (folder / "pytest.ini").write_text("[pytest]\n", "utf-8")
    options = ("-q", "-p", "no:cacheprovider", "-c", str(folder / "pytest.ini"), "--noconftest")
    return run_client(python, "-m", "pytest", *options, *arguments, **environment)


@pytest.mark.slow
def test_pytest_mailpit(make_rest_api, tmp_path):
    python = find_python_of_clients("pytest_mailpit")
    rest_api = make_rest_api(link_checker=LinkChecker(OutboundClient(["127.0.0.1"])))
    settings = {"MAILPIT_URL": rest_api.web.url, "MAILPIT_SMTP": "{}:{}".format(*rest_api.server.address)}
    suite = str(TESTS / "clients" / "pytest_mailpit_suite.py")
    output = run_pytest(python, tmp_path, suite, "-k", "not fails", **settings)

    assert "8 passed" in output and rest_api.list_ids() == []
    with pytest.raises(ClientFailed, match=r"Expected 1 message(?s:.*)Welcome to the shop"):
        run_pytest(python, tmp_path, suite, "-k", "fails", **settings)
    # The plugin keeps the mails of a failed test, and tags them with its name.
    (kept,) = rest_api.http.get("/api/v1/messages").json()["messages"]
    assert kept["Subject"] == "Welcome to the shop" and any("test_missing_mail_fails" in tag for tag in kept["Tags"])
