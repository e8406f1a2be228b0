"""Send through a Postfix of its own in a temporary folder, which relays to the server; needs root.

Its configuration is that of a null client with a smart host.  Queue times are shortened to a second.
"""

import re
import subprocess
import sys
import tempfile
from pathlib import Path

import mail_queue
import settings

DAEMONS = Path("/usr/lib/postfix/sbin")
# What a null client needs, without a listening service, and without chroot.
MASTER_CF = """
pickup    unix  n  -  n  1   1  pickup
cleanup   unix  n  -  n  -   0  cleanup
qmgr      unix  n  -  n  1   1  qmgr
tlsmgr    unix  -  -  n  300 1  tlsmgr
rewrite   unix  -  -  n  -   -  trivial-rewrite
bounce    unix  -  -  n  -   0  bounce
defer     unix  -  -  n  -   0  bounce
trace     unix  -  -  n  -   0  bounce
verify    unix  -  -  n  -   1  verify
flush     unix  n  -  n  -   0  flush
proxymap  unix  -  -  n  -   -  proxymap
smtp      unix  -  -  n  -   -  smtp
showq     unix  n  -  n  -   -  showq
error     unix  -  -  n  -   -  error
retry     unix  -  -  n  -   -  error
discard   unix  -  -  n  -   -  discard
anvil     unix  -  -  n  -   1  anvil
scache    unix  -  -  n  -   1  scache
postlog   unix-dgram n - n  -   1  postlogd
"""
# Without the bounces, which go to the service "discard".
STATUS = re.compile(
    r" postfix/(?!discard)\w+\[\d+\]: (?P<id>\w+): to=<(?P<recipient>[^>]*)>.*"
    r" status=(?P<status>sent|bounced|deferred) "
)


def render_main_cf(folder: Path) -> str:
    """Return the configuration: `relayhost`, TLS and SASL as the settings say, and short times."""
    server = f"[{settings.HOST}]:{settings.PORT}"
    options = {
        "compatibility_level": "3.6",
        "queue_directory": folder / "spool",
        "data_directory": folder / "data",
        "daemon_directory": DAEMONS,
        "maillog_file": folder / "log",
        "maillog_file_prefixes": folder,
        "myhostname": "client.example",
        "mydestination": "",
        "relayhost": server,
        "smtp_host_lookup": "native",
        "queue_run_delay": "1s",
        "minimal_backoff_time": "1s",
        "maximal_backoff_time": "1s",
        "transport_retry_time": "1s",
        # A bounce would go to the sender by way of the same server.  Its verdict is in the log.
        "sender_dependent_default_transport_maps": "inline:{ { <> = discard: } }",
        "notify_classes": "",
        "smtp_tls_CAfile": settings.CA_FILE,
        "smtp_tls_security_level": "none" if settings.SECURITY == "none" else "secure",
        "smtp_tls_wrappermode": "yes" if settings.SECURITY == "implicit" else "no",
    }
    names = ("connect", "helo", "mail", "rcpt", "data_init", "data_xfer", "data_done", "rset", "quit", "starttls")
    options |= {f"smtp_{name}_timeout": f"{mail_queue.REPLY_TIMEOUT}s" for name in names}
    if settings.USER:
        options |= {
            "smtp_sasl_auth_enable": "yes",
            "smtp_sasl_password_maps": f"inline:{{ {{ {server} = {settings.USER}:{settings.PASSWORD} }} }}",
            "smtp_sasl_security_options": "noanonymous",
        }
    return "".join(f"{name} = {value}\n" for name, value in options.items())


def main() -> int:
    """Start Postfix, hand the messages to its sendmail, and wait for the queue."""
    with tempfile.TemporaryDirectory(prefix="postfix-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # the daemons run as the user postfix
        (folder / "spool").mkdir()
        (folder / "main.cf").write_text(render_main_cf(folder), "utf-8")
        (folder / "master.cf").write_text(MASTER_CF, "utf-8")
        subprocess.run(["postfix", "-c", name, "check"], check=True, stdout=sys.stderr)  # noqa: S607 - it creates folders
        with mail_queue.run_daemon(DAEMONS / "master", "-c", name, "-d"):
            mail_queue.wait_for((folder / "spool/public/pickup").exists)
            command = ["sendmail", "-C", name, "-i", "-f", settings.SENDER, "--", *settings.RECIPIENTS]
            for path in settings.MESSAGES:
                subprocess.run(command, input=mail_queue.read_unix_text(path), check=True)
            return mail_queue.wait_for_result(lambda: read_statuses(folder / "log"))


def read_statuses(log: Path) -> list[tuple[str, str]]:
    """Return the status of each delivery attempt, with what was to be delivered to whom."""
    lines = log.read_text("utf-8", "replace") if log.exists() else ""
    return [(f"{match['id']} {match['recipient']}", match["status"]) for match in STATUS.finditer(lines)]


sys.exit(main())
