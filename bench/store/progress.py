"""Show the progress of long work on standard error."""

from __future__ import annotations

import sys
import time

_INTERVAL_SECONDS = 10  # between lines, when standard error is no terminal


class Progress:
    """One line that is rewritten on a terminal; elsewhere a line every ten seconds.

    Args:
        label: what is measured.
    """

    def __init__(self, label: str) -> None:
        self._label = label
        self._is_terminal = sys.stderr.isatty()
        self._shown_at = 0.0
        self.show("…")

    def show(self, state: str) -> None:
        now = time.monotonic()
        if self._is_terminal:
            sys.stderr.write(f"\r\x1b[K{self._label}: {state}")
        elif now - self._shown_at < _INTERVAL_SECONDS:
            return
        else:
            sys.stderr.write(f"{self._label}: {state}\n")
        self._shown_at = now
        sys.stderr.flush()

    def clear(self) -> None:
        if self._is_terminal:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
