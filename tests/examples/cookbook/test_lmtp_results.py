"""LMTP has a reply for each recipient (RFC 2033): one mail is delivered, one is not."""

import smtplib

import pytest


def deliver(smtp, to, text):  # the code under test: a reply code for each recipient
    with smtplib.LMTP(*smtp) as client:
        client.ehlo()  # smtplib sends LHLO
        client.mail("app@example.com")
        accepted = [address for address in to if client.rcpt(address)[0] == 250]
        code, _ = client.data(text)  # the reply for the first of them
        return dict(zip(accepted, [code, *(client.getreply()[0] for _ in accepted[1:])], strict=True))


@pytest.mark.smtptest(protocol="lmtp")
def test_each_recipient_has_a_result(smtptest):
    smtptest.on("END_OF_DATA", to="ben@*").reply(452, "4.2.2", "Mailbox full")

    results = deliver(smtptest.address, ["ann@example.com", "ben@example.com"], "Subject: Hi\r\n\r\nHi\r\n")

    assert results == {"ann@example.com": 250, "ben@example.com": 452}
    assert smtptest.inbox.one().recipients == ("ann@example.com",)
