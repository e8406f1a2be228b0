"""Count the features of an HTML document in a child process with limits."""

from __future__ import annotations

import json
from collections import Counter

from lazr.smtptest._util.child_process import run_in_child_process
from lazr.smtptest._util.extras import require_extra
from lazr.smtptest.mail.htmlcheck.places import Place
from lazr.smtptest.mail.htmlcheck.worker import FeatureCounts
from lazr.smtptest.mail.mime import limits

__all__ = ["measure_features"]

_TIMEOUT_SECONDS = 10


def measure_features(html: str) -> FeatureCounts:
    """Count the features of the first 1 MiB of an HTML document.

    Raises:
        ChildProcessFailed: if this takes more than 10 s or too much memory.
        MissingExtra: if tinycss2 is not installed.
    """
    require_extra("html-check")
    data = html[: limits.MAX_DERIVED_CHARACTERS].encode("utf-8", "replace")
    result = json.loads(run_in_child_process("lazr.smtptest.mail.htmlcheck.worker", data, timeout=_TIMEOUT_SECONDS))
    places = {slug: [Place(line, column) for line, column in found] for slug, found in result["places"].items()}
    return FeatureCounts(result["nodes"], Counter(result["found"]), places)
