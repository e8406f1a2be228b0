"""`smtptest serve` with IMAP and POP3: ports, users, and what it says about them."""

import imaplib
import json
import poplib
import smtplib
import socket
import urllib.request

import pytest
from websockets.sync.client import connect

from tests.helpers.command_line import ServeThread, run_smtptest

ON = {"SMTPTEST_SERVE_NO_IMAP": "0", "SMTPTEST_SERVE_NO_POP3": "0"}
MESSAGE = "Subject: Hi\r\n\r\nHello\r\n"


def serve(*arguments, **variables):
    arguments = ("--log-json", "--http-port", "0", "--database", "memory:", *arguments)
    return ServeThread(*arguments, **(ON | variables))


def get_addresses(serving):
    """Return the host and the port by scheme."""
    urls = [url.partition("://") for url in json.loads(serving.first_line)["urls"]]
    return {scheme: (rest.split(":")[0], int(rest.split(":")[1])) for scheme, _, rest in urls}


def send(address, *recipients, user=None):
    with smtplib.SMTP(*address) as client:
        if user is not None:
            client.login(*user)
        client.sendmail("app@example.com", recipients, MESSAGE)


def count_by_imap(address, user, password):
    with imaplib.IMAP4(*address) as client:
        client.login(user, password)
        return int(client.select("INBOX")[1][0])


def test_urls_of_all_servers_are_printed():
    with serve() as serving:
        assert list(get_addresses(serving)) == ["smtp", "http", "imap", "pop3"]
    with ServeThread("--http-port", "0", "--database", "memory:", **ON) as serving:
        schemes = [word.partition("://")[0] for word in serving.first_line.split() if "://" in word]
        assert schemes == ["smtp", "http", "imap", "pop3"]


def test_mail_can_be_read_by_imap_and_pop3():
    with serve() as serving:
        addresses = get_addresses(serving)
        send(addresses["smtp"], "ann@example.com")
        send(addresses["smtp"], "bob@example.com")

        assert count_by_imap(addresses["imap"], "ann@example.com", "any") == 1
        assert count_by_imap(addresses["imap"], "everybody", "any") == 2
        client = poplib.POP3(*addresses["pop3"])
        client.user("bob@example.com")
        client.pass_("any")
        assert client.retr(1)[1][:1] == [b"Subject: Hi"]
        client.quit()


def test_changes_are_seen_by_rest_websocket_and_imap():
    with serve() as serving:
        addresses = get_addresses(serving)
        send(addresses["smtp"], "ann@example.com")
        api = "http://{}:{}/api/".format(*addresses["http"])

        def get_list():
            with urllib.request.urlopen(f"{api}v1/messages") as response:
                return json.load(response)

        with imaplib.IMAP4(*addresses["imap"]) as client, connect(api.replace("http", "ws") + "events") as events:
            client.login("ann@example.com", "any")
            client.select("INBOX")
            client.store("1", "+FLAGS", r"(\Seen Paid)")
            [message] = get_list()["messages"]
            assert message["Read"] and message["Tags"] == ["Paid"]
            while (event := json.loads(events.recv(timeout=10)))["Type"] != "update":
                pass
            assert event["Data"]["ID"] == message["ID"]

            body = json.dumps({"IDs": [message["ID"]], "Read": False}).encode()
            headers = {"Content-Type": "application/json"}
            urllib.request.urlopen(urllib.request.Request(f"{api}v1/messages", body, headers, method="PUT")).close()
            client.noop()
            assert client.response("FETCH")[1] == [rb"1 (UID 1 FLAGS (Paid \Recent))"]

            client.store("1", "+FLAGS", r"\Deleted")
            client.expunge()
            assert get_list()["total"] == 0


@pytest.mark.parametrize("arguments", [["--smtp-auth", "ann:one"], ["--auth", "ann:one"], ["--imap-auth", "ann:one"]])
def test_users_of_the_options_may_read(arguments):
    with serve(*arguments) as serving:
        address = get_addresses(serving)["imap"]
        assert count_by_imap(address, "ann", "one") == 0
        with pytest.raises(imaplib.IMAP4.error):
            count_by_imap(address, "ann", "two")


def test_mailbox_is_an_account(tmp_path):
    (tmp_path / "mailboxes").write_text('["job 7"]\ntoken = "token-of-job-7-xyz"\nrecipient = "*@seven.example"\n')
    with serve("--mailboxes", tmp_path / "mailboxes") as serving:
        addresses = get_addresses(serving)
        send(addresses["smtp"], "ann@seven.example")
        send(addresses["smtp"], "ann@eight.example")

        assert count_by_imap(addresses["imap"], '"job 7"', "token-of-job-7-xyz") == 1
        with pytest.raises(imaplib.IMAP4.error):
            count_by_imap(addresses["imap"], "everybody", "any")


def test_tls_of_serve_applies():
    pytest.importorskip("trustme")
    with serve("--tls", "starttls") as serving, imaplib.IMAP4(*get_addresses(serving)["imap"]) as client:
        assert "STARTTLS" in client.capabilities


@pytest.mark.parametrize("protocol", ["imap", "pop3"])
def test_protocol_can_be_switched_off(protocol):
    with serve(f"--no-{protocol}") as serving:
        assert protocol not in get_addresses(serving)


def test_database_none_has_no_imap():
    with ServeThread("--log-json", **ON) as serving:
        assert list(get_addresses(serving)) == ["smtp"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--imap-port", "0", "--no-imap"], "--imap-port and --no-imap: got both; leave one out"),
        (["--pop3-port", "0", "--database", "none"], "--pop3-port needs a store of mails"),
        (["--imap-auth", "ann"], "--imap-auth must be USER:PASSWORD"),
    ],
)
def test_invalid_combination_is_an_error(arguments, message):
    done = run_smtptest("serve", "--smtp-port", "0", "--http-port", "0", "--database", "memory:", *arguments, **ON)
    assert done.returncode == 2
    assert message in done.stderr


def test_hashes_of_http_leave_imap_out(tmp_path):
    (tmp_path / "users").write_text("ann:{PLAIN}one\n")
    with serve("--auth-file", tmp_path / "users") as serving:
        assert list(get_addresses(serving)) == ["smtp", "http"]
        _, errors, _ = serving.stop()
    assert "running without IMAP and POP3: IMAP and POP3 cannot use the hashes of --auth-file" in errors
    done = run_smtptest(
        *("serve", "--smtp-port", "0", "--http-port", "0", "--database", "memory:"),
        *("--auth-file", tmp_path / "users", "--imap-port", "0"),
        **ON,
    )
    assert done.returncode == 2
    assert "--imap-port: IMAP and POP3 cannot use the hashes of --auth-file" in done.stderr


def test_default_port_in_use_is_a_warning(monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as busy, socket.create_server(("127.0.0.1", 0)) as other:
        ports = {"imap": busy.getsockname()[1], "pop3": other.getsockname()[1]}
        monkeypatch.setattr("lazr.smtptest.cli.serve.reading_setup._DEFAULT_PORTS", ports)
        smtp_port = find_free_port()
        with serve("--smtp-port", str(smtp_port)) as serving:
            assert list(get_addresses(serving)) == ["smtp", "http"]
            _, errors, _ = serving.stop()
    for name, port in ports.items():
        assert f"running without {name.upper()}: another program uses port {port}; choose a port" in errors


def test_default_port_that_is_taken_meanwhile_is_a_warning(monkeypatch):
    """Two servers that start at the same time both find the port free."""
    looks = []
    monkeypatch.setattr(
        "lazr.smtptest.cli.serve.reading_setup._is_in_use",
        lambda host, port: looks.append(port) or len(looks) > 2,
    )
    with socket.create_server(("127.0.0.1", 0)) as busy:
        ports = {"imap": busy.getsockname()[1], "pop3": find_free_port()}
        monkeypatch.setattr("lazr.smtptest.cli.serve.reading_setup._DEFAULT_PORTS", ports)
        with serve("--smtp-port", str(find_free_port())) as serving:
            assert list(get_addresses(serving)) == ["smtp", "http"]
            _, errors, _ = serving.stop()
    assert f"running without IMAP: another program uses port {ports['imap']}" in errors


def test_explicit_port_in_use_is_an_error():
    with socket.create_server(("127.0.0.1", 0)) as busy:
        port = busy.getsockname()[1]
        done = run_smtptest(
            *("serve", "--smtp-port", "0", "--http-port", "0", "--database", "memory:", "--imap-port", str(port)), **ON
        )
    assert done.returncode == 1
    assert f"127.0.0.1:{port}" in done.stderr
    assert "--imap-port" in done.stderr


def find_free_port():
    with socket.create_server(("127.0.0.1", 0)) as free:
        return free.getsockname()[1]


def test_mail_that_an_imap_client_appends_is_not_printed():
    with serve() as serving:
        addresses = get_addresses(serving)
        with imaplib.IMAP4(*addresses["imap"]) as client:
            client.login("ann@example.com", "any")
            client.append("Drafts", None, None, MESSAGE.replace("\n", "\r\n").encode())
        send(addresses["smtp"], "ann@example.com")
        with imaplib.IMAP4(*addresses["imap"]) as client:
            client.login("ann@example.com", "any")
            client.select("INBOX")
            client.copy("1", "Drafts")
        out = serving.stop()[0]

    events = [json.loads(line)["event"] for line in out.splitlines()]
    assert events.count("mail") == 1
