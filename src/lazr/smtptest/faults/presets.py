"""Presets: rules for what servers out there do, by the name that people have for it.

A preset is a `Rule`, which can still be told how often, or a tuple of rules that belong together;
`server.rules.add(…)` takes either.  What has to be counted or timed is a value with a state of its own,
asked by its rule's `where=` (see `counting`).
"""

from __future__ import annotations

from lazr.smtptest.faults.counting import Accepted, Greylist, OpenConnections, Oversized, Rate, is_whole
from lazr.smtptest.faults.provider import Provider, counted
from lazr.smtptest.faults.rule import Rule
from lazr.smtptest.faults.when import WHENS, meant

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Final, Literal, Unpack

    from lazr.smtptest.faults.selector import Selectors

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
    "slow_link",
    "spam_rejected",
    "strip_starttls",
    "tarpit",
    "unknown_user",
]


def greylist(*, attempts: int = 1, seconds: float | None = None, **selectors: Unpack[Selectors]) -> Rule:
    """Refuse whoever is new, and take the mail when it is tried again.

    Greylisting (RFC 6647 2.4): client, sender and recipient together are known, or new.  New ones are refused
    `attempts` times, and for `seconds` from the first one on, if that is given; Postgrey, say, wants 300.  451 is
    temporary, so a client that keeps its mail and tries again gets through.

    >>> greylist(attempts=2)
    <Rule RCPT where=greylist(attempts=2) → reply(451, '4.7.1', 'Greylisted, try again later'), never acted>
    """
    rule = counted("RCPT", Greylist(attempts, seconds), selectors)
    return rule.reply(451, "4.7.1", "Greylisted, try again later")


def rate_limit(n: int, per: float, **selectors: Unpack[Selectors]) -> Rule:
    """Take `n` mails of a client in `per` seconds, and refuse the others with 450 4.7.1, at MAIL.

    What Postfix does with `smtpd_client_message_rate_limit` (anvil(8)), and Exim with the ACL condition `ratelimit`.
    Each mail that was let pass counts for `per` seconds; refused ones do not count.

    >>> rate_limit(100, per=60)
    <Rule MAIL where=rate(n=100, per=60) → reply(450, '4.7.1', 'Too much mail from this host'), never acted>
    """
    return counted("MAIL", Rate(n, per), selectors).reply(450, "4.7.1", "Too much mail from this host")


def connection_limit(n: int, **selectors: Unpack[Selectors]) -> Rule:
    """Refuse a client that has `n` connections open, with 421 4.7.0 in place of a greeting.

    What Postfix does with `smtpd_client_connection_count_limit`.  Clients that send in parallel, or forget to close,
    meet it.  (`Limits(connections=n)` is a limit for all clients together.)

    >>> connection_limit(2)
    <Rule CONNECT where=open_connections(n=2) → reply(421, '4.7.0', 'Too many connections from this host'), never acted>
    """
    rule = counted("CONNECT", OpenConnections(n), selectors)
    return rule.reply(421, "4.7.0", "Too many connections from this host")


def quota_full(*, permanent: bool = False, **selectors: Unpack[Selectors]) -> Rule:
    """Refuse recipients: their mailboxes are full (RFC 3463 3.3, X.2.2).

    452 asks the client to try again, as Gmail does, and Dovecot with `quota_full_tempfail`; `permanent` is 552, at
    which it gives up.

    >>> quota_full(to="ann@example.com")
    <Rule RCPT to='ann@example.com' → reply(452, '4.2.2', 'Mailbox full'), never acted>
    """
    if not isinstance(permanent, bool):
        raise TypeError(f"permanent is True or False, not {permanent!r}")
    code, enhanced = (552, "5.2.2") if permanent else (452, "4.2.2")
    return Rule("RCPT", **selectors).reply(code, enhanced, "Mailbox full")


def unknown_user(**selectors: Unpack[Selectors]) -> Rule:
    """Refuse recipients: there are none of that name (RFC 5321 3.4 and RFC 3463 3.2, X.1.1).

    >>> unknown_user(to="nobody@*")
    <Rule RCPT to='nobody@*' → reply(550, '5.1.1', 'User unknown'), never acted>
    """
    return Rule("RCPT", **selectors).reply(550, "5.1.1", "User unknown")


def spam_rejected(**selectors: Unpack[Selectors]) -> Rule:
    """Refuse a whole message for what is in it (RFC 3463 3.8, X.7.1), as Rspamd does.

    >>> spam_rejected(subject="*lottery*")
    <Rule END_OF_DATA subject='*lottery*' → reply(554, '5.7.1', 'Spam message rejected'), never acted>
    """
    return Rule("END_OF_DATA", **selectors).reply(554, "5.7.1", "Spam message rejected")


def tarpit(seconds: float = 5.0) -> tuple[Rule, ...]:
    """Say everything, the greeting as well, so much later; but for what rules have no say in (see `Rule`).

    That is how verbs that the server does not know, and commands with a mistake in them, are answered.

    Servers do it to clients that they do not trust: Exchange has its `TarpitInterval`, 5 s; Sendmail its `greet_pause`;
    OpenBSD's spamd needs minutes.  RFC 5321 4.5.3.2 has clients wait 5 minutes for most replies.

    >>> tarpit(0.5)[0]
    <Rule CONNECT → delay(0.5), never acted>
    """
    first, *others = [Rule(when).delay(seconds) for when in _SPOKEN]
    return first, *(rule.optional() for rule in others)


def slow_link(bytes_per_second: float = 1_000.0, direction: Literal["in", "out", "both"] = "both") -> Rule:
    """Let octets pass no faster: a modem, a mobile phone at the edge of its cell, a line that others share.

    Inside implicit TLS it begins behind the handshake; `Rule("TLS").throttle(…)` slows that as well.

    >>> slow_link(300)
    <Rule CONNECT → throttle(300), never acted>
    """
    return Rule("CONNECT").throttle(bytes_per_second, direction)


def old_server() -> Rule:
    """Know no EHLO, and so no extension: a server from before 1993.

    500 is what such a server says to a verb that it does not know; a client has to go on with HELO (RFC 5321 3.2).

    >>> old_server()
    <Rule EHLO → reply(500, 'Command unrecognized'), never acted>
    """
    return Rule("EHLO").reply(500, "Command unrecognized")


def flaky(p: float, *, when: str = "END_OF_DATA", **selectors: Unpack[Selectors]) -> Rule:
    """Fail now and then: 451 4.3.0 with the probability `p`, for each message, or at another moment.

    A local error of the server (RFC 5321 4.2.2, 451): a full disk, a scanner that is restarting.  The dice are the
    server's, or have a `seed` of their own: then the same mails fail each time.  It need not act.  Raises `ValueError`
    for a moment that is not in the table of rules: nobody would learn of the slip.

    >>> flaky(0.2)
    <Rule END_OF_DATA probability=0.2 → reply(451, '4.3.0', 'Local error, try again').optional(), never acted>
    """
    if str(when).upper() not in WHENS:
        near = meant(str(when).upper())
        hint = "" if near is None else f"; is {near} meant?"
        raise ValueError(f"flaky knows no moment {when!r}{hint} For a verb of your own write a Rule")
    given: Selectors = {"probability": p, **selectors}
    return Rule(when, **given).reply(451, "4.3.0", "Local error, try again").optional()


def blackhole(**selectors: Unpack[Selectors]) -> Rule:
    """Take the connection, and never say a word: a dead process behind a load balancer, a firewall that swallows.

    Inside implicit TLS there is a handshake first; `Rule("TLS").stall()` does not even answer that.  The
    client's timeout is all that ends it; RFC 5321 4.5.3.2.1 gives a greeting 5 minutes.

    >>> blackhole()
    <Rule CONNECT → stall(), never acted>
    """
    return Rule("CONNECT", **selectors).stall()


def maintenance(**selectors: Unpack[Selectors]) -> Rule:
    """Send every client away with 421 4.3.2 (RFC 5321 3.8 and RFC 3463 3.4, X.3.2): the server is going down, or is.

    >>> maintenance()
    <Rule CONNECT → reply(421, '4.3.2', 'Down for maintenance, try again later'), never acted>
    """
    return Rule("CONNECT", **selectors).reply(421, "4.3.2", "Down for maintenance, try again later")


def drops_idle(seconds: float = 10.0) -> Rule:
    """Close a connection, without a word, when the client has been silent for so long.

    What happens to the idle connections of a pool: servers and proxies close them, load balancers and address
    translators forget them (AWS's Network Load Balancer after 350 s), and answer with RST, as
    `Rule("IDLE", after=seconds).reset()` does.  RFC 5321 4.5.3.2.7 wants servers to wait 5 minutes.

    >>> drops_idle(0.05)
    <Rule IDLE after=0.05 → drop(), never acted>
    """
    return Rule("IDLE", after=seconds).drop()


def strip_starttls() -> tuple[Rule, ...]:
    """Do not offer STARTTLS, and refuse it: somebody in the middle wants to read along (RFC 3207 6).

    A client that must not send in clear has to give up.  It is for a server that has TLS, `MailServer(tls="starttls")`;
    where STARTTLS is not offered anyway, it says that it never acted.  A client that says HELO learns nothing.

    >>> strip_starttls()[0]
    <Rule EHLO → without('STARTTLS').optional(when_it_never_comes=True), never acted>
    """
    return (
        Rule("EHLO").without("STARTTLS").optional(when_it_never_comes=True),
        Rule("STARTTLS").reply(502, "5.5.1", "Command not implemented").optional(),
    )


def max_recipients(n: int) -> tuple[Rule, ...]:
    """Accept `n` recipients of a message, and refuse each further one with 452 4.5.3.

    RFC 5321 4.5.3.1.10: the client is to send the message to those who were accepted, and again to the others.  RFC
    9422's LIMITS, which would tell beforehand, is left out of EHLO's reply, as most servers do.

    >>> max_recipients(100)[0]
    <Rule RCPT where=accepted(n=100) → reply(452, '4.5.3', 'Too many recipients'), never acted>
    """
    return (
        Rule("RCPT", where=Accepted(n)).reply(452, "4.5.3", "Too many recipients"),
        Rule("EHLO").without("LIMITS").optional(),
    )


def lying_size(real: int = 10_000, announced: int = 50_000_000) -> tuple[Rule, ...]:
    """Announce that messages may have `announced` octets, and refuse those with more than `real` when all is sent.

    What a gateway announces (RFC 1870 4) need not hold behind it.  Whoever relied on EHLO's reply learns at the end of
    the data, by 552 5.3.4; until then, MAIL's declared size (RFC 1870 6.1) is believed, up to `announced`.

    >>> lying_size(1_000)[0]
    <Rule END_OF_DATA size='>1000' → reply(552, '5.3.4', 'Message too big for this system'), never acted>
    """
    if not all(is_whole(size) for size in (real, announced)):
        raise ValueError(f"lying_size wants numbers of octets, not {real!r} and {announced!r}")
    return (
        Rule("END_OF_DATA", size=f">{real}").reply(552, "5.3.4", "Message too big for this system"),
        Rule("EHLO").advertise(f"SIZE {announced}").optional(),
        Rule("MAIL", size=f"<={announced}", where=Oversized()).reply(250, "2.1.0", "Sender ok").optional(),
    )


def provider(name: str) -> Provider:
    """What a large provider says when it does not want a mail: "gmail", "outlook" or "yahoo".

    Raises `ValueError` for another one.

    >>> provider("gmail").over_quota(to="ann@*")
    <Rule RCPT to='ann@*' → reply(452, '4.2.2', 'The recipient is out of storage space', 'gsmtp'), never acted>
    """
    return Provider(name)


# All that make rules from plain values, by name: for what is told in a file.
PRESETS: Final[Mapping[str, Callable[..., Rule | tuple[Rule, ...]]]] = {
    preset.__name__: preset
    for preset in (
        *(greylist, rate_limit, connection_limit, quota_full, unknown_user, spam_rejected, tarpit, slow_link),
        *(old_server, flaky, blackhole, maintenance, drops_idle, strip_starttls, max_recipients, lying_size),
    )
}

_SPOKEN = (
    *("CONNECT", "EHLO", "HELO", "STARTTLS", "AUTH", "MAIL", "RCPT", "DATA", "BDAT", "END_OF_DATA"),
    *("RSET", "NOOP", "VRFY", "EXPN", "HELP", "QUIT"),
)
