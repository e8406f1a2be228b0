"""The chain of decisions about an event, which follows the rules.

It has two links: the user's `decide`, then delivery.

The session suggests a reply.  The user's `decide` may change it.  A negative reply is recorded; a positive reply to a
message delivers it, which may still turn the reply into a refusal.
"""

from __future__ import annotations

from lazr.smtptest.protocol.smtp import Reply

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from lazr.smtptest.mailserver.failure_log import FailureLog
    from lazr.smtptest.mailserver.local_delivery import LocalDelivery
    from lazr.smtptest.net import Decide
    from lazr.smtptest.protocol.smtp import Event

__all__ = ["DecisionChain"]


class DecisionChain:
    """The part of a server that decides about events, in the server's thread.

    `decide` is the user's function, if there is one.
    """

    def __init__(self, decide: Decide | None, delivery: LocalDelivery, failures: FailureLog) -> None:
        self._user_decide = decide
        self._delivery = delivery
        self._failures = failures

    @property
    def has_user_decide(self) -> bool:
        """Whether the user's function takes part, so that a decision may take time."""
        return self._user_decide is not None

    def decide(self, event: Event, reply: Reply) -> Reply | Awaitable[Reply]:
        """Return the reply to give, or an awaitable of it; `reply` is the session's suggestion."""
        if self._user_decide is None:
            return self.apply_reply(event, reply)
        return self._decide_by(self._user_decide, event, reply)

    def decide_by_function(
        self, function: Callable[[Event], object], event: Event, reply: Reply
    ) -> Reply | Awaitable[Reply]:
        """Decide by the function of a rule's `call`.

        Where it returns None, the user's `decide` decides.
        """
        fallback = self._user_decide or (lambda event, reply: reply)

        def decide(event: Event, reply: Reply) -> Reply | Awaitable[Reply]:
            result = function(event)
            if hasattr(result, "__await__"):
                return await_result(result)
            return fallback(event, reply) if result is None else result  # type: ignore[return-value]  # checked by the caller

        async def await_result(awaitable: Awaitable[object]) -> Reply:
            result = await awaitable
            if result is None:
                decision = fallback(event, reply)
                return decision if isinstance(decision, Reply) else await decision
            return result  # type: ignore[return-value]  # checked by the caller

        return self._decide_by(decide, event, reply)

    def apply_reply(self, event: Event, reply: Reply) -> Reply:
        """Carry out the reply: record a refusal, deliver a message.

        The result may be another refusal.
        """
        if reply.code >= 400:
            self._failures.record_refusal(event.said(), reply)
            if event.verb == "END_OF_DATA":
                self._delivery.note_refusal(event)
        elif event.verb == "END_OF_DATA":
            return self._delivery.deliver(event, reply)
        elif event.verb == "MAIL":
            refusal = self._delivery.check_room(event)
            if refusal is not None:
                self._failures.record_refusal(event.said(), refusal)
                return refusal
        return reply

    def _decide_by(self, decide: Decide, event: Event, reply: Reply) -> Reply | Awaitable[Reply]:
        try:
            decision = decide(event, reply)
        except BaseException as error:  # noqa: BLE001 - P7: raised again in the thread of the test
            return self._failures.record_error(error)
        if isinstance(decision, Reply):
            return self.apply_reply(event, decision)
        if not hasattr(decision, "__await__"):
            return self._failures.record_error(_build_type_error(decision))
        return self._await_decision(event, decision)

    async def _await_decision(self, event: Event, decision: Awaitable[Reply]) -> Reply:
        try:
            reply = await decision
        except BaseException as error:
            # P7.  The end of a session cancels its pending decision, which is not an error.
            if type(error).__name__ == "CancelledError":
                raise
            return self._failures.record_error(error)
        if not isinstance(reply, Reply):
            return self._failures.record_error(_build_type_error(reply))
        return self.apply_reply(event, reply)


def _build_type_error(decision: object) -> TypeError:
    return TypeError(
        f"decide, and the function of a rule's call, must return a Reply, got {decision!r}; "
        "return the reply that it was called with, or another one"
    )
