"""What `smtptest serve` may ask of others: the options, and the relay and the check of links that they make."""

import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from lazr.smtptest.cli.failure import Failure
from lazr.smtptest.cli.options import real_place
from lazr.smtptest.cli.place import Place
from lazr.smtptest.cli.rows import flag, option

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lazr.smtptest.web.linkcheck import LinkCheck
    from lazr.smtptest.web.relay import Relay

__all__ = ["Outside"]

_LINKS = "Links"
_RELAY = "Sending mails on"


@dataclass(frozen=True, kw_only=True)
class Outside:
    """The options."""

    check_links: Annotated[
        bool, flag("--check-links", help="Ask whether links lead somewhere, when a client wants to know.", panel=_LINKS)
    ] = False
    relay: Annotated[
        Place | None,
        option(
            "--relay",
            help="A server that sends a mail on to real people, when a client of the API asks for it; "
            "without a port, 25, and 465 of smtps://.",
            panel=_RELAY,
            parser=real_place,
            metavar="HOST:PORT",
        ),
    ] = None
    relay_allow: Annotated[
        list[str] | None,
        option(
            "--relay-allow",
            help="To whom: an address, in which * is anything. May come again.",
            panel=_RELAY,
            metavar="ADDRESS",
        ),
    ] = None
    relay_tls: Annotated[
        Literal["starttls", "implicit"] | None,
        option("--relay-tls", metavar="starttls|implicit", help="How to talk to it; else in clear.", panel=_RELAY),
    ] = None
    relay_ca_file: Annotated[
        Path | None, option("--relay-ca-file", help="Whom to trust there, in TLS.", panel=_RELAY, metavar="FILE")
    ] = None
    relay_user: Annotated[str | None, option("--relay-user", help="Authenticate there.", panel=_RELAY)] = None
    relay_password: Annotated[str, option("--relay-password", help="With this.", panel=_RELAY, show_default=False)] = ""
    relay_sender: Annotated[
        str | None,
        option(
            "--relay-sender",
            help="Whom mails are from, in their envelope; else, whom each was from.",
            panel=_RELAY,
            metavar="ADDRESS",
        ),
    ] = None

    def make_relay(self) -> "Relay | None":
        """The relay; None where there is none.  Raises `ValueError`, and `Failure` for a file that cannot be read."""
        if self.relay is None:
            more = self.relay_tls, self.relay_ca_file, self.relay_user, self.relay_password, self.relay_sender
            if self.relay_allow or any(more):
                raise ValueError("--relay HOST:PORT is missing, which the other options of a relay are about")
            return None
        from lazr.smtptest.web.relay import Relay

        if not self.relay_allow:
            raise ValueError("--relay wants --relay-allow, that says to whom mails may be sent: '*' is anybody")
        tls = self.relay_tls or ("implicit" if self.relay.implicit_tls else None)
        if tls is None and self.relay_ca_file is not None:
            raise ValueError("--relay-ca-file is about TLS: --relay-tls says how, or smtps:// before the relay's host")
        theirs = self.relay_user is None
        return Relay(
            self.relay.host,
            self.relay.port,
            allow=self.relay_allow,
            tls=tls,
            context=None if tls is None else self._context(),
            user=self.relay.user if theirs else self.relay_user,
            password=self.relay.password if theirs else self.relay_password,
            sender=self.relay_sender,
        )

    def make_links(self, networks: "Sequence[str]") -> "LinkCheck | None":
        """What asks for links, in those networks too; None where nobody does.  Raises `ValueError`."""
        if not self.check_links:
            return None
        from lazr.smtptest.web.linkcheck import LinkCheck
        from lazr.smtptest.web.outgoing import Outgoing

        return LinkCheck(Outgoing(networks))

    def _context(self) -> ssl.SSLContext:
        try:
            return ssl.create_default_context(cafile=self.relay_ca_file)
        except OSError as error:
            raise Failure(f"{self.relay_ca_file}: {error.strerror or error}", 2) from None
