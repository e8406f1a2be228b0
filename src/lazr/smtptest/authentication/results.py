"""Results of DKIM, ARC, SPF and DMARC: immutable values with a reason in plain words.

`Authentication` has all of a mail.  The words of `result` are those of RFC 8601 2.7.  `to_dict` makes plain values for
JSON; `str` makes one line, with escapes for what could steer a terminal: reasons quote mails and DNS records.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from lazr.smtptest._util.escape import escape_unprintable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = [
    "ArcInstance",
    "ArcResult",
    "Authentication",
    "DkimResult",
    "DkimVerdict",
    "DmarcResult",
    "SpfResult",
]

DkimVerdict = Literal["pass", "fail", "neutral", "policy", "temperror", "permerror"]


@dataclass(frozen=True, slots=True)
class DkimResult:
    """The result of one DKIM signature (RFC 6376).

    Args:
        result: "pass"; "fail" for a signature that does not match; "neutral" for one that cannot be processed;
            "policy" for a weak key or algorithm (RFC 8301); "temperror" and "permerror" for the key record.
        domain: The domain that signed, the tag d=; "" if it is missing.
        selector: The selector of the key, the tag s=.
        identity: The user or agent, the tag i=; its default is `@domain`.
        algorithm: The tag a=, such as "rsa-sha256".
        key_bits: The size of the public key; 0 if there is no key.
        reason: Why the result is what it is, one sentence.
        changed: The place that differs from what was signed, "header Subject" or "body line 12"; None if it is unknown.
        canonical_header: The bytes of the header fields as they are hashed (RFC 6376 3.7).
        signed_headers: The names of the tag h=, in lower case.
        body_length: How many bytes of the canonical body the signature covers.
        is_test_key: The key record has the flag t=y: the domain tests DKIM.
        whole_body: The canonical body; `canonical_body` is the signed part of it.
    """

    result: DkimVerdict
    domain: str = ""
    selector: str = ""
    identity: str = ""
    algorithm: str = ""
    key_bits: int = 0
    reason: str = ""
    changed: str | None = None
    canonical_header: bytes = field(default=b"", repr=False)
    signed_headers: tuple[str, ...] = ()
    body_length: int = 0
    is_test_key: bool = False
    # Several signatures share these bytes, which may be large.
    whole_body: bytes = field(default=b"", repr=False)

    @property
    def canonical_body(self) -> bytes:
        """The bytes of the body as they are hashed."""
        return self.whole_body[: self.body_length]

    def __str__(self) -> str:
        return escape_unprintable(f"dkim={self.result} d={self.domain} s={self.selector}: {self.reason}")

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON, without the canonical bytes."""
        return {
            "result": self.result,
            "domain": self.domain,
            "selector": self.selector,
            "identity": self.identity,
            "algorithm": self.algorithm,
            "key_bits": self.key_bits,
            "reason": self.reason,
            "changed": self.changed,
            "signed_headers": list(self.signed_headers),
            "body_length": self.body_length,
            "is_test_key": self.is_test_key,
        }


@dataclass(frozen=True, slots=True)
class ArcInstance:
    """One set of an ARC chain (RFC 8617): what one forwarder found and sealed.

    Args:
        instance: The number of the set, from 1.
        cv: What the forwarder says about the chain before it: "none", "pass" or "fail"; "" if it is missing.
        domain: The domain of the seal.
        selector: The selector of the key of the seal.
        seal: The result of the ARC-Seal: "pass", "fail", "temperror" or "permerror".
        message_signature: The result of the ARC-Message-Signature, which only the newest must pass.
        authentication_results: The text of the ARC-Authentication-Results.
        reason: Why one of them does not pass; "" if both do.
        changed: The place that differs from what was signed; None if it is unknown.
    """

    instance: int
    cv: str = ""
    domain: str = ""
    selector: str = ""
    seal: str = ""
    message_signature: str = ""
    authentication_results: str = ""
    reason: str = ""
    changed: str | None = None

    def __str__(self) -> str:
        text = f"i={self.instance} cv={self.cv} d={self.domain} seal={self.seal} message={self.message_signature}"
        return escape_unprintable(f"{text}: {self.reason}" if self.reason else text)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True)
class ArcResult:
    """The result of an ARC chain (RFC 8617 5.2).

    Args:
        result: "pass", "fail", or "none" without a chain; "temperror" if a key could not be looked up.
        instances: The sets, from the oldest to the newest.
        reason: Why the result is what it is, one sentence.
    """

    result: Literal["pass", "fail", "none", "temperror"] = "none"
    instances: tuple[ArcInstance, ...] = ()
    reason: str = "the mail has no ARC fields"

    def __str__(self) -> str:
        return escape_unprintable(f"arc={self.result}: {self.reason}")

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "result": self.result,
            "instances": [instance.to_dict() for instance in self.instances],
            "reason": self.reason,
        }


@dataclass(frozen=True, slots=True)
class SpfResult:
    """The result of SPF (RFC 7208).

    Args:
        result: "none", "neutral", "pass", "fail", "softfail", "temperror" or "permerror" (RFC 7208 2.6).
        domain: The domain whose record was used.
        ip: The address of the client; "" if it is unknown.
        scope: "mfrom" for the domain of MAIL FROM, "helo" for that of HELO, which is used with a null reverse-path.
        mechanism: The term of the record that matched, "-all"; "" if none did.
        explanation: The text of the domain for a "fail" (RFC 7208 6.2); "" without one.
        lookups: How many terms caused a DNS lookup; at most 10 are allowed (RFC 7208 4.6.4).
        reason: Why the result is what it is, one sentence.
    """

    result: Literal["none", "neutral", "pass", "fail", "softfail", "temperror", "permerror"] = "none"
    domain: str = ""
    ip: str = ""
    scope: Literal["mfrom", "helo"] = "mfrom"
    mechanism: str = ""
    explanation: str = ""
    lookups: int = 0
    reason: str = ""

    def __str__(self) -> str:
        return escape_unprintable(f"spf={self.result} {self.scope}={self.domain}: {self.reason}")

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True)
class DmarcResult:
    """The result of DMARC (RFC 7489).

    Args:
        result: "pass", "fail", "none" without a record, "temperror" or "permerror".
        domain: The domain of the From field.
        organizational_domain: The domain that was registered, by the public suffix list (RFC 7489 3.2).
        policy: What the domain asks for: "none", "quarantine" or "reject", from p= or sp=; "" without a record.
        disposition: What a receiver does with the mail: "none", "quarantine" or "reject".
        dkim_aligned: A DKIM signature passes whose domain is aligned with the From field (RFC 7489 3.1.1).
        spf_aligned: SPF passes, and its domain is aligned with the From field (RFC 7489 3.1.2).
        record: The text of the DMARC record; "" without one.
        reason: Why the result is what it is, one sentence.
    """

    result: Literal["pass", "fail", "none", "temperror", "permerror"] = "none"
    domain: str = ""
    organizational_domain: str = ""
    policy: str = ""
    disposition: Literal["none", "quarantine", "reject"] = "none"
    dkim_aligned: bool = False
    spf_aligned: bool = False
    record: str = ""
    reason: str = ""

    def __str__(self) -> str:
        return escape_unprintable(f"dmarc={self.result} from={self.domain}: {self.reason}")

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True)
class Authentication:
    """All that a receiver finds out about the sender of a mail.

    Args:
        dkim: One result for each DKIM signature, in the order of the header.
        arc: The result of the ARC chain.
        spf: The result of SPF.
        dmarc: The result of DMARC, which combines DKIM and SPF.

    >>> print(Authentication())
    dkim=none: the mail has no DKIM signature
    arc=none: the mail has no ARC fields
    spf=none mfrom=:\x20
    dmarc=none from=:\x20
    """

    dkim: tuple[DkimResult, ...] = ()
    arc: ArcResult = field(default_factory=ArcResult)
    spf: SpfResult = field(default_factory=SpfResult)
    dmarc: DmarcResult = field(default_factory=DmarcResult)

    def header(self, authserv_id: str) -> str:
        """Return the field Authentication-Results (RFC 8601), without a final CRLF.

        Args:
            authserv_id: The name of the server that checked, `mx.example.org`.

        Raises:
            ValueError: `authserv_id` has characters other than letters, digits, `.`, `-` and `_`.
            MissingExtra: authres is not installed.

        >>> Authentication().header("mx.example.org").splitlines()[:2]
        ['Authentication-Results: mx.example.org;', ' dkim=none;']
        """
        from lazr.smtptest.authentication.authentication_results import Clause, build_authentication_results

        clauses = [
            Clause(
                "dkim",
                signature.result,
                signature.reason,
                (
                    ("header.d", signature.domain),
                    ("header.i", signature.identity),
                    ("header.s", signature.selector),
                    ("header.a", signature.algorithm),
                ),
            )
            for signature in self.dkim
        ]
        identity = "smtp.mailfrom" if self.spf.scope == "mfrom" else "smtp.helo"
        return build_authentication_results(
            authserv_id,
            [
                *(clauses or [Clause("dkim", "none")]),
                Clause("arc", self.arc.result, "" if self.arc.result == "none" else self.arc.reason),
                Clause("spf", self.spf.result, self.spf.reason, ((identity, self.spf.domain),)),
                Clause(
                    "dmarc",
                    self.dmarc.result,
                    self.dmarc.reason,
                    (("header.from", self.dmarc.domain), ("policy.dmarc", self.dmarc.policy)),
                ),
            ],
        )

    def __str__(self) -> str:
        dkim = self.dkim or ("dkim=none: the mail has no DKIM signature",)
        return "\n".join(map(str, (*dkim, self.arc, self.spf, self.dmarc)))

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "dkim": [signature.to_dict() for signature in self.dkim],
            "arc": self.arc.to_dict(),
            "spf": self.spf.to_dict(),
            "dmarc": self.dmarc.to_dict(),
        }
