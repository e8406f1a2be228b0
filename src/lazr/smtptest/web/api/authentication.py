"""DKIM, ARC, SPF and DMARC of one mail."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from fastapi import APIRouter, Request
from starlette.responses import Response
from typing_extensions import TypedDict

from lazr.smtptest._util.extras import require_extra
from lazr.smtptest.web.api.access_scope import AccessScopeDep
from lazr.smtptest.web.api.memory_limits import hold_mail_turn
from lazr.smtptest.web.api.message_param import EntryDep, load_mail
from lazr.smtptest.web.responses import json_response
from lazr.smtptest.web.sandbox import ConcurrencyLimit

if TYPE_CHECKING:
    from lazr.smtptest.authentication import Authentication
    from lazr.smtptest.mailserver import MailServer

__all__ = ["router"]

router: APIRouter = APIRouter(tags=["message"])

# The lookups of one mail take at most 20 seconds.
_AUTHENTICATION_LIMIT = ConcurrencyLimit(4)


class DkimSignature(TypedDict):
    """The result of one DKIM signature (RFC 6376).

    `Changed` is the place that differs from what was signed: `header Subject`, `body line 12`, or empty if unknown.
    """

    Result: Literal["pass", "fail", "neutral", "policy", "temperror", "permerror"]
    Domain: str
    Selector: str
    Identity: str
    Algorithm: str
    KeyBits: int
    Reason: str
    Changed: str
    SignedHeaders: list[str]
    BodyLength: int
    TestKey: bool


class ArcSet(TypedDict):
    """One set of an ARC chain (RFC 8617)."""

    Instance: int
    ChainValidation: str
    Domain: str
    Selector: str
    Seal: str
    MessageSignature: str
    AuthenticationResults: str
    Reason: str
    Changed: str


class ArcChain(TypedDict):
    """The result of the ARC chain (RFC 8617 5.2)."""

    Result: Literal["pass", "fail", "none", "temperror"]
    Reason: str
    Sets: list[ArcSet]


class Spf(TypedDict):
    """The result of SPF (RFC 7208).

    `Scope` is `mfrom` for the domain of MAIL FROM, and `helo` for that of HELO, which counts with a null reverse-path.
    `Mechanism` is the term of the record that matched.
    """

    Result: Literal["none", "neutral", "pass", "fail", "softfail", "temperror", "permerror"]
    Domain: str
    IP: str
    Scope: Literal["mfrom", "helo"]
    Mechanism: str
    Explanation: str
    Lookups: int
    Reason: str


class Dmarc(TypedDict):
    """The result of DMARC (RFC 7489).

    `Policy` is what the domain asks for, and `Disposition` what a receiver does with this mail.
    """

    Result: Literal["pass", "fail", "none", "temperror", "permerror"]
    Domain: str
    OrganizationalDomain: str
    Policy: str
    Disposition: Literal["none", "quarantine", "reject"]
    DKIMAligned: bool
    SPFAligned: bool
    Record: str
    Reason: str


class MessageAuthentication(TypedDict):
    """All results of a mail.

    `HasDNS` is false if the server knows no DNS records; results that need some are then `temperror`.  `Header` is the
    field Authentication-Results (RFC 8601).
    """

    HasDNS: bool
    DKIM: list[DkimSignature]
    ARC: ArcChain
    SPF: Spf
    DMARC: Dmarc
    Header: str


@router.get("/api/v1/message/{id}/authentication", responses={200: {"model": MessageAuthentication}})
async def get_authentication(request: Request, scope: AccessScopeDep, entry: EntryDep) -> Response:
    """Return the results of DKIM, ARC, SPF and DMARC, with the reason of each.

    DNS records come from `serve --dns-zone FILE`, or with `--dns system` from the name servers of the machine.

    404 if there is no such mail; 501 if the extra `checks` is not installed; 503 if too many requests wait for results.
    """
    require_extra("checks")
    server = scope.app_context.server

    def build_response() -> Response:
        # Mails of the store have no session; the envelope has the address and the name of the client.
        found = load_mail(scope, entry).authenticate(server.dns, server.spf_ip)
        return json_response(_serialize(found, has_dns=server.dns is not None, header=_build_header(found, server)))

    async with hold_mail_turn(request, entry.size):
        return await _AUTHENTICATION_LIMIT.run_in_thread(build_response)


def _build_header(found: Authentication, server: MailServer) -> str:
    try:
        return found.header(server.greeting_name)
    except ValueError:  # a host name may have characters that the field cannot have
        return found.header("localhost")


def _serialize(found: Authentication, *, has_dns: bool, header: str) -> MessageAuthentication:
    spf, dmarc = found.spf, found.dmarc
    return {
        "HasDNS": has_dns,
        "DKIM": [
            {
                "Result": one.result,
                "Domain": one.domain,
                "Selector": one.selector,
                "Identity": one.identity,
                "Algorithm": one.algorithm,
                "KeyBits": one.key_bits,
                "Reason": one.reason,
                "Changed": one.changed or "",
                "SignedHeaders": list(one.signed_headers),
                "BodyLength": one.body_length,
                "TestKey": one.is_test_key,
            }
            for one in found.dkim
        ],
        "ARC": {
            "Result": found.arc.result,
            "Reason": found.arc.reason,
            "Sets": [
                {
                    "Instance": one.instance,
                    "ChainValidation": one.cv,
                    "Domain": one.domain,
                    "Selector": one.selector,
                    "Seal": one.seal,
                    "MessageSignature": one.message_signature,
                    "AuthenticationResults": one.authentication_results,
                    "Reason": one.reason,
                    "Changed": one.changed or "",
                }
                for one in found.arc.instances
            ],
        },
        "SPF": {
            "Result": spf.result,
            "Domain": spf.domain,
            "IP": spf.ip,
            "Scope": spf.scope,
            "Mechanism": spf.mechanism,
            "Explanation": spf.explanation,
            "Lookups": spf.lookups,
            "Reason": spf.reason,
        },
        "DMARC": {
            "Result": dmarc.result,
            "Domain": dmarc.domain,
            "OrganizationalDomain": dmarc.organizational_domain,
            "Policy": dmarc.policy,
            "Disposition": dmarc.disposition,
            "DKIMAligned": dmarc.dkim_aligned,
            "SPFAligned": dmarc.spf_aligned,
            "Record": dmarc.record,
            "Reason": dmarc.reason,
        },
        "Header": header,
    }
