"""Test certificates, good ones and bad ones by name, from an authority that lives as long as its process.

What trustme can make, trustme makes.  It has no self-signed leaf, no SHA-1 signature and no short key:
there a leaf of its making is the template, and `cryptography`, which it stands on, makes a copy that
differs in this one point.  So a bad certificate is bad in the way its name says, and in no other.

Neither library is imported before the first certificate is wanted.
"""

from __future__ import annotations

import os
import shutil
import ssl
import tempfile
import weakref
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import cast

from lazr.smtptest.errors import MissingExtra, StartError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Final

    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ec, rsa
    from trustme import CA, LeafCert

__all__ = ["KINDS", "Authority", "Certificate", "authority", "end_point_binding"]

KINDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "valid": "nothing is wrong with it",
        "expired": "it ended yesterday",
        "not-yet-valid": "it begins in a year",
        "wrong-host": "it is for wrong.invalid, and not for the server",
        "untrusted": "it is issued by an authority that is not in ca_file",
        "self-signed": "it is issued by itself",
        "missing-intermediate": "it is issued by an intermediate authority, whose certificate is not sent",
        "sha1": "it is signed with SHA-1",
        "short-key": "its key is RSA with 1024 bits",
    }
)

# The names of a server that listens on the loopback interface.
_LOCAL = ("localhost", "127.0.0.1", "::1")
_CLIENT = ("client@localhost",)
# What `openssl x509 -text` shows of the subject: this, and as its unit the kind.
_ORGANIZATION = "lazr.smtptest"


class Certificate:
    """A certificate with its private key, and what is sent along with it."""

    def __init__(self, key: bytes, chain: Sequence[bytes], *, weak: bool = False) -> None:
        self.pem: Final[bytes] = key + b"".join(chain)
        self.der: Final[bytes] = ssl.PEM_cert_to_DER_cert(chain[0].decode("ascii"))
        self._weak = weak

    @property
    def binding(self) -> bytes:
        """What a client that binds its authentication to this TLS server sends as tls-server-end-point."""
        return end_point_binding(self.der)

    def load_into(self, context: ssl.SSLContext) -> None:
        """Make this the certificate of the context.

        For "sha1" and "short-key" this lowers the security level of the context, and so sets its ciphers.
        """
        if self._weak:
            # From level 1 (SHA-1) or 2 (1024 bits) on, OpenSSL does not even load them.
            context.set_ciphers("DEFAULT:@SECLEVEL=0")
        path = _private_file(self.pem)  # OpenSSL can be given files only
        try:
            context.load_cert_chain(path)
        finally:
            os.unlink(path)


class Authority:
    """A certificate authority, and what it has issued: asked again, it hands out the same certificate.

    Its files are in a directory that only this user can read.  The process that made it removes it at its
    end; a forked child can use it until then.

    Raises `MissingExtra` where trustme is not installed.
    """

    def __init__(self) -> None:
        self._ca = _new_ca()
        self._server_certificates: dict[tuple[str, tuple[str, ...]], Certificate] = {}
        self._client_certificates: dict[tuple[str, ...], Certificate] = {}
        self._client_files: dict[tuple[str, ...], str] = {}
        self._directory = tempfile.mkdtemp(prefix="smtptest-")
        weakref.finalize(self, _remove, self._directory, os.getpid())
        self.ca_pem: Final[bytes] = self._ca.cert_pem.bytes()
        self.ca_file: Final[str] = os.path.join(self._directory, "ca.pem")
        with open(self.ca_file, "wb") as file:
            file.write(self.ca_pem)
        # The time by the file system: a test may have stopped Python's clocks, but never OpenSSL's.
        self._made = datetime.fromtimestamp(os.stat(self.ca_file).st_mtime, UTC)

    # Here and below, `setdefault` makes whichever comes first everybody's.  A lock would do so too, but
    # a fork while another thread holds it would leave the child with a lock that nobody opens.

    def server_certificate(self, kind: str = "valid", names: tuple[str, ...] = _LOCAL) -> Certificate:
        """The server certificate of this kind, one of `KINDS`, for these host names and IP addresses.

        Raises `ValueError` for a kind that there is not, and `StartError` for "sha1" where the
        installed OpenSSL makes no such signatures.
        """
        wanted = kind, names
        if wanted not in self._server_certificates:
            self._server_certificates.setdefault(wanted, self._make(kind, names))
        return self._server_certificates[wanted]

    def client_certificate(self, *identities: str) -> Certificate:
        """A certificate for a client: for these mail addresses, host names or IP addresses."""
        if identities not in self._client_certificates:
            leaf = _issue(self._ca, "client", identities or _CLIENT)
            self._client_certificates.setdefault(identities, _as_issued(leaf))
        return self._client_certificates[identities]

    def client_file(self, *identities: str) -> str:
        """The path of a PEM file with the key and the chain of `client_certificate`, for programs that want one."""
        if identities not in self._client_files:
            path = _private_file(self.client_certificate(*identities).pem, self._directory)
            self._client_files.setdefault(identities, path)
        return self._client_files[identities]

    def _make(self, kind: str, names: tuple[str, ...]) -> Certificate:
        ca = self._ca
        match kind:
            case "valid":
                return _as_issued(_issue(ca, kind, names))
            case "expired":
                return _as_issued(_issue(ca, kind, names, end=self._made - timedelta(days=1)))
            case "not-yet-valid":
                return _as_issued(_issue(ca, kind, names, begin=self._made + timedelta(days=365)))
            case "wrong-host":
                return _as_issued(_issue(ca, kind, ("wrong.invalid",)))
            case "untrusted":
                return _as_issued(_issue(_new_ca(), kind, names))
            case "self-signed":
                return _self_signed(_issue(ca, kind, names))
            case "missing-intermediate":
                leaf = _issue(ca.create_child_ca(), kind, names)
                return Certificate(leaf.private_key_pem.bytes(), [leaf.cert_chain_pems[0].bytes()])
            case "sha1":
                return _signed_with_sha1(_issue(ca, kind, names), ca)
            case "short-key":
                return _with_short_key(_issue(ca, kind, names), ca)
        raise ValueError(f"there is no {kind!r} certificate; the kinds are {', '.join(KINDS)}")


_shared: dict[str, Authority] = {}


def authority() -> Authority:
    """The authority of this process, made when it is first asked for.

    Raises `MissingExtra` where trustme is not installed.
    """
    if "authority" not in _shared:
        _shared.setdefault("authority", Authority())
    return _shared["authority"]


def end_point_binding(der: bytes) -> bytes:
    """The channel binding tls-server-end-point of a server with this certificate (RFC 5929 4.1).

    Raises `ValueError` for a certificate that has none, and `MissingExtra` where cryptography is not installed.
    """
    try:
        from cryptography import x509
        from cryptography.exceptions import UnsupportedAlgorithm
        from cryptography.hazmat.primitives import hashes
    except ImportError as error:
        raise MissingExtra(
            'the binding to a certificate needs cryptography: pip install "lazr.smtptest[tls]"'
        ) from error
    certificate = x509.load_der_x509_certificate(der)
    try:
        algorithm = certificate.signature_hash_algorithm
    except UnsupportedAlgorithm:
        algorithm = None
    if algorithm is None:
        # RFC 5929 4.1: of a signature without a hash function, or with several, nothing is defined.
        raise ValueError(
            f"a certificate signed with {certificate.signature_algorithm_oid.dotted_string} has no binding"
        )
    if algorithm.name in {"md5", "sha1"}:  # RFC 5929 4.1: SHA-256 stands in for these two
        algorithm = hashes.SHA256()
    return certificate.fingerprint(algorithm)


def _new_ca() -> CA:
    try:
        import trustme
    except ImportError as error:
        raise MissingExtra('test certificates need trustme: pip install "lazr.smtptest[tls]"') from error
    return trustme.CA(organization_name=_ORGANIZATION)


def _issue(
    ca: CA, unit: str, names: tuple[str, ...], *, begin: datetime | None = None, end: datetime | None = None
) -> LeafCert:
    """A leaf that is valid from `begin` to `end`, or without these for ever."""
    return ca.issue_cert(
        *names, organization_name=_ORGANIZATION, organization_unit_name=unit, not_before=begin, not_after=end
    )


def _as_issued(leaf: LeafCert) -> Certificate:
    return Certificate(leaf.private_key_pem.bytes(), [part.bytes() for part in leaf.cert_chain_pems])


def _self_signed(template: LeafCert) -> Certificate:
    from cryptography import x509

    leaf = _parsed(template)
    # The one names the key of another issuer, which OpenSSL would then miss (20, and not 18); the other
    # forbids this key to sign certificates, its own too (RFC 5280 4.2.1.1 and 4.2.1.3).
    without = x509.AuthorityKeyIdentifier, x509.KeyUsage
    key = _signing_key(template)
    copy = _copy(leaf, key.public_key(), issuer=leaf.subject, signed_with=key, without=without)
    return Certificate(template.private_key_pem.bytes(), [copy])


def _with_short_key(template: LeafCert, ca: CA) -> Certificate:
    from cryptography.hazmat.primitives.asymmetric import rsa
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    leaf = _parsed(template)
    key = rsa.generate_private_key(public_exponent=65537, key_size=1024)  # noqa: S505 - short is what is wanted
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    copy = _copy(leaf, key.public_key(), issuer=leaf.issuer, signed_with=_signing_key(ca))
    return Certificate(pem, [copy], weak=True)


def _copy(
    leaf: x509.Certificate,
    key: ec.EllipticCurvePublicKey | rsa.RSAPublicKey,
    *,
    issuer: x509.Name,
    signed_with: ec.EllipticCurvePrivateKey,
    without: tuple[type[x509.ExtensionType], ...] = (),
) -> bytes:
    """The same certificate, but of this key, signed anew, as PEM."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.serialization import Encoding

    builder = (
        x509.CertificateBuilder()
        .subject_name(leaf.subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(leaf.not_valid_before_utc)
        .not_valid_after(leaf.not_valid_after_utc)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )
    for extension in leaf.extensions:
        if not isinstance(extension.value, (x509.SubjectKeyIdentifier, *without)):
            builder = builder.add_extension(extension.value, critical=extension.critical)
    return builder.sign(signed_with, hashes.SHA256()).public_bytes(Encoding.PEM)


# DER of the AlgorithmIdentifier of ecdsa-with-SHA256 (RFC 5758 3.2), and of ecdsa-with-SHA1 (RFC 3279 2.2.3).
_WITH_SHA256 = bytes.fromhex("300a 0608 2a8648ce3d040302")
_WITH_SHA1 = bytes.fromhex("3009 0607 2a8648ce3d0401")
_SEQUENCE, _BIT_STRING = 0x30, 0x03


def _signed_with_sha1(template: LeafCert, ca: CA) -> Certificate:
    # cryptography signs with SHA-1, but issues no certificate so signed.  RFC 5280 4.1: a certificate is what
    # is signed, which names the algorithm too, the algorithm, and the signature; so it is put together here.
    from cryptography.exceptions import InternalError, UnsupportedAlgorithm
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec

    content = _parsed(template).tbs_certificate_bytes
    content = content[2 + (content[1] & 0x7F) :]  # without tag and length; the latter is a long one, see _der
    signed = _der(_SEQUENCE, content.replace(_WITH_SHA256, _WITH_SHA1, 1))
    try:
        signature = _signing_key(ca).sign(signed, ec.ECDSA(hashes.SHA1()))  # noqa: S303 - weak is what is wanted
    except (InternalError, UnsupportedAlgorithm) as error:
        raise StartError(f'no "sha1" certificate: OpenSSL here refuses to sign with SHA-1 ({error})') from error
    whole = _der(_SEQUENCE, signed + _WITH_SHA1 + _der(_BIT_STRING, b"\0" + signature))
    return Certificate(template.private_key_pem.bytes(), [ssl.DER_cert_to_PEM_cert(whole).encode("ascii")], weak=True)


def _parsed(leaf: LeafCert) -> x509.Certificate:
    from cryptography import x509

    return x509.load_pem_x509_certificate(leaf.cert_chain_pems[0].bytes())


def _signing_key(owner: CA | LeafCert) -> ec.EllipticCurvePrivateKey:
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    # Types cannot tell which kind of key some PEM holds; trustme makes ECDSA ones unless told otherwise.
    return cast("ec.EllipticCurvePrivateKey", load_pem_private_key(owner.private_key_pem.bytes(), None))


def _der(tag: int, content: bytes) -> bytes:
    """One value in DER.  X.690 8.1.3: from 128 octets on, the length of the length precedes the length."""
    size = len(content).to_bytes((len(content).bit_length() + 7) // 8, "big")
    return bytes([tag, *([] if len(content) < 128 else [0x80 | len(size)]), *size]) + content


def _private_file(content: bytes, directory: str | None = None) -> str:
    """The path of a new file that only this user can read."""
    descriptor, path = tempfile.mkstemp(suffix=".pem", prefix="smtptest-", dir=directory)
    with open(descriptor, "wb") as file:
        file.write(content)
    return path


def _remove(directory: str, owner: int) -> None:
    # A forked child that ends as processes normally do comes here as well, and its parent goes on.
    if os.getpid() == owner:
        shutil.rmtree(directory, ignore_errors=True)
