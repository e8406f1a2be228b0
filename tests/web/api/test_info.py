"""The version, the statistics and the features of an installation."""

import smtplib

import httpx

from lazr.smtptest import Listen, MailServer, __version__
from lazr.smtptest.store import MemoryStore
from lazr.smtptest.web import AppContext, Mailbox, WebServer, make_app


def test_info_has_mailpits_fields(rest_api):
    rest_api.add_mail("Subject: x\r\n\r\nHello\r\n")
    rest_api.http.get("/api/v1/message/latest")
    rest_api.http.delete("/api/v1/search?query=hello")
    deleted = rest_api.app_context.deleted_count
    rest_api.add_mail(X_Tags="a")
    info = rest_api.http.get("/api/v1/info").json()
    stats = info.pop("RuntimeStats")

    limits = info.pop("Limits")

    assert (limits["recipients"], limits["message_size"]) == (1000, 32 * 1024 * 1024)
    assert info == {
        "Version": __version__,
        "LatestVersion": "disabled",
        "Database": "memory:",
        "DatabaseSize": rest_api.store.get_totals().size,
        "Messages": 1,
        "Unread": 1,
        "Tags": {"a": 1},
        "pending": rest_api.store.count_pending(),
    }
    assert stats.pop("Memory") > 1_000_000 and stats.pop("Uptime") >= 0
    assert stats == {
        "MessagesDeleted": deleted,
        "SMTPAccepted": 0,
        "SMTPAcceptedSize": 0,
        "SMTPRejected": 0,
        "SMTPIgnored": 0,
    }
    assert deleted >= 1


def test_info_counts_mails_and_refusals_over_smtp(rest_api):
    content = "Subject: x\r\n\r\nHello\r\n"
    with smtplib.SMTP(*rest_api.server.address) as client:
        client.sendmail("ann@example.com", "bob@example.com", content)
        client.rcpt("early@example.com")
    stats = rest_api.http.get("/api/v1/info").json()["RuntimeStats"]

    assert (stats["SMTPAccepted"], stats["SMTPAcceptedSize"], stats["SMTPRejected"]) == (1, len(content), 1)


def test_webui_has_mailpits_fields_and_more(rest_api):
    assert rest_api.http.get("/api/v1/webui").json() == {
        "Label": "tests",
        "MessageRelay": {
            "Enabled": False,
            "SMTPServer": "",
            "ReturnPath": "",
            "AllowedRecipients": "",
            "BlockedRecipients": "",
            "OverrideFrom": "",
            "PreserveMessageIDs": False,
            "RecipientAllowlist": "",
        },
        "SpamAssassin": True,
        "ChaosEnabled": True,
        "DuplicatesIgnored": False,
        "HideDeleteAllButton": False,
        "Version": __version__,
        "User": "",
        "Mailbox": "",
        "LoginRequired": False,
        "LoggedIn": False,
        "RemoteContent": False,
        "LinkCheck": False,
        "SMTP": [{"Host": "127.0.0.1", "Port": rest_api.server.port, "TLS": "none"}],
        "IMAP": [],
        "POP3": [],
        "Extras": [
            {
                "Name": name,
                "Purpose": purpose,
                "Installed": True,
                "InstallCommand": f'pip install "lazr.smtptest[{name}]"',
            }
            for name, purpose in {
                "thumbnails": "thumbnails of pictures",
                "checks": "checks of DKIM, SPF and DMARC",
                "html-check": "checks of the HTML",
                "regex": "regular expressions in rules",
                "passwords": "hashed passwords",
                "tls": "test certificates",
                "postgres": "stores in PostgreSQL",
                "mcp": "tools for agents",
            }.items()
        ],
    }


def test_webui_names_the_mailbox(make_rest_api):
    mailbox = Mailbox.of_user("job 7", "token-of-mailbox-7", "ci-7")
    rest_api = make_rest_api(mailboxes=[mailbox], remote_content=True)
    headers = {"Authorization": "Bearer token-of-mailbox-7"}
    configuration = rest_api.http.get("/api/v1/webui", headers=headers).json()

    assert (configuration["User"], configuration["Mailbox"], configuration["LoginRequired"]) == ("", "job 7", True)
    assert configuration["RemoteContent"] and not configuration["LoggedIn"]


def test_webui_lists_where_mail_is_received(tmp_path):
    path = str(tmp_path / "socket")
    store = MemoryStore()
    with MailServer(store=store, tls="both", also=[Listen(path=path)]) as server:
        app = make_app(AppContext(store, server))
        with WebServer(app) as web:
            addresses = httpx.get(f"{web.url}/api/v1/webui").json()["SMTP"]

        assert addresses == [
            {"Host": "127.0.0.1", "Port": server.port, "TLS": "starttls"},
            {"Host": "127.0.0.1", "Port": server.tls_address[1], "TLS": "implicit"},
            {"Host": path, "Port": 0, "TLS": "starttls"},
        ]


def test_webui_lists_where_mail_is_handed_out():
    store = MemoryStore()
    with MailServer(store=store, imap=True, pop3=True) as server:
        with WebServer(make_app(AppContext(store, server))) as web:
            configuration = httpx.get(f"{web.url}/api/v1/webui").json()

        assert [address["Port"] for address in configuration["SMTP"]] == [server.port]
        assert configuration["IMAP"] == [{"Host": "127.0.0.1", "Port": server.imap.port, "TLS": "none"}]
        assert configuration["POP3"] == [{"Host": "127.0.0.1", "Port": server.pop3.port, "TLS": "none"}]
