"""Run Dovecot without privileges: it shows that the tests of clients are right.

`READER_SERVER=dovecot pytest tests/readers` runs the tests against it; the Debian packages are `dovecot-imapd` and
`dovecot-pop3d`.
"""

import contextlib
import getpass
import grp
import itertools
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path

import trustme

from tests.readers.reader_server import HOST, PASSWORD, ReaderServer

__all__ = ["run_dovecot"]

START_TIMEOUT_SECONDS = 60

CONFIGURATION = """
protocols = imap pop3
listen = 127.0.0.1
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/log
default_internal_user = {user}
default_internal_group = {group}
default_login_user = {user}
mail_uid = {user}
mail_gid = {group}
first_valid_uid = 1
first_valid_gid = 1
mail_home = {folder}/home/%u
mail_location = maildir:~/mail:LAYOUT=fs
mail_max_userip_connections = 1000
maildir_broken_filename_sizes = no
ssl = yes
ssl_cert = <{folder}/certificate
ssl_key = <{folder}/key
ssl_dh =
disable_plaintext_auth = no
auth_mechanisms = plain login
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = uid={user} gid={group} home={folder}/home/%u
}}
namespace inbox {{
  inbox = yes
  separator = /
  mailbox Sent {{
    auto = create
    special_use = \\Sent
  }}
  mailbox Drafts {{
    auto = create
    special_use = \\Drafts
  }}
  mailbox Trash {{
    auto = create
    special_use = \\Trash
  }}
  mailbox Junk {{
    auto = create
    special_use = \\Junk
  }}
}}
service anvil {{
  chroot =
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {imap}
  }}
  inet_listener imaps {{
    port = {imaps}
    ssl = yes
  }}
}}
service pop3-login {{
  chroot =
  inet_listener pop3 {{
    port = {pop3}
  }}
  inet_listener pop3s {{
    port = {pop3s}
    ssl = yes
  }}
}}
"""


@contextlib.contextmanager
def run_dovecot():
    """Run Dovecot, and give a function that returns a `ReaderServer` with a new user."""
    folder = Path(tempfile.mkdtemp(prefix="dovecot-"))
    try:
        with _run_in(folder) as make_server:
            yield make_server
    finally:
        shutil.rmtree(folder)


@contextlib.contextmanager
def _run_in(folder):
    # Dovecot refuses to read mail as root.
    name = "nobody" if os.geteuid() == 0 else getpass.getuser()
    account = pwd.getpwnam(name)
    ports = dict(zip(("imap", "imaps", "pop3", "pop3s"), find_free_ports(4), strict=True))
    authority = trustme.CA()
    certificate = authority.issue_cert(HOST, common_name=HOST)  # fetchmail needs the common name
    authority.cert_pem.write_to_path(folder / "authority")
    certificate.private_key_and_cert_chain_pem.write_to_path(folder / "certificate")
    certificate.private_key_pem.write_to_path(folder / "key")
    (folder / "conf").write_text(
        CONFIGURATION.format(
            folder=folder, user=name, group=grp.getgrgid(account.pw_gid).gr_name, password=PASSWORD, **ports
        )
    )
    (folder / "home").mkdir()
    for path in (folder, *folder.iterdir()):
        os.chown(path, account.pw_uid, account.pw_gid)
    process = subprocess.Popen(
        ["dovecot", "-F", "-c", str(folder / "conf")], user=account.pw_uid, group=account.pw_gid, extra_groups=[]
    )
    try:
        _wait_until_it_listens(process, ports["imap"], folder / "log")
        numbers = itertools.count(1)

        def make_server():
            server = ReaderServer(
                **ports,
                user=f"user{next(numbers)}@example.com",
                ca_file=str(folder / "authority"),
                deliver=lambda *contents: append_mails(server, contents),
            )
            return server

        yield make_server
    finally:
        process.terminate()
        process.wait(timeout=60)


def _wait_until_it_listens(process, port, log):
    deadline = time.monotonic() + START_TIMEOUT_SECONDS
    while True:
        assert process.poll() is None and time.monotonic() < deadline, log.exists() and log.read_text()
        with contextlib.suppress(OSError), socket.create_connection((HOST, port), timeout=1):
            return
        time.sleep(0.05)


def find_free_ports(count):
    """Return ports that are free now."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [listener.getsockname()[1] for listener in sockets]
    for listener in sockets:
        listener.close()
    return ports


def append_mails(server, contents):
    """Put mails into INBOX by APPEND."""
    with server.log_in() as client:
        for content in contents:
            assert client.append("INBOX", None, None, content)[0] == "OK"
