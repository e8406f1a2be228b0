"""Addresses that stand for an outcome: each row of the table, over a socket, and the table of the page."""

import smtplib
from pathlib import Path

import pytest

from lazr.smtptest import MailServer, presets
from lazr.smtptest.rules.simulator import SIMULATOR_ADDRESSES

SENDER = "app@shop.example"
PAGE = Path(__file__).parents[2] / "docs" / "reference" / "rules.md"
NOTICES = {
    "a bounce, 5.1.1": ("bounce", "5.1.1"),
    "a complaint": ("complaint", None),
    "an out-of-office reply": ("out_of_office", None),
}


def send(server, *recipients, sender=SENDER, timeout=20):
    text = f"From: {SENDER}\r\nTo: {', '.join(recipients)}\r\nSubject: Hi\r\n\r\nHello\r\n"
    with smtplib.SMTP(*server.address, local_hostname="app", timeout=timeout) as client:
        client.sendmail(sender, recipients, text)


@pytest.fixture
def simulator():
    with MailServer() as server:
        server.rules.add(presets.simulator_addresses())
        yield server


def find_reply(error):
    """Return code and text of a refusal."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return next(iter(error.recipients.values()))
    return error.smtp_code, error.smtp_error


@pytest.mark.parametrize("address", SIMULATOR_ADDRESSES, ids=lambda address: f"{address.trigger} {address.example}")
def test_every_address_has_its_outcome(simulator, address):
    sender, recipient = (address.example, "ann@x.example") if address.trigger == "MAIL" else (SENDER, address.example)
    if address.outcome in NOTICES:
        send(simulator, recipient, "other@x.example", sender=sender)
        (record,) = simulator.notifications.wait()
        assert (record.kind, record.status) == NOTICES[address.outcome]
        assert (record.outcome, record.about, record.recipient) == ("delivered", (recipient,), SENDER)
    elif address.outcome == "no reply":
        with pytest.raises((TimeoutError, smtplib.SMTPServerDisconnected)):
            send(simulator, recipient, sender=sender, timeout=0.1)
    else:
        with pytest.raises(smtplib.SMTPException) as raised:
            send(simulator, recipient, sender=sender)
        code, text = find_reply(raised.value)
        assert f"{code} {text.decode()}".startswith(address.outcome)


@pytest.mark.parametrize(
    "recipient",
    [
        *("success@simulator.amazonses.com", "delivered@resend.dev", "ann@example.com", "bounce@example.com"),
        *(
            "bouncer@simulator.amazonses.com",
            "bounced@resend.dev.example",
            "ann550@example.com",
            "ann-550x@example.com",
        ),
        *("temperrors@example.com", "ann@temperror.example"),
    ],
)
def test_other_addresses_are_accepted_and_nothing_comes_back(simulator, recipient):
    send(simulator, recipient)
    simulator.settle()

    assert len(simulator.inbox) == 1 and len(simulator.notifications) == 0


@pytest.mark.parametrize(
    "recipient", ["bounce+label1@simulator.amazonses.com", "BOUNCE@Simulator.example", "bounced+user2@resend.dev"]
)
def test_labels_and_capitals_do_not_matter(simulator, recipient):
    send(simulator, recipient)

    assert simulator.notifications.wait()[0].about == (recipient,)


def test_several_simulators_in_one_mail(simulator):
    send(simulator, "bounce@simulator.amazonses.com", "ooto@simulator.amazonses.com", "complained@resend.dev")

    kinds = [record.kind for record in simulator.notifications.wait(3)]
    assert sorted(kinds) == ["bounce", "complaint", "out_of_office"]


def test_preset_has_a_delay_and_a_style():
    with MailServer() as server:
        server.rules.load([{"preset": "simulator_addresses", "delay": 0.01, "style": "postfix"}])
        send(server, "bounce@simulator.example")

        assert b"X-Postfix-Queue-ID" in server.notifications.wait()[0].content


@pytest.mark.parametrize("arguments", [{"delay": -1}, {"delay": "1"}, {"style": "sendmail"}])
def test_wrong_arguments_are_refused(arguments):
    with pytest.raises(ValueError, match=r"delay must be|unknown style"):
        presets.simulator_addresses(**arguments)


def test_simulator_is_off_by_default(server):
    send(server, "ann-550@example.com", "bounce@simulator.amazonses.com")
    server.settle()

    assert len(server.inbox) == 1 and len(server.notifications) == 0


def test_page_has_every_address():
    page = PAGE.read_text("utf-8")
    rows = [
        f"| `{address.example}` | {address.trigger} | {address.outcome} | {address.origin} |"
        for address in SIMULATOR_ADDRESSES
    ]

    assert [row for row in rows if row not in page] == []
