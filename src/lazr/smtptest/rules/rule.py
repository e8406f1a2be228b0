"""A rule: when a server misbehaves, what it does then, and how often.

`Rule` is what a test writes and reads: conditions, actions, limits, and the account of its calls.  Its `RuleEngine` is
what a server uses; `get_engine` returns it.
"""

from __future__ import annotations

import sys
import warnings

from lazr.smtptest._util.seconds import DEFAULT_TIMEOUT
from lazr.smtptest._util.suggestion import build_getattr
from lazr.smtptest.errors import RuleNeverActed, WaitTimeout
from lazr.smtptest.protocol.reading_session import ReadingReply
from lazr.smtptest.protocol.smtp import Reply
from lazr.smtptest.rules.counters import CountingCondition
from lazr.smtptest.rules.explanation import format_times
from lazr.smtptest.rules.notices import build_notice
from lazr.smtptest.rules.preset_registry import build_preset
from lazr.smtptest.rules.rule_engine import RuleEngine
from lazr.smtptest.rules.serialization import (
    OPTIONAL_IF_NEVER_TRIGGERED,
    apply_limits,
    is_preset_definition,
    parse_rule,
    serialize_rule,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from types import FrameType, TracebackType
    from typing import Any, Final, Literal, Self, Unpack

    from lazr.smtptest.rules.call_log import Call
    from lazr.smtptest.rules.selectors import Selectors
    from lazr.smtptest.rules.serialization import ParsedRule
    from lazr.smtptest.rules.steps import Step

__all__ = ["Rule", "build_rule", "close_with_block", "get_engine"]

_PACKAGE_PREFIX = "lazr.smtptest"
# `inspect.CO_OPTIMIZED`, without its import, which takes long: the code is that of a function.
_CO_OPTIMIZED = 0x1

# What to write instead of other names.
_ATTRIBUTE_ALIASES = {
    **dict.fromkeys(
        ("respond", "answer", "reject", "refuse", "fail", "deny", "returns", "return_", "with_reply"),
        'rule.reply(450, "4.2.0", "Busy")',
    ),
    **dict.fromkeys(("sleep", "pause", "wait_seconds"), "rule.delay(seconds)"),
    **dict.fromkeys(("close", "disconnect", "hang_up", "abort"), "rule.drop(), rule.reset(), or rule.close_after()"),
    **dict.fromkeys(("hang", "timeout"), "rule.stall()"),
    **dict.fromkeys(("send", "write"), "rule.raw(b'…')"),
    **dict.fromkeys(("limit", "max_times", "repeat", "at_most"), "rule.times(count)"),
    "twice": "rule.times(2)",
    "skip": "rule.after(count)",
    **dict.fromkeys(
        ("called", "is_called", "hits", "call_count", "called_count", "times_called", "acted"),
        "rule.count, or rule.calls",
    ),
    **dict.fromkeys(("assert_called", "wait_for", "wait_until"), "rule.wait()"),
    **dict.fromkeys(("delete", "cancel", "stop"), "rule.remove()"),
    **dict.fromkeys(("disable", "enable", "enabled", "set_enabled"), "server.rules.set_enabled(rule, enabled=False)"),
    "is_enabled": "server.rules.is_enabled(rule)",
    **dict.fromkeys(("trigger", "event", "verb"), "rule.when"),
    **dict.fromkeys(("conditions", "match", "criteria"), "rule.selectors"),
    **dict.fromkeys(("handler", "function", "do", "callback"), "rule.call(function)"),
    **dict.fromkeys(("discard", "lose"), "rule.accept_but_lose()"),
    **dict.fromkeys(("bounce", "then_return", "returns_mail", "dsn"), 'rule.then_bounce("5.1.1")'),
    **dict.fromkeys(("complain", "complaint"), "rule.then_complaint()"),
    **dict.fromkeys(("auto_reply", "then_reply"), "rule.then_auto_reply(text)"),
    **dict.fromkeys(("out_of_office", "vacation"), "rule.then_out_of_office()"),
    **dict.fromkeys(("allow", "keep"), "rule.accept()"),
}


class Rule:
    """One fault of a server: when it occurs, what happens, and how often.

    `server.on("RCPT", to="*@full.example").reply(452, "4.2.2", "Mailbox full")` refuses the recipients of one domain.
    Methods that name an action say what to do, and methods such as `times()` how often.  Several actions go together:
    `.delay(0.5).reply(451)`.  After `.then()` follows what to do when the actions before it are over.

    `server.on(…)` makes a rule of that server.  Its first action adds it to the server's rules, after the others.
    `Rule(…)` makes one for `server.rules.add(…)`.

    Args:
        when: The trigger, in any case: a verb such as "RCPT", or CONNECT, TLS, CONTENT, END_OF_DATA or IDLE; in IMAP
            and POP3 a command such as "IMAP FETCH" or "POP3 RETR", or "IMAP CONNECT".
        **selectors: Conditions, all of which have to be met.  Values are those of the inbox's criteria: a string, a
            compiled pattern, a function, or a list.  One value of a list has to be met; but for `to=[…]` about the
            recipients of a whole message, each.  None counts as left out.

            - `sender`, `to`, `helo`, `peer`, `user`, `mechanism`, `subject`, `header={…}`: texts.  `recipients` and
              `username` are other names of `to` and `user`.
            - `argument`: IMAP and POP3: the rest of the command, a text; `*` and `?` are wildcards.
            - `tls`: True, False, or a version such as "TLSv1.3".
            - `size`: a number of bytes, or a comparison such as `">=1000"`.
            - `session`: the number of the connection since the start.
            - `nth`: of the matches of all other selectors, counted from 1; a number, a comparison or a list.
            - `after`: CONTENT: the bytes, IDLE: the seconds, after which the rule acts.
            - `where`: a function of the `RuleContext`; or a `Match`, also with `&`, `|` and `~`, for the mail so far.
            - `probability`: more than 0, at most 1; by the server's `seed`, or by `seed=` of the rule.

    Raises:
        TypeError: For an unknown selector, or a value of the wrong type.
        ValueError: For an unknown trigger, a selector that does not fit it, or a value that can never be met.

    >>> Rule("rcpt", to="*@full.example").reply(452, "4.2.2", "Mailbox full").times(2)
    <Rule RCPT to='*@full.example' → reply(452, '4.2.2', 'Mailbox full').times(2), never acted>
    """

    def __init__(self, when: str, **selectors: Unpack[Selectors]) -> None:
        self._engine: Final = RuleEngine(when, selectors)
        # A rule of a module or a class, such as one in a marker, is not forgotten if its test does not run.
        self._engine.is_used = not _is_called_by_a_function()

    if not TYPE_CHECKING:  # a type checker would take every name for an attribute
        __getattr__ = build_getattr(_ATTRIBUTE_ALIASES)

    # -- when -----------------------------------------------------------------------------------

    @property
    def when(self) -> str:
        """The name of the trigger, in capitals."""
        return self._engine.when

    @property
    def selectors(self) -> Mapping[str, Any]:
        """The selectors by name, as they were given; sequences and sets as lists."""
        self._engine.is_used = True
        return self._engine.condition.selectors

    # -- what: actions --------------------------------------------------------------------------

    def reply(self, code: int | str | Reply | ReadingReply, *text: str | Sequence[str]) -> Self:
        """Reply with this code and text.

        In IMAP and POP3, a status replaces the code.

        What follows depends on the code: 250 at END_OF_DATA keeps the mail, 421 closes the connection.  At CONTENT and
        IDLE, where the client does not expect a reply, the connection closes after it.

        Args:
            code: The reply code (RFC 5321 4.2), or a whole `Reply`.  At triggers of IMAP, the status "OK", "NO", "BAD",
                "BYE" or "PREAUTH" (RFC 9051 7.1); at those of POP3 "+OK" or "-ERR".
            *text: The enhanced status code (RFC 3463), if any, and the lines of text; a list counts as its lines.
                Without a text, the client gets that of the code (RFC 5321 4.2.2), but not for 334.  In IMAP and POP3,
                one text, which may begin with a response code in brackets.

        Raises:
            TypeError: If a text is not a string.
            ValueError: If the code is not an SMTP reply code, or other actions of this step exclude a reply.

        >>> Rule("DATA").reply(451, "4.3.0", "Try later")
        <Rule DATA → reply(451, '4.3.0', 'Try later'), never acted>
        >>> Rule("IMAP FETCH").reply("NO", "[INUSE] Try later")
        <Rule IMAP FETCH → reply('NO', '[INUSE] Try later'), never acted>
        """
        return self._add_action("reply", self._build_reply(code, text))

    def _build_reply(self, code: Any, text: tuple[Any, ...]) -> Reply | ReadingReply:
        trigger = self._engine.condition.trigger
        try:
            if trigger.statuses:
                from lazr.smtptest.rules.reading_triggers import build_reading_reply  # most rules are about SMTP

                return build_reading_reply(trigger, code, *text)
            if isinstance(code, (Reply, ReadingReply)) and not text:
                return code
            if isinstance(code, str):
                _reject_status(self.when, code)
            return _build_reply(code, text)
        except (TypeError, ValueError):
            self._engine.is_used = True  # the error is enough
            raise

    def delay(self, seconds: float) -> Self:
        """Wait before the rest of the action.

        Other clients are served meanwhile, and `stop()` does not wait.  When the client closes its side, the rest is
        done at once.

        Args:
            seconds: The wait, 0 or more.

        Raises:
            ValueError: If `seconds` is negative, infinite, or not a number.

        >>> Rule("QUIT").delay(0.5).reply(421, "4.3.2", "Going down")
        <Rule QUIT → delay(0.5).reply(421, '4.3.2', 'Going down'), never acted>
        """
        return self._add_action("delay", seconds)

    def stall(self) -> Self:
        """Never reply; the session lasts until the client leaves, or `Limits.session_timeout`.

        Raises:
            ValueError: If this step has another action that replies or ends the session.

        >>> Rule("CONNECT").stall()
        <Rule CONNECT → stall(), never acted>
        """
        return self._add_action("stall", True)

    def drop(self) -> Self:
        """Close the connection without a reply, and do not keep the mail.

        The client sees FIN; inside TLS, a close_notify first.

        Raises:
            ValueError: If this step has another action that replies or ends the session.

        >>> Rule("DATA").drop()
        <Rule DATA → drop(), never acted>
        """
        return self._add_action("drop", True)

    def reset(self) -> Self:
        """Abort the connection with RST, and do not keep the mail.

        Replies that the client has not read yet are lost, too.

        Raises:
            ValueError: If this step has another action that replies or ends the session.

        >>> Rule("CONTENT", after=10_000).reset()
        <Rule CONTENT after=10000 → reset(), never acted>
        """
        return self._add_action("reset", True)

    def raw(self, octets: bytes) -> Self:
        r"""Send these bytes instead of the reply, valid or not.

        The session continues by the reply code that they start with.  If they do not start with one, it continues by
        the reply that they replace.  In IMAP, the server executes the command, and sends these bytes instead of all
        its responses.

        Args:
            octets: The bytes to send, with line endings.  In IMAP, `{tag}` is replaced by the tag of the command.

        Raises:
            TypeError: If `octets` is not bytes.
            ValueError: If this step has another action that replies or ends the session.

        >>> Rule("NOOP").raw(b"250-half\r\n")
        <Rule NOOP → raw(b'250-half\r\n'), never acted>
        >>> Rule("IMAP FETCH").raw(b"* 1 EXPUNGE\r\n{tag} OK Done\r\n")
        <Rule IMAP FETCH → raw(b'* 1 EXPUNGE\r\n{tag} OK Done\r\n'), never acted>
        """
        return self._add_action("raw", octets)

    def truncate(self, octets: int) -> Self:
        """Send only the beginning of the reply.

        The session continues as if all of it had been sent.

        Args:
            octets: The number of bytes to send; 0 sends nothing.

        Raises:
            ValueError: If `octets` is not a whole number >= 0, or this step has an action that excludes it.

        >>> Rule("END_OF_DATA").truncate(0).close_after()  # the mail is kept, and the client does not learn of it
        <Rule END_OF_DATA → truncate(0).close_after(), never acted>
        """
        return self._add_action("truncate", octets)

    def throttle(self, bytes_per_second: float, direction: Literal["in", "out", "both"] = "both") -> Self:
        """Limit the speed of the session from now on.

        Args:
            bytes_per_second: The limit, greater than 0.  Inside TLS the encrypted bytes count.
            direction: "in" for what the client sends, "out" for replies, or "both", the default.

        Raises:
            ValueError: If the limit is not greater than 0, or `direction` is another word.

        >>> Rule("CONNECT").throttle(300, "in")
        <Rule CONNECT → throttle(300, 'in'), never acted>
        """
        return self._add_action("throttle", (bytes_per_second, direction))

    def close_after(self) -> Self:
        """Close the connection after the reply; ignore what the client has sent after the command.

        Raises:
            ValueError: If this step has an action that ends the session without a reply.

        >>> Rule("RCPT").reply(550).close_after()
        <Rule RCPT → reply(550).close_after(), never acted>
        """
        return self._add_action("close_after", True)

    def accept(self) -> Self:
        """Reply as the server would by itself, whatever `decide` and later rules say.

        So an earlier rule can make an exception from a later one.

        Raises:
            ValueError: If this step has another action that replies or ends the session.

        >>> Rule("RCPT", to="ann@*").accept()
        <Rule RCPT to='ann@*' → accept(), never acted>
        """
        return self._add_action("accept", True)

    def accept_but_lose(self) -> Self:
        """Reply 250 to a message, and do not keep it.

        Raises:
            ValueError: If this step has another action that replies, ends the session, or keeps the mail.

        >>> Rule("END_OF_DATA", to="ann@*").accept_but_lose()
        <Rule END_OF_DATA to='ann@*' → accept_but_lose(), never acted>
        """
        return self._add_action("accept_but_lose", True)

    def duplicate(self) -> Self:
        """Keep an accepted mail twice.

        Raises:
            ValueError: If this step has an action that ends the session or loses the mail.

        >>> Rule("END_OF_DATA").duplicate().once()
        <Rule END_OF_DATA → duplicate().once(), never acted>
        """
        return self._add_action("duplicate", True)

    def then_bounce(
        self, status: str = "5.1.1", text: str | None = None, *, after: float = 0.0, style: str | None = None
    ) -> Self:
        """Send a bounce to the sender of an accepted mail (RFC 3464).

        It is about the recipients that `to=` selects, and about all of them without `to=`.  There is none if the mail
        has a null reverse-path, or the client has asked for none (RFC 3461 4.1).  `MailServer(bounces_to=…)` says where
        it goes.

        Args:
            status: The status (RFC 3463); "5.1.1", an unknown mailbox, by default.
            text: What the refusing server said; by default, the meaning of the status.
            after: The seconds between the acceptance of the mail and the bounce; 0 by default.
            style: The server whose wording and form it has: "plain", the default, "postfix", "exim", "exchange" or
                "gmail".

        Raises:
            TypeError: If an argument has the wrong type.
            ValueError: If an argument is wrong, or this step does not accept the mail.

        >>> Rule("END_OF_DATA", to="gone@*").accept().then_bounce("5.1.1", after=2.0)
        <Rule END_OF_DATA to='gone@*' → accept().then_bounce('5.1.1', after=2), never acted>
        """
        return self._add_notice("then_bounce", status=status, text=text, after=after, style=style)

    def then_delayed(
        self, status: str = "4.4.1", text: str | None = None, *, after: float = 0.0, style: str | None = None
    ) -> Self:
        """Tell the sender of an accepted mail that it is delayed (RFC 3464).

        Args:
            status: The status (RFC 3463); "4.4.1", no answer from the host, by default.
            text: The reason; by default, the meaning of the status.
            after: The seconds between the acceptance of the mail and the notice; 0 by default.
            style: As for `then_bounce`.

        Raises:
            TypeError: If an argument has the wrong type.
            ValueError: If an argument is wrong, or this step does not accept the mail.

        >>> Rule("END_OF_DATA").then_delayed(after=1).then_bounce("4.4.7", after=3)
        <Rule END_OF_DATA → then_delayed('4.4.1', after=1).then_bounce('4.4.7', after=3), never acted>
        """
        return self._add_notice("then_delayed", status=status, text=text, after=after, style=style)

    def then_delivered(self, text: str | None = None, *, after: float = 0.0, style: str | None = None) -> Self:
        """Tell the sender that the mail was delivered, if the client asked (RFC 3461 4.1).

        Args:
            text: What the delivering server said.
            after: The seconds between the acceptance of the mail and the notice; 0 by default.
            style: As for `then_bounce`.

        Raises:
            TypeError: If an argument has the wrong type.
            ValueError: If an argument is wrong, or this step does not accept the mail.

        >>> Rule("END_OF_DATA").then_delivered()
        <Rule END_OF_DATA → then_delivered(), never acted>
        """
        return self._add_notice("then_delivered", text=text, after=after, style=style)

    def then_complaint(self, *, feedback_type: str = "abuse", after: float = 0.0, style: str | None = None) -> Self:
        """Send a complaint about an accepted mail, as from a provider's feedback loop (RFC 5965).

        Args:
            feedback_type: The type of the complaint; "abuse" by default.
            after: The seconds between the acceptance of the mail and the complaint; 0 by default.
            style: As for `then_bounce`.

        Raises:
            ValueError: If an argument is wrong, or this step does not accept the mail.

        >>> Rule("END_OF_DATA", to="angry@*").then_complaint(after=0.5)
        <Rule END_OF_DATA to='angry@*' → then_complaint(feedback_type='abuse', after=0.5), never acted>
        """
        return self._add_notice("then_complaint", feedback_type=feedback_type, after=after, style=style)

    def then_out_of_office(self, text: str | None = None, *, after: float = 0.0, style: str | None = None) -> Self:
        """Reply that the recipient is away (RFC 3834).

        As with each automatic reply, there is none to a null reverse-path, to an automatic message, or to a mailing
        list.

        Args:
            text: The text of the reply; a usual one by default.
            after: The seconds between the acceptance of the mail and the reply; 0 by default.
            style: As for `then_bounce`.

        Raises:
            TypeError: If an argument has the wrong type.
            ValueError: If an argument is wrong, or this step does not accept the mail.

        >>> Rule("END_OF_DATA", to="away@*").then_out_of_office("Back on Monday")
        <Rule END_OF_DATA to='away@*' → then_out_of_office('Back on Monday'), never acted>
        """
        return self._add_notice("then_out_of_office", text=text, after=after, style=style)

    def then_challenge(self, text: str | None = None, *, after: float = 0.0, style: str | None = None) -> Self:
        """Ask the sender to confirm the mail, as some spam filters do; an automatic reply.

        Args:
            text: The text of the reply; a usual one by default.
            after: The seconds between the acceptance of the mail and the reply; 0 by default.
            style: As for `then_bounce`.

        Raises:
            TypeError: If an argument has the wrong type.
            ValueError: If an argument is wrong, or this step does not accept the mail.

        >>> Rule("END_OF_DATA").then_challenge().once()
        <Rule END_OF_DATA → then_challenge().once(), never acted>
        """
        return self._add_notice("then_challenge", text=text, after=after, style=style)

    def then_auto_reply(self, text: str, *, after: float = 0.0, style: str | None = None) -> Self:
        """Reply automatically with this text (RFC 3834), as a ticket system does.

        Args:
            text: The text of the reply.
            after: The seconds between the acceptance of the mail and the reply; 0 by default.
            style: As for `then_bounce`.

        Raises:
            TypeError: If an argument has the wrong type.
            ValueError: If the text is empty, an argument is wrong, or this step does not accept the mail.

        >>> Rule("END_OF_DATA", to="support@*").then_auto_reply("We have received your message.")
        <Rule END_OF_DATA to='support@*' → then_auto_reply('We have received your message.'), never acted>
        """
        return self._add_notice("then_auto_reply", text=text, after=after, style=style)

    def _add_notice(self, name: str, **arguments: object) -> Self:
        try:
            notice = build_notice(name, **arguments)
        except (TypeError, ValueError):
            self._engine.is_used = True  # the error is enough
            raise
        return self._add_action(name, notice)

    def call(self, function: Callable[..., Any]) -> Self:
        """Let a function make the reply.

        Args:
            function: A function or a coroutine function of the event.  It returns a `Reply`, or None for the reply
                that the server would give without the rule.  The server cancels a coroutine when the client leaves.
                An exception is replied to with 451, and raised again in the test.

        Raises:
            TypeError: If `function` cannot be called.
            ValueError: If this step has another action that replies or ends the session.

        >>> Rule("VRFY").call(lambda event: Reply(252, "2.5.2", "Perhaps")).to_dict()
        Traceback (most recent call last):
        ValueError: call(<function <lambda> at ...>) is a function, which JSON cannot carry
        """
        return self._add_action("call", function)

    def without(self, *keywords: str) -> Self:
        """Leave extensions out of the reply to EHLO; their commands still work.

        Where the reply has none of them there is nothing to do.  A rule with only this action has not acted then.

        Args:
            *keywords: At least one EHLO keyword, in any case.

        Raises:
            TypeError: If there is no keyword, or a keyword is not a string.
            ValueError: If a keyword has parameters, or this step sends bytes or ends the session.

        >>> Rule("EHLO").without("STARTTLS", "SIZE")
        <Rule EHLO → without('STARTTLS', 'SIZE'), never acted>
        """
        return self._add_action("without", keywords)

    def advertise(self, *lines: str) -> Self:
        """Add lines to the reply to EHLO; each replaces the line with the same keyword.

        Args:
            *lines: At least one line: a keyword, and parameters if it has any.

        Raises:
            TypeError: If there is no line, or a line is not a string.
            ValueError: If this step sends bytes or ends the session.

        >>> Rule("EHLO").advertise("SIZE 1000", "X-NEW")
        <Rule EHLO → advertise('SIZE 1000', 'X-NEW'), never acted>
        """
        return self._add_action("advertise", lines)

    def _add_action(self, name: str, value: object) -> Self:
        try:
            self._engine.add_action(name, value)
        except (TypeError, ValueError):
            self._engine.is_used = True  # the error is enough
            raise
        if self._engine.owner is not None:
            self._engine.owner.register(self)
        return self

    # -- how often: steps -------------------------------------------------------------------------

    def then(self) -> Self:
        """Begin the next step: what to do when the actions so far are over.

        A step that another one follows is over after one call, unless it has a limit of its own.

        Raises:
            ValueError: If the step before has no action.

        >>> Rule("DATA").reply(451).times(2).then().drop().then().reply(452)
        <Rule DATA → reply(451).times(2).then().drop().then().reply(452), never acted>
        """
        self._engine.steps.start_next()
        return self

    def once(self) -> Self:
        """Act at most once.

        >>> Rule("DATA").reply(451).once()
        <Rule DATA → reply(451).once(), never acted>
        """
        return self.times(1)

    def times(self, count: int) -> Self:
        """Act at most `count` times.

        `wait(count)`, or a check of `rule.count`, makes sure that it was that often.

        Args:
            count: The limit for this step, 1 or more.

        Raises:
            ValueError: If `count` is less than 1, or not a whole number.

        >>> Rule("DATA").reply(451).times(2)
        <Rule DATA → reply(451).times(2), never acted>
        """
        self._engine.steps.change_last(max_calls=self._check_count("times", count, 1))
        return self

    def after(self, matches: int) -> Self:
        """Let a number of matches pass first.

        Args:
            matches: The number of matches at which this step does not act, 0 or more.

        Raises:
            ValueError: If `matches` is negative, or not a whole number.

        >>> Rule("RCPT").reply(452).after(3)
        <Rule RCPT → reply(452).after(3), never acted>
        """
        self._engine.steps.change_last(skipped_matches=self._check_count("after", matches, 0))
        return self

    def between(self, first: int, last: int) -> Self:
        """Act on a range of matches.

        Args:
            first: The first match of this step at which it acts, counted from 1.
            last: The last one, after which the step is over.

        Raises:
            ValueError: If one is not a whole number >= 1, or `last` is before `first`.

        >>> Rule("RCPT").reply(452).between(2, 4)
        <Rule RCPT → reply(452).between(2, 4), never acted>
        """
        if self._check_count("between", last, 1) < self._check_count("between", first, 1):
            self._engine.is_used = True
            raise ValueError(f"between({first}, {last}) is empty; the last match must not be before the first")
        self._engine.steps.change_last(skipped_matches=first - 1, last_match=last)
        return self

    def _check_count(self, method: str, count: object, minimum: int) -> int:
        if isinstance(count, bool) or not isinstance(count, int) or count < minimum:
            self._engine.is_used = True  # the error is enough
            raise ValueError(f"{method}() must be a whole number of matches >= {minimum}, got {count!r}")
        return count

    def optional(self, *, when_it_never_comes: bool = False) -> Self:
        """Do not fail the test when the rule never acts.

        Args:
            when_it_never_comes: True limits this to tests in which the trigger never comes.  By default the rule need
                not act at all.

        >>> Rule("VRFY").drop().optional()
        <Rule VRFY → drop().optional(), never acted>
        """
        self._engine.optional = OPTIONAL_IF_NEVER_TRIGGERED if when_it_never_comes else True
        return self

    def remove(self) -> None:
        """Take the rule away from its server; without a server, do nothing.

        The end of the server still reports a rule that has not acted before.

        >>> from lazr.smtptest import MailServer
        >>> server = MailServer()
        >>> server.on("NOOP").drop().remove()
        >>> len(server.rules)
        0
        """
        if self._engine.owner is not None:
            self._engine.owner.remove(self)

    def __enter__(self) -> Self:
        if self._engine.owner is None or not self._engine.has_action:
            raise ValueError(
                f"`with` needs a rule of a server, with an action: `with server.on(…).reply(…) as rule:`; got {self!r}"
            )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        close_with_block([self], error)

    # -- account --------------------------------------------------------------------------------

    @property
    def calls(self) -> tuple[Call, ...]:
        """The times that the rule acted, oldest first.

        Of more than 1,000, at least the latest 1,000 are there.
        """
        self._engine.is_used = True
        return self._engine.log.latest

    @property
    def count(self) -> int:
        """How often the rule acted."""
        self._engine.is_used = True
        return self._engine.log.count

    @property
    def is_exhausted(self) -> bool:
        """Whether the rule cannot act any more, because of `times`, `between` or `nth`.

        >>> Rule("NOOP").reply(451).once().is_exhausted
        False
        """
        self._engine.is_used = True
        return self._engine.is_exhausted

    def wait(self, count: int = 1, timeout: float = DEFAULT_TIMEOUT) -> tuple[Call, ...]:
        """Wait until the rule has acted `count` times, and return its `calls`.

        Args:
            count: The number of calls to wait for, since the rule was made; 1 by default.
            timeout: The longest wait in seconds; by default that of `MailServer(timeout=5.0)`.

        Raises:
            WaitTimeout: After `timeout` seconds; an `AssertionError` with the reason why the rule has not acted.
            RuntimeError: In the loop that an `async with MailServer()` runs in; use `await rule.async_wait()` there.
            StartError: If the server was never started.
            ValueError: If `count` is less than 1.

        >>> import smtplib
        >>> from lazr.smtptest import MailServer
        >>> with MailServer() as server:
        ...     rule = server.on("QUIT").drop()
        ...     client = smtplib.SMTP(*server.address)
        ...     client.send("QUIT\\r\\n")
        ...     client.close()
        ...     rule.wait()[0].said
        'QUIT'
        """
        self._check_count("wait", count, 1)
        owner = self._engine.owner
        if owner is not None and owner.is_in_loop_thread():
            raise RuntimeError("wait() would block the loop that the server runs in; use `await rule.async_wait()`")
        timeout = float(timeout) if owner is None else owner.prepare_wait(timeout)
        if not self._engine.log.wait(count, timeout):
            acted = f"acted {format_times(self.count)}" if self.count else "did not act"
            raise WaitTimeout(
                f"expected the rule to act {format_times(count)} within {timeout:g} s; it {acted}:\n"
                f"{self._engine.explain_unused()}"
            )
        return self.calls

    async def async_wait(self, count: int = 1, timeout: float = DEFAULT_TIMEOUT) -> tuple[Call, ...]:  # noqa: ASYNC109
        """Wait as `wait()` does, without blocking the loop: the server's own, or another one.

        Args:
            count: The number of calls to wait for; 1 by default.
            timeout: The longest wait in seconds; by default that of `MailServer(timeout=5.0)`.

        Raises:
            WaitTimeout: After `timeout` seconds.
            ValueError: If `count` is less than 1.
        """
        from lazr.smtptest._util.async_library import run_in_thread

        return await run_in_thread(self.wait, count, timeout)

    # -- as a value -----------------------------------------------------------------------------

    def to_dict(self) -> dict[str, Any]:
        """Return the rule as a dictionary that JSON can carry.

        `read_rules_schema` returns its schema.  Conditions that count, as those of presets, have names:
        `{"rate": {"n": 2, "per": 60}}`.

        Raises:
            ValueError: If the rule has no action, or a function of the user in it.

        >>> Rule("DATA", sender="*@example.org").reply(451, "4.3.0", "Try later").times(2).to_dict()
        {'when': 'DATA', 'match': {'sender': '*@example.org'},
         'do': [{'reply': [451, '4.3.0', 'Try later'], 'times': 2}]}
        """
        self._engine.is_used = True
        return serialize_rule(self.when, self.selectors, self._engine.steps.complete, self._engine.optional)

    @classmethod
    def from_dict(cls, definition: Mapping[str, Any]) -> Rule:
        """Return the rule that `to_dict` wrote, or a preset by its name.

        Args:
            definition: A dictionary with `when` and `do`, or with `preset`.  A preset of several rules is for
                `server.rules.load(…)`.

        Raises:
            TypeError: If a value has the wrong type.
            ValueError: If a name is unknown, a value is wrong, or the preset makes several rules.

        >>> Rule.from_dict({"when": "CONNECT", "do": [{"delay": 5.0, "times": 1}]})
        <Rule CONNECT → delay(5).once(), never acted>
        >>> Rule.from_dict({"preset": "quota_full", "to": "ann@*"})
        <Rule RCPT to='ann@*' → reply(452, '4.2.2', 'Mailbox full'), never acted>
        """
        if is_preset_definition(definition):
            rules: tuple[Rule, ...] = tuple(build_preset(definition))
            if len(rules) > 1:
                raise ValueError(f"preset {definition['preset']} makes {len(rules)} rules; use server.rules.load([…])")
            get_engine(rules[0])  # a rule from data is no forgotten one
            return rules[0]
        return build_rule(parse_rule(definition))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Rule):
            return NotImplemented
        return self._build_comparison_key() == other._build_comparison_key()

    def _build_comparison_key(self) -> tuple[object, ...]:
        self._engine.is_used = True
        return self.when, self.selectors, self._engine.optional, self._engine.steps.complete

    def __hash__(self) -> int:
        self._engine.is_used = True
        return hash(self.when)

    def __copy__(self) -> Rule:
        """Return an equal rule of no server, which has not acted yet."""
        restore, arguments = self.__reduce__()
        return restore(*arguments)

    def __deepcopy__(self, memo: object) -> Rule:
        return self.__copy__()

    def __reduce__(self) -> tuple[Callable[..., Rule], tuple[Any, ...]]:
        """Return how to make an equal rule of no server, for `copy` and `pickle`."""
        selectors = {name: _copy_matcher(value) for name, value in self.selectors.items()}
        return _restore_rule, (self.when, selectors, self._engine.steps.complete, self._engine.optional)

    def __del__(self) -> None:
        """Warn of a rule that was made and never added, which is a mistake in most cases."""
        engine = getattr(self, "_engine", None)  # None if the selectors were wrong
        if engine is not None and engine.has_action and not engine.is_used and not sys.is_finalizing():
            message = f"the rule {engine} was made, and never added to a server; use server.rules.add(…)"
            warnings.warn(message, RuntimeWarning, stacklevel=2)

    def __str__(self) -> str:
        self._engine.is_used = True
        return str(self._engine)

    def __repr__(self) -> str:
        return f"<Rule {self}, {f'acted {format_times(self.count)}' if self.count else 'never acted'}>"


def _restore_rule(when: str, selectors: Mapping[str, Any], steps: tuple[Step, ...], optional: bool | str) -> Rule:
    rule = Rule(when, **selectors)
    engine = get_engine(rule)
    engine.steps.replace_all(steps)
    engine.optional = optional
    return rule


def _is_called_by_a_function() -> bool:
    """Return whether the code outside of this package that runs now is that of a function."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and str(frame.f_globals.get("__name__", "")).startswith(_PACKAGE_PREFIX):
        frame = frame.f_back
    return frame is not None and bool(frame.f_code.co_flags & _CO_OPTIMIZED)


def _copy_matcher(matcher: Any) -> Any:
    return matcher.copy() if isinstance(matcher, CountingCondition) else matcher


def get_engine(rule: Rule) -> RuleEngine:
    """Return the working parts of a rule, for its server."""
    engine = rule._engine
    engine.is_used = True
    return engine


def build_rule(parsed: ParsedRule) -> Rule:
    """Return the rule of these parts.

    Raises:
        TypeError: If a value has the wrong type.
        ValueError: If a name is unknown, or a value is wrong.
    """
    rule = Rule(parsed.when, **parsed.selectors)
    engine = get_engine(rule)
    for number, (actions, limits) in enumerate(parsed.steps):
        if number:
            engine.steps.start_next()
        for name, value in actions:
            engine.add_action(name, value)
        apply_limits(rule, **limits)
    engine.optional = parsed.optional
    return rule


def close_with_block(rules: Iterable[Rule], error: BaseException | None) -> None:
    """End a `with` block: remove its rules, and report those that should have acted.

    Raises `RuleNeverActed`.  If the block ends with an exception, that one gets the message as a note.
    """
    unused = [engine for engine in map(get_engine, rules) if engine.is_unused]
    for engine in unused:
        engine.is_reported = True
    explanations = "\n".join(engine.explain_unused() for engine in unused)
    for rule in rules:
        rule.remove()
    if not unused:
        return
    which = "this rule" if len(unused) == 1 else "these rules"
    failure = RuleNeverActed(f"in its `with` block {which} never acted:\n{explanations}")
    if error is None:
        raise failure
    error.add_note(str(failure))


def _reject_status(when: str, code: str) -> None:
    """Reject a status of IMAP or POP3 at a trigger of SMTP, whose name lacks the protocol."""
    from lazr.smtptest.rules.reading_triggers import READING_STATUSES

    if code.upper() in READING_STATUSES:
        protocol = "POP3" if code[:1] in "+-" else "IMAP"
        raise TypeError(
            f"reply() at {when} must have a reply code, a number such as 451, got {code!r}; "
            f'a rule about {protocol} has the trigger "{protocol} {when}"'
        )


def _build_reply(code: Any, text: tuple[Any, ...]) -> Reply:
    lines = [line for part in text for line in (part if isinstance(part, (list, tuple)) else (part,))]
    wrong = [line for line in lines if not isinstance(line, str)]
    if wrong:
        raise TypeError(f"the text of a reply must be strings, got {wrong[0]!r}")
    try:
        return Reply(code, *lines)
    except ValueError as error:
        raise ValueError(f"{error}; .raw(b'…') sends any bytes") from None
