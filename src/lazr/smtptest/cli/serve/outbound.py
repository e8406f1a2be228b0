"""Build what the options of `smtptest serve` about outgoing connections describe."""

import ssl
from typing import TYPE_CHECKING, TypedDict

from lazr.smtptest.cli.errors import CommandError
from lazr.smtptest.cli.serve.outbound_options import OutboundOptions
from lazr.smtptest.mailserver.allowed_networks import AllowedNetworks
from lazr.smtptest.mailserver.notification_target import parse_target
from lazr.smtptest.net import LOOPBACK_NETWORKS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lazr.smtptest.web import LinkChecker, Relay, SpamChecker

__all__ = ["BounceSettings", "build_bounce_settings", "build_link_checker", "build_relay", "build_spam_checker"]


def build_relay(options: OutboundOptions) -> "Relay | None":
    """Return the relay, or None without `--relay`.

    Raises:
        ValueError: If the options contradict each other.
        CommandError: If the file of CA certificates cannot be read.
    """
    if options.relay is None:
        dependent = (
            options.relay_tls,
            options.relay_ca_file,
            options.relay_user,
            options.relay_password,
            options.relay_sender,
        )
        if options.relay_allow or any(dependent):
            raise ValueError("the options --relay-... need --relay HOST:PORT, got none; add it")
        return None
    # The web room takes longer to import than a command without HTTP runs.
    from lazr.smtptest.web import Relay

    if not options.relay_allow:
        raise ValueError("--relay needs --relay-allow ADDRESS, got none; add it ('*' allows all recipients)")
    tls = options.relay_tls or ("implicit" if options.relay.implicit_tls else None)
    if tls is None and options.relay_ca_file is not None:
        raise ValueError("--relay-ca-file needs TLS, got none; add --relay-tls, or write --relay smtps://HOST")
    has_user_in_url = options.relay_user is None
    return Relay(
        options.relay.host,
        options.relay.port,
        allow=options.relay_allow,
        tls=tls,
        ssl_context=None if tls is None else _create_ssl_context(options),
        user=options.relay.user if has_user_in_url else options.relay_user,
        password=options.relay.password if has_user_in_url else options.relay_password,
        sender=options.relay_sender,
    )


def build_link_checker(options: OutboundOptions, networks: "Sequence[str]") -> "LinkChecker | None":
    """Return a checker that may also reach the private networks; None without `--check-links`.

    Raises:
        ValueError: If a network is invalid.
    """
    if not options.check_links:
        return None
    from lazr.smtptest.web import LinkChecker, OutboundClient

    return LinkChecker(OutboundClient(networks))


def build_spam_checker(options: OutboundOptions) -> "SpamChecker | None":
    """Return the program of `--spamd` or `--rspamd`; None stands for the offline rules.

    Raises:
        ValueError: If both options are set, or the URL is invalid.
    """
    if options.spamd is not None and options.rspamd is not None:
        raise ValueError("--spamd and --rspamd must not be set both; leave one out")
    from lazr.smtptest.web import RspamdChecker, SpamdChecker

    if options.spamd is not None:
        return SpamdChecker(options.spamd.host, options.spamd.port)
    if options.rspamd is None:
        return None
    try:
        return RspamdChecker(options.rspamd)
    except ValueError as error:
        raise ValueError(f"--rspamd: {error}") from None


class BounceSettings(TypedDict):
    """The arguments of `MailServer` about bounces."""

    bounces_to: str | None
    bounces_allow: tuple[str, ...]


def build_bounce_settings(options: OutboundOptions) -> BounceSettings:
    """Return the arguments of the mail server about bounces.

    Raises:
        CommandError: If a network or the URL is invalid.
    """
    networks = (*LOOPBACK_NETWORKS, *(options.bounces_allow or ()))
    try:
        parse_target(options.bounces_to, AllowedNetworks(networks))
    except ValueError as error:
        text = str(error).replace("bounces_allow", "--bounces-allow").replace("bounces_to", "--bounces-to")
        raise CommandError(text, 2) from None
    if options.bounces_allow and options.bounces_to is None:
        raise CommandError("--bounces-allow needs --bounces-to URL, got none; add it", 2)
    return {"bounces_to": options.bounces_to, "bounces_allow": networks}


def _create_ssl_context(options: OutboundOptions) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=options.relay_ca_file)
    except OSError as error:
        raise CommandError(f"{options.relay_ca_file}: {error.strerror or error}", 2) from None
