"""DKIM, ARC, SPF and DMARC of a mail, over HTTP."""

import httpx
import pytest

from lazr.smtptest import MailServer
from lazr.smtptest.store import MemoryStore
from lazr.smtptest.web import AppContext, make_app

DNS = {"example.com": "v=spf1 ip4:192.0.2.1 -all", "_dmarc.example.com": "v=DMARC1; p=reject"}
MAIL = b"From: ann@example.com\r\nTo: bob@example.net\r\n\r\nHello\r\n"


async def get(path, **settings):
    store = MemoryStore()
    server = MailServer(store=store, **settings)
    server.deliver(MAIL, sender="ann@example.com")
    transport = httpx.ASGITransport(make_app(AppContext(store, server)))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        return await client.get(path), store


@pytest.mark.anyio
async def test_results_have_reasons():
    response, store = await get(
        "/api/v1/message/latest/authentication", dns=DNS, spf_ip="192.0.2.1", hostname="mx.example.net"
    )
    found = response.json()

    assert found == {
        "HasDNS": True,
        "DKIM": [],
        "ARC": {"Result": "none", "Reason": "the mail has no ARC fields", "Sets": []},
        "SPF": {
            "Result": "pass",
            "Domain": "example.com",
            "IP": "192.0.2.1",
            "Scope": "mfrom",
            "Mechanism": "ip4:192.0.2.1",
            "Explanation": "",
            "Lookups": 0,
            "Reason": "192.0.2.1 matches ip4:192.0.2.1 in the record of example.com",
        },
        "DMARC": {
            "Result": "pass",
            "Domain": "example.com",
            "OrganizationalDomain": "example.com",
            "Policy": "reject",
            "Disposition": "none",
            "DKIMAligned": False,
            "SPFAligned": True,
            "Record": "v=DMARC1; p=reject",
            "Reason": "SPF passed for example.com",
        },
        "Header": found["Header"],
    }
    assert found["Header"].startswith("Authentication-Results: mx.example.net;\r\n dkim=none;\r\n")
    assert store.get_totals().unread == 1


@pytest.mark.anyio
async def test_without_dns_records_results_say_so():
    response, _ = await get("/api/v1/message/latest/authentication", spf_ip="192.0.2.1", hostname="mx_1!")

    assert response.json()["HasDNS"] is False
    assert "serve --dns-zone FILE" in response.json()["SPF"]["Reason"]
    assert response.json()["Header"].startswith("Authentication-Results: localhost;")


@pytest.mark.anyio
async def test_unknown_mail_has_no_results():
    response, _ = await get("/api/v1/message/none/authentication")

    assert response.status_code == 404
