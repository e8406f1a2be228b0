"""Zone files (RFC 1035 5) as the source of a zone."""

from ipaddress import ip_address

import pytest

from lazr.smtptest.dns import Zone

TEXT = """\
$ORIGIN example.com.
$TTL 300
@           IN SOA ns hostmaster 1 2 3 4 5   ; ignored
            IN NS  ns
            IN MX  10 mx
            IN TXT "v=spf1 mx -all"
mx          IN A   192.0.2.1
            IN AAAA 2001:db8::1
s1._domainkey IN TXT ( "v=DKIM1; k=rsa; "
                       "p=MIIB" )
*.wild      TXT wild
www         CNAME mx
example.org. MX 0 .
$ORIGIN 2.0.192.in-addr.arpa.
1           PTR mx.example.com.
"""


def test_master_file_has_several_domains():
    zone = Zone.from_text(TEXT)

    assert zone.find_mx("example.com") == [(10, "mx.example.com")]
    assert zone.find_txt("example.com") == [b"v=spf1 mx -all"]
    assert zone.find_txt("s1._domainkey.example.com") == [b"v=DKIM1; k=rsa; p=MIIB"]
    assert zone.find_addresses("www.example.com", 4) == [ip_address("192.0.2.1")]
    assert zone.find_addresses("www.example.com", 6) == [ip_address("2001:db8::1")]
    assert zone.find_txt("x.wild.example.com") == [b"wild"]
    assert zone.find_mx("example.org") == [(0, "")]
    assert zone.find_ptr(ip_address("192.0.2.1")) == ["mx.example.com"]


def test_txt_record_in_a_master_file_may_begin_with_a_quote():
    assert Zone.from_text(r'a.example TXT "\"quoted\" text"').find_txt("a.example") == [b'"quoted" text']


def test_master_file_is_read_from_a_path(tmp_path):
    path = tmp_path / "zone"
    path.write_text("example.com TXT hello\n", "utf-8")

    assert Zone.from_file(path).find_txt("example.com") == [b"hello"]


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("example.com TXT hello\nexample.com A here\n", ":2"),
        ("$INCLUDE /etc/passwd\n", "INCLUDE"),
        ("$GENERATE 1-4000000000 a$ A 192.0.2.1\n", "GENERATE"),
        ("example.com TXT 'a\nb CNAME c\nb A 192.0.2.1\n", "CNAME"),
        ("example.com", "zone file"),
    ],
)
def test_wrong_master_file_raises_value_error(text, error):
    with pytest.raises(ValueError, match=error):
        Zone.from_text(text)


def test_error_names_the_file(tmp_path):
    path = tmp_path / "broken.zone"
    path.write_text("example.com A here\n", "utf-8")

    with pytest.raises(ValueError, match=r"broken\.zone:1"):
        Zone.from_file(path)
