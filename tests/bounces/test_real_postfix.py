"""The style "postfix" beside the notifications of a real Postfix, which runs in a folder of its own."""

import os
import pwd
import shutil
import signal
import smtplib
import socket
import subprocess
import tempfile
from pathlib import Path

import pytest

from lazr.smtptest import MailServer
from lazr.smtptest.bounces import build_bounce, build_delay
from lazr.smtptest.mail import Mail
from tests.bounces.originals import build_original
from tests.bounces.test_styles import read_shape

MASTER = Path("/usr/lib/postfix/sbin/master")
MAIN = """\
compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/data
config_directory = {folder}
daemon_directory = /usr/lib/postfix/sbin
maillog_file = {folder}/maillog
maillog_file_prefixes = {folder}
myhostname = mail.example.com
mydestination =
local_recipient_maps =
alias_maps =
inet_interfaces = loopback-only
mynetworks = 127.0.0.0/8
smtp_host_lookup = native
delay_warning_time = 1s
transport_maps = inline:{{
  {{gone.example = smtp:[127.0.0.1]:{gone}}}, {{slow.example = smtp:[127.0.0.1]:{slow}}},
  {{app.example = smtp:[127.0.0.1]:{app}}} }}
"""
SERVICES = """\
127.0.0.1:{port} inet n - n - - smtpd
cleanup  unix n - n - 0 cleanup
qmgr     unix n - n 1 1 qmgr
rewrite  unix - - n - - trivial-rewrite
bounce   unix - - n - 0 bounce
defer    unix - - n - 0 bounce
trace    unix - - n - 0 bounce
proxymap unix - - n - - proxymap
smtp     unix - - n - - smtp
error    unix - - n - - error
retry    unix - - n - - error
anvil    unix - - n - 1 anvil
scache   unix - - n - 1 scache
tlsmgr   unix - - n 300 1 tlsmgr
postlog  unix-dgram n - n - 1 postlogd
"""
CONTENT = (
    b"From: App <app@app.example>\r\nTo: x@gone.example\r\nSubject: Hi\r\nMessage-ID: <1@app.example>\r\n"
    b"Date: Mon, 30 Nov 2026 16:59:00 +0000\r\n\r\nHello\r\n"
)

IGNORED = {"return-path", "content-transfer-encoding"}  # depend on the way and on the content


def find_free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


@pytest.fixture
def servers():
    """Start a server that refuses, one that defers, and that of the application."""
    with MailServer() as gone, MailServer() as slow, MailServer() as app:
        gone.on("RCPT").reply(550, "5.1.1", "No such user")
        slow.on("RCPT").reply(452, "4.2.2", "Full for now")
        yield gone, slow, app


@pytest.fixture
def postfix(servers):
    """Start a Postfix that delivers to these servers; return its port."""
    gone, slow, app = servers
    folder = Path(tempfile.mkdtemp(prefix="smtptest-postfix-"))  # its own user must be able to enter it
    port = find_free_port()
    ports = {"gone": gone.port, "slow": slow.port, "app": app.port}
    try:
        folder.chmod(0o755)
        (folder / "main.cf").write_text(MAIN.format(folder=folder, **ports))
        (folder / "master.cf").write_text(SERVICES.format(port=port))
        (folder / "data").mkdir()
        os.chown(folder / "data", pwd.getpwnam("postfix").pw_uid, -1)
        (folder / "queue").mkdir()
        subprocess.run(["postfix", "-c", folder, "check"], check=True, capture_output=True, timeout=30)
        subprocess.run([MASTER, "-c", folder, "-w"], check=True, timeout=60)  # returns when Postfix listens
        yield port
        os.kill(int((folder / "queue" / "pid" / "master.pid").read_text()), signal.SIGTERM)
    finally:
        shutil.rmtree(folder)


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix" or not MASTER.exists() or os.getuid() != 0, reason="needs Postfix and root")
def test_shape_is_that_of_a_real_postfix(servers, postfix):
    _, _, app = servers
    wishes = {name: {"NOTIFY": "FAILURE,DELAY", "ORCPT": f"rfc822;x+news@{name}.example"} for name in ("gone", "slow")}
    with smtplib.SMTP("127.0.0.1", postfix, timeout=20) as client:
        for name, wish in wishes.items():
            options = [f"{key}={value.replace('+', '+2B')}" for key, value in wish.items()]
            client.sendmail("app@app.example", f"x@{name}.example", CONTENT, ["ENVID=QQ1", "RET=FULL"], options)

    for name, build, subject in (
        ("gone", build_bounce, "Undelivered Mail Returned to Sender"),
        ("slow", build_delay, "Delayed Mail (still being retried)"),
    ):
        real = app.inbox.one(subject=subject, timeout=20)
        original = build_original(
            CONTENT,
            sender="app@app.example",
            recipients=(f"x@{name}.example",),
            mail={"ENVID": "QQ1", "RET": "FULL"},
            rcpt=[wishes[name]],
        )
        own = build(original, style="postfix", hostname="mail.example.com")
        assert real.sender == own.sender == ""
        assert read_shape(own.content, IGNORED) == read_shape(real.content, IGNORED)
        own_mail = Mail.from_bytes(own.content)
        for field in ("From", "To", "Subject", "Auto-Submitted"):
            assert own_mail.header(field) == real.header(field)
        for line in (b"Original-Envelope-Id: QQ1", b"Original-Recipient: rfc822;x+news@%s.example" % name.encode()):
            assert line in own.content
            assert line in real.content
