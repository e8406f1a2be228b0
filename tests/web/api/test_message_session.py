"""The SMTP session of a mail, and the lines of its transaction."""

import smtplib
import socket

from lazr.smtptest import MailServer
from lazr.smtptest.web.mailbox import Mailbox


def get_session(rest_api, mail_id):
    return rest_api.http.get(f"/api/v1/message/{mail_id}/session")


def find_id(rest_api, subject):
    rest_api.store.index_pending(1_000)
    (mail_id,) = rest_api.search_ids(f"subject:{subject}")
    return mail_id


def list_transaction(session):
    lines = session["Transcript"][session["FirstLine"] : session["LastLine"] + 1]
    return [f"{line['Who']} {line['Text']}" for line in lines]


def test_lines_of_the_transaction_are_marked(rest_api):
    with smtplib.SMTP(*rest_api.server.address) as client:
        client.sendmail("ann@example.com", "bob@example.com", "Subject: one\r\n\r\nHi\r\n")
        client.docmd("MAIL", "FROM:nobody")
        client.sendmail("", ["cy@example.com", "dan@example.com"], "Subject: two\r\n\r\nHi\r\n")
        client.noop()
    rest_api.server.settle()
    one, two = find_id(rest_api, "one"), find_id(rest_api, "two")
    session = get_session(rest_api, two).json()
    transaction = list_transaction(session)

    assert session["Session"]["Messages"] == [one, two] and session["Session"]["Ended"] == "QUIT"
    assert session["Messages"] == [{"ID": one, "Subject": "one"}, {"ID": two, "Subject": "two"}]
    assert session["Transcript"] == rest_api.http.get(f"/api/v1/sessions/{session['Session']['ID']}/transcript").json()
    # smtplib of Python 3.13 writes `mail from:` and `rcpt to:`.
    commands = [line.partition(" size=")[0].replace("from:", "FROM:").replace("to:", "TO:") for line in transaction]
    assert commands == [
        "C mail FROM:<>",
        "S 250 2.1.0 Sender ok",
        "C rcpt TO:<cy@example.com>",
        "S 250 2.1.5 Recipient ok",
        "C rcpt TO:<dan@example.com>",
        "S 250 2.1.5 Recipient ok",
        "C data",
        "S 354 End data with <CR><LF>.<CR><LF>",
        "C Subject: two",
        "C ",
        "C Hi",
        "C .",
        f"S 250 2.0.0 Ok: queued as {two}",
    ]
    assert list_transaction(get_session(rest_api, one).json())[-1] == f"S 250 2.0.0 Ok: queued as {one}"


def test_pipelined_transactions_are_told_apart(rest_api):
    with socket.create_connection(rest_api.server.address) as client:
        transaction = b"MAIL FROM:<a@example.com>\r\nRCPT TO:<b@example.com>\r\nBDAT %d LAST\r\n%s"
        contents = [b"Subject: first\r\n\r\n", b"Subject: second\r\n\r\n"]
        client.sendall(b"EHLO a\r\n" + b"".join(transaction % (len(text), text) for text in contents) + b"QUIT\r\n")
        while client.recv(4096):
            pass
    rest_api.server.settle()

    for subject in ("first", "second"):
        mail_id = find_id(rest_api, subject)
        transaction = list_transaction(get_session(rest_api, mail_id).json())
        assert transaction[0] == "C MAIL FROM:<a@example.com>"
        assert transaction[-1] == f"S 250 2.0.0 Ok: queued as {mail_id}"
        assert sum(line.startswith("C MAIL") for line in transaction) == 1


def test_rules_at_the_end_of_data_belong_to_the_transaction(rest_api):
    rest_api.server.on("END_OF_DATA").delay(0.01).duplicate()
    with smtplib.SMTP(*rest_api.server.address) as client:
        client.sendmail("ann@example.com", "bob@example.com", "Subject: copied\r\n\r\nHi\r\n")
    rest_api.server.settle()
    rest_api.store.index_pending(1_000)
    copies = [get_session(rest_api, mail_id).json() for mail_id in rest_api.search_ids("subject:copied")]

    assert len(copies) == 2
    for session in copies:
        transaction = list_transaction(session)
        assert transaction[0].upper().startswith("C MAIL FROM") and transaction[-1].startswith("S 250 2.0.0 Ok")
        assert any(line.startswith("* rule: END_OF_DATA") for line in transaction)


def test_lost_lines_of_a_long_session_are_told(rest_api):
    with smtplib.SMTP(*rest_api.server.address) as client:
        for number in range(200):
            client.sendmail("ann@example.com", "bob@example.com", f"Subject: mail{number}x\r\n\r\nHi\r\n")
    rest_api.server.settle()
    first, middle, last = (get_session(rest_api, find_id(rest_api, f"mail{n}x")).json() for n in (0, 100, 199))

    assert list_transaction(first)[0].upper().startswith("C MAIL FROM")
    assert list_transaction(last)[-1].startswith("S 250 2.0.0")
    assert middle["FirstLine"] == middle["LastLine"]
    assert list_transaction(middle)[0].endswith("entries are not kept …)")
    assert len(middle["Messages"]) == 100 and middle["Session"]["Mails"] == 200


def test_mail_without_a_known_session_returns_404_with_reason(rest_api):
    mail_id = rest_api.add_mail()
    response = get_session(rest_api, mail_id)

    assert response.status_code == 404 and "does not remember the SMTP session" in response.text
    assert get_session(rest_api, "none").status_code == 404
    assert get_session(rest_api, "none").text == "404 page not found"


def test_session_is_forgotten_when_another_server_has_the_store(rest_api, make_rest_api):
    with MailServer(store=rest_api.store) as server, smtplib.SMTP(*server.address) as client:
        client.sendmail("ann@example.com", "bob@example.com", "Subject: other\r\n\r\nHi\r\n")

    assert get_session(rest_api, "latest").status_code == 404


def test_token_of_a_mailbox_does_not_open_the_session(make_rest_api):
    rest_api = make_rest_api(mailboxes=[Mailbox.of_recipient("job", "token-of-the-job", "*@job.example")])
    with smtplib.SMTP(*rest_api.server.address) as client:
        client.sendmail("ann@example.com", "bob@job.example", "Subject: Hi\r\n\r\nHi\r\n")
    for path in ("latest", "none"):
        response = rest_api.http.get(
            f"/api/v1/message/{path}/session", headers={"authorization": "Bearer token-of-the-job"}
        )
        assert response.status_code == 403
