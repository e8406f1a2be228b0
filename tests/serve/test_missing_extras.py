"""`smtptest serve` without optional packages: it starts, does the rest, and names what to install."""

import contextlib
import importlib.util
import json
import os
import smtplib
import ssl
import struct
import subprocess
import venv
import zlib

import httpx
import pytest
import trustme

from lazr.smtptest._util.extras import EXTRAS
from tests.helpers.command_line import SMTPTEST_COMMAND, build_environment
from tests.helpers.mime_messages import build_message_with_files

# The modules of each extra.
MODULES = {
    "thumbnails": ("PIL",),
    "checks": ("dkim", "authres", "dns", "nacl", "publicsuffixlist"),
    "html-check": ("tinycss2",),
    "regex": ("re2",),
    "passwords": ("bcrypt",),
    "tls": ("trustme", "cryptography"),
    "postgres": ("psycopg",),
    "mcp": ("mcp",),
}
TIMEOUT_SECONDS = 120
INSTALL_TIMEOUT_SECONDS = 600
# Packages that no extra needs: only tests use them.
UNUSED_MODULES = ("prometheus_client",)
BCRYPT_HASH = "$2y$05$bvIG6Nmid91Mu9RcmmWZfO5HJIMCT8riNW0hEp8f6/FuA2/mHZFpe"


def make_png():
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(b"\0\xff\0\0")) + chunk(b"IEND", b"")


MESSAGE = build_message_with_files(
    ("image/png", "red.png", make_png()), ("application/pdf", "a.pdf", b"%PDF"), html="<p style='display:grid'>Hi</p>"
)
RULE = {"when": "RCPT", "match": {"to": {"regex": "^b"}}, "do": [{"reply": [550]}]}


class BlockedModules:
    """The environment of a Python that cannot import some modules; its child processes cannot either."""

    def __init__(self, folder, modules):
        (folder / "sitecustomize.py").write_text(f"import sys\nsys.modules.update(dict.fromkeys({modules!r}))\n")
        self.variables = {"PYTHONPATH": os.pathsep.join([str(folder), *filter(None, [os.environ.get("PYTHONPATH")])])}
        self.command = SMTPTEST_COMMAND


@contextlib.contextmanager
def run_serve(installation, *arguments):
    """Run `smtptest serve`; yield its SMTP and HTTP URLs and the URL of its CA."""
    command = [*installation.command, "serve", "--log-json", "--smtp-port=0", "--http-port=0", "--database=memory:"]
    process = subprocess.Popen(
        [*command, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env=build_environment(**installation.variables),
    )  # fmt: skip
    with process:
        try:
            first_line = process.stdout.readline()
            assert first_line, process.stderr.read()
            yield json.loads(first_line)["urls"]
        finally:
            process.kill()
            errors = process.stderr.read()
    assert "Traceback" not in errors


def get_host_and_port(url):
    host, _, port = url.partition("://")[2].rpartition(":")
    return host, int(port)


def walk_through(urls):
    """Use what teams use daily; return the status and text of the answers that need an optional package."""
    with smtplib.SMTP(*get_host_and_port(urls[0]), timeout=TIMEOUT_SECONDS) as client:
        assert client.sendmail("ann@example.com", ["bob@example.com"], MESSAGE) == {}
    with httpx.Client(base_url=urls[1], timeout=TIMEOUT_SECONDS, trust_env=False) as http:
        [summary] = http.get("/api/v1/messages").json()["messages"]
        path = f"/api/v1/message/{summary['ID']}"
        details = http.get(path).json()
        [picture, document] = [part["PartID"] for part in details["Attachments"]]
        blank = http.get(f"{path}/part/{document}/thumb")
        assert (blank.status_code, blank.headers["content-type"], blank.content[:2]) == (200, "image/jpeg", b"\xff\xd8")
        assert http.get(f"{path}/part/{picture}").content == make_png()
        metrics = http.get("/metrics")
        assert metrics.status_code == 200 and "\nsmtptest_mails 1.0\n" in metrics.text
        for page in ("/", "/about", f"/mail/{summary['ID']}", f"/view/{summary['ID']}.html", "/openapi.json"):
            assert http.get(page).status_code == 200
        answers = {
            "thumbnails": http.get(f"{path}/part/{picture}/thumb"),
            "checks": http.get(f"{path}/authentication"),
            "html-check": http.get(f"{path}/html-check"),
            "regex": http.post("/api/v1/rules", json=RULE),
        }
        extras = http.get("/api/v1/webui").json()["Extras"]
        missing = {extra["Name"] for extra in extras if not extra["Installed"]}
        return missing, {
            name: (answer.status_code, answer.headers["content-type"], answer.text if answer.is_error else "")
            for name, answer in answers.items()
        }


REGEX_ERROR = (
    "the regular expression '^b' comes from a file or over HTTP, which needs google-re2:"
    ' pip install "lazr.smtptest[regex]"'
)
OK_ANSWERS = {
    "thumbnails": (200, "image/jpeg", ""),
    "checks": (200, "application/json", ""),
    "html-check": (200, "application/json", ""),
    "regex": (200, "application/json", ""),
}
MISSING_ANSWERS = {
    "thumbnails": (501, "text/plain", 'thumbnails of pictures need pillow: pip install "lazr.smtptest[thumbnails]"\n'),
    "checks": (501, "text/plain", 'checks of DKIM, SPF and DMARC need dkimpy: pip install "lazr.smtptest[checks]"\n'),
    "html-check": (501, "text/plain", 'checks of the HTML need tinycss2: pip install "lazr.smtptest[html-check]"\n'),
    "regex": (400, "text/plain", f"invalid rule: {REGEX_ERROR}"),
}


def check_walk(installation, missing):
    expected = {name: (MISSING_ANSWERS if name in missing else OK_ANSWERS)[name] for name in OK_ANSWERS}
    with run_serve(installation) as urls:
        assert walk_through(urls) == (missing, expected)


# The options that need an extra, and the error without it.
OPTIONS = {
    "tls": [
        (["--tls", "starttls"], 'test certificates need trustme: pip install "lazr.smtptest[tls]"'),
        (["--http-tls"], 'test certificates need trustme: pip install "lazr.smtptest[tls]"'),
        (["--tls", "both", "--tls-dir", "ca"], '--tls-dir needs trustme: pip install "lazr.smtptest[tls]"'),
    ],
    "passwords": [
        (["--auth-file", "users"], 'hashed passwords need bcrypt: pip install "lazr.smtptest[passwords]"'),
    ],
    "regex": [
        (["--rules", "rules.json"], f"rules.json: rule 1: {REGEX_ERROR}"),
    ],
    "postgres": [
        (
            ["--database", "postgresql://localhost/mails"],
            'PostgreSQL needs psycopg: pip install "lazr.smtptest[postgres]"',
        ),
    ],
    "mcp": [
        (["--mcp"], 'the MCP server needs mcp: pip install "lazr.smtptest[mcp]"'),
    ],
}


def check_options(installation, missing, folder):
    """Check that the options of missing extras end the command before it opens a port."""
    (folder / "users").write_text(f"ann:{BCRYPT_HASH}\n")
    (folder / "rules.json").write_text(json.dumps([RULE]))
    for options, error in (row for name in sorted(missing) for row in OPTIONS.get(name, ())):
        done = subprocess.run(
            [*installation.command, "serve", "--smtp-port=0", "--http-port=0", "--database=memory:", *options],
            env=build_environment(**installation.variables), cwd=folder,
            capture_output=True, text=True, timeout=TIMEOUT_SECONDS, check=False,
        )  # fmt: skip
        assert (done.stdout, done.stderr, done.returncode) == ("", f"smtptest: {error}\n", 2)


def check_own_certificate(installation, folder):
    """Check that TLS with a certificate of the operator's own needs no extra."""
    authority = trustme.CA()
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(str(folder / "both.pem"))
    context = ssl.create_default_context()
    authority.configure_trust(context)
    with run_serve(installation, "--tls-cert", str(folder / "both.pem"), "--http-tls") as urls:
        with smtplib.SMTP(*get_host_and_port(urls[0]), timeout=TIMEOUT_SECONDS) as client:
            client.starttls(context=context)
            client.login("ann", "secret")
            assert client.sendmail("ann@example.com", ["bob@example.com"], MESSAGE) == {}
        with httpx.Client(base_url=urls[1], verify=context, timeout=TIMEOUT_SECONDS, trust_env=False) as http:
            assert http.get("/api/v1/messages").json()["total"] == 1


@pytest.mark.slow
@pytest.mark.parametrize("extra", MODULES)
def test_server_without_an_extra_names_it(extra, tmp_path):
    installation = BlockedModules(tmp_path, MODULES[extra])
    check_walk(installation, {extra})
    check_options(installation, {extra}, tmp_path)


@pytest.mark.slow
def test_server_without_any_extra_does_the_rest(tmp_path):
    modules = [module for modules in MODULES.values() for module in modules]
    installation = BlockedModules(tmp_path, [*modules, *UNUSED_MODULES])
    check_walk(installation, set(MODULES))
    check_own_certificate(installation, tmp_path)


@pytest.mark.slow
def test_server_with_all_extras_has_no_missing_one(tmp_path):
    check_walk(BlockedModules(tmp_path, UNUSED_MODULES), set())


def test_every_extra_of_the_web_inbox_is_tested():
    assert {name: modules[0] for name, modules in MODULES.items()} == {
        extra.name: extra.module for extra in EXTRAS.values()
    }
    for module in (module for modules in MODULES.values() for module in modules):
        assert importlib.util.find_spec(module) is not None  # else the tests above would show nothing


class Environment:
    """A virtual environment with the wheel and the extra `serve` only."""

    def __init__(self, folder, wheel):
        venv.create(folder, with_pip=True)
        self.python = str(folder / ("Scripts" if os.name == "nt" else "bin") / "python")
        self.command = [self.python, "-m", "lazr.smtptest"]
        self.variables = {}
        done = self.run("-m", "pip", "install", "--quiet", f"{wheel}[serve]")
        if "No matching distribution" in done.stderr and "SMTPTEST_ALL_CLIENTS" not in os.environ:
            pytest.skip("the package index cannot be reached")
        assert done.returncode == 0, done.stderr

    def run(self, *arguments):
        return subprocess.run(
            [self.python, *arguments], capture_output=True, text=True, timeout=INSTALL_TIMEOUT_SECONDS, check=False
        )


@pytest.mark.slow
def test_wheel_with_only_the_extra_serve_runs(wheel, tmp_path):
    installation = Environment(tmp_path / "env", wheel)
    modules = [module for modules in MODULES.values() for module in modules]
    program = "import sys, importlib.util; print([name for name in sys.argv[1:] if importlib.util.find_spec(name)])"
    assert installation.run("-c", program, *modules, *UNUSED_MODULES).stdout == "[]\n"

    check_walk(installation, set(MODULES))
    check_options(installation, set(MODULES), tmp_path)
    check_own_certificate(installation, tmp_path)
