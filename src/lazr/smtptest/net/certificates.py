"""Generated test certificates: valid ones, and ones with a single named defect.

trustme issues most of them, from a CA that lives as long as the process.  It cannot issue self-signed leaves, SHA-1
signatures or short keys.  For these, a leaf of trustme is the template, and `cryptography` makes a copy that differs
only in the defect.

Both libraries are imported when the first certificate is needed.
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

from lazr.smtptest._util.suggestion import describe_unknown
from lazr.smtptest.errors import MissingExtra, StartError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Final

    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ec, rsa
    from trustme import CA, LeafCert

__all__ = ["CERTIFICATE_KINDS", "Certificate", "CertificateAuthority", "compute_end_point_binding", "get_authority"]

CERTIFICATE_KINDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "valid": "no defect",
        "expired": "expired yesterday",
        "not-yet-valid": "valid from next year on",
        "wrong-host": "issued for wrong.invalid, not for the server",
        "untrusted": "issued by a CA that is not in ca_file",
        "self-signed": "signed with its own key",
        "missing-intermediate": "issued by an intermediate CA whose certificate is not sent",
        "sha1": "signed with SHA-1",
        "short-key": "a 1024-bit RSA key",
    }
)

# The names of a server that listens on the loopback interface.
_LOCAL_NAMES = ("localhost", "127.0.0.1", "::1")
_DEFAULT_CLIENT_NAMES = ("client@localhost",)
# The subject in `openssl x509 -text`: this organization, and the kind as organizational unit.
_ORGANIZATION = "lazr.smtptest"
_MAX_COMMON_NAME_CHARACTERS = 64


class Certificate:
    """A certificate with its private key and the certificates of its chain, as PEM."""

    def __init__(self, key: bytes, chain: Sequence[bytes], *, is_weak: bool = False) -> None:
        self.pem: Final[bytes] = key + b"".join(chain)
        self.der: Final[bytes] = ssl.PEM_cert_to_DER_cert(chain[0].decode("ascii"))
        self._is_weak = is_weak

    @property
    def end_point_binding(self) -> bytes:
        """The channel binding tls-server-end-point of a server with this certificate (RFC 5929 4)."""
        return compute_end_point_binding(self.der)

    def load_into(self, context: ssl.SSLContext) -> None:
        """Set this as the certificate of the context.

        "sha1" and "short-key" lower the security level of the context, which sets its ciphers.
        """
        if self._is_weak:
            # OpenSSL refuses to load them at security level 1 (SHA-1) or 2 (1024 bits) and above.
            context.set_ciphers("DEFAULT:@SECLEVEL=0")
        path = _write_private_file(self.pem)  # OpenSSL loads certificates only from files
        try:
            context.load_cert_chain(path)
        finally:
            os.unlink(path)


class CertificateAuthority:
    """A certificate authority that issues each certificate once.

    Later calls return the same certificate.

    Its files are in a directory that only this user can read, and that the process removes when it ends.  A forked
    child can use them until then.

    Raises `MissingExtra` if trustme is not installed.
    """

    def __init__(self) -> None:
        self._ca = _create_ca()
        self._server_certificates: dict[tuple[str, tuple[str, ...]], Certificate] = {}
        self._client_certificates: dict[tuple[str, ...], Certificate] = {}
        self._client_files: dict[tuple[str, ...], str] = {}
        self._directory = tempfile.mkdtemp(prefix="smtptest-")
        weakref.finalize(self, _remove_directory, self._directory, os.getpid())
        self.ca_pem: Final[bytes] = self._ca.cert_pem.bytes()
        self.ca_file: Final[str] = os.path.join(self._directory, "ca.pem")
        with open(self.ca_file, "wb") as file:
            file.write(self.ca_pem)
        # From the file system: a test may freeze Python's clocks, but OpenSSL compares with the real time.
        self._creation_date = datetime.fromtimestamp(os.stat(self.ca_file).st_mtime, UTC)

    # `setdefault` lets all threads use the certificate that was stored first.  A lock would do as well, but after a
    # fork in another thread the child would have a lock that is never released.

    def server_certificate(self, kind: str = "valid", names: tuple[str, ...] = _LOCAL_NAMES) -> Certificate:
        """Return the server certificate of a kind in `CERTIFICATE_KINDS`.

        It is for the host names and IP addresses in `names`.

        Raises `ValueError` for an unknown kind, and `StartError` for "sha1" if the installed OpenSSL refuses to sign
        with SHA-1.
        """
        key = kind, names
        if key not in self._server_certificates:
            self._server_certificates.setdefault(key, self._build_server_certificate(kind, names))
        return self._server_certificates[key]

    def client_certificate(self, *identities: str) -> Certificate:
        """Return a client certificate for these mail addresses, host names or IP addresses."""
        if identities not in self._client_certificates:
            leaf = _issue(self._ca, "client", identities or _DEFAULT_CLIENT_NAMES)
            self._client_certificates.setdefault(identities, _build_certificate(leaf))
        return self._client_certificates[identities]

    def client_file(self, *identities: str) -> str:
        """Return the path of a PEM file with the key and the chain of `client_certificate`."""
        if identities not in self._client_files:
            path = _write_private_file(self.client_certificate(*identities).pem, self._directory)
            self._client_files.setdefault(identities, path)
        return self._client_files[identities]

    def _build_server_certificate(self, kind: str, names: tuple[str, ...]) -> Certificate:
        ca = self._ca
        match kind:
            case "valid":
                return _build_certificate(_issue(ca, kind, names))
            case "expired":
                return _build_certificate(_issue(ca, kind, names, end=self._creation_date - timedelta(days=1)))
            case "not-yet-valid":
                return _build_certificate(_issue(ca, kind, names, begin=self._creation_date + timedelta(days=365)))
            case "wrong-host":
                return _build_certificate(_issue(ca, kind, ("wrong.invalid",)))
            case "untrusted":
                return _build_certificate(_issue(_create_ca(), kind, names))
            case "self-signed":
                return _build_self_signed(_issue(ca, kind, names))
            case "missing-intermediate":
                leaf = _issue(ca.create_child_ca(), kind, names)
                return Certificate(leaf.private_key_pem.bytes(), [leaf.cert_chain_pems[0].bytes()])
            case "sha1":
                return _build_sha1_signed(_issue(ca, kind, names), ca)
            case "short-key":
                return _build_short_key(_issue(ca, kind, names), ca)
        raise ValueError(describe_unknown("certificate", kind, CERTIFICATE_KINDS))


_authority_cache: dict[str, CertificateAuthority] = {}


def get_authority() -> CertificateAuthority:
    """Return the authority of this process; the first call creates it.

    Raises `MissingExtra` if trustme is not installed.
    """
    if "authority" not in _authority_cache:
        _authority_cache.setdefault("authority", CertificateAuthority())
    return _authority_cache["authority"]


def compute_end_point_binding(der: bytes) -> bytes:
    """Return the tls-server-end-point channel binding of a certificate (RFC 5929 4.1).

    The certificate is the server's.

    Raises `ValueError` for a certificate that has none, and `MissingExtra` if cryptography is not installed.
    """
    try:
        from cryptography import x509
        from cryptography.exceptions import UnsupportedAlgorithm
        from cryptography.hazmat.primitives import hashes
    except ImportError as error:
        raise MissingExtra('channel binding needs cryptography: pip install "lazr.smtptest[tls]"') from error
    certificate = x509.load_der_x509_certificate(der)
    try:
        algorithm = certificate.signature_hash_algorithm
    except UnsupportedAlgorithm:
        algorithm = None
    if algorithm is None:
        # RFC 5929 4.1 defines no binding for a signature without a hash function, or with several.
        raise ValueError(
            f"a certificate signed with {certificate.signature_algorithm_oid.dotted_string} has no channel binding"
        )
    if algorithm.name in {"md5", "sha1"}:  # RFC 5929 4.1 replaces these by SHA-256
        algorithm = hashes.SHA256()
    return certificate.fingerprint(algorithm)


def _create_ca() -> CA:
    try:
        import trustme
    except ImportError as error:
        raise MissingExtra('test certificates need trustme: pip install "lazr.smtptest[tls]"') from error
    return trustme.CA(organization_name=_ORGANIZATION)


def _issue(
    ca: CA, unit: str, names: tuple[str, ...], *, begin: datetime | None = None, end: datetime | None = None
) -> LeafCert:
    """Issue a leaf that is valid from `begin` to `end`; by default from 2000 to 2038."""
    # fetchmail refuses a server certificate without a common name.  RFC 5280 A.1 allows 64 characters.
    has_common_name = unit != "client" and len(names[0]) <= _MAX_COMMON_NAME_CHARACTERS
    try:
        return ca.issue_cert(
            *names,
            common_name=names[0] if has_common_name else None,
            organization_name=_ORGANIZATION,
            organization_unit_name=unit,
            not_before=begin,
            not_after=end,
        )
    except UnicodeError as error:  # idna.IDNAError
        raise ValueError(
            f"a certificate must be for host names of letters, digits and hyphens, or for addresses, got "
            f"{', '.join(map(repr, names))}: {error}"
        ) from None


def _build_certificate(leaf: LeafCert) -> Certificate:
    return Certificate(leaf.private_key_pem.bytes(), [part.bytes() for part in leaf.cert_chain_pems])


def _build_self_signed(template: LeafCert) -> Certificate:
    from cryptography import x509

    leaf = _parse_leaf(template)
    # AuthorityKeyIdentifier names another issuer, so OpenSSL would report a missing issuer (error 20), not a
    # self-signed leaf (18).  KeyUsage forbids the key to sign certificates (RFC 5280 4.2.1.1, 4.2.1.3).
    without = x509.AuthorityKeyIdentifier, x509.KeyUsage
    key = _load_signing_key(template)
    copy = _copy_certificate(leaf, key.public_key(), issuer=leaf.subject, signing_key=key, excluded_extensions=without)
    return Certificate(template.private_key_pem.bytes(), [copy])


def _build_short_key(template: LeafCert, ca: CA) -> Certificate:
    from cryptography.hazmat.primitives.asymmetric import rsa
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    leaf = _parse_leaf(template)
    key = rsa.generate_private_key(public_exponent=65537, key_size=1024)  # noqa: S505 - the short key is the defect
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    copy = _copy_certificate(leaf, key.public_key(), issuer=leaf.issuer, signing_key=_load_signing_key(ca))
    return Certificate(pem, [copy], is_weak=True)


def _copy_certificate(
    leaf: x509.Certificate,
    key: ec.EllipticCurvePublicKey | rsa.RSAPublicKey,
    *,
    issuer: x509.Name,
    signing_key: ec.EllipticCurvePrivateKey,
    excluded_extensions: tuple[type[x509.ExtensionType], ...] = (),
) -> bytes:
    """Copy a certificate for another key, sign it, and return it as PEM."""
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
        if not isinstance(extension.value, (x509.SubjectKeyIdentifier, *excluded_extensions)):
            builder = builder.add_extension(extension.value, critical=extension.critical)
    return builder.sign(signing_key, hashes.SHA256()).public_bytes(Encoding.PEM)


# DER of the AlgorithmIdentifier of ecdsa-with-SHA256 (RFC 5758 3.2), and of ecdsa-with-SHA1 (RFC 3279 2.2.3).
_ECDSA_WITH_SHA256_DER = bytes.fromhex("300a 0608 2a8648ce3d040302")
_ECDSA_WITH_SHA1_DER = bytes.fromhex("3009 0607 2a8648ce3d0401")
_SEQUENCE_TAG, _BIT_STRING_TAG = 0x30, 0x03


def _build_sha1_signed(template: LeafCert, ca: CA) -> Certificate:
    # cryptography makes SHA-1 signatures, but no certificates with them.  So this builds the three parts of a
    # certificate (RFC 5280 4.1): the signed part, which also names the algorithm, the algorithm, and the signature.
    from cryptography.exceptions import InternalError, UnsupportedAlgorithm
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec

    content = _parse_leaf(template).tbs_certificate_bytes
    content = content[2 + (content[1] & 0x7F) :]  # without tag and length, which is in the long form, see _encode_der
    signed = _encode_der(_SEQUENCE_TAG, content.replace(_ECDSA_WITH_SHA256_DER, _ECDSA_WITH_SHA1_DER, 1))
    try:
        signature = _load_signing_key(ca).sign(signed, ec.ECDSA(hashes.SHA1()))  # noqa: S303 - the weak hash is the defect
    except (InternalError, UnsupportedAlgorithm) as error:
        raise StartError(f'no "sha1" certificate: OpenSSL here refuses to sign with SHA-1 ({error})') from error
    certificate_der = _encode_der(
        _SEQUENCE_TAG, signed + _ECDSA_WITH_SHA1_DER + _encode_der(_BIT_STRING_TAG, b"\0" + signature)
    )
    return Certificate(
        template.private_key_pem.bytes(), [ssl.DER_cert_to_PEM_cert(certificate_der).encode("ascii")], is_weak=True
    )


def _parse_leaf(leaf: LeafCert) -> x509.Certificate:
    from cryptography import x509

    return x509.load_pem_x509_certificate(leaf.cert_chain_pems[0].bytes())


def _load_signing_key(owner: CA | LeafCert) -> ec.EllipticCurvePrivateKey:
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    # The return type covers all kinds of keys; trustme creates ECDSA keys by default.
    return cast("ec.EllipticCurvePrivateKey", load_pem_private_key(owner.private_key_pem.bytes(), None))


def _encode_der(tag: int, content: bytes) -> bytes:
    """Encode one value in DER; from 128 bytes on, its length has the long form (X.690 8.1.3)."""
    size = len(content).to_bytes((len(content).bit_length() + 7) // 8, "big")
    return bytes([tag, *([] if len(content) < 128 else [0x80 | len(size)]), *size]) + content


def _write_private_file(content: bytes, directory: str | None = None) -> str:
    """Write a new file that only this user can read; return its path."""
    descriptor, path = tempfile.mkstemp(suffix=".pem", prefix="smtptest-", dir=directory)
    with open(descriptor, "wb") as file:
        file.write(content)
    return path


def _remove_directory(directory: str, owner_process_id: int) -> None:
    # A forked child calls this at its exit as well, while its parent still needs the files.
    if os.getpid() == owner_process_id:
        shutil.rmtree(directory, ignore_errors=True)
