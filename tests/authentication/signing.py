"""Keys, and mails signed by dkimpy and others, for the tests of this folder."""

import base64
import functools
import hashlib
import time

import dkim
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, padding, rsa

from lazr.smtptest.authentication import verify_dkim
from lazr.smtptest.dns import Zone

DOMAIN = "example.com"
RSA_KEY_NAME = f"rsa._domainkey.{DOMAIN}"
ED25519_KEY_NAME = f"ed._domainkey.{DOMAIN}"

MAIL = b"""\
Received: from a.example by b.example; Mon, 30 Nov 2026 10:00:00 +0000
From: Ann <ann@example.com>
To: bob@example.org
Subject: Your order
Date: Mon, 30 Nov 2026 10:00:00 +0000
Message-ID: <1@example.com>
MIME-Version: 1.0
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: 8bit

Hello Bob,

thank you for your  order of 3 books.
They cost 45 EUR and come on Monday.

--\x20
Ann
.profile is the file
""".replace(b"\n", b"\r\n")

# Libraries make no keys of this size any more, because they can be broken.
SMALL_KEY = b"""\
-----BEGIN RSA PRIVATE KEY-----
MIIBOgIBAAJBAL98Rx2z45Z00WZZOVjb1pWfvsNWhlmC0LLP/Yf4u6a1z9bdc6+5
cNf6yxRXGfxS4kuueWID+oeGUplxhkTYgvsCAwEAAQJAW1jOFD1ctMnFmy21Tc6R
747lUgpUzR66sJLIP7VIz53XrPPxgU4oOH66fqJUSK4g3pgHwla5/iCQV1LsXmiJ
AQIhAPa52MIR6gvItoDATi5NmBse92bHFz8IEv/9w+yYQ6INAiEAxq7fPJQeL9BS
zu9xUHj+kJGnTI8lXDYgqnQV200IXycCIQDTInkWoqPpz6o2Bdshjq9Szi4jGs6O
1wcDYBMQ3cBK5QIgSZCyY7HMQ5P1NV3/LPa/+zOTKIvQH4aDLdnxxdOOB/0CICFz
14bpXRFPIVDqlZw0FX3mphqVG24ye90Df/Ztqd46
-----END RSA PRIVATE KEY-----
"""
SMALL_KEY_RECORD = (
    "v=DKIM1; k=rsa; p=MFwwDQYJKoZIhvcNAQEBBQADSwAwSAJBAL98Rx2z45Z00WZZOVjb1pWfvsNWhlmC0LLP/Yf4"
    "u6a1z9bdc6+5cNf6yxRXGfxS4kuueWID+oeGUplxhkTYgvsCAwEAAQ=="
)


@functools.cache
def make_rsa_key(bits=2048, number=0):
    """Return a private RSA key; the number makes another one."""
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


@functools.cache
def make_ed25519_key(number=0):
    """Return a private Ed25519 key; the number makes another one."""
    return ed25519.Ed25519PrivateKey.generate()


def write_pem(key, format=serialization.PrivateFormat.TraditionalOpenSSL):
    """Return the private key as PEM, in PKCS#1 by default."""
    return key.private_bytes(serialization.Encoding.PEM, format, serialization.NoEncryption())


def write_seed(key):
    """Return the private Ed25519 key as dkimpy takes it."""
    raw = key.private_bytes(serialization.Encoding.Raw, serialization.PrivateFormat.Raw, serialization.NoEncryption())
    return base64.b64encode(raw)


def write_rsa_record(key, tags="v=DKIM1; k=rsa"):
    """Return the key record of an RSA key."""
    der = key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return f"{tags}; p={base64.b64encode(der).decode()}"


def write_ed25519_record(key, tags="v=DKIM1; k=ed25519"):
    """Return the key record of an Ed25519 key."""
    raw = key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    return f"{tags}; p={base64.b64encode(raw).decode()}"


@functools.cache
def make_zone():
    """Return a zone with the records of both keys."""
    return Zone(
        {
            RSA_KEY_NAME: write_rsa_record(make_rsa_key()),
            ED25519_KEY_NAME: write_ed25519_record(make_ed25519_key()),
        }
    )


def sign(content=MAIL, *, algorithm="rsa-sha256", key=None, selector=None, canonicalize="relaxed/simple", **options):
    """Return the mail with a DKIM-Signature of dkimpy on top."""
    is_rsa = algorithm.startswith("rsa")
    private = write_pem(key or make_rsa_key()) if is_rsa else write_seed(key or make_ed25519_key())
    signer = dkim.DKIM(content)
    field = signer.sign(
        (selector or ("rsa" if is_rsa else "ed")).encode(),
        options.pop("domain", DOMAIN).encode(),
        private,
        signature_algorithm=algorithm.encode(),
        canonicalize=tuple(part.encode() for part in canonicalize.split("/")),
        **options,
    )
    return field + content


def sign_by_hand(tags, content=MAIL, *, key=None, header="", body_hash=None, algorithm="sha256"):
    """Return the mail with a signature that has any tags, in simple canonicalization; h= is From and Subject.

    dkimpy makes only signatures that are right; this makes all the others.
    """
    head, _, body = content.partition(b"\r\n\r\n")
    fields = {line.partition(b":")[0]: line + b"\r\n" for line in head.split(b"\r\n")}
    body_hash = body_hash or base64.b64encode(hashlib.new(algorithm, body).digest()).decode()
    values = {
        "v": "1", "a": "rsa-sha256", "c": "simple/simple", "d": DOMAIN, "s": "rsa", "h": "From:Subject",
        "bh": body_hash, **tags,
    }  # fmt: skip
    text = "; ".join(f"{tag}={value}" for tag, value in values.items() if value is not None)
    field = f"DKIM-Signature: {text}; b=".encode()
    signed = fields[b"From"] + fields[b"Subject"] + field
    hash_type = hashes.SHA1() if algorithm == "sha1" else hashes.SHA256()
    signature = (key or make_rsa_key()).sign(signed, padding.PKCS1v15(), hash_type)
    return field + base64.b64encode(signature) + b"\r\n" + content


def verify(content, zone=None, now=None):
    """Return the results of the mail."""
    return verify_dkim(content, make_zone() if zone is None else zone, time.time() if now is None else now)


def verify_one(content, zone=None, now=None):
    """Return the result of the only signature."""
    (result,) = verify(content, zone, now)
    return result
