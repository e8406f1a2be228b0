"""Public keys of signers: the key record in DNS (RFC 6376 3.6), and what it verifies."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from lazr.smtptest.authentication.dkim.problem import DkimProblem
from lazr.smtptest.authentication.dkim.tags import TagError, decode_base64, parse_tags, show
from lazr.smtptest.dns import DnsError, NameList

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from lazr.smtptest.dns import Resolver

__all__ = ["MIN_KEY_BITS", "RECOMMENDED_KEY_BITS", "PublicKey", "find_key"]

MIN_KEY_BITS = 1024  # RFC 8301 3.2
RECOMMENDED_KEY_BITS = 2048
# The time of a verification grows with the size of the key and of the exponent; real exponents are 65537.
MAX_KEY_BITS = 8192
MAX_EXPONENT_BITS = 64
MAX_RECORDS = 10

# The start of a DigestInfo (RFC 8017 9.2, note 1), which ends with the digest.
_DIGEST_INFO = {
    "sha256": bytes.fromhex("3031300d060960864801650304020105000420"),
    "sha1": bytes.fromhex("3021300906052b0e03021a05000414"),
}
_ED25519_OCTETS = 32
_ED25519_INFO_OCTETS = 44


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A public key and what its record allows.

    Args:
        name: The name of the key record.
        type: "rsa" or "ed25519".
        bits: The size.
        key: The key as dkimpy or PyNaCl have it.
        is_test: The flag t=y: the domain tests DKIM.
        is_strict: The flag t=s: i= must have exactly the domain d=.
    """

    name: str
    type: str
    bits: int
    key: Any
    is_test: bool = False
    is_strict: bool = False

    def verify(self, data: bytes, signature: bytes, hash_name: str = "sha256") -> bool:
        """Check whether this signature of the data was made with the private key."""
        digest = hashlib.new(hash_name, data, usedforsecurity=False)
        if self.type == "ed25519":
            from nacl.exceptions import CryptoError

            try:
                self.key.verify(digest.digest(), signature)
            except (CryptoError, ValueError, TypeError):
                return False
            return True
        from dkim.crypto import DigestTooLargeError, RSASSA_PKCS1_v1_5_verify

        if len(signature) != (self.bits + 7) // 8:
            return False
        try:
            return bool(RSASSA_PKCS1_v1_5_verify(digest, signature, self.key))
        except DigestTooLargeError:
            return False

    def recover_digest(self, signature: bytes) -> tuple[str, bytes] | None:
        """Return hash and digest in an RSA signature; None for another key (RFC 8017 8.2.2).

        A signature of RSA with this padding contains the digest, so the signer's digest can be compared with others.
        """
        if self.type != "rsa":
            return None
        octets = (self.bits + 7) // 8
        if len(signature) != octets:
            return None
        number = pow(int.from_bytes(signature), self.key["publicExponent"], self.key["modulus"])
        padding, zero, info = number.to_bytes(octets)[2:].partition(b"\0")
        if number >> ((octets - 2) * 8) != 1 or not zero or padding.strip(b"\xff"):
            return None
        for hash_name, prefix in _DIGEST_INFO.items():
            digest = info.removeprefix(prefix)
            if len(digest) < len(info) and len(digest) == hashlib.new(hash_name, usedforsecurity=False).digest_size:
                return hash_name, digest
        return None


def find_key(resolver: Resolver, domain: str, selector: str, algorithm: str) -> PublicKey:
    """Return the key of a selector; of several records, the first that can be used.

    Args:
        resolver: The source of DNS records.
        domain: The tag d=.
        selector: The tag s=.
        algorithm: The tag a=, such as "rsa-sha256".

    Raises:
        DkimProblem: There is no record, or the key cannot be used for this algorithm.
    """
    name = f"{selector}._domainkey.{domain}"
    try:
        records = resolver.find_txt(name)
    except DnsError as error:
        raise DkimProblem("temperror", f"the key record cannot be looked up now: {error}") from error
    if not records:
        reason = f"there is no key record: {name} has no TXT record{_list_similar_names(resolver, domain)}"
        raise DkimProblem("permerror", reason)
    problems = []
    for record in records[:MAX_RECORDS]:
        try:
            return _parse_record(name, record, *algorithm.split("-"))
        except DkimProblem as problem:
            problems.append(problem)
    raise problems[0]


def _list_similar_names(resolver: Resolver, domain: str) -> str:
    """Return the other key records of the domain: tests often have a wrong selector."""
    if not isinstance(resolver, NameList):
        return ""
    names = [name for name in resolver.list_names("TXT", f".{domain}") if "domainkey" in name]
    return f"; there are {', '.join(names)}" if names else ""


def _parse_record(name: str, record: bytes, key_type: str, hash_name: str) -> PublicKey:
    """Return the key of a record (RFC 6376 3.6.1)."""

    def fail(text: str) -> DkimProblem:
        hint = "; it has backslashes, which only zone files need" if b"\\" in record else ""
        return DkimProblem("permerror", f"the key record {name} {text}{hint}")

    try:
        tags = parse_tags(record)
    except TagError as error:
        raise fail(f"cannot be read: {error}") from error
    if tags.get("v", b"DKIM1") != b"DKIM1":
        raise fail(f"has the version v={show(tags['v'])}, expected DKIM1")
    if "v" in tags and next(iter(tags)) != "v":
        raise fail("does not begin with v=DKIM1")
    if "p" not in tags:
        raise fail("has no public key: the tag p= is missing")
    if not tags["p"]:
        raise fail("has an empty p=: the key is revoked")
    record_type = tags.get("k", b"rsa").decode("ascii", "replace").lower()
    if record_type not in ("rsa", "ed25519"):
        raise fail(f"has the unknown key type k={show(tags['k'])}")
    if record_type != key_type:
        raise fail(f"has a key of type {record_type}, but the signature is made with {key_type}")
    hashes = _split_list(tags.get("h", b""))
    if hashes and hash_name not in hashes:
        raise fail(f"allows only the hash algorithms h={':'.join(hashes)[:40]}, but the signature uses {hash_name}")
    services = _split_list(tags.get("s", b"*"))
    if not {"*", "email"} & set(services):
        raise fail(f"is not for mail: its service types are s={':'.join(services)[:40]}")
    try:
        data = decode_base64(tags["p"])
    except TagError as error:
        hint = ": it has the BEGIN line of a PEM file" if b"BEGIN" in tags["p"] else ""
        raise fail(f"has a malformed key: p={error}{hint}") from error
    bits, key = _parse_ed25519(data, fail) if key_type == "ed25519" else _parse_rsa(data, fail)
    flags = _split_list(tags.get("t", b""))
    return PublicKey(name, key_type, bits, key, is_test="y" in flags, is_strict="s" in flags)


def _split_list(text: bytes) -> list[str]:
    words = (word.strip().decode("ascii", "replace").lower() for word in text.split(b":"))
    return [word for word in words if word]


def _parse_ed25519(data: bytes, fail: Any) -> tuple[int, Any]:
    from nacl.signing import VerifyKey

    if len(data) != _ED25519_OCTETS:
        hint = ": p= must be the bare key, not SubjectPublicKeyInfo" if len(data) == _ED25519_INFO_OCTETS else ""
        raise fail(f"has a malformed key: an Ed25519 key has 32 bytes, got {len(data)}{hint}")
    return _ED25519_OCTETS * 8, VerifyKey(data)


def _parse_rsa(data: bytes, fail: Any) -> tuple[int, Any]:
    from dkim.crypto import UnparsableKeyError, parse_public_key

    if len(data) * 8 > 2 * MAX_KEY_BITS:
        raise fail(f"has a key of {len(data)} bytes; keys of at most {MAX_KEY_BITS} bits are checked")
    try:
        key = parse_public_key(data)
    except (UnparsableKeyError, IndexError, AssertionError, TypeError, ValueError) as error:
        hint = "; it may be cut off" if data.startswith(b"\x30") else ""
        raise fail(f"has a malformed key: p= is not an RSA public key{hint}") from error
    modulus, exponent = key["modulus"], key["publicExponent"]
    if not (modulus % 2 and exponent > 1) or exponent.bit_length() > MAX_EXPONENT_BITS:
        raise fail("has a malformed key: p= is not an RSA public key")
    if modulus.bit_length() > MAX_KEY_BITS:
        raise fail(f"has a key of {modulus.bit_length()} bits; keys of at most {MAX_KEY_BITS} bits are checked")
    return modulus.bit_length(), key
