"""Test certificates: clients accept the valid one, and refuse each faulty one for the fault in its name."""

import hashlib
import os
import ssl
import stat
import subprocess
import sys
import tempfile
import threading
from datetime import datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding

from lazr.smtptest import Tls
from lazr.smtptest.errors import MissingExtra, StartError
from lazr.smtptest.net import certificates
from lazr.smtptest.net.certificates import (
    CERTIFICATE_KINDS,
    Certificate,
    CertificateAuthority,
    compute_end_point_binding,
    get_authority,
)

# X509_V_ERR_EE_KEY_TOO_SMALL, X509_V_ERR_CA_KEY_TOO_SMALL, X509_V_ERR_CA_MD_TOO_WEAK: the code depends on the version
# of OpenSSL.  test_weak_certificates_have_one_weakness_each checks the certificates themselves.
TOO_WEAK = {66, 67, 68}

VERIFY_CODES = {
    "expired": {10},  # X509_V_ERR_CERT_HAS_EXPIRED
    "not-yet-valid": {9},  # X509_V_ERR_CERT_NOT_YET_VALID
    "wrong-host": {62},  # X509_V_ERR_HOSTNAME_MISMATCH
    "untrusted": {20},  # X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY
    "self-signed": {18},  # X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT
    "missing-intermediate": {20},
    "sha1": TOO_WEAK,
    "short-key": TOO_WEAK,
}


@pytest.fixture(scope="module")
def ca():
    return CertificateAuthority()


@pytest.fixture
def empty_authority_cache(monkeypatch):
    """Remove the CA of the process, as in a new process."""
    monkeypatch.setattr(certificates, "_authority_cache", {})


def build_server_context(certificate, *, client_ca=None):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.load_into(context)
    if client_ca is not None:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(client_ca.ca_file)
    return context


def build_client_context(trusted, *, level=2):
    context = ssl.create_default_context(cafile=trusted)
    # Level 2, the default of Python, refuses the weak certificates; distributions may change the default.
    context.set_ciphers(f"DEFAULT:@SECLEVEL={level}")
    return context


def shake_hands(server, client, host="localhost"):
    """Perform a handshake in memory; return the client and the server object."""
    to_client, to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = (
        client.wrap_bio(to_client, to_server, server_hostname=host),
        server.wrap_bio(to_server, to_client, server_side=True),
    )
    waiting = list(ends)
    for _ in range(10):  # a handshake needs fewer rounds
        for end in list(waiting):
            try:
                end.do_handshake()
            except ssl.SSLWantReadError:
                continue
            waiting.remove(end)
    assert not waiting
    return ends


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "::1"])
def test_valid_certificate_is_accepted(ca, host):
    certificate = ca.server_certificate("valid")

    client, _ = shake_hands(build_server_context(certificate), build_client_context(ca.ca_file), host)

    assert client.getpeercert(binary_form=True) == certificate.der


@pytest.mark.parametrize("host", ["mail.example.org", "10.9.8.7", "deep.example.net"])
def test_certificate_has_the_given_names(ca, host):
    certificate = ca.server_certificate("valid", ("mail.example.org", "10.9.8.7", "*.example.net"))

    shake_hands(build_server_context(certificate), build_client_context(ca.ca_file), host)
    with pytest.raises(ssl.SSLCertVerificationError) as caught:
        shake_hands(build_server_context(certificate), build_client_context(ca.ca_file), "localhost")
    assert caught.value.verify_code == 62


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=lambda version: version.name)
@pytest.mark.parametrize("kind", VERIFY_CODES)
def test_defective_certificate_is_refused_for_its_defect(ca, kind, version):
    client = build_client_context(ca.ca_file)
    client.maximum_version = version

    with pytest.raises(ssl.SSLCertVerificationError) as caught:
        shake_hands(build_server_context(ca.server_certificate(kind)), client)

    assert caught.value.verify_code in VERIFY_CODES[kind]


def test_every_kind_has_a_description_and_a_test():
    assert {"valid", *VERIFY_CODES} == set(CERTIFICATE_KINDS)
    assert all(CERTIFICATE_KINDS.values())


@pytest.mark.parametrize("kind", ["sha1", "short-key"])
def test_weak_certificate_is_accepted_at_security_level_0(ca, kind):
    shake_hands(build_server_context(ca.server_certificate(kind)), build_client_context(ca.ca_file, level=0))


def test_wrong_host_certificate_is_valid_for_its_host(ca):
    shake_hands(
        build_server_context(ca.server_certificate("wrong-host")), build_client_context(ca.ca_file), "wrong.invalid"
    )


def test_trusted_self_signed_certificate_is_accepted(ca, tmp_path):
    certificate = ca.server_certificate("self-signed")
    trusted = tmp_path / "trusted.pem"
    trusted.write_text(ssl.DER_cert_to_PEM_cert(certificate.der))

    shake_hands(build_server_context(certificate), build_client_context(trusted))


def test_weak_certificates_have_one_weakness_each(ca):
    sha1 = x509.load_der_x509_certificate(ca.server_certificate("sha1").der)
    short = x509.load_der_x509_certificate(ca.server_certificate("short-key").der)

    assert (sha1.signature_hash_algorithm.name, sha1.public_key().key_size) == ("sha1", 256)
    assert (short.signature_hash_algorithm.name, short.public_key().key_size) == ("sha256", 1024)


@pytest.mark.parametrize("length", [1, 50, 3000])
def test_sha1_certificate_encodes_names_of_any_length(ca, length):
    """Our own DER encoder encodes lengths in one to three bytes."""
    names = tuple(f"mail{number}.example.org" for number in range(length))

    certificate = ca.server_certificate("sha1", names)

    shake_hands(build_server_context(certificate), build_client_context(ca.ca_file, level=0), names[-1])


@pytest.mark.parametrize("year", [1990, 2100])
def test_frozen_time_does_not_change_validity(monkeypatch, year):
    class FrozenDatetime(datetime):
        @classmethod
        def now(cls, tz=None):
            return cls(year, 1, 1, tzinfo=tz)

    monkeypatch.setattr(certificates, "datetime", FrozenDatetime)
    monkeypatch.setattr("time.time", FrozenDatetime.now().timestamp)
    ca = CertificateAuthority()

    for kind in ("expired", "not-yet-valid"):
        with pytest.raises(ssl.SSLCertVerificationError) as caught:
            shake_hands(build_server_context(ca.server_certificate(kind)), build_client_context(ca.ca_file))
        assert caught.value.verify_code in VERIFY_CODES[kind]


def test_unknown_kind_lists_the_known_kinds(ca):
    with pytest.raises(ValueError, match=r"unknown certificate 'revoked'; known: valid, expired, .*, short-key$"):
        ca.server_certificate("revoked")


def test_authority_issues_each_certificate_once(ca):
    assert ca.server_certificate("expired") is ca.server_certificate("expired")
    assert ca.server_certificate("expired") is not ca.server_certificate("expired", ("mail.example.org",))
    assert ca.client_certificate("ann@example.org") is ca.client_certificate("ann@example.org")
    assert ca.client_certificate("ann@example.org") is not ca.client_certificate("bob@example.org")
    assert ca.client_file("ann@example.org") == ca.client_file("ann@example.org")
    assert ca.client_file("ann@example.org") != ca.client_file("bob@example.org")


@pytest.mark.parametrize(
    ("identities", "name"),
    [
        ((), ("email", "client@localhost")),
        (("ann@example.org",), ("email", "ann@example.org")),
        (("client.example.org", "ann@example.org"), ("DNS", "client.example.org")),
    ],
)
def test_client_file_is_accepted_by_a_verifying_server(ca, identities, name):
    client = build_client_context(ca.ca_file)
    client.load_cert_chain(ca.client_file(*identities))

    _, server = shake_hands(build_server_context(ca.server_certificate(), client_ca=ca), client)

    assert server.getpeercert()["subjectAltName"][0] == name


def test_verifying_server_refuses_client_without_certificate(ca):
    with pytest.raises(ssl.SSLError, match="PEER_DID_NOT_RETURN_A_CERTIFICATE"):
        shake_hands(build_server_context(ca.server_certificate(), client_ca=ca), build_client_context(ca.ca_file))


def test_verifying_server_refuses_client_of_another_ca(ca):
    client = build_client_context(ca.ca_file)
    CertificateAuthority().client_certificate().load_into(client)

    with pytest.raises(ssl.SSLCertVerificationError) as caught:
        shake_hands(build_server_context(ca.server_certificate(), client_ca=ca), client)
    assert caught.value.verify_code == 20


def test_pem_has_the_key_and_the_chain(ca):
    for kind in CERTIFICATE_KINDS:
        pem = ca.server_certificate(kind).pem.decode("ascii")
        assert pem.count("PRIVATE KEY-----\n") == 2  # the first and the last line
        assert pem.count("BEGIN CERTIFICATE") == 1
    assert ca.client_certificate().pem == Path(ca.client_file()).read_bytes()
    assert ca.ca_pem == Path(ca.ca_file).read_bytes()


@pytest.mark.skipif(os.name != "posix", reason="requires POSIX file modes")
def test_files_are_readable_only_by_their_owner(ca):
    modes = [stat.S_IMODE(os.stat(path).st_mode) for path in (Path(ca.ca_file).parent, ca.client_file())]

    assert modes == [0o700, 0o600]


def test_load_into_removes_the_key_file(ca, monkeypatch, tmp_path):
    good, other = ca.server_certificate("valid"), ca.server_certificate("expired")
    key = good.pem.partition(b"-----BEGIN CERTIFICATE")[0]
    mixed_up = Certificate(key, [ssl.DER_cert_to_PEM_cert(other.der).encode("ascii")])
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))

    build_server_context(good)
    with pytest.raises(ssl.SSLError, match="KEY_VALUES_MISMATCH"):
        build_server_context(mixed_up)

    assert list(tmp_path.iterdir()) == []


# RFC 5929 4.1: the hash function of the signature, except that SHA-256 replaces MD5 and SHA-1.

RSA, ECDSA = "2a864886f70d0101", "2a8648ce3d0403"  # the OIDs of their signatures in DER, without the last byte


def build_signed_der(key, hash_function):
    name, then = x509.Name([]), datetime(2020, 1, 1)  # noqa: DTZ001
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(then).not_valid_after(then)
    return builder.sign(key, hash_function).public_bytes(Encoding.DER)


@pytest.fixture(scope="module")
def build_certificate_with():
    """Return a function that builds a certificate in DER with any signature algorithm; it does not verify."""
    templates = {
        RSA: (build_signed_der(rsa.generate_private_key(65537, 1024), hashes.SHA256()), "0b"),
        ECDSA: (build_signed_der(ec.generate_private_key(ec.SECP256R1()), hashes.SHA256()), "02"),
    }

    def build_certificate_with(family, last):
        der, sha256 = templates[family]
        assert der.count(bytes.fromhex(family + sha256)) == 2
        return der.replace(bytes.fromhex(family + sha256), bytes.fromhex(family + last))

    return build_certificate_with


@pytest.mark.parametrize(
    ("family", "last", "hash_function"),
    [
        (RSA, "04", "sha256"),  # md5WithRSAEncryption
        (RSA, "05", "sha256"),  # sha1WithRSAEncryption
        (RSA, "0b", "sha256"),
        (RSA, "0c", "sha384"),
        (RSA, "0d", "sha512"),
        (RSA, "0e", "sha224"),
        (ECDSA, "01", "sha224"),
        (ECDSA, "02", "sha256"),
        (ECDSA, "03", "sha384"),
        (ECDSA, "04", "sha512"),
    ],
)
def test_end_point_binding_uses_the_hash_of_the_signature(build_certificate_with, family, last, hash_function):
    der = build_certificate_with(family, last)

    assert compute_end_point_binding(der) == hashlib.new(hash_function, der).digest()


@pytest.mark.parametrize("kind", CERTIFICATE_KINDS)
def test_end_point_binding_of_all_kinds_is_sha256(ca, kind):
    certificate = ca.server_certificate(kind)

    assert certificate.end_point_binding == hashlib.sha256(certificate.der).digest()


def test_signature_without_hash_has_no_end_point_binding(build_certificate_with):
    with pytest.raises(ValueError, match=r"signed with 1\.3\.101\.112 has no channel binding"):
        compute_end_point_binding(build_signed_der(ed25519.Ed25519PrivateKey.generate(), None))
    with pytest.raises(ValueError, match=r"signed with 1\.2\.840\.10045\.4\.3\.127 has no channel binding"):
        compute_end_point_binding(build_certificate_with(ECDSA, "7f"))


def test_get_authority_returns_the_same_authority(empty_authority_cache):
    assert get_authority() is get_authority()


def test_concurrent_threads_share_one_authority(empty_authority_cache, monkeypatch):
    barrier, created, results = threading.Barrier(3, timeout=10), [], []

    class Slow(CertificateAuthority):
        def __init__(self):
            barrier.wait()  # all three threads have found no CA
            super().__init__()
            created.append(self.ca_file)

    monkeypatch.setattr(certificates, "CertificateAuthority", Slow)
    threads = [threading.Thread(target=lambda: results.append(get_authority())) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)

    assert results == [get_authority()] * 3
    assert [path for path in created if os.path.exists(path)] == [get_authority().ca_file]


def test_deleted_authority_removes_its_files():
    ca = CertificateAuthority()
    directory = Path(ca.client_file()).parent
    assert directory.is_dir()

    del ca

    assert not directory.exists()


def run_python(script):
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_files_are_removed_at_process_exit():
    ca_file, existed = run_python("""
import os
from lazr.smtptest.net.certificates import get_authority
get_authority().client_file()
print(get_authority().ca_file, os.path.exists(get_authority().ca_file))
""").split()

    assert existed == "True"
    assert not Path(ca_file).parent.exists()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="requires os.fork")
def test_forked_child_keeps_the_files_of_its_parent():
    ca_file = run_python("""
import os, sys
from lazr.smtptest.net.certificates import get_authority
ca = get_authority()
ca.server_certificate("valid")
child = os.fork()
if not child:
    assert get_authority() is ca
    ca.server_certificate("expired")
    ca.server_certificate("untrusted")
    assert os.path.exists(ca.client_file())
    sys.exit()  # unlike os._exit, this runs the exit handlers
assert os.waitpid(child, 0)[1] == 0
assert os.path.exists(ca.ca_file)
print(ca.ca_file)
""")

    assert not Path(ca_file).parent.exists()


def test_import_does_not_load_trustme_and_cryptography():
    run_python("""
import sys
import lazr.smtptest.net.certificates
assert not {"trustme", "cryptography"} & set(sys.modules)
""")


def test_missing_trustme_names_the_extra(empty_authority_cache, monkeypatch):
    monkeypatch.setitem(sys.modules, "trustme", None)

    with pytest.raises(MissingExtra, match=r'need trustme: pip install "lazr\.smtptest\[tls\]"$'):
        get_authority()


def test_missing_cryptography_names_the_extra(ca, monkeypatch):
    certificate = ca.server_certificate()
    monkeypatch.setitem(sys.modules, "cryptography", None)

    with pytest.raises(MissingExtra, match=r'needs cryptography: pip install "lazr\.smtptest\[tls\]"$'):
        _ = certificate.end_point_binding


def test_openssl_without_sha1_raises_start_error(monkeypatch):
    def refuse(hash_function):
        raise UnsupportedAlgorithm(f"{hash_function.name} is not allowed here")

    monkeypatch.setattr(ec, "ECDSA", refuse)

    with pytest.raises(StartError, match=r"OpenSSL here refuses to sign with SHA-1 \(sha1 is not allowed here\)$"):
        CertificateAuthority().server_certificate("sha1")


@pytest.mark.parametrize("name", ["mail_server", "bad name", "a..b"])
def test_name_that_no_certificate_can_have_is_an_error(name):
    with pytest.raises(ValueError, match="a certificate must be for host names of letters, digits and hyphens"):
        Tls(names=["localhost", name]).build_context()


@pytest.mark.parametrize(
    ("names", "common_names"),
    [(("localhost", "127.0.0.1"), ["localhost"]), ((f"{'x' * 60}.example",), [])],
)
def test_server_certificate_has_a_common_name_that_fits(ca, names, common_names):
    from cryptography import x509

    certificate = x509.load_der_x509_certificate(ca.server_certificate(names=names).der)

    subject = certificate.subject.get_attributes_for_oid(x509.oid.NameOID.COMMON_NAME)
    assert [attribute.value for attribute in subject] == common_names
