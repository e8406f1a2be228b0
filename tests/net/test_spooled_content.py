"""Content in memory and in temporary files, and the memory that all sessions share."""

import pytest

from lazr.smtptest import Limits, MailServer
from lazr.smtptest.net.spooled_content import MemoryBudget, SpooledContent


def test_content_above_its_own_limit_goes_to_a_file():
    spool = SpooledContent(10)
    for part in (b"12345", b"67890", b"x", b"y"):
        spool.append(part)

    assert spool.has_file and spool.take() == [b"1234567890xy"]
    assert not spool.has_file and spool.take() == []


def test_content_above_the_budget_goes_to_files():
    budget = MemoryBudget(100)
    spools = [SpooledContent(1000, budget) for _ in range(10)]
    for spool in spools:
        spool.append(b"x" * 30)

    assert [spool.has_file for spool in spools].count(False) == 3
    assert budget.used_bytes == 90
    assert all(spool.take() == [b"x" * 30] for spool in spools)
    assert budget.used_bytes == 0


def test_cleared_content_gives_its_memory_back():
    budget = MemoryBudget(100)
    spool, other = SpooledContent(1000, budget), SpooledContent(1000, budget)
    for _ in range(100):
        spool.append(b"x" * 60)
        spool.clear()
    other.append(b"y" * 60)

    assert not other.has_file and budget.used_bytes == 60


@pytest.mark.parametrize("end", [b"", b".\r\n"])
def test_interrupted_content_gives_its_memory_back(connect, end):
    with MailServer(limits=Limits(content_memory=100_000)) as server:
        client = connect(server)
        client.send(b"EHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<bob@example.com>\r\nDATA\r\n")
        while not client.read_reply().startswith(b"354"):
            pass
        client.send(b"x" * 40_000 + b"\r\n" + end)
        client.close()
        server.settle()

        assert server.call(lambda: server._connection_manager.memory_budget.used_bytes) == 0


def test_server_keeps_unfinished_messages_within_the_budget(connect):
    limits = Limits(content_memory=100_000)
    with MailServer(limits=limits) as server:
        clients = [connect(server) for _ in range(8)]
        for client in clients:
            client.send(b"EHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<bob@example.com>\r\nDATA\r\n")
            while not client.read_reply().startswith(b"354"):
                pass
            client.send(b"x" * 40_000 + b"\r\n")
        manager = server._connection_manager
        used = server.call(lambda: manager.memory_budget.used_bytes)
        for client in clients:
            client.send(b".\r\n")
            assert client.read_reply().startswith(b"250")

        assert used <= 100_000
        assert [mail.content for mail in server.inbox] == [b"x" * 40_000 + b"\r\n"] * 8
        assert server.call(lambda: manager.memory_budget.used_bytes) == 0
