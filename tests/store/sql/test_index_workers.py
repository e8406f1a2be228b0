"""Child processes parse a long backlog; whatever happens to them, each mail is indexed once."""

import itertools
import os
import signal

import pytest

from lazr.smtptest._util.worker_process import ChildProcessFailed, WorkerProcess
from lazr.smtptest.store import AddressTerm, TagFilter, TagRules, TextTerm, create_store
from lazr.smtptest.store.sql import indexer
from lazr.smtptest.store.sql.record_builder import RecordBuilder
from tests.store.contract import arrival

COUNT = 450
RULES = TagRules(filters=[TagFilter.parse("seven=subject:7")])


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def backlog(request, tmp_path, monkeypatch):
    """A store with a backlog that is long enough for child processes, in batches of 20 mails."""
    monkeypatch.setattr(indexer, "_MAX_MAILS_PER_BATCH", 20)
    monkeypatch.setattr("os.cpu_count", lambda: 3)  # two child processes on any machine
    is_postgres = request.param == "postgres"
    url = request.getfixturevalue("postgres") if is_postgres else f"sqlite:///{tmp_path / 'mail.sqlite'}"
    with create_store(url, tag_rules=RULES) as store:
        store.add([arrival(b"Subject: mail %d\r\nX-Tags: t\r\n\r\nHello\r\n" % n, id=f"m{n}") for n in range(COUNT)])
        yield store


def check_everything_is_indexed_once(store):
    assert store.get_page(limit=1).pending == 0
    assert store.get_page((TextTerm("subject", "mail"),)).match_count == COUNT
    assert store.count_tags() == {"t": COUNT, "seven": sum("7" in str(n) for n in range(COUNT))}
    assert store.get_mail("m7").content == b"Subject: mail 7\r\nX-Tags: t\r\n\r\nHello\r\n"


def index_everything(store, limit=100):
    while store.index_pending(limit):
        pass


@pytest.mark.slow
def test_child_process_parses_a_long_backlog(backlog, monkeypatch):
    monkeypatch.setattr(RecordBuilder, "build", lambda *_: pytest.fail("parsed in this process"))
    index_everything(backlog, limit=50)

    monkeypatch.undo()
    check_everything_is_indexed_once(backlog)


@pytest.mark.slow
def test_close_ends_the_child_processes(backlog):
    backlog.index_pending(1)
    workers = backlog._indexer._workers
    while not workers._processes:
        pass
    processes = list(workers._processes)

    backlog.close()

    assert all(process._process.returncode is not None for process in processes)


def test_no_child_process_starts_after_close(backlog, monkeypatch):
    """A thread that does not end in time may still be indexing when the store is closed."""
    indexer_of_backlog = backlog._indexer
    select_batches = indexer_of_backlog._select_batches

    def close_meanwhile(*arguments):
        batches = select_batches(*arguments)
        indexer_of_backlog.close()
        return batches

    monkeypatch.setattr(indexer_of_backlog, "_select_batches", close_meanwhile)
    backlog.index_pending(40)

    assert indexer_of_backlog._workers is None
    assert backlog.count_pending() == COUNT - 40
    monkeypatch.undo()
    backlog.close()
    backlog.open()
    backlog.index_pending(1)
    assert indexer_of_backlog._workers is not None


def test_closed_workers_refuse_batches(backlog, caplog):
    backlog.index_pending(1)
    workers = backlog._indexer._workers
    workers.close()

    with pytest.raises(ChildProcessFailed, match="the pool is closed"):
        workers.submit([]).result()
    index_everything(backlog)

    check_everything_is_indexed_once(backlog)


@pytest.mark.slow
def test_indexing_for_a_change_leaves_no_child_process(backlog):
    assert len(backlog.set_read((AddressTerm("recipient", "*"),), read=True)) == COUNT

    assert backlog._indexer._workers is None


def test_change_of_large_pending_mails_reads_them_one_by_one(backlog, monkeypatch):
    read_counts = []
    read_rows = indexer._read_rows
    monkeypatch.setattr(indexer, "_MAX_BYTES_PER_BATCH", 1)
    monkeypatch.setattr(indexer, "_read_rows", lambda *a: read_counts.append(read_rows(*a)) or read_counts[-1])

    backlog.set_tags([f"m{n}" for n in range(10)], ["x"])

    assert [len(rows) for rows in read_counts] == [1] * 10
    assert backlog.count_pending() == COUNT - 10


def break_by_kill(process, request):
    os.kill(process._process.pid, signal.SIGKILL)
    return request(process)


def break_by_timeout(process, request):
    process._process.send_signal(signal.SIGSTOP)
    return request(process)


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="signals")
@pytest.mark.parametrize("break_process", [break_by_kill, break_by_timeout])
def test_mails_of_a_dead_child_process_are_indexed_here(backlog, break_process, monkeypatch, caplog):
    request = WorkerProcess.request
    counter = itertools.count(1)  # requests come from several threads

    def break_third_request(process, data):
        count = next(counter)
        process._timeout = 1.0 if count == 3 else 30.0
        return break_process(process, lambda own: request(own, data)) if count == 3 else request(process, data)

    monkeypatch.setattr(WorkerProcess, "request", break_third_request)
    index_everything(backlog)

    check_everything_is_indexed_once(backlog)
    assert next(counter) > 10  # another process has taken its place
    assert ["a process that parses mails has failed" in record.getMessage() for record in caplog.records] == [True]


def test_indexing_goes_on_where_no_process_can_start(backlog, monkeypatch, caplog):
    attempts = []

    def refuse(*arguments, **options):
        attempts.append(True)
        raise ChildProcessFailed("the process cannot be started: no memory")

    monkeypatch.setattr("lazr.smtptest.store.sql.index_workers.WorkerProcess", refuse)
    index_everything(backlog)

    check_everything_is_indexed_once(backlog)
    assert len(attempts) <= 6  # the second process was starting, and a batch was waiting, at the third failure


def test_deleted_mails_do_not_come_back(backlog):
    backlog.index_pending(40)
    assert backlog._indexer._in_progress
    assert backlog.delete(ids=[f"m{n}" for n in range(30, 100)]) == 70
    index_everything(backlog)

    assert backlog.get_totals().mails == COUNT - 70
    assert backlog.get_page((TextTerm("subject", "mail"),)).match_count == COUNT - 70


@pytest.mark.parametrize("backlog", ["sqlite"], indirect=True)
def test_records_are_not_written_for_mails_of_another_file(backlog):
    backlog.index_pending(40)
    assert backlog._indexer._in_progress
    backlog.delete()
    while backlog.reclaim_space():
        pass
    with backlog._database.begin_write() as transaction:
        transaction.connection.exec_driver_sql("UPDATE sqlite_sequence SET seq = 0")
    backlog.close()
    with backlog:
        backlog.add([arrival(b"Subject: other %d\r\n\r\n" % n, id=f"other{n}") for n in range(COUNT)])
        index_everything(backlog)

        assert backlog.get_page((TextTerm("subject", "mail"),)).match_count == 0
        assert backlog.get_page((TextTerm("subject", "other"),)).match_count == COUNT
