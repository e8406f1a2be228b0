"""Signals that the process of the tests ignores, as under `nohup`: programs that it starts get the default again."""

import contextlib
import signal


@contextlib.contextmanager
def default_signals(*names):
    """Give ignored signals their default action while programs start, which inherit it."""
    ignored = [
        number for number in map(signal.Signals.__getitem__, names) if signal.getsignal(number) is signal.SIG_IGN
    ]
    for number in ignored:
        signal.signal(number, signal.SIG_DFL)
    try:
        yield
    finally:
        for number in ignored:
            signal.signal(number, signal.SIG_IGN)
