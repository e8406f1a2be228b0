"""What users give as DNS records, and what happens without any."""

from ipaddress import ip_address

import pytest

from lazr.smtptest.dns import DnsError, SystemResolver, Zone, as_resolver


def test_mapping_becomes_a_zone():
    assert as_resolver({"example.com": "x"}).find_txt("example.com") == [b"x"]


def test_resolver_is_used_as_it_is():
    zone = Zone()

    assert as_resolver(zone) is zone


def test_path_is_a_zone_file(tmp_path):
    path = tmp_path / "zone"
    path.write_text("example.com TXT hello\n", "utf-8")

    assert as_resolver(str(path)).find_txt("example.com") == as_resolver(path).find_txt("example.com") == [b"hello"]


def test_missing_zone_file_raises_os_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        as_resolver(tmp_path / "missing")


def test_system_is_the_system_resolver():
    assert isinstance(as_resolver("system"), SystemResolver)


@pytest.mark.parametrize(
    "lookup",
    [
        lambda resolver: resolver.find_txt("example.com"),
        lambda resolver: resolver.find_mx("example.com"),
        lambda resolver: resolver.find_addresses("example.com", 4),
        lambda resolver: resolver.find_ptr(ip_address("192.0.2.1")),
    ],
)
def test_lookup_without_records_says_how_to_give_them(lookup):
    with pytest.raises(DnsError, match=r"MailServer\(dns=\{\.\.\.\}\) or smtptest serve --dns-zone FILE"):
        lookup(as_resolver(None))


def test_wrong_value_raises_type_error():
    with pytest.raises(TypeError, match="dns must be a mapping"):
        as_resolver(5)
