"""Without the extra `checks`, the error says what to install."""

import sys

import pytest

from lazr.smtptest import MissingExtra
from lazr.smtptest.authentication import verify_arc, verify_dkim
from lazr.smtptest.dns import SystemResolver, Zone

INSTALL = r'pip install "lazr\.smtptest\[checks\]"'


@pytest.mark.parametrize("module", ["dkim", "nacl.signing"])
@pytest.mark.parametrize(
    "verify", [lambda: verify_dkim(b"", Zone(), 0.0), lambda: verify_arc(b"", Zone())], ids=["dkim", "arc"]
)
def test_signatures_need_the_extra(verify, module, monkeypatch):
    monkeypatch.setitem(sys.modules, module, None)

    with pytest.raises(MissingExtra, match=INSTALL):
        verify()


@pytest.mark.parametrize(
    ("use", "purpose"), [(SystemResolver, "DNS lookups"), (lambda: Zone.from_text("a TXT b"), "zone files")]
)
def test_name_servers_and_zone_files_need_the_extra(use, purpose, monkeypatch):
    monkeypatch.setitem(sys.modules, "dns.resolver", None)

    with pytest.raises(MissingExtra, match=f"{purpose} need dnspython: {INSTALL}"):
        use()


def test_zone_of_a_mapping_needs_no_extra(monkeypatch):
    for module in ("dns", "dns.resolver", "dkim"):
        monkeypatch.setitem(sys.modules, module, None)

    assert Zone({"example.com": "x"}).find_txt("example.com") == [b"x"]
