"""Options of `smtptest serve` about TLS, and the certificates that they describe."""

import contextlib
import logging
import re
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

from lazr.smtptest import Tls
from lazr.smtptest.cli.config.typer_options import flag, option
from lazr.smtptest.cli.errors import CommandError
from lazr.smtptest.protocol.smtp import TlsMode

__all__ = ["TlsOptions", "TlsSetup", "build_tls"]

_TLS_PANEL = "TLS"
_USAGE_ERROR = 2
_log = logging.getLogger("lazr.smtptest.tls")

# The preferred name syntax, which RFC 5280 4.2.1.6 requires.
_HOST_NAME_PATTERN = re.compile(r"(?:\*\.)?(?!-)[A-Za-z0-9-]{1,63}(?<!-)(?:\.(?!-)[A-Za-z0-9-]{1,63}(?<!-))*\.?")
_LOCAL_NAMES = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True, kw_only=True)
class TlsOptions:
    """The values of the options; by default there is no TLS."""

    tls: Annotated[
        Literal["starttls", "implicit", "both"] | None,
        option(
            "--tls",
            metavar="starttls|implicit|both",
            help="Offer TLS by SMTP: by STARTTLS, from the first byte, or on two ports. Without --tls-cert, the "
            "certificate is made for this run.",
            panel=_TLS_PANEL,
        ),
    ] = None
    require_tls: Annotated[
        bool,
        flag("--require-tls", help="Refuse mail before STARTTLS with 530.", panel=_TLS_PANEL),
    ] = False
    tls_cert: Annotated[
        Path | None,
        option(
            "--tls-cert",
            help="PEM file with the server's certificate and its chain; offers STARTTLS if --tls is not given.",
            panel=_TLS_PANEL,
            metavar="FILE",
        ),
    ] = None
    tls_key: Annotated[
        Path | None,
        option(
            "--tls-key",
            help="PEM file with the private key of --tls-cert; by default the key is in that file.",
            panel=_TLS_PANEL,
            metavar="FILE",
        ),
    ] = None
    tls_dir: Annotated[
        Path | None,
        option(
            "--tls-dir",
            help="Folder that keeps the CA of the made certificates, so that clients can trust DIR/ca.pem for good.",
            panel=_TLS_PANEL,
            metavar="DIR",
        ),
    ] = None
    http_tls: Annotated[
        bool,
        flag("--http-tls", help="Serve HTTPS instead of HTTP, with the same certificate.", panel=_TLS_PANEL),
    ] = False
    http_tls_cert: Annotated[
        Path | None,
        option(
            "--http-tls-cert",
            help="PEM file with another certificate for HTTPS; switches HTTPS on.",
            panel=_TLS_PANEL,
            metavar="FILE",
        ),
    ] = None
    http_tls_key: Annotated[
        Path | None,
        option(
            "--http-tls-key", help="PEM file with the private key of --http-tls-cert.", panel=_TLS_PANEL, metavar="FILE"
        ),
    ] = None


class TlsSetup(NamedTuple):
    """The TLS of both servers.

    `smtp` is the value for `MailServer(tls=…)`, `http_context` is None for plain HTTP, and `ca_file` is the PEM file of
    the CA that clients must trust, or None if the certificates are the operator's own.
    """

    smtp: Tls | None
    http_context: ssl.SSLContext | None
    ca_file: Path | str | None


def build_tls(options: TlsOptions, names: Sequence[str]) -> TlsSetup:
    """Read or make the certificates that the options describe.

    Args:
        options: The values of the options.
        names: Host names and addresses of the server, besides localhost, for certificates that are made here.  Names
            that no certificate can have, such as those with an underscore, are left out with a warning.

    Raises:
        CommandError: If the options contradict each other, or a file cannot be used.
    """
    _check_combination(options)
    mode = options.tls or ("starttls" if options.tls_cert or options.require_tls else None)
    shared, ca_file = _build_shared_certificate(options, (*_LOCAL_NAMES, *names), has_smtp_tls=mode is not None)
    smtp = None if mode is None or shared is None else Tls(mode, required=options.require_tls, **shared)
    try:
        context = None if shared is None else Tls(**shared).build_context()
    except ValueError as error:
        raise CommandError(f"{error}; see --hostname and --allowed-host", _USAGE_ERROR) from None
    http_context = None
    if options.http_tls_cert is not None:
        http_context = _load_certificate(options.http_tls_cert, options.http_tls_key, "--http-tls-key")
    elif options.http_tls:
        http_context = context
    return TlsSetup(smtp, http_context, ca_file)


def _build_shared_certificate(
    options: TlsOptions, names: Sequence[str], *, has_smtp_tls: bool
) -> tuple[dict[str, Any] | None, Path | str | None]:
    """Return the arguments of `Tls` for both servers, and the CA file for clients."""
    if not has_smtp_tls and (not options.http_tls or options.http_tls_cert is not None):
        return None, None
    if options.tls_cert is not None:
        return {"certificate": _load_certificate(options.tls_cert, options.tls_key, "--tls-key")}, None
    unique_names = tuple(dict.fromkeys(filter(_check_certificate_name, names)))
    if options.tls_dir is None:
        return {"names": unique_names}, Tls(names=unique_names).authority.ca_file
    from lazr.smtptest.cli.serve.ca_directory import open_ca_directory  # imports cryptography, which is slow

    authority = open_ca_directory(options.tls_dir)
    return {"certificate": authority.build_server_context(unique_names)}, authority.ca_file


def _check_certificate_name(name: str) -> bool:
    """Return whether a certificate can have the name; log a warning if not."""
    with contextlib.suppress(ValueError):
        ip_address(name)
        return True
    if not name.isascii() or _HOST_NAME_PATTERN.fullmatch(name):
        return True
    _log.warning("the certificate is not for %r: a name in it has letters, digits, hyphens and dots only", name)
    return False


def _check_combination(options: TlsOptions) -> None:
    for name, value, needed_name, needed in (
        ("--tls-key", options.tls_key, "--tls-cert", options.tls_cert),
        ("--http-tls-key", options.http_tls_key, "--http-tls-cert", options.http_tls_cert),
    ):
        if value is not None and needed is None:
            raise CommandError(f"{name} needs {needed_name} FILE, got none; add it", _USAGE_ERROR)
    if options.tls_dir is not None and options.tls_cert is not None:
        raise CommandError(
            "--tls-dir makes certificates, and --tls-cert names one, got both; leave one out", _USAGE_ERROR
        )
    if options.tls_dir is not None and options.tls is None and not options.http_tls and not options.require_tls:
        raise CommandError("--tls-dir needs --tls or --http-tls, got none; add one", _USAGE_ERROR)
    if options.require_tls and options.tls == TlsMode.IMPLICIT.value:
        raise CommandError(
            "--require-tls is about STARTTLS, got --tls implicit, where each connection has TLS; leave it out",
            _USAGE_ERROR,
        )


def _load_certificate(certificate: Path, key: Path | None, key_option: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.options |= ssl.OP_NO_RENEGOTIATION
    for file in (certificate, key):
        try:
            if file is not None:
                file.read_bytes()  # names the file in the error, which `load_cert_chain` does not
        except OSError as error:
            raise CommandError(f"{file}: {error.strerror or error}", _USAGE_ERROR) from None
    try:
        # An encrypted key would make OpenSSL ask for its password on the terminal.
        context.load_cert_chain(certificate, key, password="")
    except (ssl.SSLError, ValueError):
        if key is None:
            problem = f"{certificate}: expected a certificate and its unencrypted private key in PEM; "
            problem += f"if the key is in another file, name it with {key_option}"
        else:
            problem = f"{certificate}: expected a certificate in PEM, and its unencrypted private key in {key_option} "
            problem += f"{key}, got files that OpenSSL cannot use together"
        raise CommandError(problem, _USAGE_ERROR) from None
    return context
