"""Check how well mail programs support the HTML of a mail.

The data is from https://www.caniemail.com.

- `worker` counts the features that the HTML uses, in a child process; `markup`, `styles` and `selectors` find them.
- `table` loads which mail programs support which features.
- `score` computes the score and the warnings from both.

Nothing is loaded from other servers: a linked stylesheet counts as a link only.
"""

from __future__ import annotations

from lazr.smtptest._util.lazy_exports import lazy_exports

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from lazr.smtptest.web.htmlcheck.score import HTMLCheckResponse, run_html_check

__all__ = ["HTMLCheckResponse", "run_html_check"]

# Lazily, as the child process imports this package, too.
__getattr__: Callable[[str], object]
__dir__: Callable[[], list[str]]
__getattr__, __dir__ = lazy_exports(
    globals(), {"lazr.smtptest.web.htmlcheck.score": ("HTMLCheckResponse", "run_html_check")}
)
