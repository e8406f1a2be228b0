"""Third-party clients deliver mail, each with its own use of the protocol."""

import asyncio
import smtplib

import aiosmtplib

from tests.helpers.third_party_clients import NODE_MODULES, TESTS, TEXT, require_installed, run_client


def test_smtplib(server):
    with smtplib.SMTP(*server.address) as client:
        client.sendmail("ann@example.com", ["bob@example.com"], TEXT)

    assert server.inbox.one().content == TEXT.encode()


def test_aiosmtplib(server):
    asyncio.run(
        aiosmtplib.send(
            TEXT, sender="ann@example.com", recipients=["bob@example.com"], hostname=server.host, port=server.port
        )
    )
    assert server.inbox.one().content == TEXT.encode()


def test_swaks(server):
    output = run_client(
        "swaks", "--server", server.host, "--port", str(server.port), "--from", "ann@example.com", "--to",
        "bob@example.com,carol@example.com", "--header", "Subject: by swaks", "--body", "Hello\n.\nend",
        "--helo", "swaks.example",
    )  # fmt: skip
    mail = server.inbox.one(subject="by swaks")

    assert "<-  250 2.0.0 Message accepted" in output
    assert mail.recipients == ("bob@example.com", "carol@example.com")
    assert mail.text.startswith("Hello\n.\nend\n")


def test_swaks_pipelining(server):
    run_client(
        "swaks", "--server", server.host, "--port", str(server.port), "--from", "ann@example.com", "--to",
        "bob@example.com", "--pipeline", "--helo", "swaks.example",
    )  # fmt: skip
    assert server.inbox.one().recipients == ("bob@example.com",)


def test_curl(server, tmp_path):
    (tmp_path / "mail.txt").write_bytes(TEXT.encode())
    run_client(
        "curl", "--silent", "--show-error", "--url", server.url, "--mail-from", "ann@example.com", "--mail-rcpt",
        "bob@example.com", "--upload-file", str(tmp_path / "mail.txt"),
    )  # fmt: skip
    assert server.inbox.one().content == TEXT.encode()


def test_msmtp(server):
    run_client(
        "msmtp", f"--host={server.host}", f"--port={server.port}", "--from=ann@example.com", "--tls=off", "--auth=off",
        "bob@example.com", text=TEXT.replace("\r\n", "\n"),
    )  # fmt: skip
    assert server.inbox.one().content.endswith(TEXT.encode())  # after a Date header that msmtp adds


def test_nodemailer(server):
    require_installed((NODE_MODULES / "nodemailer").exists(), "nodemailer")
    output = run_client(
        "node", str(TESTS / "clients" / "nodemailer.cjs"), server.host, str(server.port), NODE_PATH=str(NODE_MODULES)
    )
    mail = server.inbox.one(subject="Grüße by nodemailer")

    assert output == "250 2.0.0 Message accepted\n"
    assert mail.text == "Häll\n.\nend\n"
