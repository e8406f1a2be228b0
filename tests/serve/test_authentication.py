"""`smtptest serve` with DNS records: from a zone file, and from name servers."""

import json
import smtplib

import dns.nameserver
import dns.query
import dns.resolver
import httpx
import pytest

from tests.helpers.command_line import ServeThread, run_smtptest
from tests.helpers.name_server import NameServer

ZONE = """\
$ORIGIN example.com.
@       TXT  "v=spf1 ip4:192.0.2.0/24 -all"
_dmarc  TXT  "v=DMARC1; p=reject"
"""


@pytest.fixture
def zone_file(tmp_path):
    path = tmp_path / "example.zone"
    path.write_text(ZONE)
    return path


def serve(*arguments):
    return ServeThread("--log-json", "--http-port", "0", "--database", "memory:", *arguments)


def check_mail(serving):
    """Send a mail, and return its results."""
    smtp, http = json.loads(serving.first_line)["urls"][:2]
    host, port = smtp.removeprefix("smtp://").split(":")
    with smtplib.SMTP(host, int(port)) as client:
        client.sendmail("ann@example.com", ["bob@example.net"], "From: ann@example.com\r\n\r\nHello\r\n")
    return httpx.get(f"{http}/api/v1/message/latest/authentication").json()


def test_zone_file_has_the_records_of_a_mail(zone_file):
    with serve("--dns-zone", zone_file, "--spf-ip", "192.0.2.1", "--hostname", "mx.example.net") as serving:
        found = check_mail(serving)

    assert (found["SPF"]["Result"], found["SPF"]["IP"], found["DMARC"]["Result"]) == ("pass", "192.0.2.1", "pass")
    assert found["Header"].startswith("Authentication-Results: mx.example.net;")


def test_client_of_a_stored_mail_is_in_its_envelope(zone_file):
    with serve("--dns-zone", zone_file) as serving:
        found = check_mail(serving)

    assert (found["SPF"]["Result"], found["SPF"]["IP"]) == ("fail", "127.0.0.1")


def test_without_options_nothing_is_looked_up(monkeypatch):
    monkeypatch.setattr(dns.query, "udp", None)
    with serve() as serving:
        found = check_mail(serving)

    assert (found["HasDNS"], found["SPF"]["Result"]) == (False, "temperror")


def test_name_servers_of_the_system_are_asked_only_on_request(monkeypatch):
    records = {
        ("example.com.", "TXT"): ['"v=spf1 ip4:127.0.0.1 -all"'],
        ("_dmarc.example.com.", "TXT"): ['"v=DMARC1; p=reject"'],
    }
    with NameServer(records) as name_server:
        host, port = name_server.address.split(":")
        # As /etc/resolv.conf, which cannot name a port.
        configured = [dns.nameserver.Do53Nameserver(host, int(port))]
        monkeypatch.setattr(
            dns.resolver.Resolver,
            "read_resolv_conf",
            lambda resolver, file: setattr(resolver, "nameservers", configured),
        )
        with serve() as serving:
            assert check_mail(serving)["SPF"]["Result"] == "temperror"
        assert name_server.queries == []
        with serve("--dns", "system") as serving:
            found = check_mail(serving)

    assert (found["SPF"]["Result"], found["DMARC"]["Result"]) == ("pass", "pass")
    assert sorted(name_server.queries) == ["_dmarc.example.com.", "example.com."]


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["--dns-zone", "missing.zone"], "missing.zone: No such file or directory"),
        (["--dns-zone", "example.zone", "--dns", "system"], "--dns-zone has the DNS records, and --dns looks them up"),
        (["--dns-zone", "broken.zone"], "broken.zone"),
        (["--dns-zone", "binary.zone"], "binary.zone is not a zone file: it must be text in UTF-8"),
        (["--dns", "google"], "'google' is not one of 'system'"),
        (["--spf-ip", "localhost"], "an address must be an IP address such as 192.0.2.1, got 'localhost'"),
    ],
)
def test_wrong_options_are_usage_errors(arguments, text, zone_file, monkeypatch):
    monkeypatch.chdir(zone_file.parent)
    (zone_file.parent / "broken.zone").write_text("example.com. TXT\n")
    (zone_file.parent / "binary.zone").write_bytes(b"\xff\xfe")
    done = run_smtptest("serve", "--smtp-port", "0", *arguments)

    assert done.returncode == 2
    assert text in " ".join(done.stderr.replace("│", " ").split())
