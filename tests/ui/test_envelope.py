"""The envelope of a mail against its header."""

import smtplib

import pytest

from tests.ui.example_mails import BROKEN, RECIPIENTS, build_rich_mail
from tests.ui.pages import MailPage


@pytest.fixture
def mail_page(tab, inbox_server):
    tab.expect("404 .*/session")  # mails that are not sent by SMTP have no session
    return MailPage(tab, inbox_server)


def read_tables(mail_page):
    """Return the rows of the recipients and of the senders, by their first cells."""
    tables = mail_page.panel.locator("tbody").evaluate_all(
        "all => all.map((body) => [...body.rows].map((row) => [...row.cells].map((cell) => cell.textContent)))"
    )
    return [{row[0]: tuple(row[1:]) for row in table} for table in tables]


def test_recipients_of_envelope_and_header(inbox_server, mail_page):
    mail_page.open_mail(inbox_server.add_mail(build_rich_mail(), to=RECIPIENTS), "envelope")
    recipients, _ = read_tables(mail_page)
    assert recipients == {
        "ann@example.com": ("yes", "To", "", "header and envelope"),
        "team@example.com": ("yes", "Cc", "", "header and envelope"),
        "archive@example.com": ("yes", "none", "", "blind copy"),
    }
    mail_page.open_mail(inbox_server.add_mail(BROKEN, to=["ann@EXAMPLE.com"]), "envelope")
    recipients, _ = read_tables(mail_page)
    assert recipients["ann@EXAMPLE.com"][-1] == "header and envelope"
    assert recipients["gone@example.com"] == ("no", "To", "", "header only")


def test_international_domains_are_the_same_in_both_forms(inbox_server, mail_page):
    content = "To: a@bücher.example\r\nSubject: x\r\n\r\n"
    mail_page.open_mail(inbox_server.add_mail(content, to=["a@xn--bcher-kva.example"]), "envelope")

    assert [row[-1] for row in read_tables(mail_page)[0].values()] == ["header and envelope"]


@pytest.mark.parametrize(
    ("sender", "result"),
    [
        ("shop@EXAMPLE.com", "same as From"),
        ("bounces@example.com", "same domain as From; bounces go to MAIL FROM"),
        ("x@mailer.example", "another domain than From; bounces go to MAIL FROM"),
        ("", "the null reverse-path: for bounces and automatic replies (RFC 5321 4.5.5)"),
    ],
)
def test_sender_of_envelope_and_header(inbox_server, mail_page, sender, result):
    mail_page.open_mail(inbox_server.add_mail(build_rich_mail(), sender=sender), "envelope")

    assert read_tables(mail_page)[1]["MAIL FROM"] == (sender or "<>", result)


def test_parameters_and_facts_of_the_session(inbox_server, mail_page):
    with smtplib.SMTP(*inbox_server.mail_server.address, local_hostname="client.example") as client:
        client.login("ann", "secret")
        client.mail("a@example.com", ["BODY=8BITMIME"])
        client.rcpt("b@example.com", ["NOTIFY=NEVER"])
        client.data(b"From: a@example.com\r\nSender: c@example.com\r\nReply-To: d@other.example\r\n\r\nHi")
    mail_page.open_mail("latest", "envelope")
    recipients, senders = read_tables(mail_page)
    assert recipients["b@example.com"] == ("yes", "none", "NOTIFY=NEVER", "blind copy")
    assert senders["Sender"] == ("c@example.com", "same domain as From")
    assert senders["Reply-To"] == ("d@other.example", "another domain than From")
    facts = mail_page.panel.locator("dl").inner_text()
    for text in ("BODY=8BITMIME", "client.example", "127.0.0.1:", "none: the mail was sent in clear", "ann"):
        assert text in facts


@pytest.mark.parametrize("is_pipelined", [False, True])
def test_refused_recipient_has_its_reply(inbox_server, mail_page, is_pipelined):
    inbox_server.mail_server.on("RCPT", to="*@full.example").reply(451, "4.3.0", "Try later").optional()
    commands = [b"MAIL FROM:<a@example.com>", b"RCPT TO:<bob@FULL.example>", b"RCPT TO:<ann@example.com>", b"DATA"]
    with smtplib.SMTP(*inbox_server.mail_server.address) as client:
        client.ehlo()
        for group in [commands] if is_pipelined else [[command] for command in commands]:
            client.send(b"".join(command + b"\r\n" for command in group))
            for _ in group:
                client.getreply()
        client.send(b"To: bob@full.example, ann@example.com, gone@example.com\r\nSubject: x\r\n\r\nHi\r\n.\r\n")
        client.getreply()
    mail_page.open_mail("latest", "envelope")
    recipients, _ = read_tables(mail_page)
    assert recipients["bob@full.example"][-1].startswith("refused: 451 4.3.0 Try later")
    assert recipients["ann@example.com"][-1] == "header and envelope"
    assert recipients["gone@example.com"][-1] == "header only"
    mail_page.panel.get_by_role("link", name="Show the session").click()
    mail_page.page.wait_for_url("**/wire")
