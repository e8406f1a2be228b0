"""Send through an Exim of its own in a temporary folder, which relays to the server.

The configuration is that of a smart host.  Exim runs without a daemon: the first attempt follows the submission, and
queue runs follow at intervals of half a second.

Debian's package conflicts with Postfix, so `tools/grades` unpacks it into a folder, EXIM_ROOT, and runs it without
privileges.  Exim insists on a user Debian-exim; nss_wrapper gives this name to the user who runs it.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import mail_queue
import settings

ROOT = Path(os.environ["EXIM_ROOT"])
UNPRIVILEGED_ID = 65534  # nobody, and its group

# "=>" is a delivery, "->" a further recipient of it, "**" a failure, "==" a deferral.  Bounces go to ":blackhole:".
ATTEMPT = re.compile(
    r"^\S+ \S+ (?P<id>[\w-]{16,}) (?P<mark>[=-]>|\*\*|==) (?P<recipient>(?!:blackhole:)\S+)(?P<rest>.*)$", re.MULTILINE
)
STATUSES = {"=>": "sent", "->": "sent", "**": "bounced", "==": "deferred"}


def render_configuration(folder: Path) -> str:
    """Return the configuration: one smart host, with TLS and AUTH as the settings say, and short times."""
    is_tls, is_auth = settings.SECURITY != "none", bool(settings.USER)
    smarthost = {
        "driver": "smtp",
        "allow_localhost": "true",
        "helo_data": "client.example",
        "protocol": "smtps" if settings.SECURITY == "implicit" else "smtp",
        "hosts_require_tls": "*" if is_tls else "",
        "hosts_avoid_tls": "" if is_tls else "*",
        "hosts_require_auth": "*" if is_auth else "",
        "connect_timeout": f"{mail_queue.REPLY_TIMEOUT}s",
        "command_timeout": f"{mail_queue.REPLY_TIMEOUT}s",
        "data_timeout": f"{mail_queue.REPLY_TIMEOUT}s",
        "final_timeout": f"{mail_queue.REPLY_TIMEOUT}s",
    }
    if is_tls:
        smarthost |= {
            "tls_verify_certificates": folder / "ca.pem",
            "tls_verify_hosts": "*",
            "tls_verify_cert_hostnames": "*",
            "tls_sni": settings.HOST,
        }
    transport = "".join(f"  {name} = {value}\n" for name, value in smarthost.items())
    return f"""
primary_hostname = client.example
spool_directory = {folder}/spool
log_file_path = {folder}/log.%s
local_interfaces = 127.0.0.1
keep_environment =
smtputf8_advertise_hosts =
trusted_users = Debian-exim

begin routers
# A bounce would go to the sender by way of the same server.  Its verdict is in the log.
bounces:
  driver = redirect
  senders = :
  data = :blackhole:
smarthost:
  driver = manualroute
  transport = smarthost
  route_list = * {settings.HOST}::{settings.PORT} byname
  self = send

begin transports
smarthost:
{transport}
begin retry
* * F,1h,1s

begin authenticators
cram_md5:
  driver = cram_md5
  public_name = CRAM-MD5
  client_name = {settings.USER}
  client_secret = {settings.PASSWORD}
plain:
  driver = plaintext
  public_name = PLAIN
  client_send = ^{settings.USER}^{settings.PASSWORD}
login:
  driver = plaintext
  public_name = LOGIN
  client_send = : {settings.USER} : {settings.PASSWORD}
"""


def main() -> int:
    """Hand the messages to Exim, and run its queue until there is a result."""
    with tempfile.TemporaryDirectory(prefix="exim-") as name:
        folder = Path(name)
        messages = [mail_queue.read_unix_text(path) for path in settings.MESSAGES]
        # Copies, because the user nobody may read nothing elsewhere.
        program = Path(shutil.copy(ROOT / "usr/sbin/exim4", folder))
        program.chmod(0o755)  # without the setuid bit
        wrapper = shutil.copy(next(ROOT.glob("usr/lib/*/libnss_wrapper.so")), folder)
        if settings.CA_FILE:
            shutil.copy(settings.CA_FILE, folder / "ca.pem")
            (folder / "ca.pem").chmod(0o644)
        (folder / "spool").mkdir()
        user, group = (UNPRIVILEGED_ID, UNPRIVILEGED_ID) if os.getuid() == 0 else (os.getuid(), os.getgid())
        (folder / "exim.conf").write_text(render_configuration(folder), "utf-8")
        (folder / "passwd").write_text(f"Debian-exim:x:{user}:{group}::{name}:/bin/false\n", "utf-8")
        (folder / "group").write_text(f"Debian-exim:x:{group}:\n", "utf-8")
        environment = os.environ | {
            "LD_PRELOAD": wrapper,
            "NSS_WRAPPER_PASSWD": str(folder / "passwd"),
            "NSS_WRAPPER_GROUP": str(folder / "group"),
        }
        options: dict[str, Any] = {"env": environment}
        if os.getuid() == 0:
            for path in (folder, folder / "spool"):
                os.chown(path, user, group)
            options |= {"user": user, "group": group, "extra_groups": []}
        exim = [str(program), "-C", str(folder / "exim.conf")]
        command = [*exim, "-odf", "-i", "-f", settings.SENDER, "--", *settings.RECIPIENTS]
        for message in messages:
            subprocess.run(command, input=message, check=True, **options)
        return mail_queue.wait_for_result(
            lambda: read_statuses(folder / "log.main"),
            lambda: subprocess.run([*exim, "-q"], check=True, **options),
        )


def read_statuses(log: Path) -> list[tuple[str, str]]:
    """Return the status of each delivery attempt, with what was to be delivered to whom."""
    lines = log.read_text("utf-8", "replace") if log.exists() else ""
    return [
        (f"{match['id']} {match['recipient']}", STATUSES[match["mark"]])
        for match in ATTEMPT.finditer(lines)
        if "retry time not " not in match["rest"].lower()  # a queue run that came too early made no attempt
    ]


sys.exit(main())
