"""Translate Mailpit's environment variables, `MP_…`, into options of `smtptest serve`.

A container that ran Mailpit keeps its environment.  A variable about access that has no counterpart is an error: the
server must not be open where its operator has set a password.  Every other variable without a counterpart is a warning.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lazr.smtptest._util.suggestion import find_nearest_name
from lazr.smtptest.cli.config.file import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["MailpitSettings", "translate_mailpit_variables"]

_PREFIX = "MP_"
_TRUE_WORDS = ("1", "t", "true", "y", "yes")
_LOOPBACK_HOSTS = ("127.0.0.1", "::1", "localhost")


@dataclass
class MailpitSettings:
    """Values of options of `serve`, the variable that each comes from, and lines to warn with."""

    values: dict[str, Any] = field(default_factory=dict)
    variables: dict[str, str] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)

    def set(self, option: str, value: Any, variable: str) -> None:
        """Set an option; a later variable replaces the value of an earlier one."""
        self.values[option] = value
        self.variables[option] = variable


def translate_mailpit_variables(environment: Mapping[str, str]) -> MailpitSettings:
    """Return the options that the variables set; empty variables count as unset.

    Raises:
        ConfigurationError: If a variable about access cannot be honored, or a value is invalid.

    >>> settings = translate_mailpit_variables({"MP_MAX_MESSAGES": "500", "MP_SMTP_BIND_ADDR": "0.0.0.0:2525"})
    >>> settings.values
    {'max_messages': '500', 'host': '0.0.0.0', 'smtp_port': '2525'}
    """
    settings = MailpitSettings()
    values = {name: value for name, value in environment.items() if name.startswith(_PREFIX) and value.strip()}
    for name, translate in _TRANSLATIONS.items():
        if name in values:
            translate(settings, name, values[name].strip())
    _apply_relay(settings, values)
    for name in sorted(values):
        if name in _TRANSLATIONS or name in _RELAY_VARIABLES or name in _WITHOUT_EFFECT:
            continue
        if name in _ACCESS_VARIABLES:
            raise ConfigurationError(f"{name}: smtptest serve has no such access control; {_ACCESS_VARIABLES[name]}")
        known = (*_TRANSLATIONS, *_RELAY_VARIABLES, *_WITHOUT_EFFECT)
        nearest = None if name in _UNSUPPORTED else find_nearest_name(name, known)
        hint = f"did you mean {nearest}?" if nearest else _UNSUPPORTED.get(name, "smtptest serve has no such option")
        settings.warnings.append(f"{name} is ignored; {hint}")
    return settings


# -- translations -------------------------------------------------------------------------------


def _as(option: str) -> Callable[[MailpitSettings, str, str], None]:
    """Return a translation that takes the value as it is."""
    return lambda settings, name, value: settings.set(option, value, name)


def _as_credentials(option: str) -> Callable[[MailpitSettings, str, str], None]:
    """Return a translation of `user:password` pairs, separated by blanks only."""
    return lambda settings, name, value: settings.set(option, value.split(), name)


def _as_flag(option: str) -> Callable[[MailpitSettings, str, str], None]:
    """Return a translation of a boolean."""

    def translate(settings: MailpitSettings, name: str, value: str) -> None:
        if value.lower() in _TRUE_WORDS:
            settings.set(option, True, name)

    return translate


def _as_address(host_option: str, port_option: str) -> Callable[[MailpitSettings, str, str], None]:
    """Return a translation of `host:port`."""

    def translate(settings: MailpitSettings, name: str, value: str) -> None:
        host, colon, port = value.rpartition(":")
        host = host.removeprefix("[").removesuffix("]")
        if value.startswith("unix:") or not colon or not port.isdecimal():
            options = f"--{host_option} and --{port_option}".replace("_", "-")
            raise ConfigurationError(f"{name} must be HOST:PORT, got {value!r}; set {options} instead")
        settings.set(host_option, host or "0.0.0.0", name)  # noqa: S104 - as Mailpit; `serve` checks the exposure
        settings.set(port_option, port, name)

    return translate


def _as_pop3_port(settings: MailpitSettings, name: str, value: str) -> None:
    """Translate `host:port` of POP3, which listens on the address of SMTP here."""
    address = MailpitSettings()
    _as_address("host", "pop3_port")(address, name, value)
    host, smtp_host = address.values["host"], settings.values.get("host")
    if host in _LOOPBACK_HOSTS and host != smtp_host:
        raise ConfigurationError(
            f"{name}: POP3 listens on the address of SMTP, and not only on {host}; set MP_SMTP_BIND_ADDR to {host} "
            "too, or only the port with --pop3-port, and leave the variable out"
        )
    settings.set("pop3_port", address.values["pop3_port"], name)


def _as_count(option: str) -> Callable[[MailpitSettings, str, str], None]:
    """Return a translation of a number of which 0 means no limit."""

    def translate(settings: MailpitSettings, name: str, value: str) -> None:
        if value != "0":
            settings.set(option, value, name)

    return translate


def _as_megabytes(option: str) -> Callable[[MailpitSettings, str, str], None]:
    """Return a translation of a size in megabytes; 0, no limit in Mailpit, keeps the default."""

    def translate(settings: MailpitSettings, name: str, value: str) -> None:
        if not value.isdecimal():
            raise ConfigurationError(f"{name} must be a number of megabytes, got {value!r}")
        if int(value):
            settings.set(option, f"{value}M", name)
        else:
            settings.warnings.append(f"{name}=0 is ignored; set --max-message-size, which has no value for no limit")

    return translate


def _as_database(settings: MailpitSettings, name: str, value: str) -> None:
    if "://" in value:
        raise ConfigurationError(
            f"{name} must be the path of a file, got {value!r}; for PostgreSQL use --database postgresql://USER@HOST/DB"
        )
    settings.set("database", f"sqlite:///{value}", name)


def _as_certificate(option: str) -> Callable[[MailpitSettings, str, str], None]:
    """Return a translation of a certificate file; `sans:` would make a certificate."""

    def translate(settings: MailpitSettings, name: str, value: str) -> None:
        if value.startswith("sans:"):
            raise ConfigurationError(
                f"{name} must be the path of a PEM file, got {value!r}; --tls and --http-tls make a certificate"
            )
        settings.set(option, value, name)

    return translate


def _as_required_tls(settings: MailpitSettings, name: str, value: str) -> None:
    if value.lower() in _TRUE_WORDS:
        settings.set("tls", "implicit", name)


def _as_origins(settings: MailpitSettings, name: str, value: str) -> None:
    """Translate origins; Mailpit also takes host names without a scheme."""
    origins = value.replace(",", " ").split()
    if "*" in origins:
        raise ConfigurationError(
            f"{name} must name origins, such as http://localhost:3000, got '*', with which every web page could read "
            "the mails"
        )
    both_schemes = [(origin,) if "://" in origin else (f"http://{origin}", f"https://{origin}") for origin in origins]
    settings.set("allowed_origin", [origin for group in both_schemes for origin in group], name)


def _as_hosts(settings: MailpitSettings, name: str, value: str) -> None:
    settings.set("allowed_host", value.replace(",", " ").split(), name)


def _as_webhook(settings: MailpitSettings, name: str, value: str) -> None:
    settings.set("webhook", [value], name)


def _as_tag_filters(settings: MailpitSettings, name: str, value: str) -> None:
    """Translate `a=one "b c"="two words"`: filters with quotes, separated by spaces."""
    try:
        settings.set("tag", shlex.split(value), name)
    except ValueError as error:
        raise ConfigurationError(f"{name} must be TAG=QUERY TAG=QUERY …, got {value!r}: {error}") from None


def _as_spam_checker(settings: MailpitSettings, name: str, value: str) -> None:
    """Translate HOST:PORT of spamd; `postmark` is a service that gets each mail."""
    if value.lower() == "postmark":
        settings.warnings.append(
            f"{name}=postmark is ignored; the offline rules check mails, and no mail leaves this machine"
        )
    else:
        settings.set("spamd", value, name)


_TRANSLATIONS: dict[str, Callable[[MailpitSettings, str, str], None]] = {
    # Names that Mailpit still accepts, but that it has replaced; the new ones are below and take precedence.
    "MP_UI_SSL_CERT": _as_certificate("http_tls_cert"),
    "MP_UI_SSL_KEY": _as("http_tls_key"),
    "MP_SMTP_SSL_CERT": _as_certificate("tls_cert"),
    "MP_SMTP_SSL_KEY": _as("tls_key"),
    "MP_SMTP_TLS_REQUIRED": _as_flag("require_tls"),
    "MP_DATA_FILE": _as_database,
    "MP_DATABASE": _as_database,
    "MP_LABEL": _as("label"),
    "MP_MAX_MESSAGES": _as_count("max_messages"),
    "MP_MAX_AGE": _as_count("max_age"),
    "MP_MAX_MESSAGE_SIZE": _as_megabytes("max_message_size"),
    "MP_QUIET": _as_flag("quiet"),
    "MP_SMTP_BIND_ADDR": _as_address("host", "smtp_port"),
    "MP_UI_BIND_ADDR": _as_address("http_host", "http_port"),
    "MP_WEBROOT": _as("webroot"),
    "MP_UI_AUTH": _as_credentials("auth"),
    "MP_UI_AUTH_FILE": _as("auth_file"),
    "MP_UI_TLS_CERT": _as_certificate("http_tls_cert"),
    "MP_UI_TLS_KEY": _as("http_tls_key"),
    "MP_API_CORS": _as_origins,
    "MP_ALLOWED_HOSTS": _as_hosts,
    "MP_SMTP_AUTH": _as_credentials("smtp_auth"),
    "MP_SMTP_AUTH_FILE": _as("smtp_auth_file"),
    "MP_SMTP_TLS_CERT": _as_certificate("tls_cert"),
    "MP_SMTP_TLS_KEY": _as("tls_key"),
    "MP_SMTP_REQUIRE_STARTTLS": _as_flag("require_tls"),
    "MP_SMTP_REQUIRE_TLS": _as_required_tls,
    "MP_SMTP_MAX_RECIPIENTS": _as("max_recipients"),
    "MP_POP3_BIND_ADDR": _as_pop3_port,
    "MP_POP3_AUTH": _as_credentials("imap_auth"),
    "MP_POP3_AUTH_FILE": _as("imap_auth_file"),
    "MP_TAG": _as_tag_filters,
    "MP_TAGS_DISABLE": _as("tags_disable"),
    "MP_TAGS_USERNAME": _as_flag("tags_username"),
    "MP_WEBHOOK_URL": _as_webhook,
    "MP_ENABLE_SPAMASSASSIN": _as_spam_checker,
}


# -- the relay ----------------------------------------------------------------------------------

_RELAY_PREFIX = "MP_SMTP_RELAY_"
_RELAY_VARIABLES = tuple(
    _RELAY_PREFIX + name
    for name in (
        "HOST",
        "PORT",
        "STARTTLS",
        "TLS",
        "AUTH",
        "USERNAME",
        "PASSWORD",
        "RETURN_PATH",
        "ALLOWED_RECIPIENTS",
        "BLOCKED_RECIPIENTS",
        "ALLOW_INSECURE",
    )
)


def _apply_relay(settings: MailpitSettings, values: Mapping[str, str]) -> None:
    relay = {name.removeprefix(_RELAY_PREFIX): values[name].strip() for name in _RELAY_VARIABLES if name in values}
    # These limit who gets mail, so they are refused also where another variable or an option names the relay.
    if relay.get("ALLOWED_RECIPIENTS"):
        raise ConfigurationError(
            f"{_RELAY_PREFIX}ALLOWED_RECIPIENTS is a regular expression in Mailpit; "
            "set --relay-allow, in which * matches any characters, and leave the variable out"
        )
    if relay.get("BLOCKED_RECIPIENTS"):
        raise ConfigurationError(
            f"{_RELAY_PREFIX}BLOCKED_RECIPIENTS has no counterpart, and those recipients would get mail; "
            "name the recipients that may get mail with --relay-allow, and leave the variable out"
        )
    host = relay.get("HOST")
    if host is None:
        return
    if relay.get("AUTH", "none").lower() not in ("none", "plain", "login", "cram-md5"):
        raise ConfigurationError(f"{_RELAY_PREFIX}AUTH must be none, plain, login or cram-md5, got {relay['AUTH']!r}")
    settings.set("relay", f"{host}:{relay.get('PORT', '25')}", _RELAY_PREFIX + "HOST")
    settings.set("relay_allow", ["*"], _RELAY_PREFIX + "HOST")
    for name, option, value in (
        ("STARTTLS", "relay_tls", "starttls"),
        ("TLS", "relay_tls", "implicit"),
    ):
        if relay.get(name, "").lower() in _TRUE_WORDS:
            settings.set(option, value, _RELAY_PREFIX + name)
    for name, option in (("USERNAME", "relay_user"), ("PASSWORD", "relay_password"), ("RETURN_PATH", "relay_sender")):
        if name in relay:
            settings.set(option, relay[name], _RELAY_PREFIX + name)
    if relay.get("ALLOW_INSECURE", "").lower() in _TRUE_WORDS:
        settings.warnings.append(
            f"{_RELAY_PREFIX}ALLOW_INSECURE is ignored; name the relay's CA with --relay-ca-file instead"
        )


# -- variables without a counterpart ------------------------------------------------------------

# The server behaves so without an option, or the variable is about something that it does not have.
_WITHOUT_EFFECT = frozenset(
    {
        "MP_VERBOSE",
        "MP_DISABLE_VERSION_CHECK",
        "MP_DISABLE_AUTO_VACUUM",
        "MP_DISABLE_HTML_CHECK",
        "MP_DISABLE_LINK_CHECK_RATE_LIMIT",
        "MP_DISABLE_WAL",
        "MP_COMPRESSION",
        "MP_ENABLE_CHAOS",
        "MP_ENABLE_PROMETHEUS",
        "MP_SMTP_AUTH_ACCEPT_ANY",
        "MP_SMTP_AUTH_ALLOW_INSECURE",
        "MP_SMTP_DISABLE_RDNS",
    }
)
_ACCESS_VARIABLES = {
    "MP_SEND_API_AUTH": "POST /api/v1/send needs the login of --auth; leave the variable out",
    "MP_SEND_API_AUTH_FILE": "POST /api/v1/send needs the login of --auth-file; leave the variable out",
    "MP_SMTP_ALLOWED_RECIPIENTS": "write a rule for RCPT in a file for --rules, and leave the variable out",
}
_NO_FORWARDING = "smtptest serve does not forward; a webhook can"
_POP3_TLS = "POP3 has the TLS of --tls, with the certificate of --tls-cert"
_RELAYS_UNCHANGED = "the relay gets each mail unchanged, with the sender of --relay-sender"
_UNSUPPORTED = {
    "MP_ALLOW_INTERNAL_HTTP_REQUESTS": "name the networks that link checks may reach with --webhook-network",
    "MP_ALLOW_UNTRUSTED_TLS": "link checks verify certificates",
    "MP_BLOCK_REMOTE_CSS_AND_FONTS": "the inbox never loads stylesheets and fonts of other servers",
    "MP_CHAOS_TRIGGERS": "write rules in a file for --rules",
    "MP_DEMO_MODE": "smtptest serve has no demonstration mode",
    "MP_DISABLE_HTTP_COMPRESSION": "JSON is compressed if the client accepts it",
    "MP_HIDE_DELETE_ALL_BUTTON": "deletions in the inbox can be undone",
    "MP_IGNORE_DUPLICATE_IDS": "each mail is stored, also with the Message-ID of another",
    "MP_LOG_FILE": "redirect the output",
    "MP_POP3_TLS_CERT": _POP3_TLS,
    "MP_POP3_TLS_KEY": _POP3_TLS,
    "MP_SEND_API_AUTH_ACCEPT_ANY": "POST /api/v1/send needs the same login as the other routes",
    "MP_SMTP_FORWARD_CONFIG": _NO_FORWARDING,
    **{
        f"MP_SMTP_FORWARD_{name}": _NO_FORWARDING
        for name in (
            "HOST",
            "PORT",
            "STARTTLS",
            "TLS",
            "ALLOW_INSECURE",
            "AUTH",
            "USERNAME",
            "PASSWORD",
            "SECRET",
            "RETURN_PATH",
            "OVERRIDE_FROM",
            "TO",
            "FWD_SMTP_ERRORS",
        )
    },
    "MP_SMTP_IGNORE_REJECTED_RECIPIENTS": "write a rule for RCPT in a file for --rules",
    "MP_SMTP_RELAY_ALL": "smtptest serve relays a mail only when a client of the API releases it",
    "MP_SMTP_RELAY_CONFIG": "set the options --relay-…",
    "MP_SMTP_RELAY_FWD_SMTP_ERRORS": "smtptest serve relays a mail only when a client of the API releases it",
    "MP_SMTP_RELAY_MATCHING": "smtptest serve relays a mail only when a client of the API releases it",
    "MP_SMTP_RELAY_OVERRIDE_FROM": _RELAYS_UNCHANGED,
    "MP_SMTP_RELAY_PRESERVE_MESSAGE_IDS": _RELAYS_UNCHANGED,
    "MP_SMTP_RELAY_SECRET": "set --relay-password to the secret",
    "MP_SMTP_STRICT_RFC_HEADERS": "each mail is stored as it is; the inbox and the API show its defects",
    "MP_STRICT_RFC_HEADERS": "each mail is stored as it is; the inbox and the API show its defects",
    "MP_TAGS_CONFIG": "name the filters with --tag, or in the configuration file",
    "MP_TAGS_TITLE_CASE": "tags keep their case",
    "MP_TENANT_ID": "name a database for each installation with --database, or use mailboxes",
    "MP_USE_MESSAGE_DATES": "the API has both times: Created and Date",
    "MP_WEBHOOK_DELAY": "each mail is delivered at once, with retries",
    "MP_WEBHOOK_LIMIT": "each mail is delivered, with retries",
}
