"""Test certificates: the good one convinces a client, and each bad one fails for the reason it is named for."""

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

from lazr.smtptest.errors import MissingExtra, StartError
from lazr.smtptest.net import certificates
from lazr.smtptest.net.certificates import KINDS, Authority, Certificate, authority, end_point_binding

# X509_V_ERR_EE_KEY_TOO_SMALL, X509_V_ERR_CA_KEY_TOO_SMALL, X509_V_ERR_CA_MD_TOO_WEAK: which of them it is, is
# for the OpenSSL here to say; what is weak in the certificate has a test of its own.
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
    return Authority()


@pytest.fixture
def alone(monkeypatch):
    """As in a process that has asked for no authority yet."""
    monkeypatch.setattr(certificates, "_shared", {})


def server_context(certificate, *, asking=None):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.load_into(context)
    if asking is not None:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(asking.ca_file)
    return context


def client_context(trusted, *, level=2):
    context = ssl.create_default_context(cafile=trusted)
    # Python's own default is level 2, which is what refuses the weak ones; a distribution may have set another.
    context.set_ciphers(f"DEFAULT:@SECLEVEL={level}")
    return context


def handshake(server, client, host="localhost"):
    """Both ends of a TLS connection in memory."""
    to_client, to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = (
        client.wrap_bio(to_client, to_server, server_hostname=host),
        server.wrap_bio(to_server, to_client, server_side=True),
    )
    waiting = list(ends)
    for _ in range(10):  # more turns than any handshake takes
        for end in list(waiting):
            try:
                end.do_handshake()
            except ssl.SSLWantReadError:
                continue
            waiting.remove(end)
    assert not waiting
    return ends


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "::1"])
def test_the_valid_one_convinces_a_client(ca, host):
    certificate = ca.server_certificate("valid")

    client, _ = handshake(server_context(certificate), client_context(ca.ca_file), host)

    assert client.getpeercert(binary_form=True) == certificate.der


@pytest.mark.parametrize("host", ["mail.example.org", "10.9.8.7", "deep.example.net"])
def test_names_are_what_the_tester_says(ca, host):
    certificate = ca.server_certificate("valid", ("mail.example.org", "10.9.8.7", "*.example.net"))

    handshake(server_context(certificate), client_context(ca.ca_file), host)
    with pytest.raises(ssl.SSLCertVerificationError) as caught:
        handshake(server_context(certificate), client_context(ca.ca_file), "localhost")
    assert caught.value.verify_code == 62


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=lambda version: version.name)
@pytest.mark.parametrize("kind", VERIFY_CODES)
def test_a_bad_one_is_refused_for_what_its_name_says(ca, kind, version):
    client = client_context(ca.ca_file)
    client.maximum_version = version

    with pytest.raises(ssl.SSLCertVerificationError) as caught:
        handshake(server_context(ca.server_certificate(kind)), client)

    assert caught.value.verify_code in VERIFY_CODES[kind]


def test_every_kind_is_explained_and_tried():
    assert {"valid", *VERIFY_CODES} == set(KINDS)
    assert all(KINDS.values())


@pytest.mark.parametrize("kind", ["sha1", "short-key"])
def test_nothing_but_weakness_is_wrong_with_the_weak_ones(ca, kind):
    handshake(server_context(ca.server_certificate(kind)), client_context(ca.ca_file, level=0))


def test_nothing_but_its_host_is_wrong_with_the_one_for_another_host(ca):
    handshake(server_context(ca.server_certificate("wrong-host")), client_context(ca.ca_file), "wrong.invalid")


def test_who_trusts_the_self_signed_one_is_convinced(ca, tmp_path):
    certificate = ca.server_certificate("self-signed")
    trusted = tmp_path / "trusted.pem"
    trusted.write_text(ssl.DER_cert_to_PEM_cert(certificate.der))

    handshake(server_context(certificate), client_context(trusted))


def test_the_weak_ones_are_weak_in_one_point_each(ca):
    sha1 = x509.load_der_x509_certificate(ca.server_certificate("sha1").der)
    short = x509.load_der_x509_certificate(ca.server_certificate("short-key").der)

    assert (sha1.signature_hash_algorithm.name, sha1.public_key().key_size) == ("sha1", 256)
    assert (short.signature_hash_algorithm.name, short.public_key().key_size) == ("sha256", 1024)


@pytest.mark.parametrize("length", [1, 50, 3000])
def test_sha1_works_for_names_of_any_length(ca, length):
    """Its DER is put together by hand, where lengths have different lengths."""
    names = tuple(f"mail{number}.example.org" for number in range(length))

    certificate = ca.server_certificate("sha1", names)

    handshake(server_context(certificate), client_context(ca.ca_file, level=0), names[-1])


@pytest.mark.parametrize("year", [1990, 2100])
def test_stopped_clocks_change_nothing(monkeypatch, year):
    class Stopped(datetime):
        @classmethod
        def now(cls, tz=None):
            return cls(year, 1, 1, tzinfo=tz)

    monkeypatch.setattr(certificates, "datetime", Stopped)
    monkeypatch.setattr("time.time", Stopped.now().timestamp)
    ca = Authority()

    for kind in ("expired", "not-yet-valid"):
        with pytest.raises(ssl.SSLCertVerificationError) as caught:
            handshake(server_context(ca.server_certificate(kind)), client_context(ca.ca_file))
        assert caught.value.verify_code in VERIFY_CODES[kind]


def test_a_kind_that_there_is_not_is_refused_with_those_that_there_are(ca):
    with pytest.raises(ValueError, match=r"no 'revoked' certificate; the kinds are valid, expired, .*, short-key$"):
        ca.server_certificate("revoked")


def test_what_was_issued_once_is_handed_out_again(ca):
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
def test_a_client_file_convinces_a_server_that_asks_for_one(ca, identities, name):
    client = client_context(ca.ca_file)
    client.load_cert_chain(ca.client_file(*identities))

    _, server = handshake(server_context(ca.server_certificate(), asking=ca), client)

    assert server.getpeercert()["subjectAltName"][0] == name


def test_such_a_server_refuses_a_client_without(ca):
    with pytest.raises(ssl.SSLError, match="PEER_DID_NOT_RETURN_A_CERTIFICATE"):
        handshake(server_context(ca.server_certificate(), asking=ca), client_context(ca.ca_file))


def test_such_a_server_refuses_a_client_of_another_authority(ca):
    client = client_context(ca.ca_file)
    Authority().client_certificate().load_into(client)

    with pytest.raises(ssl.SSLCertVerificationError) as caught:
        handshake(server_context(ca.server_certificate(), asking=ca), client)
    assert caught.value.verify_code == 20


def test_pem_is_the_key_and_what_is_sent(ca):
    for kind in KINDS:
        pem = ca.server_certificate(kind).pem.decode("ascii")
        assert pem.count("PRIVATE KEY-----\n") == 2  # its begin and its end
        assert pem.count("BEGIN CERTIFICATE") == 1
    assert ca.client_certificate().pem == Path(ca.client_file()).read_bytes()
    assert ca.ca_pem == Path(ca.ca_file).read_bytes()


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX's")
def test_nobody_else_can_read_the_files(ca):
    modes = [stat.S_IMODE(os.stat(path).st_mode) for path in (Path(ca.ca_file).parent, ca.client_file())]

    assert modes == [0o700, 0o600]


def test_loading_leaves_no_key_behind(ca, monkeypatch, tmp_path):
    good, other = ca.server_certificate("valid"), ca.server_certificate("expired")
    key = good.pem.partition(b"-----BEGIN CERTIFICATE")[0]
    mixed_up = Certificate(key, [ssl.DER_cert_to_PEM_cert(other.der).encode("ascii")])
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))

    server_context(good)
    with pytest.raises(ssl.SSLError, match="KEY_VALUES_MISMATCH"):
        server_context(mixed_up)

    assert list(tmp_path.iterdir()) == []


# RFC 5929 4.1: the hash function of the signature, but SHA-256 in place of MD5 and SHA-1.

RSA, ECDSA = "2a864886f70d0101", "2a8648ce3d0403"  # the object identifiers of their signatures, but for the last octet


def signed_with(key, hash_function):
    name, then = x509.Name([]), datetime(2020, 1, 1)  # noqa: DTZ001
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(then).not_valid_after(then)
    return builder.sign(key, hash_function).public_bytes(Encoding.DER)


@pytest.fixture(scope="module")
def certificate_of():
    """DER of a certificate with the signature algorithm of this object identifier; it verifies nowhere."""
    made = {
        RSA: (signed_with(rsa.generate_private_key(65537, 1024), hashes.SHA256()), "0b"),
        ECDSA: (signed_with(ec.generate_private_key(ec.SECP256R1()), hashes.SHA256()), "02"),
    }

    def certificate_of(family, last):
        der, sha256 = made[family]
        assert der.count(bytes.fromhex(family + sha256)) == 2
        return der.replace(bytes.fromhex(family + sha256), bytes.fromhex(family + last))

    return certificate_of


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
def test_the_binding_is_by_the_hash_function_of_the_signature(certificate_of, family, last, hash_function):
    der = certificate_of(family, last)

    assert end_point_binding(der) == hashlib.new(hash_function, der).digest()


@pytest.mark.parametrize("kind", KINDS)
def test_the_bindings_of_all_kinds_are_sha256(ca, kind):
    certificate = ca.server_certificate(kind)

    assert certificate.binding == hashlib.sha256(certificate.der).digest()


def test_a_signature_without_a_hash_function_has_no_binding(certificate_of):
    with pytest.raises(ValueError, match=r"signed with 1\.3\.101\.112 has no binding"):
        end_point_binding(signed_with(ed25519.Ed25519PrivateKey.generate(), None))
    with pytest.raises(ValueError, match=r"signed with 1\.2\.840\.10045\.4\.3\.127 has no binding"):
        end_point_binding(certificate_of(ECDSA, "7f"))


def test_a_process_has_one_authority(alone):
    assert authority() is authority()


def test_threads_that_ask_at_once_share_one_authority(alone, monkeypatch):
    together, made, got = threading.Barrier(3, timeout=10), [], []

    class Slow(Authority):
        def __init__(self):
            together.wait()  # all three have found none
            super().__init__()
            made.append(self.ca_file)

    monkeypatch.setattr(certificates, "Authority", Slow)
    threads = [threading.Thread(target=lambda: got.append(authority())) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)

    assert got == [authority()] * 3
    assert [path for path in made if os.path.exists(path)] == [authority().ca_file]


def test_an_authority_that_nobody_needs_removes_its_files():
    ca = Authority()
    directory = Path(ca.client_file()).parent
    assert directory.is_dir()

    del ca

    assert not directory.exists()


def run(script):
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_the_files_are_removed_at_the_end_of_the_process():
    ca_file, existed = run("""
import os
from lazr.smtptest.net.certificates import authority
authority().client_file()
print(authority().ca_file, os.path.exists(authority().ca_file))
""").split()

    assert existed == "True"
    assert not Path(ca_file).parent.exists()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_forked_child_uses_the_authority_and_leaves_its_files():
    ca_file = run("""
import os, sys
from lazr.smtptest.net.certificates import authority
ca = authority()
ca.server_certificate("valid")
child = os.fork()
if not child:
    assert authority() is ca
    ca.server_certificate("expired")
    ca.server_certificate("untrusted")
    assert os.path.exists(ca.client_file())
    sys.exit()  # and not os._exit: what is to be done at exit is done
assert os.waitpid(child, 0)[1] == 0
assert os.path.exists(ca.ca_file)
print(ca.ca_file)
""")

    assert not Path(ca_file).parent.exists()


def test_the_libraries_are_imported_only_when_they_are_needed():
    run("""
import sys
import lazr.smtptest.net.certificates
assert not {"trustme", "cryptography"} & set(sys.modules)
""")


def test_without_trustme_the_error_says_what_to_install(alone, monkeypatch):
    monkeypatch.setitem(sys.modules, "trustme", None)

    with pytest.raises(MissingExtra, match=r'need trustme: pip install "lazr\.smtptest\[tls\]"$'):
        authority()


def test_without_cryptography_the_binding_says_what_to_install(ca, monkeypatch):
    certificate = ca.server_certificate()
    monkeypatch.setitem(sys.modules, "cryptography", None)

    with pytest.raises(MissingExtra, match=r'needs cryptography: pip install "lazr\.smtptest\[tls\]"$'):
        _ = certificate.binding


def test_where_openssl_refuses_sha1_the_error_says_so(monkeypatch):
    def refuse(hash_function):
        raise UnsupportedAlgorithm(f"{hash_function.name} is not allowed here")

    monkeypatch.setattr(ec, "ECDSA", refuse)

    with pytest.raises(StartError, match=r"OpenSSL here refuses to sign with SHA-1 \(sha1 is not allowed here\)$"):
        Authority().server_certificate("sha1")
