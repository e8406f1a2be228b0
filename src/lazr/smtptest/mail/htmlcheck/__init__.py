"""Find the features of HTML and CSS that a mail uses, and who supports them.

The data is from https://www.caniemail.com.

- `worker` counts the features that the HTML uses, in a child process; `markup`, `styles` and `selectors` find them.
- `measure` starts the child process.
- `table` loads which mail programs support which features.

Nothing is loaded from other servers: a linked stylesheet counts as a link only.
"""

from __future__ import annotations

from lazr.smtptest._util.lazy_exports import lazy_exports

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from lazr.smtptest.mail.htmlcheck.measure import measure_features
    from lazr.smtptest.mail.htmlcheck.table import Feature, load_features, load_platforms
    from lazr.smtptest.mail.htmlcheck.worker import SCRIPT_SLUG, TESTED_SLUGS, FeatureCounts

__all__ = [
    "SCRIPT_SLUG",
    "TESTED_SLUGS",
    "Feature",
    "FeatureCounts",
    "load_features",
    "load_platforms",
    "measure_features",
]

# Lazily, as the child process imports this package, too.
__getattr__: Callable[[str], object]
__dir__: Callable[[], list[str]]
__getattr__, __dir__ = lazy_exports(
    globals(),
    {
        "lazr.smtptest.mail.htmlcheck.measure": ("measure_features",),
        "lazr.smtptest.mail.htmlcheck.table": ("Feature", "load_features", "load_platforms"),
        "lazr.smtptest.mail.htmlcheck.worker": ("SCRIPT_SLUG", "TESTED_SLUGS", "FeatureCounts"),
    },
)
