"""Start `smtptest serve` by Testcontainers' module for Mailpit: python testcontainers_mailpit.py COMMAND….

The class of the module is unchanged, with its environment and its wait for the log.  Only Docker is replaced: a
process of this machine takes the place of the container.  The command must choose free ports.

Standard input has the users, the login and whether TLS is required; standard output is what happened, all as JSON.
"""

import json
import os
import re
import smtplib
import ssl
import subprocess
import sys
import tempfile
import urllib.request
import warnings
from pathlib import Path

from testcontainers.community.mailpit import MailpitContainer, MailpitUser
from testcontainers.core.container import DockerContainer

# What pytest-mailpit adds to the environment of the container.
PYTEST_MAILPIT_VARIABLES = {
    "MP_SMTP_DISABLE_RDNS": "true",
    "MP_ENABLE_CHAOS": "true",
    "MP_DISABLE_VERSION_CHECK": "true",
}


class ProcessContainer(DockerContainer):
    """A container that is a process, with the files of its volumes at their paths on this machine."""

    def __init__(self, image, **_):
        self.image, self.env, self.ports, self.volumes = image, {}, {}, {}
        self.folder = tempfile.TemporaryDirectory()
        self.output = [Path(self.folder.name, name) for name in ("stdout", "stderr")]

    def start(self):
        self._configure()
        paths = {mount["bind"]: host for host, mount in self.volumes.items()}
        variables = {name: paths.get(value, value) for name, value in self.env.items()}
        with self.output[0].open("wb") as out, self.output[1].open("wb") as err:
            self.process = subprocess.Popen(sys.argv[1:], stdout=out, stderr=err, env=os.environ | variables)
        return self

    def stop(self, *_, **__):
        self.process.terminate()
        self.process.wait(60)
        self.folder.cleanup()

    def get_logs(self):
        return tuple(path.read_bytes() for path in self.output)

    def get_wrapped_container(self):
        return self

    def reload(self):
        pass

    @property
    def status(self):
        return "running" if self.process.poll() is None else "exited"

    def get_container_host_ip(self):
        return "127.0.0.1"

    def get_exposed_port(self, port):
        assert {str(exposed).removesuffix("/tcp") for exposed in self.ports} == {"1025", "8025"}
        scheme = {1025: "smtps?", 8025: "https?"}[port]
        return int(re.search(rf"{scheme}://127\.0\.0\.1:(\d+)", self.get_logs()[0].decode())[1])


class ServeContainer(MailpitContainer, ProcessContainer):
    """The module's container, as a process."""


def use_container(login, *, variables=(), **options):
    """Start a container, log in, send a mail, and return what the server said."""
    container = ServeContainer(**options)
    for name, value in dict(variables).items():
        container = container.with_env(name, value)
    with container:
        address = container.get_container_host_ip(), container.get_exposed_smtp_port()
        context = ssl.create_default_context(cafile=container.tls_cert_file)
        context.check_hostname = False  # the certificate is for mydomain.com
        implicit = options.get("require_tls")
        with smtplib.SMTP_SSL(*address, context=context) if implicit else smtplib.SMTP(*address) as client:
            client.ehlo()
            result = {"STARTTLS": client.has_extn("starttls")}
            if result["STARTTLS"]:
                client.starttls(context=context)
            try:
                result["Login"] = client.login(*login)[0]
                client.sendmail("ann@example.com", "bob@example.com", "Subject: Hello\r\n\r\nHi\r\n")
            except smtplib.SMTPAuthenticationError as error:
                result["Login"] = error.smtp_code
        with urllib.request.urlopen(f"{container.get_base_api_url()}/api/v1/messages", timeout=30) as response:
            result["Subjects"] = [message["Subject"] for message in json.load(response)["messages"]]
        return result


warnings.simplefilter("ignore")  # Testcontainers warns of its own wait_for_logs
case = json.load(sys.stdin)
users = [MailpitUser(*user) for user in case["users"]]
result = use_container(
    case["login"], variables=PYTEST_MAILPIT_VARIABLES, users=users or None, require_tls=case["require_tls"]
)
print(json.dumps(result))
