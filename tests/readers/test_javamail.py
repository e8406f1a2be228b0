"""JavaMail; the package of Debian is `libmail-java`."""

import base64
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.helpers.third_party_clients import require_installed
from tests.readers.conftest import TIMEOUT_SECONDS
from tests.readers.example_mails import EXAMPLES, MEETING, REPORT
from tests.readers.reader_server import PASSWORD

pytestmark = pytest.mark.slow

SOURCE = Path(__file__).with_name("ReadMail.java")
JARS = [Path("/usr/share/java") / f"{name}.jar" for name in ("javax.mail", "javax.activation")]


@pytest.fixture(scope="session")
def class_path(tmp_path_factory):
    """Compile the program, and return its class path."""
    require_installed(shutil.which("javac") and all(jar.exists() for jar in JARS), "libmail-java")
    folder = tmp_path_factory.mktemp("classes")
    libraries = ":".join(map(str, JARS))
    command = ["javac", "-encoding", "UTF-8", "-cp", libraries, "-d", str(folder), str(SOURCE)]
    subprocess.run(command, check=True, timeout=TIMEOUT_SECONDS)
    return f"{libraries}:{folder}"


@pytest.fixture
def command(reader_server, class_path, tmp_path):
    """Return the command that runs an action of the program."""

    def build(action, protocol="imap", tls="none", password=PASSWORD):
        port = (reader_server.get_imap_port if protocol == "imap" else reader_server.get_pop3_port)(tls)
        options = ["-Dfile.encoding=UTF-8", "-Dstdout.encoding=UTF-8"]
        if tls != "none":
            store = tmp_path / "authorities"
            if not store.exists():
                import_ = ["keytool", "-importcert", "-noprompt", "-storepass", "changeit", "-keystore", str(store)]
                import_ += ["-file", reader_server.ca_file]
                subprocess.run(import_, check=True, timeout=TIMEOUT_SECONDS, stderr=subprocess.DEVNULL)
            options += [f"-Djavax.net.ssl.trustStore={store}", "-Djavax.net.ssl.trustStorePassword=changeit"]
        arguments = [protocol, tls, str(port), reader_server.user, password, action]
        return ["java", "-Xshare:auto", "-XX:TieredStopAtLevel=1", *options, "-cp", class_path, "ReadMail", *arguments]

    return build


@pytest.fixture
def run(command, run_program):
    """Run an action, and return the lines of its output, each as a list of columns."""

    def run(action, *, text=b"", **options):
        output = run_program(*command(action, **options), text=text)
        return [line.split("\t") for line in output.decode().splitlines()]

    return run


@pytest.mark.parametrize("protocol", ["imap", "pop3"])
@pytest.mark.parametrize("tls", ["none", "starttls", "implicit"])
def test_fetch_returns_the_bytes_of_each_mail(reader_server, run, protocol, tls):
    reader_server.deliver(*EXAMPLES.values())

    lines = run("fetch", protocol=protocol, tls=tls)

    assert [base64.b64decode(content) for _, content in lines] == list(EXAMPLES.values())
    assert [subject for subject, _ in lines][:3] == ["Meeting on Monday", "Dots", "Grüße"]


@pytest.mark.parametrize("protocol", ["imap", "pop3"])
def test_attachment_is_decoded(reader_server, run, protocol):
    reader_server.deliver(EXAMPLES["attachment"])

    [[name, content]] = run("attachment", protocol=protocol)

    assert name == "file.bin"
    assert base64.b64decode(content) == bytes(range(256)) * 40


@pytest.mark.parametrize("protocol", ["imap", "pop3"])
def test_wrong_password_is_refused(command, run_program, protocol):
    output = run_program(*command("fetch", protocol, password="wrong"), expected_status=1)

    assert b"AuthenticationFailedException" in output


@pytest.mark.parametrize("protocol", ["imap", "pop3"])
def test_deleted_mail_is_expunged(reader_server, run, protocol):
    reader_server.deliver(MEETING, REPORT)

    run("delete", protocol=protocol)

    assert reader_server.read_contents() == [REPORT]


def test_folders_are_listed_created_renamed_and_deleted(reader_server, run):
    listed = dict(run("folders"))

    assert {"INBOX", "Sent", "Drafts", "Trash", "Junk"} <= set(listed)
    assert listed["Späte/Post"] == "true"
    assert "Archive" not in reader_server.list_folders()


def test_flag_copy_move_and_expunge(reader_server, run):
    reader_server.deliver(MEETING, REPORT, EXAMPLES["dots"])

    run("change")

    assert [(mail.content, mail.flags) for mail in reader_server.read_folder()] == [(MEETING, {"\\Flagged", "$Work"})]
    assert reader_server.read_contents("Sent") == [MEETING]
    assert reader_server.read_contents("Junk") == [REPORT]


def test_append_stores_bytes_and_flags(reader_server, run):
    run("append", text=EXAMPLES["utf-8"])

    [mail] = reader_server.read_folder("Drafts")
    assert (mail.content, mail.flags) == (EXAMPLES["utf-8"], {"\\Draft"})


def test_search_finds_mails(reader_server, run):
    # Only ASCII: after ENABLE UTF8=ACCEPT, JavaMail 1.6 sends other text in ISO-8859-1, which no server can read.
    reader_server.deliver(MEETING, REPORT, EXAMPLES["utf-8"])

    assert run("search") == [["1"], ["2"], ["2 3"]]


def test_idle_reports_a_new_mail(reader_server, command):
    with subprocess.Popen(command("idle"), stdout=subprocess.PIPE, text=True, env=os.environ) as process:
        assert process.stdout.readline() == "idling\n"
        reader_server.deliver(MEETING)
        output, _ = process.communicate(timeout=TIMEOUT_SECONDS)

    assert output == "1\n"
