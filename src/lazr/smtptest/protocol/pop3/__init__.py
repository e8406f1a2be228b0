"""POP3 (RFC 1939) and its extensions, without I/O."""

from __future__ import annotations

from lazr.smtptest._util.lazy_exports import lazy_exports

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from lazr.smtptest.protocol.pop3.session import Pop3Session

__all__ = ["Pop3Session"]

__getattr__: Callable[[str], object]
__dir__: Callable[[], list[str]]
__getattr__, __dir__ = lazy_exports(globals(), {"lazr.smtptest.protocol.pop3.session": ("Pop3Session",)})
