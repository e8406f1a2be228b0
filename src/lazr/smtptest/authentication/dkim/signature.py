"""Signature fields: their tags, and whether these are valid (RFC 6376 3.5, RFC 8301)."""

from __future__ import annotations

from dataclasses import dataclass

from lazr.smtptest._util.lazy_pattern import compile_lazily
from lazr.smtptest.authentication.dkim.canonicalization import ALGORITHMS as CANONICAL_FORMS
from lazr.smtptest.authentication.dkim.problem import DkimProblem
from lazr.smtptest.authentication.dkim.tags import TagError, decode_base64, parse_tags, show

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lazr.smtptest.authentication.dkim.field import Field

__all__ = ["CLOCK_LEEWAY_SECONDS", "Signature", "describe_names", "read_signature", "read_tags"]

HASHES = {"rsa-sha256": "sha256", "rsa-sha1": "sha1", "ed25519-sha256": "sha256"}
REQUIRED_TAGS = ("v", "a", "b", "bh", "d", "h", "s")
# Clocks of senders are not exact.
CLOCK_LEEWAY_SECONDS = 300
# Real signatures list at most 60 names.
MAX_SIGNED_NAMES = 500
MAX_NAME_CHARACTERS = 253

_NUMBER = compile_lazily(rb"[0-9]{1,15}")
_DOMAIN = compile_lazily(r"[^\s()<>\[\]:;@\\,\"/]{1,253}")


@dataclass(frozen=True, slots=True)
class Signature:
    """A signature field with valid tags.

    Args:
        field: The field.
        tags: The values by tag.
        domain: The tag d=.
        selector: The tag s=.
        identity: The tag i=, or `@domain`.
        algorithm: The tag a=.
        header_algorithm: The canonicalization of the header, from c=.
        body_algorithm: The canonicalization of the body, from c=.
        names: The signed header fields in lower case, from h=.
        body_hash: The bytes of bh=.
        value: The bytes of b=.
        length: The number of l=; None without it.
        is_arc: The field is an ARC-Message-Signature: i= is a number.
    """

    field: Field
    tags: dict[str, bytes]
    domain: str
    selector: str
    identity: str
    algorithm: str
    header_algorithm: str
    body_algorithm: str
    names: tuple[str, ...]
    body_hash: bytes
    value: bytes
    length: int | None
    is_arc: bool

    @property
    def hash_name(self) -> str:
        """The hash function, a name of `hashlib`."""
        return HASHES[self.algorithm]


def read_tags(field: Field) -> dict[str, bytes]:
    """Return the tags of a signature field.

    Raises:
        DkimProblem: The field is not a tag list.
    """
    try:
        return parse_tags(field.value)
    except TagError as error:
        raise DkimProblem("neutral", f"the field {field.label} cannot be read: {error}", field.label) from error


def describe_names(tags: dict[str, bytes]) -> dict[str, str]:
    """Return what identifies a signature in its result, also an invalid one."""
    domain = _decode(tags.get("d", b""))
    return {
        "domain": domain,
        "selector": _decode(tags.get("s", b"")),
        "identity": _decode(tags.get("i", b"")) or (f"@{domain}" if domain else ""),
        "algorithm": _decode(tags.get("a", b"")),
    }


def read_signature(field: Field, tags: dict[str, bytes], now: float, *, is_arc: bool = False) -> Signature:
    """Return a signature with valid tags (RFC 6376 3.5, 6.1.1).

    Args:
        field: The signature field.
        tags: Its tags, from `read_tags`.
        now: The time, in seconds since 1970, that x= and t= are compared with.
        is_arc: The field is an ARC-Message-Signature, whose i= is a number and which has no v= (RFC 8617 4.1.2).

    Raises:
        DkimProblem: A tag is missing or invalid, or the signature is expired or too weak.
    """
    names = describe_names(tags)
    _check_required(tags, is_arc=is_arc)
    if not is_arc and tags["v"] != b"1":
        raise DkimProblem("neutral", f"the signature has the version v={show(tags['v'])}, expected 1")
    algorithm = names["algorithm"] = names["algorithm"].lower()
    if algorithm not in HASHES:
        raise DkimProblem(
            "neutral", f"the algorithm a={show(tags['a'])} is unknown; known: rsa-sha256 and ed25519-sha256"
        )
    for tag in ("d", "s"):
        if not _DOMAIN.fullmatch(_decode(tags[tag])) or len(tags[tag]) > MAX_NAME_CHARACTERS:
            raise DkimProblem("neutral", f"{tag}={show(tags[tag])} is not a domain name")
    body_hash, value = _decode_binary(tags, "bh"), _decode_binary(tags, "b")
    header_algorithm, body_algorithm = _read_canonicalization(tags.get("c", b"simple/simple"))
    signed = _read_names(tags["h"])
    if not is_arc:
        if len(tags.get("i", b"")) > MAX_NAME_CHARACTERS:
            raise DkimProblem(
                "neutral", f"i= has {len(tags['i'])} bytes, and at most {MAX_NAME_CHARACTERS} are checked"
            )
        _check_identity(names["identity"], names["domain"])
        if "q" in tags and b"dns/txt" not in [one.strip() for one in tags["q"].split(b":")]:
            raise DkimProblem("neutral", f"the query method q={show(tags['q'])} is unknown; known: dns/txt")
    if "from" not in signed:
        raise DkimProblem("permerror", "the From field is not signed: h= must list it (RFC 6376 5.4)")
    _check_times(tags, now)
    if algorithm == "rsa-sha1":
        raise DkimProblem(
            "policy", "the algorithm rsa-sha1 must not be used any more (RFC 8301 3.1): sign with SHA-256"
        )
    return Signature(
        field=field,
        tags=tags,
        **names,
        header_algorithm=header_algorithm,
        body_algorithm=body_algorithm,
        names=signed,
        body_hash=body_hash,
        value=value,
        length=_read_number(tags, "l"),
        is_arc=is_arc,
    )


def _decode(text: bytes) -> str:
    return text[: MAX_NAME_CHARACTERS + 1].decode("utf-8", "replace")


def _check_required(tags: dict[str, bytes], *, is_arc: bool) -> None:
    required = [tag for tag in REQUIRED_TAGS if not (is_arc and tag == "v")]
    missing = [f"{tag}=" for tag in required if tag not in tags]
    if missing:
        noun = "tag" if len(missing) == 1 else "tags"
        raise DkimProblem("neutral", f"the signature has no {noun} {', '.join(missing)}")
    empty = [f"{tag}=" for tag in required if not tags[tag]]
    if empty:
        raise DkimProblem("neutral", f"the signature has an empty {', '.join(empty)}")


def _decode_binary(tags: dict[str, bytes], tag: str) -> bytes:
    try:
        return decode_base64(tags[tag])
    except TagError as error:
        raise DkimProblem("neutral", f"{tag}= cannot be read: {error}") from error


def _read_canonicalization(value: bytes) -> tuple[str, str]:
    header, _, body = value.decode("ascii", "replace").lower().partition("/")
    body = body or "simple"
    if header not in CANONICAL_FORMS or body not in CANONICAL_FORMS:
        raise DkimProblem("neutral", f"the canonicalization c={show(value)} is unknown; known: simple and relaxed")
    return header, body


def _read_names(value: bytes) -> tuple[str, ...]:
    names = tuple(name.strip(b" \t\r\n").decode("ascii", "replace").lower() for name in value.split(b":"))
    if len(names) > MAX_SIGNED_NAMES:
        raise DkimProblem("neutral", f"h= lists {len(names)} fields, and at most {MAX_SIGNED_NAMES} are checked")
    longest = max(map(len, names))
    if longest > MAX_NAME_CHARACTERS:
        reason = f"h= has a name of {longest} characters, and at most {MAX_NAME_CHARACTERS} are checked"
        raise DkimProblem("neutral", reason)
    if "" in names:
        raise DkimProblem("neutral", "h= has an empty name")
    return names


def _check_identity(identity: str, domain: str) -> None:
    identity_domain = identity.rpartition("@")[2].lower().removesuffix(".")
    parent = domain.lower().removesuffix(".")
    if "@" not in identity or not f".{identity_domain}".endswith(f".{parent}"):
        raise DkimProblem("permerror", f"the identity i={identity} is not within the domain d={domain}")


def _read_number(tags: dict[str, bytes], tag: str) -> int | None:
    if tag not in tags:
        return None
    if not _NUMBER.fullmatch(tags[tag]):
        raise DkimProblem("neutral", f"{tag}={show(tags[tag])} is not a decimal number of at most 15 digits")
    return int(tags[tag])


def _check_times(tags: dict[str, bytes], now: float) -> None:
    signed_at, expires_at = _read_number(tags, "t"), _read_number(tags, "x")
    _read_number(tags, "l")
    if signed_at is not None and expires_at is not None and expires_at < signed_at:
        raise DkimProblem("neutral", f"the signature expires before it is made: x={expires_at} is before t={signed_at}")
    if expires_at is not None and expires_at < now - CLOCK_LEEWAY_SECONDS:
        raise DkimProblem("fail", f"the signature has expired {format_seconds(now - expires_at)} ago: x={expires_at}")
    if signed_at is not None and signed_at > now + CLOCK_LEEWAY_SECONDS:
        raise DkimProblem(
            "fail", f"the signature is made {format_seconds(signed_at - now)} in the future: t={signed_at}"
        )


def format_seconds(seconds: float) -> str:
    """Return a duration in its largest unit.

    >>> format_seconds(90), format_seconds(172800)
    ('1 minute', '2 days')
    """
    for unit, size in (("day", 86400), ("hour", 3600), ("minute", 60)):
        if seconds >= size:
            number = int(seconds // size)
            return f"{number} {unit}{'s' if number > 1 else ''}"
    return f"{int(seconds)} seconds"
