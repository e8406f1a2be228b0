"""The image of the Containerfile: its user, its files, its signals, its volume and its health check."""

import contextlib
import json
import smtplib

import pytest

from tests.helpers.containers import find_image
from tests.helpers.third_party_clients import require_installed

pytestmark = pytest.mark.slow

HEALTH_CHECK = ["CMD", "smtptest", "ready"]
SMTP, HTTP = "1025/tcp", "8025/tcp"
WAIT_SECONDS = 120
# What a careful administrator sets; the server needs none of what is taken away.
HARDENED = {"read_only": True, "cap_drop": ["ALL"], "security_opt": ["no-new-privileges"], "user": "1025:1025"}


@pytest.fixture(scope="module")
def daemon():
    find_image()
    try:
        import docker
    except ImportError:
        require_installed(False, "docker (PyPI)")
    with contextlib.closing(docker.from_env(timeout=WAIT_SECONDS)) as client:
        yield client


@pytest.fixture
def volume(daemon):
    created = daemon.volumes.create()
    yield {created.name: {"bind": "/mail", "mode": "rw"}}
    created.remove(force=True)


@pytest.fixture
def run_container(daemon):
    with contextlib.ExitStack() as stack:

        def run(command=None, **options):
            ports = {SMTP: ("127.0.0.1", None), HTTP: ("127.0.0.1", None)}
            container = daemon.containers.run(find_image(), command, detach=True, ports=ports, **options)
            stack.callback(container.remove, force=True, v=True)
            return container

        yield run


def execute(container, *command):
    """Return the exit status and the output of a command in the container."""
    status, output = container.exec_run(list(command))
    return status, output.decode()


def wait_until_ready(container):
    status, output = execute(container, "smtptest", "ready", "--wait", str(WAIT_SECONDS))
    assert status == 0, output + container.logs().decode()


def send(container, subject):
    container.reload()
    port = int(container.ports[SMTP][0]["HostPort"])
    with smtplib.SMTP("127.0.0.1", port, timeout=WAIT_SECONDS) as client:
        client.sendmail("app@example.com", ["ann@example.com"], f"Subject: {subject}\r\n\r\nHi\r\n")


def list_subjects(container):
    status, output = execute(container, "smtptest", "ls", "--json")
    assert status == 0, output
    return [mail["Subject"] for mail in json.loads(output)]


def test_mails_survive_sigterm_and_a_new_container(volume, run_container):
    first = run_container(volumes=volume, **HARDENED)
    wait_until_ready(first)
    send(first, "Welcome")
    first.stop(timeout=WAIT_SECONDS)

    assert first.wait(timeout=WAIT_SECONDS)["StatusCode"] == 0  # 137 is a kill after the time limit
    assert "stopped; 1 mail received" in first.logs().decode()

    second = run_container(volumes=volume, **HARDENED)
    wait_until_ready(second)
    assert list_subjects(second) == ["Welcome"]


def test_server_is_process_1_and_not_root(run_container):
    container = run_container()
    wait_until_ready(container)

    status, output = execute(container, "python", "-c", "print(open('/proc/1/cmdline').read().split('\\0')[1:3])")
    assert (status, output.strip()) == (0, "['/smtptest/bin/smtptest', 'serve']")
    assert execute(container, "id", "-u") == (0, "1025\n")
    assert execute(container, "touch", "/smtptest/x")[0] == 1


def test_image_has_no_pip(run_container):
    container = run_container()

    status, output = execute(container, "python", "-m", "pip", "--version")
    assert (status, "No module named pip" in output) == (1, True)
    assert execute(container, "sh", "-c", "command -v pip pip3")[0] != 0


def test_image_can_use_postgresql(run_container):
    assert execute(run_container(), "python", "-c", "import psycopg, psycopg_binary") == (0, "")


def test_variable_and_option_replace_the_defaults_of_the_image(run_container):
    container = run_container(["--label", "team"], environment={"SMTPTEST_SERVE_DATABASE": "memory:"})
    wait_until_ready(container)

    assert "0 mails in memory" in container.logs().decode()
    status, output = execute(container, "python", "-c", REQUEST.format(path="/api/v1/webui"))
    assert (status, json.loads(output)["Label"]) == (0, "team")


# The server is called by a name that only the network of containers knows.
REQUEST = """
import urllib.request
request = urllib.request.Request("http://127.0.0.1:8025{path}", headers={{"Host": "mail:8025"}})
print(urllib.request.urlopen(request, timeout=60).read().decode())
"""


def test_image_has_the_documented_configuration(daemon):
    settings = daemon.images.get(find_image()).attrs["Config"]

    assert settings["User"] == "1025:1025"
    assert set(settings["ExposedPorts"]) == {SMTP, HTTP, "1110/tcp", "1143/tcp"}
    assert set(settings["Volumes"]) == {"/mail"}
    assert settings["Entrypoint"] == ["smtptest", "serve"]
    # Podman's API leaves the health check out of this answer.
    assert settings.get("Healthcheck", {"Test": HEALTH_CHECK})["Test"] == HEALTH_CHECK
    labels = {name.removeprefix("org.opencontainers.image.") for name in settings["Labels"]}
    assert {"title", "description", "licenses", "base.name"} <= labels
