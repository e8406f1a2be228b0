"""What `smtptest serve` has on HTTP: the options, and the REST API that they make."""

import contextlib
import errno
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from lazr.smtptest.cli.failure import Failure
from lazr.smtptest.cli.outside import Outside
from lazr.smtptest.cli.rows import flag, option
from lazr.smtptest.cli.settings import port
from lazr.smtptest.mailserver import MailServer
from lazr.smtptest.store.contract import Store

__all__ = ["Http", "serving"]

_HTTP = "HTTP"
_HOOKS = "Webhooks"


@dataclass(frozen=True, kw_only=True)
class Http:
    """The options."""

    http_port: Annotated[
        int,
        option("--http-port", help="The port of the REST API, 0 for any.", panel=_HTTP, parser=port, metavar="PORT"),
    ] = 8025
    no_http: Annotated[bool, flag("--no-http", help="SMTP alone.", panel=_HTTP)] = False
    auth_file: Annotated[
        Path | None,
        option(
            "--auth-file", help="Who may read: user:hash, a line each, as `htpasswd -B` writes it.", panel=_HTTP,
            metavar="FILE",
        ),
    ] = None  # fmt: skip
    mailboxes: Annotated[
        Path | None,
        option(
            "--mailboxes", help="Parts of the mails, each with a token of its own: a TOML file, see docs/cli.md.",
            panel=_HTTP, metavar="FILE",
        ),
    ] = None  # fmt: skip
    allowed_host: Annotated[
        list[str] | None,
        option("--allowed-host", help="A name besides localhost that browsers may know us by.", panel=_HTTP),
    ] = None
    allowed_origin: Annotated[
        list[str] | None,
        option("--allowed-origin", help="Whose pages may use the API: http://localhost:3000.", panel=_HTTP),
    ] = None
    label: Annotated[str, option("--label", help="What this installation is called.", panel=_HTTP)] = ""
    webhook: Annotated[
        list[str] | None, option("--webhook", help="A URL that is told of each mail.", panel=_HOOKS, metavar="URL")
    ] = None
    webhook_secret: Annotated[
        str,
        option("--webhook-secret", help="whsec_…, by which its receiver knows us.", panel=_HOOKS, show_default=False),
    ] = ""
    webhook_network: Annotated[
        list[str] | None,
        option(
            "--webhook-network",
            help="A private network that webhooks, and checks of links, may go to: 127.0.0.0/8.",
            panel=_HOOKS,
        ),
    ] = None


@contextlib.contextmanager
def serving(
    http: Http, outside: Outside, host: str, *, public: bool, server: MailServer, store: Store | None
) -> Iterator[str | None]:
    """The API over a server and its store; where it is, or None where there is none.  Raises `Failure`."""
    if http.no_http or store is None:
        yield None
        return
    # Only now: importing all of this takes longer than all else that a command does.
    from functools import partial

    from lazr.smtptest.cli.mailboxes import read_mailboxes
    from lazr.smtptest.web.app import make_app
    from lazr.smtptest.web.catcher import Catcher
    from lazr.smtptest.web.exposure import allow_exposure
    from lazr.smtptest.web.guard import Guard
    from lazr.smtptest.web.outgoing import NotAllowed, Outgoing
    from lazr.smtptest.web.run import WebServer
    from lazr.smtptest.web.shapes import summary_of
    from lazr.smtptest.web.telling import Telling
    from lazr.smtptest.web.users import Users

    try:
        users = None if http.auth_file is None else Users.read(http.auth_file)
        mailboxes = [] if http.mailboxes is None else read_mailboxes(http.mailboxes)
        allow_exposure(host, login=users is not None or bool(mailboxes), insecure_public=public)
        catcher = Catcher(
            store, server, label=http.label, mailboxes=mailboxes, relay=outside.make_relay(),
            links=outside.make_links(http.webhook_network or ()),
        )  # fmt: skip
        guard = partial(
            Guard,
            bound=host,
            names=http.allowed_host or (),
            origins=http.allowed_origin or (),
            users=users,
            mailboxes={mailbox.name: mailbox.token for mailbox in mailboxes},
        )
        telling = Telling(
            store, http.webhook or (), secret=http.webhook_secret, summary=lambda entry: summary_of(entry, "event"),
            outgoing=Outgoing(http.webhook_network or ()),
        )  # fmt: skip
        # In front of the finished app, not a middleware of it: see `WebServer`.
        web = WebServer(make_app(catcher), host, http.http_port, guard=guard)
    except OSError as error:
        raise Failure(f"{error.filename}: {error.strerror}", 2) from None
    except (ValueError, NotAllowed) as error:
        raise Failure(str(error), 2) from None
    try:
        web.start()
    except OSError as error:
        hint = f"; --http-port 0 takes any free one, and there may be a server at {http.http_port} already"
        said = error.strerror or str(error)
        raise Failure(f"HTTP: {said}{hint if error.errno == errno.EADDRINUSE else ''}") from None
    try:
        with telling:
            yield web.url
    finally:
        web.stop()
