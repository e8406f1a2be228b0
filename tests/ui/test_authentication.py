"""The results of DKIM, SPF and DMARC in the tab with the checks of a mail."""

import sys

import pytest

from tests.authentication.signing import RSA_KEY_NAME, make_rsa_key, sign, write_rsa_record
from tests.ui.pages import MailPage

DNS = {
    RSA_KEY_NAME: write_rsa_record(make_rsa_key()),
    "example.com": "v=spf1 ip4:192.0.2.1 -all exp=why.example.com",
    "why.example.com": "<b>%{c}</b> may not send",
    "_dmarc.example.com": "v=DMARC1; p=quarantine",
}


@pytest.fixture
def open_checks(serve_inbox, open_tab):
    """Open the checks of a mail: `open_checks(content, dns=…)`; returns the section."""

    def open_checks(content, tab_settings=None, **server_settings):
        server = serve_inbox(server_settings=server_settings)
        page = MailPage(open_tab(server, **(tab_settings or {})), server)
        page.open_mail(server.add_mail(content), "checks")
        section = page.panel.get_by_role("region", name="Sender")
        section.get_by_role("heading").wait_for()
        return section

    return open_checks


def test_results_and_reasons_of_a_signed_mail(open_checks):
    section = open_checks(sign(), dns=DNS, spf_ip="192.0.2.1")
    chips = section.get_by_role("group", name="Results")
    chips.wait_for()

    assert chips.inner_text().split() == ["DKIM", "pass", "SPF", "pass", "DMARC", "pass", "ARC", "none"]
    assert "domain example.com, selector rsa, rsa-sha256, 2048 bits" in section.inner_text()
    assert "192.0.2.1 matches ip4:192.0.2.1 in the record of example.com" in section.inner_text()
    assert section.get_by_role("button", name="Copy as Authentication-Results").is_visible()


def test_failures_say_what_changed_and_what_receivers_do(open_checks):
    section = open_checks(sign().replace(b"45 EUR", b"54 EUR"), dns=DNS, spf_ip="198.51.100.7")
    chips = section.get_by_role("group", name="Results")
    chips.wait_for()
    rows = [row.inner_text() for row in section.get_by_role("listitem").all()]

    assert chips.locator(".bad").all_text_contents() == ["DKIM fail", "SPF fail", "DMARC fail"]
    assert [row.split("\n")[1] for row in rows] == ["DKIM fail", "SPF fail", "DMARC fail"]
    assert "the body hash differs" in rows[0]
    assert "example.com says: <b>198.51.100.7</b> may not send" in rows[1]
    assert "policy quarantine; receivers quarantine this mail" in rows[2]


def test_without_dns_records_the_section_says_how_to_give_some(open_checks):
    section = open_checks(sign())
    section.locator("code").wait_for()

    assert section.inner_text().splitlines()[-1] == (
        "DKIM, SPF and DMARC need DNS records; start the server with smtptest serve --dns-zone FILE."
    )


def test_missing_extra_is_named(open_checks, monkeypatch):
    monkeypatch.setitem(sys.modules, "dkim", None)
    section = open_checks(sign(), dns=DNS)
    section.locator("code").wait_for()

    assert 'pip install "lazr.smtptest[checks]"' in section.inner_text()
