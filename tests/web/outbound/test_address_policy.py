"""`AddressPolicy`: which addresses are public (threat W5)."""

import pytest

from lazr.smtptest.web.outbound.address_policy import AddressPolicy


@pytest.mark.parametrize(
    "address",
    [
        *("0.0.0.0", "0.1.2.3", "10.0.0.1", "10.255.255.255", "100.64.0.1", "100.100.100.200", "100.127.255.255"),
        *("127.0.0.1", "127.255.255.254", "168.63.129.16", "169.254.169.254", "172.16.0.1", "172.31.255.255"),
        *("192.0.0.192", "192.0.2.1", "192.88.99.1", "192.168.0.1", "198.18.0.1", "198.19.255.255", "198.51.100.1"),
        *("203.0.113.1", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255"),
        *("::", "::1", "::127.0.0.1", "::8.8.8.8", "::ffff:127.0.0.1", "::ffff:8.8.8.8", "::ffff:0:127.0.0.1"),
        *("64:ff9b::7f00:1", "64:ff9b::808:808", "64:ff9b:1::7f00:1", "64:ff9b:1:ffff::1", "100::1"),
        *("2001::1", "2001:0:4136:e378:8000:63bf:3fff:fdd2", "2001:10::1", "2001:20::1", "2001:db8::1", "3fff::1"),
        *("2002:7f00:1::1", "2002:808:808::1", "4000::1", "5f00::1", "fc00::1", "fd00:ec2::254", "fe80::1", "fec0::1"),
        *("feff::1", "ff02::1", "2a00:1450::5efe:7f00:1", "2a00:1450::200:5efe:7f00:1", "fe80::1%lo", "2a00::1%lo"),
        *("", "localhost", "127.1", "2130706433", "0x7f.0.0.1", "0177.0.0.1", "127.0.0.1 ", "1.2.3.4.5"),
    ],
)
def test_address_that_is_not_public_is_blocked(address):
    assert AddressPolicy().find_block_reason(address)


@pytest.mark.parametrize(
    "address",
    [
        *("1.1.1.1", "8.8.8.8", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.255.255.255"),
        *("128.0.0.0", "169.253.255.255", "172.15.255.255", "172.32.0.0", "192.167.255.255", "192.169.0.0"),
        *("198.17.255.255", "198.20.0.0", "223.255.255.255", "2001:4860:4860::8888", "2606:4700::1111", "2a00::5efe:1"),
    ],
)
def test_public_address_is_allowed(address):
    assert AddressPolicy().find_block_reason(address) is None


@pytest.mark.parametrize(
    ("allowed", "address", "is_allowed"),
    [
        ("127.0.0.0/8", "127.1.2.3", True),
        ("127.0.0.1", "127.0.0.1", True),
        ("127.0.0.1", "127.0.0.2", False),
        ("127.0.0.0/8", "::ffff:127.0.0.1", False),  # the same host in another notation
        ("127.0.0.0/8", "::1", False),
        ("10.0.0.0/8", "2002:a00:1::", False),
        ("::1", "::1", True),
        ("64:ff9b::/96", "64:ff9b::808:808", True),
        ("0.0.0.0/0", "::1", False),
    ],
)
def test_only_the_allowed_network_is_allowed(allowed, address, is_allowed):
    assert (AddressPolicy([allowed]).find_block_reason(address) is None) is is_allowed


@pytest.mark.parametrize("network", ["10.0.0.1/8", "localhost", ""])
def test_invalid_allowed_network_raises_value_error(network):
    with pytest.raises(ValueError, match=r"network|address|host bits|appear"):
        AddressPolicy([network])
