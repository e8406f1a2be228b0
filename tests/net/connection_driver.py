"""Drive a connection without sockets: a transport and a reactor that record what the connection does."""

import contextlib

from lazr.smtptest import Limits
from lazr.smtptest._util.clock import monotonic
from lazr.smtptest.net import Connection, ConnectionManager
from lazr.smtptest.net.endpoint import Endpoint
from lazr.smtptest.protocol.smtp import ServerSettings, standard_replies
from lazr.smtptest.rules import Rules


class FakeTransport:
    """A transport that keeps what is written."""

    def __init__(self):
        self.written = b""
        self.unsent_count = 0  # what `get_write_buffer_size` returns
        self.is_reading = True
        self.end = None  # the first of "close", "abort" and "write_eof" that was called

    def write(self, data):
        self.written += data

    def take(self):
        """Return what was written since the last call."""
        written, self.written = self.written, b""
        return written

    def limit_reads(self, max_bytes):
        self.read_limit = max_bytes

    def pause_reading(self):
        assert self.is_reading
        self.is_reading = False

    def resume_reading(self):
        self.is_reading = True

    def close(self):
        self.end = self.end or "close"

    def abort(self):
        self.end = self.end or "abort"

    def write_eof(self):
        self.end = self.end or "write_eof"

    def is_closing(self):
        return self.end in ("close", "abort")

    def can_write_eof(self):
        return True

    def get_write_buffer_size(self):
        return self.unsent_count

    def set_write_buffer_limits(self, high):
        pass

    def get_extra_info(self, name):
        if name == "socket":
            raise OSError("there is no socket")
        return ("192.0.2.1", 1025)


class FakeTimer:
    """A timer that a test fires."""

    def __init__(self, seconds, function, arguments):
        self.seconds = seconds
        self.time = monotonic() + seconds
        self.function = function
        self.arguments = arguments
        self.is_cancelled = False

    def cancel(self):
        self.is_cancelled = True


class FakeReactor:
    """A reactor that runs nothing by itself."""

    max_sockets = None

    def __init__(self):
        self.calls = []
        self.timers = []

    def call_soon(self, function, *arguments):
        self.calls.append((function, arguments))

    call_in_next_pass = call_soon

    def call_later(self, seconds, function, *arguments):
        self.timers.append(FakeTimer(seconds, function, arguments))
        return self.timers[-1]

    @property
    def delays(self):
        """The seconds of the timers that are set."""
        return [timer.seconds for timer in self.timers if not timer.is_cancelled]

    def run_calls(self):
        """Run the scheduled calls, but not those that they schedule."""
        calls, self.calls = self.calls, []
        for function, arguments in calls:
            function(*arguments)

    def fire_timers(self):
        """Fire the timers that are set, whatever their time is."""
        timers, self.timers = self.timers, []
        for timer in timers:
            if not timer.is_cancelled:
                timer.function(*timer.arguments)


class FakeTask:
    """A task that runs when a test runs it."""

    def __init__(self, coroutine):
        self.coroutine = coroutine
        self.is_cancelled = False

    def run(self):
        """Run the coroutine until it waits, or ends."""
        with contextlib.suppress(StopIteration):
            self.coroutine.send(None)

    def cancel(self):
        self.is_cancelled = True
        self.coroutine.close()


class ConnectionDriver:
    """One connection, its transport and its reactor.

    Args:
        limits: The server's limits.
        decide: As the argument of `ConnectionManager`.
        endpoint: Arguments of `Endpoint`.
        settings: Arguments of `ServerSettings`.
        is_durable: Whether replies wait for commits.
    """

    def __init__(self, *, limits=None, decide=None, endpoint=(), settings=(), is_durable=False):
        limits = Limits() if limits is None else limits
        self.reactor = FakeReactor()
        self.rules = Rules()
        self.tasks = []
        self.manager = ConnectionManager(
            self.reactor,
            [],
            limits,
            create_connection=Connection,
            decide=decide,
            apply_reply=self._apply_reply,
            decide_by_function=lambda function, event, reply: function(event),
            reply_to_error=lambda error: standard_replies.BAD_SEQUENCE,
            notify_accepted=lambda: None,
            add_record=lambda record: None,
            on_session_end=None,
            rules=self.rules,
            start_time=0.0,
        )
        self.manager.run_coroutine = lambda call: call.start(self._create_task, lambda: None, self.reactor.call_soon)
        if is_durable:
            self.manager.pending_commits = []
        self.transport = FakeTransport()
        self.connection = Connection(
            self.manager, Endpoint(ServerSettings(limits=limits, **dict(settings)), **dict(endpoint))
        )
        self.connection.connection_made(self.transport)
        self.greeting = self.transport.take()

    def _create_task(self, coroutine):
        self.tasks.append(FakeTask(coroutine))
        return self.tasks[-1]

    def _apply_reply(self, event, reply):
        return self.apply_reply(event, reply)

    def apply_reply(self, event, reply):
        """Return the reply to an event; a test replaces this."""
        return reply

    def receive(self, data):
        """Pass input from the client, and return what the connection has written."""
        assert self.transport.is_reading, "the transport would not read"
        self.connection.data_received(data)
        return self.transport.take()
