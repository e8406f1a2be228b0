"""Presets: rules for faults of real servers, by the usual names of these faults.

A preset is a function that returns a `Rule`, to which `times()` and the like can be added, or a tuple of rules.
`server.rules.add(…)` takes either.  Presets that count or measure time have a `CountingCondition` as their `where=`.
"""

from __future__ import annotations

from lazr.smtptest._util.suggestion import describe_unknown
from lazr.smtptest.rules.counters import (
    ConnectionLimit,
    DeclaredSizeLimit,
    Greylist,
    RateLimit,
    RecipientLimit,
)
from lazr.smtptest.rules.notices import build_notice
from lazr.smtptest.rules.number_checks import is_finite_number, is_whole_number
from lazr.smtptest.rules.preset_registry import register_presets
from lazr.smtptest.rules.provider_replies import Provider, build_counting_rule, build_provider_rule
from lazr.smtptest.rules.reading_providers import reading_provider
from lazr.smtptest.rules.rule import Rule, get_engine
from lazr.smtptest.rules.simulator import build_simulator_rules
from lazr.smtptest.rules.triggers import TRIGGER_ALIASES, TRIGGERS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from typing import Any, Final, Literal, Self, Unpack

    from lazr.smtptest.rules.selectors import Selectors

__all__ = [
    "PRESETS",
    "blackhole",
    "connection_limit",
    "drops_idle",
    "flaky",
    "greylist",
    "lying_size",
    "maintenance",
    "max_recipients",
    "old_server",
    "provider",
    "quota_full",
    "rate_limit",
    "reading_provider",
    "simulator_addresses",
    "slow_link",
    "spam_rejected",
    "strip_starttls",
    "tarpit",
    "unknown_user",
]


class _PresetRules(tuple[Rule, ...]):
    """The rules of one preset; forgotten ones give one warning, not one for each rule."""

    __slots__ = ()

    def __new__(cls, rules: Iterable[Rule]) -> Self:
        made = super().__new__(cls, rules)
        for rule in tuple.__getitem__(made, slice(1, None)):
            get_engine(rule)  # it is used: only the first one warns
        return made

    def __iter__(self) -> Iterator[Rule]:
        get_engine(super().__getitem__(0))
        return super().__iter__()

    def __getitem__(self, index: Any) -> Any:
        get_engine(super().__getitem__(0))
        return super().__getitem__(index)


def greylist(*, attempts: int = 1, seconds: float | None = None, **selectors: Unpack[Selectors]) -> Rule:
    """Refuse new senders with 451 at RCPT, and accept the mail when the client tries again.

    Greylisting (RFC 6647 2.4) knows the combination of client, sender and recipient, or it is new.  451 is temporary,
    so a client that keeps its mail and tries again gets through.

    Args:
        attempts: How often a new combination is refused, 1 or more; 1 by default.
        seconds: The seconds from the first attempt on in which it is refused as well; None, the default, for no such
            time.  Postgrey refuses for 300 seconds.
        **selectors: Selectors of RCPT, but for `where`.

    Raises:
        TypeError: If there is an unknown selector, or `where`.
        ValueError: If a number or a selector is wrong.

    >>> greylist(attempts=2)
    <Rule RCPT where=greylist(attempts=2) → reply(451, '4.7.1', 'Greylisted, try again later'), never acted>
    """
    rule = build_counting_rule("RCPT", Greylist(attempts, seconds), selectors)
    return rule.reply(451, "4.7.1", "Greylisted, try again later")


def rate_limit(n: int, per: float, **selectors: Unpack[Selectors]) -> Rule:
    """Accept `n` mails of a client in `per` seconds; refuse the others with 450 at MAIL.

    As Postfix with `smtpd_client_message_rate_limit` (anvil(8)), and Exim with the ACL condition `ratelimit`.  Each
    accepted mail counts for `per` seconds; refused ones do not count.

    Args:
        n: The number of mails that pass, 0 or more.
        per: The length of the window in seconds, greater than 0.
        **selectors: Selectors of MAIL, but for `where`.

    Raises:
        TypeError: If there is an unknown selector, or `where`.
        ValueError: If a number or a selector is wrong.

    >>> rate_limit(100, per=60)
    <Rule MAIL where=rate(n=100, per=60) → reply(450, '4.7.1', 'Too much mail from this host'), never acted>
    """
    return build_counting_rule("MAIL", RateLimit(n, per), selectors).reply(450, "4.7.1", "Too much mail from this host")


def connection_limit(n: int, **selectors: Unpack[Selectors]) -> Rule:
    """Greet a client that has `n` connections open with 421 4.7.0.

    As Postfix with `smtpd_client_connection_count_limit`.  It finds clients that send in parallel, or do not close.
    `Limits(connections=n)` is a limit for all clients together.

    Args:
        n: The number of connections that a client may have open, 0 or more.
        **selectors: Selectors of CONNECT, but for `where`.

    Raises:
        TypeError: If there is an unknown selector, or `where`.
        ValueError: If `n` or a selector is wrong.

    >>> connection_limit(2)
    <Rule CONNECT where=open_connections(n=2) → reply(421, '4.7.0', 'Too many connections from this host'), never acted>
    """
    rule = build_counting_rule("CONNECT", ConnectionLimit(n), selectors)
    return rule.reply(421, "4.7.0", "Too many connections from this host")


def quota_full(*, permanent: bool = False, **selectors: Unpack[Selectors]) -> Rule:
    """Refuse recipients as if their mailboxes were full (RFC 3463 3.3, X.2.2).

    Args:
        permanent: False, the default, replies 452: the client may try again.  Gmail does this, and Dovecot with
            `quota_full_tempfail`.  True replies 552: the client has to give up.
        **selectors: Selectors of RCPT.

    Raises:
        TypeError: If `permanent` is not a boolean, or a selector is unknown.
        ValueError: If a selector is wrong.

    >>> quota_full(to="ann@example.com")
    <Rule RCPT to='ann@example.com' → reply(452, '4.2.2', 'Mailbox full'), never acted>
    """
    if not isinstance(permanent, bool):
        raise TypeError(f"permanent must be True or False, got {permanent!r}")
    code, enhanced = (552, "5.2.2") if permanent else (452, "4.2.2")
    return Rule("RCPT", **selectors).reply(code, enhanced, "Mailbox full")


def unknown_user(**selectors: Unpack[Selectors]) -> Rule:
    """Refuse recipients as unknown (RFC 5321 3.4 and RFC 3463 3.2, X.1.1).

    >>> unknown_user(to="nobody@*")
    <Rule RCPT to='nobody@*' → reply(550, '5.1.1', 'User unknown'), never acted>
    """
    return Rule("RCPT", **selectors).reply(550, "5.1.1", "User unknown")


def spam_rejected(**selectors: Unpack[Selectors]) -> Rule:
    """Refuse a whole message for its content (RFC 3463 3.8, X.7.1), as Rspamd does.

    >>> spam_rejected(subject="*lottery*")
    <Rule END_OF_DATA subject='*lottery*' → reply(554, '5.7.1', 'Spam message rejected'), never acted>
    """
    return Rule("END_OF_DATA", **selectors).reply(554, "5.7.1", "Spam message rejected")


def tarpit(seconds: float = 5.0) -> tuple[Rule, ...]:
    """Delay every reply, also the greeting.

    Replies to unknown verbs and to commands with mistakes are not delayed.

    Servers do it to clients that they do not trust: Exchange has `TarpitInterval`, 5 s; Sendmail has `greet_pause`;
    OpenBSD's spamd takes minutes.  RFC 5321 4.5.3.2 lets clients wait 5 minutes for most replies.

    Args:
        seconds: The delay of each reply; 5 by default.

    Raises:
        ValueError: If `seconds` is negative, or not a number.

    >>> tarpit(0.5)[0]
    <Rule CONNECT → delay(0.5), never acted>
    """
    first, *others = [Rule(trigger).delay(seconds) for trigger in _TRIGGERS_WITH_REPLY]
    return _PresetRules([first, *(rule.optional() for rule in others)])


def slow_link(bytes_per_second: float = 1_000.0, direction: Literal["in", "out", "both"] = "both") -> Rule:
    """Limit the speed of a session: a modem, a mobile phone with bad reception, a shared line.

    With implicit TLS it begins after the handshake; `Rule("TLS").throttle(…)` slows the handshake, too.

    Args:
        bytes_per_second: The limit, greater than 0; 1,000 by default.
        direction: "in" for what the client sends, "out" for replies, or "both", the default.

    Raises:
        ValueError: If an argument is wrong.

    >>> slow_link(300)
    <Rule CONNECT → throttle(300), never acted>
    """
    return Rule("CONNECT").throttle(bytes_per_second, direction)


def old_server() -> Rule:
    """Refuse EHLO as an unknown verb, and so offer no extensions: a server from before 1993.

    Such a server replies 500 to unknown verbs.  A client has to continue with HELO (RFC 5321 3.2).

    >>> old_server()
    <Rule EHLO → reply(500, 'Command unrecognized'), never acted>
    """
    return Rule("EHLO").reply(500, "Command unrecognized")


def flaky(p: float, *, when: str = "END_OF_DATA", **selectors: Unpack[Selectors]) -> Rule:
    """Fail at random with 451 4.3.0; the rule need not act.

    A local error of the server (RFC 5321 4.2.2, 451): a full disk, or a scanner that restarts.

    Args:
        p: The probability of a failure, greater than 0 and at most 1.
        when: The trigger; "END_OF_DATA", once for each message, by default.
        **selectors: Selectors of the trigger.  With `seed=`, the same mails fail each time; without, the dice use the
            seed of the server.

    Raises:
        TypeError: If a selector is unknown.
        ValueError: If `p` or a selector is wrong, or `when` is not in the table of triggers.  The rule is optional, so
            a misspelled trigger would go unnoticed.

    >>> flaky(0.2)
    <Rule END_OF_DATA probability=0.2 → reply(451, '4.3.0', 'Local error, try again').optional(), never acted>
    """
    if str(when).upper() not in TRIGGERS:
        unknown = describe_unknown("trigger", when, TRIGGERS, TRIGGER_ALIASES)
        raise ValueError(f"{unknown}; for another verb, write a Rule")
    arguments: Selectors = {"probability": p, **selectors}
    return Rule(when, **arguments).reply(451, "4.3.0", "Local error, try again").optional()


def blackhole(**selectors: Unpack[Selectors]) -> Rule:
    """Accept the connection, and never send a byte, as a dead process or a firewall.

    With implicit TLS there is a handshake first; `Rule("TLS").stall()` does not reply to that either.  Only the timeout
    of the client ends the session; RFC 5321 4.5.3.2.1 gives a greeting 5 minutes.

    >>> blackhole()
    <Rule CONNECT → stall(), never acted>
    """
    return Rule("CONNECT", **selectors).stall()


def maintenance(**selectors: Unpack[Selectors]) -> Rule:
    """Greet every client with 421 4.3.2, as a server that shuts down.

    RFC 5321 3.8, and RFC 3463 3.4 (X.3.2).

    >>> maintenance()
    <Rule CONNECT → reply(421, '4.3.2', 'Down for maintenance, try again later'), never acted>
    """
    return Rule("CONNECT", **selectors).reply(421, "4.3.2", "Down for maintenance, try again later")


def drops_idle(seconds: float = 10.0) -> Rule:
    """Close a connection without a reply after some seconds of silence.

    This happens to idle connections of a pool.  Servers and proxies close them.  Load balancers and address translators
    forget them (AWS's Network Load Balancer after 350 s) and reply with RST, as `Rule("IDLE", after=seconds).reset()`
    does.  RFC 5321 4.5.3.2.7 asks servers to wait 5 minutes.

    Args:
        seconds: The silence of the client, greater than 0; 10 by default.

    Raises:
        ValueError: If `seconds` is not greater than 0.

    >>> drops_idle(0.05)
    <Rule IDLE after=0.05 → drop(), never acted>
    """
    return Rule("IDLE", after=seconds).drop()


def strip_starttls() -> tuple[Rule, ...]:
    """Hide and refuse STARTTLS, as an attacker who intercepts the connection (RFC 3207 6).

    A client that requires TLS has to give up.  The server must offer STARTTLS, `MailServer(tls="starttls")`; otherwise
    the rule never acts, and the test fails.  A client that greets with HELO is not affected.

    >>> strip_starttls()[0]
    <Rule EHLO → without('STARTTLS').optional(when_it_never_comes=True), never acted>
    """
    return _PresetRules(
        [
            Rule("EHLO").without("STARTTLS").optional(when_it_never_comes=True),
            Rule("STARTTLS").reply(502, "5.5.1", "Command not implemented").optional(),
        ]
    )


def max_recipients(n: int) -> tuple[Rule, ...]:
    """Accept `n` recipients of a message, and refuse each further one with 452 4.5.3.

    The client should send the message to the accepted recipients, and again to the others (RFC 5321 4.5.3.1.10).  The
    reply to EHLO has no LIMITS (RFC 9422), which would announce the limit: most servers do not announce it.

    Args:
        n: The number of accepted recipients, 1 or more.

    Raises:
        ValueError: If `n` is less than 1, or not a whole number.

    >>> max_recipients(100)[0]
    <Rule RCPT where=accepted(n=100) → reply(452, '4.5.3', 'Too many recipients'), never acted>
    """
    return _PresetRules(
        [
            Rule("RCPT", where=RecipientLimit(n)).reply(452, "4.5.3", "Too many recipients"),
            Rule("EHLO").without("LIMITS").optional(),
        ]
    )


def lying_size(real: int = 10_000, announced: int = 50_000_000) -> tuple[Rule, ...]:
    """Announce a large message size, and refuse smaller messages after their data.

    The limit that a gateway announces (RFC 1870 4) need not be that of the server after it.  The client gets 552 5.3.4
    at the end of the data.  MAIL with a declared size (RFC 1870 6.1) up to `announced` is accepted.

    Args:
        real: The largest accepted message in bytes; 10,000 by default.
        announced: The announced size in bytes; 50,000,000 by default.

    Raises:
        ValueError: If a size is negative, or not a whole number.

    >>> lying_size(1_000)[0]
    <Rule END_OF_DATA size='>1000' → reply(552, '5.3.4', 'Message too big for this system'), never acted>
    """
    if not all(is_whole_number(size) for size in (real, announced)):
        raise ValueError(f"real and announced must be whole numbers of bytes >= 0, got {real!r} and {announced!r}")
    return _PresetRules(
        [
            Rule("END_OF_DATA", size=f">{real}").reply(552, "5.3.4", "Message too big for this system"),
            Rule("EHLO").advertise(f"SIZE {announced}").optional(),
            Rule("MAIL", size=f"<={announced}", where=DeclaredSizeLimit()).reply(250, "2.1.0", "Sender ok").optional(),
        ]
    )


def simulator_addresses(*, delay: float = 0.0, style: str | None = None) -> tuple[Rule, ...]:
    """Let addresses stand for an outcome, as those of Amazon SES, Resend and mox.

    The rules need not act.  `bounce@simulator.amazonses.com` is accepted, and a bounce comes back;
    `ann-450@example.com` is refused with 450.
    `docs/reference/rules.md` has the table.

    Args:
        delay: The seconds until something comes back; 0 by default.
        style: The server whose wording it has, as for `Rule.then_bounce`.

    Raises:
        ValueError: If an argument is wrong.

    >>> str(simulator_addresses()[0])
    "RCPT to=re.compile('-421@', re.IGNORECASE) → reply(421, '4.3.2', 'Service not available').optional()"
    """
    if not is_finite_number(delay) or delay < 0:
        raise ValueError(f"delay must be a number of seconds >= 0, got {delay!r}")
    build_notice("then_bounce", style=style)  # raises for a wrong style before there are rules
    return _PresetRules(build_simulator_rules(delay, style))


def provider(name: str) -> Provider:
    """Return the refusals of a large provider; each of its methods makes a rule.

    Args:
        name: "gmail", "outlook" or "yahoo".

    Raises:
        ValueError: For another name.

    >>> provider("gmail").over_quota(to="ann@*")
    <Rule RCPT to='ann@*' → reply(452, '4.2.2', 'The recipient is out of storage space', 'gsmtp'), never acted>
    """
    return Provider(name)


# The presets that make rules, by name.
PRESETS: Final[Mapping[str, Callable[..., Rule | tuple[Rule, ...]]]] = {
    preset.__name__: preset
    for preset in (
        *(greylist, rate_limit, connection_limit, quota_full, unknown_user, spam_rejected, tarpit, slow_link),
        *(old_server, flaky, blackhole, maintenance, drops_idle, strip_starttls, max_recipients, lying_size),
        simulator_addresses,
    )
}

register_presets({**PRESETS, "provider": build_provider_rule, "reading_provider": reading_provider})

_TRIGGERS_WITH_REPLY = (
    *("CONNECT", "EHLO", "HELO", "STARTTLS", "AUTH", "MAIL", "RCPT", "DATA", "BDAT", "END_OF_DATA"),
    *("RSET", "NOOP", "VRFY", "EXPN", "HELP", "QUIT"),
)
