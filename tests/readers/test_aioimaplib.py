"""aioimaplib (PyPI)."""

import asyncio
import contextlib
import re

import aioimaplib
import pytest

from tests.readers.example_mails import EXAMPLES, MEETING, REPORT
from tests.readers.reader_server import HOST, PASSWORD


@contextlib.asynccontextmanager
async def log_in(server, tls="none"):
    """Run a block with a client that has logged in and selected INBOX."""
    port = server.get_imap_port(tls)
    if tls == "implicit":
        client = aioimaplib.IMAP4_SSL(HOST, port, timeout=60, ssl_context=server.make_context())
    else:
        client = aioimaplib.IMAP4(HOST, port, timeout=60)
    await client.wait_hello_from_server()
    check(await client.login(server.user, PASSWORD))
    check(await client.select("INBOX"))
    yield client
    await client.logout()
    client.protocol.transport.abort()  # it does not close the connection itself


def check(response):
    """Return the lines of a response that is OK."""
    assert response.result == "OK", response
    return response.lines


@pytest.mark.parametrize("tls", ["none", "implicit"])
def test_fetch_returns_the_bytes_of_each_mail(reader_server, tls):
    reader_server.deliver(*EXAMPLES.values())

    async def fetch():
        async with log_in(reader_server, tls) as client:
            return [line for line in check(await client.fetch("1:*", "BODY.PEEK[]")) if isinstance(line, bytearray)]

    assert asyncio.run(fetch()) == list(EXAMPLES.values())


def test_folders_are_listed_created_renamed_and_deleted(reader_server):
    async def use_folders():
        async with log_in(reader_server) as client:
            check(await client.create("New"))
            check(await client.rename("New", "Archive"))
            lines = check(await client.list('""', "*"))
            check(await client.delete("Archive"))
            return lines

    assert any(re.fullmatch(rb'\(.*\) "/" "?Archive"?', line) for line in asyncio.run(use_folders()))
    assert "Archive" not in reader_server.list_folders()


def test_store_copy_move_and_expunge(reader_server):
    reader_server.deliver(MEETING, REPORT, EXAMPLES["dots"])

    async def change():
        async with log_in(reader_server) as client:
            check(await client.store("1", "+FLAGS", r"(\Flagged $Work)"))
            check(await client.copy("1", "Sent"))
            check(await client.move("2", "Junk"))
            check(await client.store("2", "+FLAGS", r"(\Deleted)"))
            check(await client.expunge())

    asyncio.run(change())

    assert [(mail.content, mail.flags) for mail in reader_server.read_folder()] == [(MEETING, {"\\Flagged", "$Work"})]
    assert reader_server.read_contents("Sent") == [MEETING]
    assert reader_server.read_contents("Junk") == [REPORT]


def test_append_and_search(reader_server):
    async def append():
        async with log_in(reader_server) as client:
            check(await client.append(MEETING, mailbox="INBOX", flags="\\Seen"))
            check(await client.append(REPORT, mailbox="INBOX"))
            return [check(await client.search(text))[0] for text in ("SEEN", "SUBJECT report", "ALL")]

    assert asyncio.run(append()) == [b"1", b"2", b"1 2"]
    assert reader_server.read_contents() == [MEETING, REPORT]


def test_idle_reports_a_new_mail(reader_server):
    async def wait_for_mail():
        async with log_in(reader_server) as client:
            idle = await client.idle_start(timeout=60)
            await asyncio.to_thread(reader_server.deliver, MEETING)
            lines = await client.wait_server_push()
            client.idle_done()
            await asyncio.wait_for(idle, 60)
            return lines

    assert b"1 EXISTS" in asyncio.run(wait_for_mail())
