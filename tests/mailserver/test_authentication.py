"""DKIM, ARC, SPF and DMARC of mails that a server receives."""

import pickle
import smtplib

import pytest

from lazr.smtptest import Mail, MailServer
from lazr.smtptest.authentication import DkimResult
from lazr.smtptest.dns import Zone
from lazr.smtptest.store import MemoryStore

DNS = {
    "example.com": "v=spf1 ip4:192.0.2.0/24 -all exp=why.example.com",
    "why.example.com": "%{c} may not send for %{d}",
    "_dmarc.example.com": "v=DMARC1; p=reject",
}
MAIL = b"From: ann@news.example.com\r\nTo: bob@example.net\r\nSubject: Hi\r\n\r\nHello\r\n"


def send(server, mail_from="ann@example.com", *, xclient=None, helo="mail.example.com"):
    with smtplib.SMTP(*server.address, local_hostname=helo) as client:
        if xclient is not None:
            client.ehlo()
            client.docmd(f"XCLIENT ADDR={xclient}")
            client.ehlo()
        client.sendmail(mail_from, ["bob@example.net"], MAIL)
    return server.inbox.one(timeout=5)


def test_spf_and_dmarc_of_a_received_mail():
    with MailServer(dns=DNS, spf_ip="192.0.2.1") as server:
        found = send(server).authentication

    assert (found.dkim, found.arc.result) == ((), "none")
    assert (found.spf.result, found.spf.mechanism, found.spf.ip) == ("pass", "ip4:192.0.2.0/24", "192.0.2.1")
    assert (found.dmarc.result, found.dmarc.domain, found.dmarc.policy) == ("pass", "news.example.com", "reject")


@pytest.mark.parametrize(("client", "result"), [("192.0.2.7", "pass"), ("198.51.100.7", "fail")])
def test_spf_checks_the_client_that_xclient_names(client, result):
    with MailServer(dns=DNS, xclient=True) as server:
        found = send(server, xclient=client).authentication

    assert (found.spf.result, found.spf.ip) == (result, client)


def test_spf_checks_the_client_that_a_proxy_names():
    with MailServer(dns=DNS, proxy=True) as server:
        with smtplib.SMTP() as client:
            client.sock = client._get_socket(*server.address, 5)
            client.sock.sendall(b"PROXY TCP6 2001:db8::1 2001:db8::2 40000 25\r\n")
            assert client.getreply()[0] == 220
            client.sendmail("ann@example.com", ["bob@example.net"], MAIL)
        found = server.inbox.one().authentication

    assert (found.spf.result, found.spf.ip) == ("fail", "2001:db8::1")


def test_null_reverse_path_is_checked_by_the_helo_name():
    with MailServer(dns={"mail.example.com": "v=spf1 ip4:127.0.0.1 -all"}) as server:
        found = send(server, "").authentication

    assert (found.spf.result, found.spf.scope, found.spf.domain) == ("pass", "helo", "mail.example.com")


def test_results_are_computed_once():
    class CountingZone(Zone):
        count = 0

        def find_txt(self, name):
            CountingZone.count += 1
            return super().find_txt(name)

    server = MailServer(dns=CountingZone(DNS))
    mail = server.deliver(MAIL)

    assert mail.authentication is mail.authentication
    first_count = CountingZone.count
    mail.authenticate()
    assert CountingZone.count == 2 * first_count > 0


def test_authenticate_takes_another_client_and_other_records():
    with MailServer(dns=DNS) as server:
        mail = send(server)

    assert mail.authentication.spf.result == "fail"  # from 127.0.0.1
    assert mail.authenticate(spf_ip="192.0.2.1").spf.result == "pass"
    assert mail.authenticate({"example.com": "v=spf1 ?all"}).spf.result == "neutral"
    assert mail.authentication.spf.result == "fail"


def test_without_dns_records_results_say_how_to_give_some():
    with MailServer() as server:
        found = send(server).authentication

    assert (found.spf.result, found.dmarc.result) == ("temperror", "temperror")
    assert "MailServer(dns={...})" in found.spf.reason


def test_mail_without_client_has_no_spf_result():
    found = MailServer(dns=DNS).deliver(MAIL, sender="ann@example.com").authentication

    assert (found.spf.result, found.spf.reason) == ("none", "the address of the client is unknown")


def test_mails_in_a_store_are_checked_too():
    with MailServer(dns=DNS, spf_ip="192.0.2.1", store=MemoryStore()) as server:
        assert send(server).authentication.spf.result == "pass"
        assert server.deliver(MAIL, sender="ann@example.com").authentication.spf.result == "pass"


def test_zone_file_is_read_at_once(tmp_path):
    path = tmp_path / "zone"
    path.write_text('example.com. IN TXT "v=spf1 ip4:127.0.0.1 -all"\n')
    with MailServer(dns=str(path)) as server:
        assert send(server).authentication.spf.result == "pass"
    with pytest.raises(FileNotFoundError):
        MailServer(dns=tmp_path / "missing")


@pytest.mark.parametrize(
    ("settings", "error", "text"),
    [
        ({"spf_ip": "localhost"}, ValueError, "spf_ip must be an IP address such as \"192.0.2.1\", got 'localhost'"),
        ({"spf_ip": 1}, TypeError, "spf_ip must be a string, got 1"),
        ({"dns": 1}, TypeError, "dns must be a mapping of records"),
        ({"dns": {"example.com TEXT": ""}}, ValueError, "unknown type of DNS record 'TEXT'; did you mean 'TXT'?"),
    ],
)
def test_wrong_values_are_errors_of_the_constructor(settings, error, text):
    with pytest.raises(error) as raised:
        MailServer(**settings)

    assert text in str(raised.value)


def test_pickled_mail_keeps_its_results():
    mail = MailServer(dns=DNS, spf_ip="192.0.2.1").deliver(MAIL, sender="ann@example.com")
    assert pickle.loads(pickle.dumps(mail)).authentication.dmarc.result == "temperror"

    found = mail.authentication
    assert pickle.loads(pickle.dumps(mail)).authentication == found


def test_header_names_the_server():
    mail = MailServer(dns=DNS, spf_ip="192.0.2.1").deliver(MAIL, sender="ann@example.com")

    assert "spf=pass" in mail.authentication.header("mx.example.net")


# -- assert_authenticated --------------------------------------------------------------------


@pytest.fixture
def mail():
    return MailServer(dns=DNS, spf_ip="192.0.2.1").deliver(MAIL, sender="ann@example.com")


@pytest.mark.parametrize(
    "demands",
    [{}, {"dmarc": True}, {"spf": True}, {"spf": "Example.com."}, {"spf": "example.com", "dmarc": True}],
)
def test_met_demands_pass(mail, demands):
    mail.assert_authenticated(**demands)


UNMET = [
    ({"dkim": True}, "\n  no DKIM signature passes: the mail has no DKIM signature"),
    ({"dkim": "example.com"}, "\n  no DKIM signature of example.com passes: the mail has no DKIM signature"),
    ({"spf": "news.example.com"}, "\n  SPF does not pass for news.example.com:\n    spf=pass mfrom=example.com: "),
    ({"arc": True}, "\n  ARC does not pass:\n    arc=none: the mail has no ARC fields"),
]


@pytest.mark.parametrize(("demands", "text"), UNMET)
def test_unmet_demand_fails_with_the_reason(mail, demands, text):
    with pytest.raises(AssertionError) as raised:
        mail.assert_authenticated(**demands)

    assert str(raised.value).startswith("mail 1 ann@example.com -> bob@example.net 'Hi' is not authenticated\n")
    assert text in str(raised.value)


def test_failure_has_the_reasons_of_spf_and_dmarc():
    with MailServer(dns=DNS) as server:
        mail = send(server)
    with pytest.raises(AssertionError) as raised:
        mail.assert_authenticated(spf=True, dmarc=True)

    assert str(raised.value) == (
        "mail 1 ann@example.com -> bob@example.net 'Hi' is not authenticated\n"
        "  SPF does not pass:\n"
        "    spf=fail mfrom=example.com: no term before -all in the record of example.com matches 127.0.0.1\n"
        "    example.com says: 127.0.0.1 may not send for example.com\n"
        '    SPF needs the address of a client out there: MailServer(spf_ip="192.0.2.1"), PROXY or XCLIENT\n'
        "  DMARC does not pass:\n"
        "    dmarc=fail from=news.example.com: the mail has no DKIM signature; SPF failed for example.com"
    )


@pytest.mark.parametrize("demands", [{"dkim": False}, {"spf": ""}, {"dmarc": "example.com"}, {"arc": 1}])
def test_demand_of_another_type_is_an_error(mail, demands):
    with pytest.raises(TypeError, match="must be True"):
        mail.assert_authenticated(**demands)


def test_untrusted_text_of_a_failure_is_escaped_and_bounded():
    from lazr.smtptest.authentication import Authentication
    from lazr.smtptest.mail.authenticator import describe_unmet, format_unauthenticated

    found = Authentication(tuple(DkimResult("fail", f"d{n}.example\x1b[2J", reason="x" * 9999) for n in range(500)))
    text = format_unauthenticated("mail 1", describe_unmet(found, dkim=True, spf=None, dmarc=None, arc=None))

    assert "\x1b" not in text
    assert len(text) < 10_000
    assert text.endswith("… and 490 more")


def test_mail_without_a_server_is_checked_with_given_records():
    assert Mail.from_bytes(MAIL).authenticate(DNS).dmarc.result == "fail"


@pytest.mark.smtptest(dns=DNS, spf_ip="192.0.2.1")
def test_marker_gives_dns_records_to_the_fixture(smtptest):
    send(smtptest).assert_authenticated(spf="example.com", dmarc=True)
