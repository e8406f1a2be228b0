"""TLS of `smtptest serve`: own certificates, a kept CA, required TLS, and HTTPS."""

import io
import json
import smtplib
import ssl
import stat
import subprocess

import httpx
import pytest
import trustme

from lazr.smtptest.cli.errors import CommandError
from lazr.smtptest.cli.serve.ca_directory import open_ca_directory
from tests.helpers.command_line import ServeThread, run_smtptest


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    """Files: a CA, a certificate with its chain, its key, both in one file, an encrypted key, and another key."""
    folder = tmp_path_factory.mktemp("certificates")
    authority = trustme.CA()
    leaf, other = authority.issue_cert("127.0.0.1", "mail.test"), authority.issue_cert("other.test")
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    leaf.private_key_pem.write_to_path(str(folder / "key.pem"))
    other.private_key_pem.write_to_path(str(folder / "other-key.pem"))
    leaf.private_key_and_cert_chain_pem.write_to_path(str(folder / "both.pem"))
    for part in leaf.cert_chain_pems:
        part.write_to_path(str(folder / "cert.pem"), append=True)
    command = ["openssl", "pkey", "-aes256", "-passout", "pass:x", "-in", "key.pem", "-out", "encrypted.pem"]
    subprocess.run(command, cwd=folder, check=True)
    (folder / "text.pem").write_text("no certificate\n")
    return folder


def serve(*arguments):
    return ServeThread("--log-json", "--http-port", "0", "--database", "memory:", *arguments)


def starttls(url, ca_file, server_name="127.0.0.1"):
    """Send a mail after STARTTLS with verification of the certificate."""
    host, port = url.removeprefix("smtp://").split(":")
    with smtplib.SMTP(host, int(port)) as client:
        client._host = server_name
        client.starttls(context=ssl.create_default_context(cafile=ca_file))
        return client.sendmail("ann@example.com", ["bob@example.com"], "Subject: Hi\r\n\r\nHello\r\n")


@pytest.mark.parametrize("files", [("--tls-cert", "cert.pem", "--tls-key", "key.pem"), ("--tls-cert", "both.pem")])
def test_own_certificate_offers_starttls(files, certificates):
    arguments = [file if file.startswith("--") else certificates / file for file in files]
    with serve(*arguments) as serving:
        event = json.loads(serving.first_line)
        assert event["ca_file"] is None  # the operator has the CA of an own certificate
        assert starttls(event["urls"][0], certificates / "ca.pem", "mail.test") == {}
        assert event["urls"][1].startswith("http://")


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (("--allowed-host", "mail,box.test  third.test:8025"), ["mail", "box.test", "third.test"]),
        (("--allowed-host", "mail", "--allowed-host", "*"), ["mail"]),
        (("--allowed-host", "mail_server, mail", "--hostname", "mx_1"), ["mail"]),  # no certificate can have these
        (("--allowed-host", f"{'x' * 64}.test,-x,a..b,mail"), ["mail"]),
        (("--allowed-host", "10.0.0.1", "--hostname", "mäil.test"), ["10.0.0.1", "mäil.test"]),
    ],
)
def test_made_certificate_is_for_all_names(names, expected):
    with serve("--tls", "starttls", *names) as serving:
        event = json.loads(serving.first_line)
        for name in (*expected, "localhost"):
            assert starttls(event["urls"][0], event["ca_file"], name) == {}


def test_own_certificate_serves_https_too(certificates):
    with serve("--tls-cert", certificates / "both.pem", "--http-tls") as serving:
        smtp, http = json.loads(serving.first_line)["urls"]
        context = ssl.create_default_context(cafile=certificates / "ca.pem")
        assert httpx.get(f"{http}/api/v1/messages", verify=context).json()["total"] == 0
        assert starttls(smtp, certificates / "ca.pem") == {}


def test_command_names_the_variable_for_an_unknown_ca():
    with serve("--http-tls") as serving:
        event = json.loads(serving.first_line)
        url = event["urls"][1]
        done = run_smtptest("ls", "--api", url)
        assert done.returncode == 1 and "the certificate is not trusted (" in done.stderr
        assert "; set SSL_CERT_FILE to the CA file of the server" in done.stderr
        assert run_smtptest("ls", "--api", url, SSL_CERT_FILE=event["ca_file"]).returncode == 0


def test_https_has_a_certificate_of_its_own(certificates):
    with serve("--tls", "starttls", "--http-tls-cert", certificates / "both.pem") as serving:
        event = json.loads(serving.first_line)
        smtp, http = event["urls"]
        context = ssl.create_default_context(cafile=certificates / "ca.pem")
        assert httpx.get(f"{http}/livez", verify=context).status_code == 200
        assert starttls(smtp, event["ca_file"]) == {}
        with pytest.raises(ssl.SSLCertVerificationError):
            starttls(smtp, certificates / "ca.pem")


def test_https_without_smtp_tls():
    with serve("--http-tls") as serving:
        event = json.loads(serving.first_line)
        smtp, http = event["urls"]
        assert httpx.get(f"{http}/livez", verify=ssl.create_default_context(cafile=event["ca_file"])).status_code == 200
        with smtplib.SMTP(*smtp.removeprefix("smtp://").split(":")) as client:
            client.ehlo()
            assert not client.has_extn("starttls")


def test_kept_ca_stays_the_same(tmp_path):
    folder = tmp_path / "tls" / "deep"
    for _ in range(2):
        with serve("--tls", "starttls", "--http-tls", "--tls-dir", folder, "--hostname", "mail.test") as serving:
            event = json.loads(serving.first_line)
            assert event["ca_file"] == str(folder / "ca.pem")
            ca = (folder / "ca.pem").read_bytes()
            assert starttls(event["urls"][0], folder / "ca.pem", "mail.test") == {}
            context = ssl.create_default_context(cadata=ca.decode())
            assert httpx.get(event["urls"][1] + "/livez", verify=context).status_code == 200
    assert (folder / "ca.pem").read_bytes() == ca
    assert stat.S_IMODE((folder / "ca-key.pem").stat().st_mode) == 0o600
    assert sorted(file.name for file in folder.iterdir()) == ["ca-key.pem", "ca.pem"]


def test_missing_ca_file_is_written_again(tmp_path):
    for _ in range(2):
        with serve("--tls", "starttls", "--tls-dir", tmp_path) as serving:
            assert starttls(json.loads(serving.first_line)["urls"][0], tmp_path / "ca.pem") == {}
        (tmp_path / "ca.pem").unlink()


def test_names_of_the_server_are_in_the_certificate():
    with serve("--tls", "starttls", "--hostname", "mail", "--allowed-host", "smtp.internal") as serving:
        event = json.loads(serving.first_line)
        for name in ("mail", "smtp.internal", "localhost"):
            assert starttls(event["urls"][0], event["ca_file"], name) == {}


def test_required_tls_refuses_mail_in_clear():
    with serve("--require-tls") as serving:
        event = json.loads(serving.first_line)
        with smtplib.SMTP(*event["urls"][0].removeprefix("smtp://").split(":")) as client:
            client.ehlo()
            assert client.mail("ann@example.com")[0] == 530
        assert starttls(event["urls"][0], event["ca_file"]) == {}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--tls-key", "key.pem"], "--tls-key needs --tls-cert FILE, got none; add it"),
        (["--http-tls-key", "key.pem"], "--http-tls-key needs --http-tls-cert FILE, got none; add it"),
        (["--tls-dir", "d", "--tls-cert", "both.pem"], "--tls-dir makes certificates, and --tls-cert names one"),
        (["--tls-dir", "d"], "--tls-dir needs --tls or --http-tls, got none; add one"),
        (["--require-tls", "--tls", "implicit"], "--require-tls is about STARTTLS, got --tls implicit"),
        (["--tls-cert", "none.pem"], "none.pem: No such file or directory"),
        (["--tls-cert", "cert.pem", "--tls-key", "none.pem"], "none.pem: No such file or directory"),
        (["--tls-cert", "cert.pem"], "cert.pem: expected a certificate and its unencrypted private key in PEM; if the"),
        (["--tls-cert", "cert.pem"], "is in another file, name it with --tls-key"),
        (["--http-tls-cert", "cert.pem"], "is in another file, name it with --http-tls-key"),
        (["--tls-cert", "cert.pem", "--tls-key", "other-key.pem"], "private key in --tls-key other-key.pem, got files"),
        (["--tls-cert", "cert.pem", "--tls-key", "encrypted.pem"], "private key in --tls-key encrypted.pem, got files"),
        (["--http-tls-cert", "cert.pem", "--http-tls-key", "other-key.pem"], "in --http-tls-key other-key.pem, got"),
        (["--http-tls-cert", "text.pem"], "text.pem: expected a certificate and its unencrypted private key in PEM"),
        (["--tls", "starttls", "--tls-dir", "text.pem/x"], "text.pem/x: Not a directory"),
    ],
)
def test_wrong_option_is_refused_before_a_port_opens(arguments, message, certificates):
    done = run_smtptest("serve", "--smtp-port", "0", *arguments, cwd=certificates)
    assert (done.returncode, done.stdout) == (2, "") and message in done.stderr


@pytest.mark.parametrize("function", ["os.link", "os.replace", "os.chmod"])
def test_failed_write_leaves_no_file_behind(function, tmp_path, monkeypatch):
    def fail(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(function, fail)
    with pytest.raises(CommandError, match="No space left on device"):
        open_ca_directory(tmp_path)
    assert [file.name for file in tmp_path.iterdir() if file.name != "ca-key.pem"] == []


def test_full_disk_leaves_no_file_behind(tmp_path, monkeypatch):
    class FullDisk(io.FileIO):
        def write(self, data):
            raise OSError(28, "No space left on device")

    monkeypatch.setattr("builtins.open", lambda file, *_: FullDisk(file, "wb"))
    with pytest.raises(CommandError, match="No space left on device"):
        open_ca_directory(tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", [b"", b"text", b"-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----\n"])
def test_damaged_key_file_is_refused(content, tmp_path):
    (tmp_path / "ca-key.pem").write_bytes(content)
    done = run_smtptest("serve", "--smtp-port", "0", "--tls", "starttls", "--tls-dir", tmp_path)
    assert done.returncode == 2
    assert "ca-key.pem: expected a private key and its CA certificate in PEM; remove the file" in done.stderr
