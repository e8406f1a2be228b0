import smtplib
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lazr.smtptest import MailServer
from lazr.smtptest.authentication import authenticate
from lazr.smtptest.authentication.bounded_resolver import MAX_LOOKUPS_PER_MAIL, BoundedResolver
from lazr.smtptest.dns import DnsError, Zone
from tests.authentication.signing import MAIL, RSA_KEY_NAME, make_rsa_key, sign, write_rsa_record

RECORDS = {
    RSA_KEY_NAME: write_rsa_record(make_rsa_key()),
    "bounces.example.net": "v=spf1 ip4:192.0.2.1 -all",
    "_dmarc.example.com": "v=DMARC1; p=reject; sp=quarantine",
}


def check(
    content, *, records=RECORDS, mail_from="a@bounces.example.net", from_domains=("example.com",), ip="192.0.2.1"
):
    return authenticate(
        content,
        resolver=records if isinstance(records, BoundedResolver) else Zone(records),
        client_ip=ip,
        helo="mail.example.net",
        mail_from=mail_from,
        from_domains=from_domains,
    )


def test_signature_of_the_from_domain_makes_dmarc_pass():
    found = check(sign())

    assert [(one.result, one.domain) for one in found.dkim] == [("pass", "example.com")]
    assert (found.arc.result, found.spf.result) == ("none", "pass")
    assert (found.dmarc.result, found.dmarc.dkim_aligned, found.dmarc.spf_aligned) == ("pass", True, False)


def test_changed_mail_is_rejected_with_both_reasons():
    found = check(sign().replace(b"45 EUR", b"54 EUR"))

    assert found.dkim[0].result == "fail"
    assert (found.dmarc.result, found.dmarc.disposition) == ("fail", "reject")
    assert found.dmarc.reason == (
        "DKIM failed for example.com; SPF passed for bounces.example.net, which is not aligned with example.com"
    )


def test_failed_lookups_stay_in_the_results():
    class Down:
        def __getattr__(self, name):
            def fail(*_):
                raise DnsError("timed out")

            return fail

    found = check(sign(), records=BoundedResolver(Down()))

    assert [found.dkim[0].result, found.spf.result, found.dmarc.result] == ["temperror"] * 3


@pytest.mark.parametrize("ip", ["", "unix", "localhost"])
def test_without_an_address_spf_is_none(ip):
    found = check(sign(), ip=ip)

    assert (found.spf.result, found.spf.domain) == ("none", "bounces.example.net")
    assert found.dmarc.result == "pass"


def test_number_of_lookups_of_a_mail_is_bounded():
    resolver = BoundedResolver(Zone())
    for _ in range(MAX_LOOKUPS_PER_MAIL):
        resolver.find_mx("example.com")

    with pytest.raises(DnsError, match=f"more than {MAX_LOOKUPS_PER_MAIL} lookups"):
        resolver.find_txt("example.com")


def test_time_of_lookups_of_a_mail_is_bounded():
    with pytest.raises(DnsError, match="took more than 0 seconds"):
        BoundedResolver(Zone(), timeout=0).find_addresses("example.com", 4)


def test_hostile_mail_and_records_take_little_time():
    content = b"DKIM-Signature: v=1; a=rsa-sha256; d=x.example; s=s; h=from; bh=x; b=x\r\n" * 3000 + MAIL
    records = {
        "*.example TXT": "v=spf1 " + "include:%{d}.x.example mx:%{s}.example ptr " * 100,
        "*.example MX": [f"{n} mx{n}.example" for n in range(10)],
    }
    started = time.thread_time()
    found = check(content, records=records, mail_from="a@a.example", from_domains=[f"{n}.example" for n in range(500)])

    assert time.thread_time() - started < 2
    assert found.spf.result in {"permerror", "temperror"}
    assert found.header("mx.example.org").isascii()


@settings(max_examples=10, deadline=None)
@given(st.data())
def test_damaged_mails_never_raise(data):
    content = bytearray(sign())
    for _ in range(data.draw(st.integers(1, 6))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    text = st.text(max_size=20)
    found = check(bytes(content), mail_from=data.draw(text), from_domains=data.draw(st.lists(text, max_size=3)))

    assert str(found)
    assert found.to_dict()
    assert found.header("mx.example.org")


def test_server_checks_a_mail_that_a_client_signed():
    with MailServer(dns=RECORDS) as server:
        with smtplib.SMTP(*server.address) as client:
            client.sendmail("ann@example.com", ["bob@example.org"], sign())
        mail = server.inbox.one()

    mail.assert_authenticated(dkim="example.com", dmarc=True)
    with pytest.raises(AssertionError, match=r"no DKIM signature of example.org passes:\n    dkim=pass d=example.com"):
        mail.assert_authenticated(dkim="example.org")


def test_failure_names_what_changed():
    mail = MailServer(dns=RECORDS).deliver(sign().replace(b"Subject: Your order", b"Subject: Your Order"))

    with pytest.raises(AssertionError, match=r"(?s)no DKIM signature passes:.*dkim=fail d=example.com.*Subject"):
        mail.assert_authenticated(dkim=True)
