"""The files in `examples/`: pages quote them exactly, and they are valid for the programs that read them."""

import os
import re
import shutil
import socket
import stat
import subprocess
import sys
import urllib.request
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
import yaml

from lazr.smtptest import MailServer
from tests.helpers.command_line import SMTPTEST_COMMAND, ServeThread, build_environment
from tests.helpers.third_party_clients import CLIENTS_PYTHON, find_python_of_clients, require_installed, run_client

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
QUOTED_FILE = re.compile(r"\((?:\.\./)+(examples/[\w./-]+)\)[^`]*:\n\n```\w+\n(.*?)```\n", re.DOTALL)
PAGES = [
    ROOT / "docs/how-to" / f"{name}.md" for name in ("ci", "containers", "kubernetes", "systemd", "testcontainers")
]
# Small files that a page only links to.
LINKED_ONLY = {"examples/testcontainers/node/package.json"}
WAIT_SECONDS = 120


def list_example_files():
    """Return the paths of all files in `examples/`, except those of the frameworks, which have pages of their own."""
    paths = (path.relative_to(ROOT) for path in EXAMPLES.rglob("*") if path.is_file())
    skipped = {"frameworks", "node_modules", "__pycache__"}
    return {path.as_posix() for path in paths if not skipped & set(path.parts)}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_page_quotes_example_files_exactly(page):
    quoted = QUOTED_FILE.findall(page.read_text("utf-8"))

    assert quoted
    for name, content in quoted:
        assert content == (ROOT / name).read_text("utf-8"), f"{page.name} differs from {name}"


def test_every_example_file_is_in_a_page():
    text = "".join(page.read_text("utf-8") for page in PAGES)
    quoted = {name for name, _ in QUOTED_FILE.findall(text)}

    assert list_example_files() - LINKED_ONLY == quoted
    assert all(f"/{name})" in text for name in LINKED_ONLY)


# -- validity -----------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize(
    ("schema", "name"),
    [
        ("compose-spec", "compose.yaml"),
        ("compose-spec", "compose-postgresql.yaml"),
        ("github-workflows", "github-actions.yml"),
        ("gitlab-ci", "gitlab-ci.yml"),
    ],
)
def test_file_follows_its_schema(schema, name):
    python = find_python_of_clients("check_jsonschema")
    options = ["--data-transform", "gitlab-ci"] if schema == "gitlab-ci" else []

    output = run_client(
        python, "-m", "check_jsonschema", "--builtin-schema", f"vendor.{schema}", *options, str(EXAMPLES / name)
    )
    assert "validation done" in output


@pytest.mark.slow
def test_kubernetes_manifest_is_valid():
    find_python_of_clients("kubernetes_validate")
    program = str(CLIENTS_PYTHON.with_name("kubernetes-validate"))

    run_client(program, "--strict", str(EXAMPLES / "kubernetes.yaml"))


def read_kubernetes_manifest():
    """Return the Service, and the container of the Deployment."""
    documents = list(yaml.safe_load_all((EXAMPLES / "kubernetes.yaml").read_text("utf-8")))
    by_kind = {document["kind"]: document for document in documents}
    [container] = by_kind["Deployment"]["spec"]["template"]["spec"]["containers"]
    return by_kind["Service"], container


def test_examples_ask_paths_that_exist():
    _, container = read_kubernetes_manifest()
    probes = [probe["httpGet"] for name, probe in container.items() if name.endswith("Probe")]
    text = "".join((ROOT / name).read_text("utf-8") for name in list_example_files())
    waits = re.findall(r'\b[fF]or(?:Http|HTTP)\("(.*?)"', text)  # of Testcontainers
    assert (len(probes), len(waits)) == (3, 3)

    with ServeThread("--http-port", "0", "--database", "memory:") as serving:
        url = re.search(r"http://127\.0\.0\.1:\d+", serving.first_line)[0]
        for path in [*(probe["path"] for probe in probes), *waits]:
            with urllib.request.urlopen(url + path, timeout=WAIT_SECONDS) as response:
                assert response.status == 200


def test_kubernetes_manifest_has_the_ports_of_the_image():
    service, container = read_kubernetes_manifest()
    [exposed] = re.findall(r"^EXPOSE (.*)$", (ROOT / "Containerfile").read_text("utf-8"), re.MULTILINE)
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}

    assert list(ports.values()) == [int(port) for port in exposed.split()]
    assert {port["targetPort"]: port["port"] for port in service["spec"]["ports"]} == ports
    assert {probe["httpGet"]["port"] for name, probe in container.items() if name.endswith("Probe")} == {"http"}
    assert container["securityContext"]["readOnlyRootFilesystem"] is True


def test_kubernetes_service_sets_no_variable_of_an_application():
    # Each later pod of the namespace gets NAME_PORT=tcp://..., NAME_SERVICE_HOST and others.
    prefix = read_kubernetes_manifest()[0]["metadata"]["name"].upper().replace("-", "_")
    with MailServer() as server:
        variables = {*server.env(), "SMTPTEST_PORT"}

    assert "MAIL_PORT" in variables
    assert {f"{prefix}_PORT", f"{prefix}_SERVICE_HOST", f"{prefix}_SERVICE_PORT"} & variables == set()


# -- PostgreSQL ---------------------------------------------------------------------------------


def read_compose_services(**variables):
    """Return the services of the example with PostgreSQL, with these variables in the place of `${NAME:?}`."""

    def interpolate(value):
        if isinstance(value, dict):
            return {name: interpolate(item) for name, item in value.items()}
        return re.sub(r"\$\{(\w+):\?\}", lambda found: variables[found[1]], value) if isinstance(value, str) else value

    return interpolate(yaml.safe_load((EXAMPLES / "compose-postgresql.yaml").read_text("utf-8"))["services"])


@pytest.fixture
def postgres_server():
    """A server that answers only at its Unix socket, as the temporary one of the image does at the first start."""
    from tests.helpers import postgres_server  # late: other tests do without

    with postgres_server.run_server() as server:
        yield server


@pytest.mark.slow
@pytest.mark.postgres
@pytest.mark.skipif(sys.platform == "win32", reason="the server has no Unix socket")
def test_health_check_does_not_ask_the_unix_socket(postgres_server):
    program, *options = read_compose_services(POSTGRES_PASSWORD="x")["database"]["healthcheck"]["test"][1:]
    folder = postgres_server.pgdata
    with reserve_ports(1) as [closed_port]:
        # The port is also in the name of the socket; at the default one, another server may run on this machine.
        (folder / f".s.PGSQL.{closed_port}").symlink_to(folder / ".s.PGSQL.5432")
        environment = os.environ | {"PGHOST": str(folder), "PGPORT": str(closed_port)}
        commands = [[str(postgres_server.bin_path / program), *arguments] for arguments in ([], options)]
        statuses = [
            subprocess.run(command, env=environment, timeout=WAIT_SECONDS, check=False).returncode
            for command in commands
        ]

    assert statuses == [0, 2]  # 2: no response


@pytest.mark.slow
@pytest.mark.postgres
@pytest.mark.skipif(sys.platform == "win32", reason="the server has no Unix socket")
def test_password_may_have_any_characters(postgres_server, monkeypatch):
    import psycopg

    from lazr.smtptest.errors import StoreUnavailable
    from lazr.smtptest.store import create_store

    password = "p@ss/w#rd:%?"
    services = read_compose_services(POSTGRES_PASSWORD=password)
    user, database = services["database"]["environment"]["POSTGRES_USER"], "mail"
    with psycopg.connect(postgres_server.get_uri(), autocommit=True) as connection:
        connection.execute(f"CREATE ROLE {user} LOGIN PASSWORD '{password}'")
        connection.execute(f"CREATE DATABASE {database} OWNER {user}")
        access = Path(connection.execute("SHOW hba_file").fetchone()[0])
        access.write_text(f"local all {user} scram-sha-256\n{access.read_text()}")
        connection.execute("SELECT pg_reload_conf()")

    settings = services["mail"]["environment"]
    # The Unix socket is in the place of the host.
    url = settings["SMTPTEST_SERVE_DATABASE"].replace("@database/mail", f"@/mail?host={postgres_server.pgdata}")
    with pytest.raises(StoreUnavailable, match="no password supplied"), create_store(url):
        pass
    monkeypatch.setenv("PGPASSWORD", settings["PGPASSWORD"])
    with create_store(url) as store:
        assert store.get_totals(()).mails == 0


@pytest.fixture
def unit(tmp_path):
    """The unit, with programs that exist on this machine."""
    require_installed(shutil.which("systemd-analyze"), "systemd-analyze")
    text = (EXAMPLES / "smtptest.service").read_text("utf-8")
    path = tmp_path / "smtptest.service"
    path.write_text(text.replace("/opt/smtptest/bin/smtptest", shutil.which("true")), "utf-8")
    return str(path)


def test_systemd_accepts_the_unit(unit):
    result = subprocess.run(
        ["systemd-analyze", "verify", unit], capture_output=True, text=True, timeout=60, check=False
    )

    assert (result.returncode, result.stdout) == (0, "")
    assert "smtptest.service" not in result.stderr, result.stderr


def test_systemd_rates_the_unit_as_ok(unit):
    command = ["systemd-analyze", "security", "--offline=yes", "--threshold=15", "--no-pager", unit]
    result = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    assert result.returncode == 0, result.stdout[-500:]


@pytest.mark.skipif(shutil.which("gofmt") is None, reason="gofmt (golang-go) is not installed")
def test_go_example_is_formatted():
    assert run_client("gofmt", "-l", str(EXAMPLES / "testcontainers/go")) == ""


# -- the job that starts `smtptest serve` as a process ------------------------------------------


def read_github_script():
    steps = yaml.safe_load((EXAMPLES / "github-actions.yml").read_text("utf-8"))["jobs"]["process"]["steps"]
    return [step["run"] for step in steps if "run" in step and not step.get("if")]


def read_gitlab_script():
    return yaml.safe_load((EXAMPLES / "gitlab-ci.yml").read_text("utf-8"))["process"]["script"]


@contextmanager
def reserve_ports(count):
    """Return different ports at which nothing listens; no other program gets them until the end."""
    with ExitStack() as stack:
        listeners = [stack.enter_context(socket.socket()) for _ in range(count)]
        for listener in listeners:
            listener.bind(("127.0.0.1", 0))
        yield [listener.getsockname()[1] for listener in listeners]


def write_program(path, text):
    path.write_text(f"#!/bin/sh\n{text}\n", "utf-8")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="the script is for bash")
@pytest.mark.parametrize("read_script", [read_github_script, read_gitlab_script])
def test_ci_job_starts_the_server_before_the_tests(read_script, tmp_path):
    # The stand-ins: pip installs nothing, and the tests of the application send one mail.
    (tmp_path / "bin").mkdir()
    write_program(tmp_path / "bin/pip", "exit 0")
    write_program(tmp_path / "bin/smtptest", f'exec {" ".join(SMTPTEST_COMMAND)} "$@"')
    write_program(tmp_path / "run-tests", "smtptest send --to ann@example.com --text Hello && smtptest ls > ls.txt")
    script = "\n".join(["set -e", "trap 'kill $(jobs -p); wait' EXIT", *read_script()])
    with reserve_ports(2) as [smtp_port, http_port]:
        environment = build_environment(
            PATH=f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}",
            SMTPTEST_SERVE_SMTP_PORT=str(smtp_port),
            SMTPTEST_SERVE_HTTP_PORT=str(http_port),
            SMTPTEST_SERVER=f"127.0.0.1:{smtp_port}",
            SMTPTEST_API=f"http://127.0.0.1:{http_port}",
        )
    result = subprocess.run(
        ["bash", "-c", script.replace("--wait 30", f"--wait {WAIT_SECONDS}")],
        cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=2 * WAIT_SECONDS, check=False,
    )  # fmt: skip

    assert result.returncode == 0, result.stdout + result.stderr
    assert "A test mail" in (tmp_path / "ls.txt").read_text("utf-8")
    assert "stopped; 1 mail received" in (tmp_path / "mail.log").read_text("utf-8")


# -- the settings in the examples ---------------------------------------------------------------


def find_variables():
    """Return each variable SMTPTEST_SERVE_… that an example or a page of the five sets."""
    paths = [*(ROOT / name for name in list_example_files()), *PAGES, ROOT / "Containerfile"]
    return sorted({name for path in paths for name in re.findall(r"SMTPTEST_SERVE_[A-Z_]+", path.read_text("utf-8"))})


def test_every_variable_in_the_examples_exists():
    reference = (ROOT / "docs/reference/cli.md").read_text("utf-8")

    assert "SMTPTEST_SERVE_DATABASE" in find_variables()
    assert [name for name in find_variables() if f"`{name}`" not in reference] == []


# -- the searches in the examples ---------------------------------------------------------------


def test_examples_search_for_exact_addresses():
    # `to:ann@example.com` also finds joann@example.com: a test would pass for the mail of another user.
    programs = [path for path in EXAMPLES.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    texts = {path.name: path.read_text("utf-8") for path in programs}
    searches = {name: re.findall(r"""["'`](to:=?)""", text) for name, text in texts.items()}

    assert sum(map(len, searches.values())) >= 7
    assert {name: found for name, found in searches.items() if "to:" in found} == {}
