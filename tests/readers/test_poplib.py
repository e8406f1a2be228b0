"""poplib, of the standard library."""

import poplib

import pytest

from tests.readers.example_mails import EXAMPLES, MEETING, REPORT
from tests.readers.reader_server import HOST, PASSWORD


def log_in(server, tls="none"):
    """Return a client that has logged in."""
    port = server.get_pop3_port(tls)
    if tls == "implicit":
        client = poplib.POP3_SSL(HOST, port, timeout=60, context=server.make_context())
    else:
        client = poplib.POP3(HOST, port, timeout=60)
    if tls == "starttls":
        client.stls(server.make_context())
    client.user(server.user)
    client.pass_(PASSWORD)
    return client


def read_bytes(lines):
    """Return the content of a mail."""
    return b"".join(line + b"\r\n" for line in lines)


@pytest.mark.parametrize("tls", ["none", "starttls", "implicit"])
def test_retr_returns_the_bytes_of_each_mail(reader_server, tls):
    reader_server.deliver(*EXAMPLES.values())

    client = log_in(reader_server, tls)
    contents = [read_bytes(client.retr(number + 1)[1]) for number in range(len(EXAMPLES))]
    client.quit()

    assert contents == list(EXAMPLES.values())


def test_wrong_password_is_refused(reader_server):
    client = poplib.POP3(HOST, reader_server.pop3, timeout=60)
    client.user(reader_server.user)
    with pytest.raises(poplib.error_proto, match="-ERR"):
        client.pass_("wrong")
    client.quit()


def test_stat_list_and_uidl_agree(reader_server):
    reader_server.deliver(MEETING, REPORT)

    client = log_in(reader_server)
    assert client.stat() == (2, len(MEETING) + len(REPORT))
    assert client.list()[1] == [b"1 %d" % len(MEETING), b"2 %d" % len(REPORT)]
    assert client.list(2).split()[1:3] == [b"2", b"%d" % len(REPORT)]
    ids = [line.split()[1] for line in client.uidl()[1]]
    client.quit()

    assert len(set(ids)) == 2
    client = log_in(reader_server)
    assert [line.split()[1] for line in client.uidl()[1]] == ids
    client.quit()


def test_top_returns_header_and_first_lines(reader_server):
    content = EXAMPLES["dots"]
    reader_server.deliver(content)

    client = log_in(reader_server)
    lines = client.top(1, 2)[1]
    client.quit()

    assert read_bytes(lines) == content.partition(b".one")[0]


def test_dele_takes_effect_at_quit_and_rset_undoes_it(reader_server):
    reader_server.deliver(MEETING, REPORT)

    client = log_in(reader_server)
    client.dele(1)
    client.rset()
    client.dele(2)
    assert client.stat() == (1, len(MEETING))
    with pytest.raises(poplib.error_proto):
        client.retr(2)
    assert len(reader_server.read_folder()) == 2
    client.quit()

    assert reader_server.read_contents() == [MEETING]


def test_connection_without_quit_deletes_nothing(reader_server):
    reader_server.deliver(MEETING)

    client = log_in(reader_server)
    client.dele(1)
    client.close()

    assert reader_server.read_contents() == [MEETING]


def test_capabilities_name_what_is_supported(reader_server):
    client = poplib.POP3(HOST, reader_server.pop3, timeout=60)
    capabilities = client.capa()
    client.quit()

    assert {"TOP", "UIDL", "USER", "PIPELINING", "STLS", "SASL", "RESP-CODES"} <= set(capabilities)
    assert "PLAIN" in capabilities["SASL"]
