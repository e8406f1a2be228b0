"""Rules: when a server misbehaves, what it does then, and how often.

A `Rule` has a condition (a trigger of the session and selectors), steps (actions with limits), and an account of its
calls.  `Rules` is the sequence of a server: `Rules.evaluate` takes a `RuleContext` and returns the action of the first
rule that acts.  Presets are rules for faults of real servers.  `build_rules` reads definitions from JSON or TOML.

This room decides, and `net` carries out.  It has no sockets, and takes the time from the context.  Its dice are seeded.
So the same events in the same order get the same actions.  The public names are here, and their modules are imported at
first use.
"""

from __future__ import annotations

from lazr.smtptest._util.lazy_exports import lazy_exports

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from lazr.smtptest.rules.actions import Action
    from lazr.smtptest.rules.call_log import Call
    from lazr.smtptest.rules.loader import build_rules, copy_rules
    from lazr.smtptest.rules.notices import NOTICE_ACTIONS, NOTICE_ACTIONS_BY_KIND, Notice, NoticeOrder, build_notice
    from lazr.smtptest.rules.preset_registry import find_preset
    from lazr.smtptest.rules.presets import (
        PRESETS,
        blackhole,
        connection_limit,
        drops_idle,
        flaky,
        greylist,
        lying_size,
        maintenance,
        max_recipients,
        old_server,
        provider,
        quota_full,
        rate_limit,
        reading_provider,
        simulator_addresses,
        slow_link,
        spam_rejected,
        strip_starttls,
        tarpit,
        unknown_user,
    )
    from lazr.smtptest.rules.provider_replies import PROVIDERS, Provider
    from lazr.smtptest.rules.reading_providers import READING_PROVIDERS
    from lazr.smtptest.rules.rule import Rule
    from lazr.smtptest.rules.rule_context import Moment, RuleContext
    from lazr.smtptest.rules.rule_set import RuleGroup, Rules
    from lazr.smtptest.rules.schema import read_rules_schema
    from lazr.smtptest.rules.selectors import Selectors as Selectors
    from lazr.smtptest.rules.triggers import TRIGGERS

__all__ = [
    "NOTICE_ACTIONS",
    "NOTICE_ACTIONS_BY_KIND",
    "PRESETS",
    "PROVIDERS",
    "READING_PROVIDERS",
    "TRIGGERS",
    "Action",
    "Call",
    "Moment",
    "Notice",
    "NoticeOrder",
    "Provider",
    "Rule",
    "RuleContext",
    "RuleGroup",
    "Rules",
    "blackhole",
    "build_notice",
    "build_rules",
    "connection_limit",
    "copy_rules",
    "drops_idle",
    "find_preset",
    "flaky",
    "greylist",
    "lying_size",
    "maintenance",
    "max_recipients",
    "old_server",
    "provider",
    "quota_full",
    "rate_limit",
    "read_rules_schema",
    "reading_provider",
    "simulator_addresses",
    "slow_link",
    "spam_rejected",
    "strip_starttls",
    "tarpit",
    "unknown_user",
]

__getattr__: Callable[[str], object]
__dir__: Callable[[], list[str]]
__getattr__, __dir__ = lazy_exports(
    globals(),
    {
        "lazr.smtptest.rules.actions": ("Action",),
        "lazr.smtptest.rules.call_log": ("Call",),
        "lazr.smtptest.rules.loader": ("build_rules", "copy_rules"),
        "lazr.smtptest.rules.notices": (
            "NOTICE_ACTIONS",
            "NOTICE_ACTIONS_BY_KIND",
            "Notice",
            "NoticeOrder",
            "build_notice",
        ),
        "lazr.smtptest.rules.preset_registry": ("find_preset",),
        "lazr.smtptest.rules.presets": (
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
        ),
        "lazr.smtptest.rules.provider_replies": (
            "PROVIDERS",
            "Provider",
        ),
        "lazr.smtptest.rules.reading_providers": ("READING_PROVIDERS",),
        "lazr.smtptest.rules.rule": ("Rule",),
        "lazr.smtptest.rules.rule_context": (
            "Moment",
            "RuleContext",
        ),
        "lazr.smtptest.rules.rule_set": (
            "RuleGroup",
            "Rules",
        ),
        "lazr.smtptest.rules.schema": ("read_rules_schema",),
        "lazr.smtptest.rules.triggers": ("TRIGGERS",),
    },
)
