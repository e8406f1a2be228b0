"""Signatures of other programs pass, and tampered ones fail with a reason: OpenDKIM and nodemailer."""

import json
import shutil
import time
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization

from lazr.smtptest import MailServer
from lazr.smtptest.authentication import verify_dkim
from lazr.smtptest.dns import Zone
from tests.authentication.opendkim import sign_with_libopendkim
from tests.authentication.signing import DOMAIN, MAIL, make_ed25519_key, make_rsa_key, make_zone, write_pem
from tests.helpers.third_party_clients import require_installed, run_client, run_node_client

OPENDKIM = shutil.which("opendkim-testmsg") or (
    "/usr/sbin/opendkim-testmsg" if Path("/usr/sbin/opendkim-testmsg").exists() else None
)


def sign_with_testmsg(directory):
    """Return the mail with a signature of the program opendkim-testmsg."""
    require_installed(OPENDKIM, "opendkim-testmsg (opendkim-tools)")
    key = directory / "rsa.private"
    key.write_bytes(write_pem(make_rsa_key()))
    signed = run_client(
        OPENDKIM, "-C", "-d", DOMAIN, "-s", "rsa", "-k", str(key), "-t", str(directory),
        text=MAIL.decode().replace("\r\n", "\n"),
    )  # fmt: skip
    return signed.encode().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


def sign_with_opendkim(algorithm="rsa-sha256", canonicalize="relaxed/simple", content=MAIL):
    """Return the mail with a signature of OpenDKIM."""
    if algorithm.startswith("rsa"):
        key, selector = write_pem(make_rsa_key()), "rsa"
    else:
        key, selector = write_pem(make_ed25519_key(), serialization.PrivateFormat.PKCS8), "ed"
    return sign_with_libopendkim(content, key, selector, algorithm, canonicalize)


def send_with_nodemailer(**options):
    """Return the mail that nodemailer signs and sends, as the server received it."""
    dkim = {"domainName": DOMAIN, "keySelector": "rsa", "privateKey": write_pem(make_rsa_key()).decode(), **options}
    with MailServer() as server:
        run_node_client("nodemailer", "nodemailer.cjs", server.host, str(server.port), json.dumps({"dkim": dkim}))
        return server.inbox.one().content


# A text that both mails have, the text instead of it, and what the reason says.
TAMPERED = [
    (b"Subject: ", b"Subject: [list] ", "the field Subject was changed", "header Subject"),
    (b"From: ", b"From: eve@example.org\r\nFrom: ", "From", "header From"),
    (b"From: ", b'From: "the boss" ', "the field From was changed", "header From"),
    (b"To: ", b"To: eve@example.org, ", "the field To was changed", "header To"),
    (b"MIME-Version: 1.0\r\n", b"", "MIME-Version was removed", "header MIME-Version"),
    (b"MIME-Version: 1.0", b"MIME-Version: 1.1", "the field MIME-Version was changed", "header MIME-Version"),
    (b"\r\n\r\n", b"\r\n\r\nCAUTION\r\n", "a line was inserted", "body line 1"),
    (b"\r\n\r\n", b"\r\n\r\nCAUTION\r\n\r\n", "2 lines were inserted", "body line 1"),
    (b"end", b"end of all things\r\nnow", "", "body"),
    (b"end", b"emd", 'one character was changed, from "n" to "m"', None),
    (b"end\r\n", b"end\r\n--\r\nfooter\r\n", "2 lines were added at the end", None),
    (b" d=example.com", b" d=example.org", "there is no key record: ", None),
]


@pytest.fixture(scope="module")
def nodemailer_mail():
    return send_with_nodemailer()


def check_tampered(signed):
    """Check the reason and the place of each tampered variant of a signed mail."""
    for before, after, text, place in TAMPERED:
        assert before in signed, before
        result = verify(signed.replace(before, after, 1))
        assert result.result != "pass", before
        assert text in result.reason, before
        assert place is None or result.changed == place, before


def verify(content):
    """Return the result of the only signature."""
    (result,) = verify_dkim(content, make_zone(), time.time())
    return result


# The beta version of OpenDKIM that has Ed25519 makes wrong signatures with it and simple header canonicalization; other
# verifiers refuse them, too.
@pytest.mark.parametrize(
    ("algorithm", "canonicalize"),
    [
        ("rsa-sha256", "simple/simple"),
        ("rsa-sha256", "simple/relaxed"),
        ("rsa-sha256", "relaxed/simple"),
        ("rsa-sha256", "relaxed/relaxed"),
        ("ed25519-sha256", "relaxed/simple"),
        ("ed25519-sha256", "relaxed/relaxed"),
    ],
)
def test_signature_of_opendkim_passes(algorithm, canonicalize):
    result = verify(sign_with_opendkim(algorithm, canonicalize))

    assert (result.result, result.reason) == ("pass", "the signature matches")
    assert result.algorithm == algorithm


def test_sha1_signature_of_opendkim_testmsg_is_refused(tmp_path):
    result = verify(sign_with_testmsg(tmp_path))

    assert (result.result, result.algorithm) == ("policy", "rsa-sha1")


def test_record_of_opendkim_genkey_can_be_used_as_it_is(tmp_path):
    genkey = shutil.which("opendkim-genkey") or shutil.which("opendkim-genkey", path="/usr/sbin")
    require_installed(genkey, "opendkim-genkey (opendkim-tools)")
    run_client(genkey, "-b", "1024", "-d", DOMAIN, "-s", "new", "-D", str(tmp_path))
    record = (tmp_path / "new.txt").read_text("ascii")
    quoted = record[record.index("(") : record.index(")") + 1]

    from_mapping = Zone({f"new._domainkey.{DOMAIN}": quoted}).find_txt(f"new._domainkey.{DOMAIN}")
    from_file = Zone.from_text(f"$ORIGIN {DOMAIN}.\n{record}").find_txt(f"new._domainkey.{DOMAIN}")
    assert from_mapping == from_file
    assert from_file[0].startswith(b"v=DKIM1; h=sha256; k=rsa; ")


@pytest.mark.parametrize("algorithm", ["rsa-sha256", "ed25519-sha256"])
def test_tampered_mail_of_opendkim_fails(algorithm):
    signed = sign_with_opendkim(algorithm, content=MAIL.replace(b".profile is the file", b"end"))
    check_tampered(signed)


@pytest.mark.parametrize(
    "options",
    [{}, {"hashAlgo": "sha256"}, {"skipFields": "message-id:date"}, {"headerFieldNames": "from:to:subject:reply-to"}],
)
def test_signature_of_nodemailer_passes(options):
    result = verify(send_with_nodemailer(**options))

    assert (result.result, result.reason) == ("pass", "the signature matches")


def test_tampered_mail_of_nodemailer_fails(nodemailer_mail):
    check_tampered(nodemailer_mail)


def test_sha1_signature_of_nodemailer_is_refused():
    result = verify(send_with_nodemailer(hashAlgo="sha1"))

    assert (result.result, result.algorithm) == ("policy", "rsa-sha1")
