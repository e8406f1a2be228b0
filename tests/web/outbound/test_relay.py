"""`Relay` and its route: released mails are sent byte for byte, to allowed recipients only."""

import concurrent.futures
import socket

import pytest

from lazr.smtptest import EXTENSIONS, MailServer, Tls
from lazr.smtptest.protocol.smtp.leniency import Lenient
from lazr.smtptest.web.mailbox import Mailbox
from lazr.smtptest.web.outbound.relay import Relay

BOB = "bob@example.com"


@pytest.fixture
def target():
    """The server that delivers released mails."""
    with MailServer() as server:
        yield server


def make_relaying_api(make_rest_api, server, **settings):
    return make_rest_api(relay=Relay(*server.address, **{"allow": ["*@example.com"]} | settings))


def release(rest_api, *to, mail_id="latest", **body):
    return rest_api.http.post(f"/api/v1/message/{mail_id}/release", json={"To": to} | body)


CONTENTS = [
    b"Subject: Hi\r\nBcc: eve@example.com\r\n\r\nHello\r\n",
    b"..\r\n.\r\n...\r\n",
    b"no end",
    b"bare\nends\rand \0 \xff\r\n",
    # The content is not rebuilt from parsed fields (threat M4).
    b"Subject: =?utf-8?q?=0D=0ABcc:_eve@example.org?=\r\n\r\n",
]


@pytest.mark.parametrize("content", CONTENTS)
def test_mail_is_released_byte_for_byte(make_rest_api, content):
    with MailServer(bare_line_ends="accept", lenient=Lenient.all()) as target:
        rest_api = make_relaying_api(make_rest_api, target)
        rest_api.add_mail(content, sender="ann@example.com", to=["someone@else.example"])
        answer = release(rest_api, BOB, "Carol <carol@EXAMPLE.com>", BOB)
        (mail,) = target.inbox

    assert (answer.status_code, answer.text) == (200, "ok")
    assert answer.headers["content-type"] == "text/plain"
    assert mail.content == content
    assert mail.envelope.mail_from == "ann@example.com"
    assert mail.envelope.rcpt_tos == (BOB, "carol@EXAMPLE.com")


@pytest.mark.parametrize(
    ("sender", "settings", "mail_from"),
    [("ann@example.com", {"sender": "qa@example.com"}, "qa@example.com"), ("", {}, ""), ("a@b.c", {"sender": ""}, "")],
)
def test_sender_can_be_replaced(make_rest_api, target, sender, settings, mail_from):
    rest_api = make_relaying_api(make_rest_api, target, **settings)
    rest_api.add_mail(sender=sender)

    assert release(rest_api, BOB).text == "ok"
    assert target.inbox[0].envelope.mail_from == mail_from


def test_release_without_a_relay_is_rejected(rest_api):
    rest_api.add_mail()
    answer = release(rest_api, BOB)

    assert answer.status_code == 400 and "Relaying is off" in answer.text and "--relay" in answer.text
    configuration = rest_api.http.get("/api/v1/webui").json()["MessageRelay"]
    assert configuration["Enabled"] is False and configuration["SMTPServer"] == ""


def test_webui_describes_the_relay(make_rest_api, target):
    rest_api = make_relaying_api(make_rest_api, target, sender="qa@example.com", allow=["*@example.com", "a+b@x.test"])

    assert rest_api.http.get("/api/v1/webui").json()["MessageRelay"] == {
        "Enabled": True,
        "SMTPServer": "{}:{}".format(*target.address),
        "ReturnPath": "qa@example.com",
        "AllowedRecipients": r"^(?:.*@example\.com|a\+b@x\.test)$",
        "BlockedRecipients": "",
        "OverrideFrom": "",
        "PreserveMessageIDs": True,
        "RecipientAllowlist": r"^(?:.*@example\.com|a\+b@x\.test)$",
    }


# A client of the API cannot send mail to arbitrary recipients (threat S21).
@pytest.mark.parametrize(
    ("to", "reason"),
    [
        ([], "No valid addresses found"),
        (["eve@example.org"], "Failed: Address does not match the allowlist: eve@example.org"),
        ([BOB, "eve@example.org", "x@y.z"], "Failed: Addresses do not match the allowlist: eve@example.org, x@y.z"),
        (["eve@example.com.example.org"], "Failed: Address does not"),
        (["eve@example.com\n"], "Invalid email address"),
        (["bob"], "Invalid email address: bob"),
        ([""], "Invalid email address: "),
        ([f"{BOB}, eve@example.com"], "Invalid email address"),
        ([f"{BOB}>\r\nRCPT TO:<eve@example.org"], "Invalid email address"),
        (["<eve@example.org>@example.com"], "Invalid email address"),
        (['"eve@example.org> "@example.com'], "Invalid email address"),
        (["x" * 400 + "@example.com"], "Invalid email address"),
        ([f"{'x' * 1000} <{BOB}>"], f"Invalid email address: {'x' * 320}"),
        # Quotes in a domain: a second parser could take the rest for a comment, or for a list.
        (['eve@"example.org(@"example.com'], "Invalid email address"),
        (['eve@"example.org,b@"example.com'], "Invalid email address"),
        (['eve@"example.org;@"example.com'], "Invalid email address"),
        (['eve@"example.org:@"example.com'], "Invalid email address"),
        (['eve@[192.0.2.1]"(@"example.com'], "Invalid email address"),
        (["a(b@example.com"], "Invalid email address"),
        (["eve@[example.com"], "Invalid email address"),
        # Letters that equal an ASCII letter without regard to case, but not in a domain.
        (["eve@\N{LATIN SMALL LETTER DOTLESS I}n.example.com"], "Failed: Address does not"),
        (["eve@\N{LATIN CAPITAL LETTER I WITH DOT ABOVE}n.example.com"], "Failed: Address does not"),
        (["eve@\N{KELVIN SIGN}.in.example.com"], "Failed: Address does not"),
        (
            [f"{number}@example.com" for number in range(101)],
            "a mail can be released to at most 100 recipients, got 101",
        ),
    ],
)
def test_invalid_and_foreign_recipients_are_rejected(make_rest_api, target, to, reason):
    rest_api = make_relaying_api(
        make_rest_api, target, allow=["*@example.com", "*@in.example.com", "*@k.in.example.com"]
    )
    rest_api.add_mail()
    answer = release(rest_api, *to)

    assert answer.status_code == 400 and answer.text.startswith(reason)
    assert len(target.sessions) == 0


@pytest.mark.parametrize(
    "address", ['"a(b,c"@example.com', "a'b@example.com", "ü@bücher.example.com", "a@[192.0.2.1]", "A+b=c@EXAMPLE.com"]
)
def test_unusual_address_is_sent_unchanged(make_rest_api, target, address):
    rest_api = make_relaying_api(make_rest_api, target, allow=["*example.com", "*@[192.0.2.1]"])
    rest_api.add_mail(sender=address)

    assert release(rest_api, address).text == "ok"
    assert target.inbox[0].envelope.mail_from == target.inbox[0].envelope.rcpt_tos[0] == address


@pytest.mark.parametrize("sender", ["a@b_c.example", "ann", "a(b@example.com", "@a.example:ann@example.com"])
def test_ambiguous_sender_is_rejected(make_rest_api, target, sender):
    rest_api = make_relaying_api(make_rest_api, target)
    rest_api.add_mail(sender=sender)
    answer = release(rest_api, BOB)

    assert answer.status_code == 400 and answer.text.startswith(
        f"Invalid email address: {sender} (the sender of the mail)"
    )
    assert len(target.sessions) == 0


@pytest.mark.parametrize("body", [{"To": BOB}, {"To": [1]}, {"To": [[BOB]]}, [], "x"])
def test_body_of_another_form_is_rejected(make_rest_api, target, body):
    rest_api = make_relaying_api(make_rest_api, target)
    rest_api.add_mail()

    assert rest_api.http.post("/api/v1/message/latest/release", json=body).status_code == 400
    assert len(target.sessions) == 0


def test_unknown_mail_returns_404(make_rest_api, target):
    assert release(make_relaying_api(make_rest_api, target), BOB).status_code == 404
    assert release(make_relaying_api(make_rest_api, target), BOB, mail_id="none").status_code == 404


def test_relay_needs_allowed_recipients_and_a_valid_sender():
    with pytest.raises(ValueError, match="at least one pattern of recipients"):
        Relay("127.0.0.1", 25, allow=[])
    with pytest.raises(ValueError, match="sender must be an address"):
        Relay("127.0.0.1", 25, allow=["*"], sender="ann@example.com>\r\nRCPT TO:<eve@example.com")


def test_mail_is_sent_to_all_recipients_or_none(make_rest_api, target):
    target.on("RCPT", to="full@example.com").reply(452, "4.2.2", "Mailbox full")
    rest_api = make_relaying_api(make_rest_api, target)
    rest_api.add_mail()
    answer = release(rest_api, BOB, "full@example.com")

    assert (answer.status_code, answer.text) == (400, "SMTP error: full@example.com: 452 4.2.2 Mailbox full")
    assert len(target.inbox) == 0


@pytest.mark.parametrize("action", [("reply", 421, "4.3.2", "Going"), ("reply", 500, "5.5.1", "What"), ("drop",)])
def test_reply_to_quit_is_ignored(make_rest_api, target, action):
    getattr(target.on("QUIT"), action[0])(*action[1:])
    rest_api = make_relaying_api(make_rest_api, target)
    rest_api.add_mail()

    assert release(rest_api, BOB).text == "ok"
    assert len(target.inbox) == 1


@pytest.mark.parametrize("command", ["MAIL", "DATA", "EHLO", "connect"])
def test_reply_of_the_relay_is_returned(make_rest_api, target, command):
    target.on(command).reply(550, "5.7.1", "Not you").optional()
    target.on("HELO").reply(550, "5.7.1", "Not you").optional()
    rest_api = make_relaying_api(make_rest_api, target)
    rest_api.add_mail()
    answer = release(rest_api, BOB)

    assert (answer.status_code, answer.text) == (400, "SMTP error: 550 5.7.1 Not you")


def test_reply_of_the_relay_is_one_line_without_escapes(make_rest_api):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        rest_api = make_rest_api(relay=Relay(*listener.getsockname(), allow=["*"]))
        rest_api.add_mail()
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            releasing = pool.submit(release, rest_api, BOB)
            with listener.accept()[0] as client:
                client.sendall(b"554-\x1b[31mred\r\n554 and\x07 more\r\n")
                assert releasing.result(20).text == "SMTP error: 554  [31mred and  more"


def test_closed_port_is_reported(make_rest_api):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = listener.getsockname()
    rest_api = make_rest_api(relay=Relay(*address, allow=["*"]))
    rest_api.add_mail()

    assert "refused" in release(rest_api, BOB).text
    assert release(rest_api, BOB).status_code == 400


def test_silent_relay_times_out(make_rest_api):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        rest_api = make_rest_api(relay=Relay(*silent.getsockname(), allow=["*"], timeout=0.2))
        rest_api.add_mail()

        assert release(rest_api, BOB).text == "SMTP error: Connection unexpectedly closed: timed out"


# `\n.\nMAIL FROM:<…>` in a mail would start another mail, if a lenient server received it by DATA.
@pytest.mark.parametrize("content", [b"a\n.\nMAIL FROM:<x@y.z>\n", b"a\r.\r\n", b"a\r\n.\n", b"a\r"])
def test_bare_line_ends_need_chunking(make_rest_api, content):
    with MailServer(
        extensions=[
            extension.keyword for extension in EXTENSIONS if extension.keyword not in ("CHUNKING", "BINARYMIME")
        ],
        bare_line_ends="accept",
    ) as target:
        rest_api = make_relaying_api(make_rest_api, target)
        rest_api.add_mail(content)
        answer = release(rest_api, BOB)

        assert answer.status_code == 400 and "does not offer CHUNKING" in answer.text
        assert len(target.inbox) == 0


@pytest.mark.parametrize("tls", ["starttls", "implicit"])
def test_relay_authenticates_inside_tls(make_rest_api, tls):
    with MailServer(tls=Tls(mode=tls), auth={"ci": "secret"}) as target:
        context = target.client_context()
        rest_api = make_relaying_api(make_rest_api, target, tls=tls, ssl_context=context, user="ci", password="secret")
        rest_api.add_mail()
        answer = release(rest_api, BOB)

        assert answer.text == "ok"
        assert target.inbox[0].envelope.tls and target.inbox[0].envelope.auth.username == "ci"

        wrong = make_relaying_api(make_rest_api, target, tls=tls, ssl_context=context, user="ci", password="wrong")
        wrong.add_mail()
        answer = release(wrong, BOB)
        assert answer.text.startswith("SMTP error: 535 ") and "wrong" not in answer.text


def test_untrusted_certificate_is_rejected(make_rest_api):
    with MailServer(tls="starttls") as target:
        import ssl

        rest_api = make_relaying_api(make_rest_api, target, tls="starttls", ssl_context=ssl.create_default_context())
        rest_api.add_mail()

        assert "CERTIFICATE_VERIFY_FAILED" in release(rest_api, BOB).text
        assert len(target.inbox) == 0


def test_repr_does_not_have_the_password():
    relay = Relay("smtp.example", 25, allow=["*"], user="ci", password="hunter2")

    assert "hunter2" not in repr(relay) + str(relay)


def test_mailbox_releases_its_own_mails_only(make_rest_api, target):
    mailbox = Mailbox.of_recipient("one", "token-of-mailbox-1", "*@one.example")
    rest_api = make_rest_api(relay=Relay(*target.address, allow=["*"]), mailboxes=[mailbox])
    other, own = rest_api.add_mail(to=["bob@two.example"]), rest_api.add_mail(to=["bob@one.example"])
    rest_api.http.headers["authorization"] = "Bearer token-of-mailbox-1"

    assert release(rest_api, BOB, mail_id=other).status_code == 404
    assert release(rest_api, BOB, mail_id=own).text == "ok"
    assert len(target.inbox) == 1
