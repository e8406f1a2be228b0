"""Check the arguments of `MailServer` in the constructor, before any later use."""

from __future__ import annotations

from collections.abc import Mapping

from lazr.smtptest._util.seconds import check_seconds

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["check_arguments"]

# The arguments that may be None.
_OPTIONAL = frozenset({"decide", "observer", "store", "keep_bytes", "mailboxes", "spf_ip", "switch_interval"})
_OBSERVER_CALLBACKS = ("on_mail_received", "on_mail_accepted", "on_command_refused", "on_session_ended")
_STORE_METHODS = ("add", "close")


def check_arguments(arguments: Mapping[str, object]) -> None:
    """Check the types of arguments that nothing else checks in the constructor.

    Args:
        arguments: the arguments of `MailServer` by name, all of them.

    Raises:
        TypeError: for a value of the wrong type; the text shows the right form.
        ValueError: for a number out of range.

    >>> from lazr.smtptest import MailServer
    >>> MailServer(1025)
    Traceback (most recent call last):
    TypeError: host must be an address such as "127.0.0.1", got 1025; write port=1025
    """
    for name, check in _CHECKS.items():
        value = arguments[name]
        if value is not None or name not in _OPTIONAL:
            check(name, value)


def _check_flag(name: str, value: object) -> None:
    if not isinstance(value, bool):
        raise TypeError(f"{name} must be True or False, got {value!r}")


def _check_host(name: str, value: object) -> None:
    if not isinstance(value, str):
        advice = f"; write port={value}" if isinstance(value, int) else ""
        if isinstance(value, tuple):
            advice = "; write MailServer(*address)"
        raise TypeError(f'{name} must be an address such as "127.0.0.1", got {value!r}{advice}')


def _check_text(name: str, value: object) -> None:
    if not isinstance(value, str):
        raise TypeError(f"{name} must be a string, got {value!r}")


def _check_hostname(name: str, value: object) -> None:
    _check_text(name, value)
    if not isinstance(value, str) or not value.isprintable() or len(value.split()) != 1:
        raise ValueError(f"{name} must be one word without spaces, got {value!r}; the greeting's text is greeting=")


def _check_greeting(name: str, value: object) -> None:
    _check_text(name, value)
    if not isinstance(value, str) or not value.isprintable():
        raise ValueError(f'{name} must be one line of text, got {value!r}; server.on("CONNECT") can send others')


def _check_decide(name: str, value: object) -> None:
    if not callable(value) or isinstance(value, type):
        raise TypeError(
            f"{name} must be a function decide(event, reply) that returns a Reply, got {value!r}; "
            'for a fixed reply write server.on("RCPT").reply(450)'
        )
    import inspect  # most servers have no such function, and this import takes some milliseconds

    try:
        signature = inspect.signature(value)
    except (ValueError, TypeError):  # some functions of C have no signature
        return
    try:
        signature.bind(None, None)
    except TypeError:
        raise TypeError(
            f"{name} must be a function of two arguments, decide(event, reply), got {value!r}{signature}"
        ) from None


def _check_observer(name: str, value: object) -> None:
    if isinstance(value, type) or not all(callable(getattr(value, method, None)) for method in _OBSERVER_CALLBACKS):
        advice = f"; write {name}={value.__name__}()" if isinstance(value, type) else ""
        raise TypeError(f"{name} must be an object of a subclass of ServerObserver, got {value!r}{advice}")


def _check_store(name: str, value: object) -> None:
    if isinstance(value, type) or not all(callable(getattr(value, method, None)) for method in _STORE_METHODS):
        # The value may be a URL with a password.
        raise TypeError(
            f"{name} must be an open store, got an object of type {type(value).__name__}; "
            "lazr.smtptest.store.create_store(url) makes one"
        )


def _check_mailboxes(name: str, value: object) -> None:
    if not isinstance(value, Mapping) or not all(isinstance(username, str) for username in value):
        raise TypeError(f"{name} must be a mapping of user names to searches, got {value!r}")


def _check_keep_mails(name: str, value: object) -> None:
    if not isinstance(value, int):
        raise TypeError(f"{name} must be True, False or a number of mails, got {value!r}; True keeps all")
    if not isinstance(value, bool) and value < 1:
        raise ValueError(f"{name} must be a number of mails >= 1, got {value!r}; False keeps none, True keeps all")


def _check_keep_bytes(name: str, value: object) -> None:
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"{name} must be a number of bytes, got {value!r}; None keeps all")


def _check_timeout(name: str, value: object) -> None:
    check_seconds(name, value)


def _check_switch_interval(name: str, value: object) -> None:
    if check_seconds(name, value) == 0:
        raise ValueError(f"{name} must be a number of seconds > 0, got {value!r}; Python's default is 0.005")


_CHECKS: dict[str, Callable[[str, object], None]] = {
    **dict.fromkeys(("strict", "proxy", "xclient"), _check_flag),
    "host": _check_host,
    "hostname": _check_hostname,
    "greeting": _check_greeting,
    "decide": _check_decide,
    "observer": _check_observer,
    "store": _check_store,
    "mailboxes": _check_mailboxes,
    "spf_ip": _check_text,
    "keep_mails": _check_keep_mails,
    "keep_bytes": _check_keep_bytes,
    "timeout": _check_timeout,
    "switch_interval": _check_switch_interval,
}
