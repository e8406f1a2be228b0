"""Review a mail: what breaks RFCs, or what mailbox providers and readers object to.

- `finding`, `review`: the result, a list of findings.
- `rule`, `table`: all rules; the files named `…_rules` have those of one topic each.
- `source`: what rules read, and the lines of places in the mail's source.
- `message_checks`: the checks of the REST route `checks`, which also lists what passed.
"""

from __future__ import annotations

from lazr.smtptest._util.lazy_exports import lazy_exports

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from lazr.smtptest.mail.review.message_checks import Check, check_message

__all__ = ["Check", "check_message"]

__getattr__: Callable[[str], object]
__dir__: Callable[[], list[str]]
__getattr__, __dir__ = lazy_exports(globals(), {"lazr.smtptest.mail.review.message_checks": ("Check", "check_message")})
