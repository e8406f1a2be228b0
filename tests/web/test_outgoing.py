"""Where requests go, and where they do not: row W5 of what a server is threatened by."""

import asyncio
import os
import socket
import ssl
import threading

import pytest
import trustme

from lazr.smtptest.web.addresses import Reach
from lazr.smtptest.web.outgoing import NotAllowed, NotAnswered, Outgoing, resolve
from receiving import TIMEOUT, Receiver, answer

LOOPBACK = ["127.0.0.1/32"]


def ask(url, method="GET", content=b"", headers=None, **settings):
    outgoing = Outgoing(**{"allowed": LOOPBACK} | settings)
    asked = outgoing.ask(method, url, headers=headers or {}, content=content)
    return asyncio.run(asyncio.wait_for(asked, TIMEOUT))


def names(**hosts):
    """A resolver of these names; a list of lists is what it says one time after the other."""
    asked = []

    async def resolve(host, port):
        asked.append(host)
        addresses = hosts[host.replace(".", "_")]
        if addresses and isinstance(addresses[0], list):
            addresses = addresses[min(len(asked), len(addresses)) - 1]
        return addresses

    resolve.asked = asked
    return resolve


# -- addresses ------------------------------------------------------------------------------------


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
def test_what_is_not_the_internet_is_refused(address):
    assert Reach().refusal(address)


@pytest.mark.parametrize(
    "address",
    [
        *("1.1.1.1", "8.8.8.8", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.255.255.255"),
        *("128.0.0.0", "169.253.255.255", "172.15.255.255", "172.32.0.0", "192.167.255.255", "192.169.0.0"),
        *("198.17.255.255", "198.20.0.0", "223.255.255.255", "2001:4860:4860::8888", "2606:4700::1111", "2a00::5efe:1"),
    ],
)
def test_the_internet_is_not_refused(address):
    assert Reach().refusal(address) is None


@pytest.mark.parametrize(
    ("allowed", "address", "open_"),
    [
        ("127.0.0.0/8", "127.1.2.3", True),
        ("127.0.0.1", "127.0.0.1", True),
        ("127.0.0.1", "127.0.0.2", False),
        ("127.0.0.0/8", "::ffff:127.0.0.1", False),  # the same host by another door
        ("127.0.0.0/8", "::1", False),
        ("10.0.0.0/8", "2002:a00:1::", False),
        ("::1", "::1", True),
        ("64:ff9b::/96", "64:ff9b::808:808", True),
        ("0.0.0.0/0", "::1", False),
    ],
)
def test_what_is_allowed_is_allowed_to_the_letter(allowed, address, open_):
    assert (Reach([allowed]).refusal(address) is None) is open_


@pytest.mark.parametrize("network", ["10.0.0.1/8", "localhost", ""])
def test_what_is_no_network_cannot_be_allowed(network):
    with pytest.raises(ValueError, match=r"network|address|host bits|appear"):
        Reach([network])


# -- requests -------------------------------------------------------------------------------------


def test_a_request_goes_to_the_address_that_was_looked_at():
    resolving = names(hooks_example=["127.0.0.1"])
    with Receiver(answer(200, b"thanks", X_Kind="test")) as receiver:
        got = ask(receiver.url("hooks.example"), "POST", b"{}", {"X-One": "1"}, resolve=resolving)
        came = receiver.next()

    assert (got.status, got.body, got.headers["x-kind"]) == (200, b"thanks", "test")
    assert (came.method, came.path, came.body, came.headers["x-one"]) == ("POST", "/hook", b"{}", "1")
    assert came.headers["host"] == f"hooks.example:{receiver.port}"
    assert resolving.asked == ["hooks.example"]


@pytest.mark.parametrize(
    "url",
    [
        *("http://127.0.0.1:{}/", "http://localhost:{}/", "http://127.1:{}/", "http://2130706433:{}/"),
        *("http://0x7f000001:{}/", "http://0177.0.0.1:{}/", "http://0.0.0.0:{}/", "http://0:{}/"),
        *("http://[::ffff:127.0.0.1]:{}/", "http://[::ffff:7f00:1]:{}/", "http://LOCALHOST.:{}/"),
    ],
)
def test_no_spelling_of_this_machine_is_connected_to(url):
    with Receiver() as receiver:
        # Some are names to some systems; what matters is that nobody was connected to.
        with pytest.raises((NotAllowed, NotAnswered)):
            ask(url.format(receiver.port), allowed=[])
        assert receiver.connections == 0


@pytest.mark.parametrize(
    "addresses",
    [
        ["10.0.0.1"],
        ["169.254.169.254"],
        ["127.0.0.2"],
        ["::1"],
        ["::ffff:127.0.0.1"],
        ["no address"],
        ["10.0.0.1", "::1"],
    ],
)
def test_a_name_that_leads_into_this_network_is_refused(addresses):
    with pytest.raises(NotAllowed, match=r"evil\.test is .* not among what is allowed"):
        ask("http://evil.test/", resolve=names(evil_test=addresses))


def test_of_several_addresses_only_those_that_may_be_are_connected_to():
    with Receiver() as receiver:
        got = ask(receiver.url("two.test"), resolve=names(two_test=["::1", "10.0.0.1", "127.0.0.1"]))

    assert got.status == 204


def test_a_name_is_asked_for_once_and_may_change_its_mind_afterwards():
    # The second answer is what a rebinding name server gives to who asks again to connect.
    resolving = names(evil_test=[["127.0.0.1"], ["127.0.0.2"]])
    with Receiver() as receiver:
        assert ask(receiver.url("evil.test"), resolve=resolving).status == 204
        with pytest.raises(NotAllowed):
            ask(receiver.url("evil.test"), resolve=resolving)
        assert receiver.connections == 1


def test_a_redirect_is_an_answer_and_is_not_followed():
    with Receiver() as secret, Receiver(answer(302, Location=secret.url())) as receiver:
        got = ask(receiver.url())

        assert (got.status, got.headers["location"]) == (302, secret.url())
        assert secret.connections == 0


def test_the_proxies_of_the_environment_are_not_used(monkeypatch):
    with Receiver() as proxy, Receiver() as receiver:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url(path=""))
        ask(receiver.url())

        assert (proxy.connections, receiver.connections) == (0, 1)
    assert "http_proxy" in os.environ


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("file:///etc/passwd", "http or https"),
        ("gopher://127.0.0.1/", "http or https"),
        ("//127.0.0.1/", "http or https"),
        ("", "http or https"),
        ("http://", "with a host"),
        ("http:///path", "with a host"),
        ("http://127.0.0.1:0/", "with a host"),
        ("http://127.0.0.1:99999/", "not a URL"),
        ("http://[::1/", "not a URL"),
        ("http://user:password@127.0.0.1/", "no user"),
        ("http://127.0.0.1@evil.test/", "no user"),
        ("http://exämple.test/", "ASCII"),
        ("http://127.0.0.1/\r\nX: y", "ASCII"),
        ("http://127.0.0.1/ HTTP/1.1", "ASCII"),
        ("http://127.0.0.1\t/", "ASCII"),
    ],
)
def test_a_url_that_is_none_of_ours_is_refused_before_it_is_asked_for(url, reason):
    with pytest.raises(NotAllowed, match=reason) as caught:
        ask(url, resolve=names())
    assert "password" not in str(caught.value)


def test_a_header_field_cannot_bring_another():
    with Receiver() as receiver:
        with pytest.raises(NotAnswered):
            ask(receiver.url(), headers={"X": "a\r\nY: b"})
        assert receiver.came.empty()


def test_of_a_large_answer_only_the_start_is_read():
    sent = []

    def endless(handler):
        handler.send_response(200)
        handler.end_headers()
        while True:
            handler.wfile.write(b"x" * 65536)
            sent.append(65536)

    with Receiver(endless) as receiver:
        got = ask(receiver.url(), most=1000)

    assert got.body == b"x" * 1000
    assert sum(sent) < 50_000_000


def slowly(handler):
    gone = threading.Event()
    handler.send_response(200)
    handler.end_headers()
    while not gone.wait(0.01):
        handler.wfile.write(b"x")


def never(handler):
    handler.rfile.read()


@pytest.mark.parametrize("act", [slowly, never])
def test_an_answer_has_a_deadline_in_all(act):
    with Receiver(act) as receiver, pytest.raises(NotAnswered, match=r"longer than 0\.3 s"):
        ask(receiver.url(), seconds=0.3)


def test_resolving_is_in_the_deadline():
    async def forever(host, port):
        await asyncio.Event().wait()

    with pytest.raises(NotAnswered, match=r"longer than 0\.1 s"):
        ask("http://slow.test/", seconds=0.1, resolve=forever)


@pytest.fixture
def silence(monkeypatch):
    """DNS that says nothing, until this is set."""
    gate, asked = threading.Event(), socket.getaddrinfo

    def silent(*which, **more):
        gate.wait(TIMEOUT)
        return asked(*which, **more)

    monkeypatch.setattr(socket, "getaddrinfo", silent)
    yield gate
    gate.set()
    for thread in threading.enumerate():
        if thread.name == "smtptest-names":
            thread.join(TIMEOUT)


def test_names_that_dns_is_silent_about_take_no_thread_from_others(silence):
    async def look_up():
        asked = [asyncio.create_task(resolve("127.0.0.1", 80)) for _ in range(32)]
        await asyncio.sleep(0)
        with pytest.raises(OSError, match="32 names are being looked up"):
            await asyncio.wait_for(resolve("127.0.0.1", 80), TIMEOUT)
        asked[0].cancel()
        assert await asyncio.to_thread(threading.active_count) > 32
        silence.set()
        return await asyncio.gather(*asked[1:])

    assert asyncio.run(look_up()) == [["127.0.0.1"]] * 31


def test_nobody_waits_for_a_name_that_took_too_long(silence):
    with pytest.raises(TimeoutError):
        asyncio.run(asyncio.wait_for(resolve("127.0.0.1", 80), 0.1))

    assert "smtptest-names" in [one.name for one in threading.enumerate()]  # it asks on, for nobody


def garbage(handler):
    handler.wfile.write(b"220 smtp.example ESMTP\r\n")


def long_head(handler):
    handler.wfile.write(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 100_000)


def cut(handler):
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nx")


@pytest.mark.parametrize("act", [garbage, long_head, cut, lambda handler: None])
def test_what_is_no_answer_is_not_taken_for_one(act):
    with Receiver(act) as receiver, pytest.raises(NotAnswered):
        ask(receiver.url())


def test_where_nobody_listens_nothing_is_answered():
    with socket.create_server(("127.0.0.1", 0)) as once:
        port = once.getsockname()[1]
    with pytest.raises(NotAnswered):
        ask(f"http://127.0.0.1:{port}/")


def test_a_name_that_nobody_has_is_not_answered():
    async def unknown(host, port):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    with pytest.raises(NotAnswered, match="not known"):
        ask("http://nobody.test/", resolve=unknown)
    with pytest.raises(NotAnswered, match="no address"):
        ask("http://nobody.test/", resolve=names(nobody_test=[]))


def test_certificates_are_for_the_name_not_for_the_address():
    authority = trustme.CA()
    theirs = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("hooks.example").configure_cert(theirs)
    ours = ssl.create_default_context()
    authority.configure_trust(ours)
    resolving = names(hooks_example=["127.0.0.1"], evil_example=["127.0.0.1"])

    with Receiver(context=theirs) as receiver:
        url = receiver.url("hooks.example", scheme="https")
        assert ask(url, resolve=resolving, context=ours).status == 204
        for wrong, context in ((receiver.url("evil.example", scheme="https"), ours), (url, None)):
            with pytest.raises(NotAnswered, match="certificate"):
                ask(wrong, resolve=resolving, context=context)


def test_this_machine_resolves_its_own_name():
    assert set(asyncio.run(resolve("localhost", 80))) & {"127.0.0.1", "::1"}
