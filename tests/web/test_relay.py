"""Mails that are sent on: to the octet, to those who are allowed, and to nobody unless somebody set it up."""

import concurrent.futures
import socket

import pytest

from lazr.smtptest import EXTENSIONS, MailServer, Tls
from lazr.smtptest.protocol.smtp.leniency import Lenient
from lazr.smtptest.web.mailbox import Mailbox
from lazr.smtptest.web.relay import Relay

BOB = "bob@example.com"


@pytest.fixture
def theirs():
    """A server that mails are sent on to."""
    with MailServer() as server:
        yield server


def relaying(catching, server, **settings):
    return catching(relay=Relay(*server.address, **{"allow": ["*@example.com"]} | settings))


def release(caught, *to, name="latest", **body):
    return caught.http.post(f"/api/v1/message/{name}/release", json={"To": to} | body)


CONTENTS = [
    b"Subject: Hi\r\nBcc: eve@example.com\r\n\r\nHello\r\n",
    b"..\r\n.\r\n...\r\n",
    b"no end",
    b"bare\nends\rand \0 \xff\r\n",
    b"Subject: =?utf-8?q?=0D=0ABcc:_eve@example.org?=\r\n\r\n",  # M4: nothing is written from what was parsed
]


@pytest.mark.parametrize("content", CONTENTS)
def test_a_mail_is_sent_on_to_the_octet(catching, content):
    with MailServer(bare_line_ends="accept", lenient=Lenient.all()) as theirs:
        caught = relaying(catching, theirs)
        caught.mail(content, sender="ann@example.com", to=["someone@else.example"])
        answer = release(caught, BOB, "Carol <carol@EXAMPLE.com>", BOB)
        (mail,) = theirs.inbox

    assert (answer.status_code, answer.text) == (200, "ok")
    assert answer.headers["content-type"] == "text/plain"
    assert mail.content == content
    assert mail.envelope.mail_from == "ann@example.com"
    assert mail.envelope.rcpt_tos == (BOB, "carol@EXAMPLE.com")


@pytest.mark.parametrize(
    ("sender", "settings", "mail_from"),
    [("ann@example.com", {"sender": "qa@example.com"}, "qa@example.com"), ("", {}, ""), ("a@b.c", {"sender": ""}, "")],
)
def test_whom_it_is_from_can_be_said(catching, theirs, sender, settings, mail_from):
    caught = relaying(catching, theirs, **settings)
    caught.mail(sender=sender)

    assert release(caught, BOB).text == "ok"
    assert theirs.inbox[0].envelope.mail_from == mail_from


def test_without_a_relay_nothing_is_sent(caught):
    caught.mail()
    answer = release(caught, BOB)

    assert answer.status_code == 400 and "Relaying is off" in answer.text and "--relay" in answer.text
    configuration = caught.http.get("/api/v1/webui").json()["MessageRelay"]
    assert configuration["Enabled"] is False and configuration["SMTPServer"] == ""


def test_programs_are_told_that_there_is_one(catching, theirs):
    caught = relaying(catching, theirs, sender="qa@example.com", allow=["*@example.com", "a+b@x.test"])

    assert caught.http.get("/api/v1/webui").json()["MessageRelay"] == {
        "Enabled": True,
        "SMTPServer": "{}:{}".format(*theirs.address),
        "ReturnPath": "qa@example.com",
        "AllowedRecipients": r"^(?:.*@example\.com|a\+b@x\.test)$",
        "BlockedRecipients": "",
        "OverrideFrom": "",
        "PreserveMessageIDs": True,
        "RecipientAllowlist": r"^(?:.*@example\.com|a\+b@x\.test)$",
    }


# S21: whoever reaches the API cannot send to the world.
@pytest.mark.parametrize(
    ("to", "said"),
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
        # Quotes in a domain: who reads the address once more takes what follows them for a comment, or a list.
        (['eve@"example.org(@"example.com'], "Invalid email address"),
        (['eve@"example.org,b@"example.com'], "Invalid email address"),
        (['eve@"example.org;@"example.com'], "Invalid email address"),
        (['eve@"example.org:@"example.com'], "Invalid email address"),
        (['eve@[192.0.2.1]"(@"example.com'], "Invalid email address"),
        (["a(b@example.com"], "Invalid email address"),
        (["eve@[example.com"], "Invalid email address"),
        # Letters that are an i where case does not count, all but in a domain's name.
        (["eve@\N{LATIN SMALL LETTER DOTLESS I}n.example.com"], "Failed: Address does not"),
        (["eve@\N{LATIN CAPITAL LETTER I WITH DOT ABOVE}n.example.com"], "Failed: Address does not"),
        (["eve@\N{KELVIN SIGN}.in.example.com"], "Failed: Address does not"),
        ([f"{number}@example.com" for number in range(101)], "more than 100 recipients"),
    ],
)
def test_it_goes_to_those_who_are_allowed(catching, theirs, to, said):
    caught = relaying(catching, theirs, allow=["*@example.com", "*@in.example.com", "*@k.in.example.com"])
    caught.mail()
    answer = release(caught, *to)

    assert answer.status_code == 400 and answer.text.startswith(said)
    assert len(theirs.sessions) == 0


@pytest.mark.parametrize(
    "address", ['"a(b,c"@example.com', "a'b@example.com", "ü@bücher.example.com", "a@[192.0.2.1]", "A+b=c@EXAMPLE.com"]
)
def test_an_address_is_sent_as_it_was_allowed(catching, theirs, address):
    caught = relaying(catching, theirs, allow=["*example.com", "*@[192.0.2.1]"])
    caught.mail(sender=address)

    assert release(caught, address).text == "ok"
    assert theirs.inbox[0].envelope.mail_from == theirs.inbox[0].envelope.rcpt_tos[0] == address


@pytest.mark.parametrize("sender", ["a@b_c.example", "ann", "a(b@example.com", "@a.example:ann@example.com"])
def test_a_sender_that_could_be_read_in_two_ways_sends_nothing_on(catching, theirs, sender):
    caught = relaying(catching, theirs)
    caught.mail(sender=sender)
    answer = release(caught, BOB)

    assert answer.status_code == 400 and answer.text.startswith(f"Invalid email address: {sender}, whom ")
    assert len(theirs.sessions) == 0


@pytest.mark.parametrize("body", [{"To": BOB}, {"To": [1]}, {"To": [[BOB]]}, [], "x"])
def test_a_body_of_another_form_is_refused(catching, theirs, body):
    caught = relaying(catching, theirs)
    caught.mail()

    assert caught.http.post("/api/v1/message/latest/release", json=body).status_code == 400
    assert len(theirs.sessions) == 0


def test_a_mail_that_is_not_there_is_404(catching, theirs):
    assert release(relaying(catching, theirs), BOB).status_code == 404
    assert release(relaying(catching, theirs), BOB, name="none").status_code == 404


def test_a_relay_without_a_word_on_recipients_is_none():
    with pytest.raises(ValueError, match="is anybody"):
        Relay("127.0.0.1", 25, allow=[])
    with pytest.raises(ValueError, match="no address"):
        Relay("127.0.0.1", 25, allow=["*"], sender="ann@example.com>\r\nRCPT TO:<eve@example.com")


def test_it_goes_to_all_or_to_none(catching, theirs):
    theirs.on("RCPT", to="full@example.com").reply(452, "4.2.2", "Mailbox full")
    caught = relaying(catching, theirs)
    caught.mail()
    answer = release(caught, BOB, "full@example.com")

    assert (answer.status_code, answer.text) == (400, "SMTP error: full@example.com: 452 4.2.2 Mailbox full")
    assert len(theirs.inbox) == 0


@pytest.mark.parametrize("how", [("reply", 421, "4.3.2", "Going"), ("reply", 500, "5.5.1", "What"), ("drop",)])
def test_what_is_said_to_quit_changes_nothing(catching, theirs, how):
    getattr(theirs.on("QUIT"), how[0])(*how[1:])
    caught = relaying(catching, theirs)
    caught.mail()

    assert release(caught, BOB).text == "ok"
    assert len(theirs.inbox) == 1


@pytest.mark.parametrize("command", ["MAIL", "DATA", "EHLO", "connect"])
def test_what_the_relay_says_is_told(catching, theirs, command):
    theirs.on(command).reply(550, "5.7.1", "Not you").optional()
    theirs.on("HELO").reply(550, "5.7.1", "Not you").optional()
    caught = relaying(catching, theirs)
    caught.mail()
    answer = release(caught, BOB)

    assert (answer.status_code, answer.text) == (400, "SMTP error: 550 5.7.1 Not you")


def test_what_the_relay_says_is_a_line_without_escapes(catching):
    with socket.create_server(("127.0.0.1", 0)) as listening:
        caught = catching(relay=Relay(*listening.getsockname(), allow=["*"]))
        caught.mail()
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            asked = pool.submit(release, caught, BOB)
            with listening.accept()[0] as client:
                client.sendall(b"554-\x1b[31mred\r\n554 and\x07 more\r\n")
                assert asked.result(20).text == "SMTP error: 554  [31mred and  more"


def test_where_nobody_listens_it_says_so(catching):
    with socket.create_server(("127.0.0.1", 0)) as once:
        address = once.getsockname()
    caught = catching(relay=Relay(*address, allow=["*"]))
    caught.mail()

    assert "refused" in release(caught, BOB).text
    assert release(caught, BOB).status_code == 400


def test_a_relay_that_says_nothing_is_left(catching):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        caught = catching(relay=Relay(*silent.getsockname(), allow=["*"], seconds=0.2))
        caught.mail()

        assert release(caught, BOB).text == "SMTP error: Connection unexpectedly closed: timed out"


# A mail that has `\n.\nMAIL FROM:<…>` in it brings another with it, if a lax relay is given it by DATA.
@pytest.mark.parametrize("content", [b"a\n.\nMAIL FROM:<x@y.z>\n", b"a\r.\r\n", b"a\r\n.\n", b"a\r"])
def test_nothing_is_smuggled_past_the_list_of_recipients(catching, content):
    with MailServer(
        extensions=[one.keyword for one in EXTENSIONS if one.keyword not in ("CHUNKING", "BINARYMIME")],
        bare_line_ends="accept",
    ) as theirs:
        caught = relaying(catching, theirs)
        caught.mail(content)
        answer = release(caught, BOB)

        assert answer.status_code == 400 and "does not offer CHUNKING" in answer.text
        assert len(theirs.inbox) == 0


@pytest.mark.parametrize("tls", ["starttls", "implicit"])
def test_it_authenticates_inside_tls(catching, tls):
    with MailServer(tls=Tls(mode=tls), auth={"ci": "secret"}) as theirs:
        context = theirs.client_context()
        caught = relaying(catching, theirs, tls=tls, context=context, user="ci", password="secret")
        caught.mail()
        answer = release(caught, BOB)

        assert answer.text == "ok"
        assert theirs.inbox[0].envelope.tls and theirs.inbox[0].envelope.auth.username == "ci"

        wrong = relaying(catching, theirs, tls=tls, context=context, user="ci", password="wrong")
        wrong.mail()
        answer = release(wrong, BOB)
        assert answer.text.startswith("SMTP error: 535 ") and "wrong" not in answer.text


def test_a_certificate_of_somebody_else_is_not_trusted(catching):
    with MailServer(tls="starttls") as theirs:
        import ssl

        caught = relaying(catching, theirs, tls="starttls", context=ssl.create_default_context())
        caught.mail()

        assert "CERTIFICATE_VERIFY_FAILED" in release(caught, BOB).text
        assert len(theirs.inbox) == 0


def test_a_relay_keeps_its_password_to_itself():
    relay = Relay("smtp.example", 25, allow=["*"], user="ci", password="hunter2")

    assert "hunter2" not in repr(relay) + str(relay)


def test_a_mailbox_sends_on_what_it_sees(catching, theirs):
    box = Mailbox.of_recipient("one", "token-of-mailbox-1", "*@one.example")
    caught = catching(relay=Relay(*theirs.address, allow=["*"]), mailboxes=[box])
    other, own = caught.mail(to=["bob@two.example"]), caught.mail(to=["bob@one.example"])
    caught.http.headers["authorization"] = "Bearer token-of-mailbox-1"

    assert release(caught, BOB, name=other).status_code == 404
    assert release(caught, BOB, name=own).text == "ok"
    assert len(theirs.inbox) == 1
