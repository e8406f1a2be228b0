"""Send with the SMTP program of nullmailer, as its queue manager nullmailer-send runs it.

It reads its options from its standard input, and a file of the queue from descriptor 3: the sender, the recipients, an
empty line, and the message.  Status 32 and above is a permanent failure; with another, nullmailer-send keeps the mail.
"""

import os
import subprocess
import sys
import tempfile

import mail_queue
import settings

PERMANENT = 32


def render_options() -> str:
    """Return the options of the remote server, as the file `remotes` has them."""
    options = [f"host={settings.HOST}", f"port={settings.PORT}"]
    if settings.USER:
        options += [f"user={settings.USER}", f"pass={settings.PASSWORD}"]
    if settings.SECURITY != "none":
        options += ["starttls" if settings.SECURITY == "starttls" else "tls", f"x509cafile={settings.CA_FILE}"]
    return "".join(f"{option}\n" for option in [*options, ""])


def main() -> int:
    """Send each message with a run of its own, and return the exit status."""
    statuses = []
    for path in settings.MESSAGES:
        envelope = "".join(f"{address}\n" for address in (settings.SENDER, *settings.RECIPIENTS, ""))
        with tempfile.TemporaryFile() as file:
            file.write(envelope.encode() + mail_queue.read_unix_text(path))
            file.seek(0)
            # The shell gives it the descriptor.
            command = ["sh", "-c", f'exec "$NULLMAILER_ROOT/usr/lib/nullmailer/smtp" 3<&{file.fileno()}']
            environment = os.environ | {"HELOHOST": "client.example"}
            process = subprocess.Popen(
                command, stdin=subprocess.PIPE, text=True, pass_fds=[file.fileno()], env=environment
            )
            try:
                process.communicate(render_options(), timeout=settings.TIMEOUT)
            except subprocess.TimeoutExpired:
                process.kill()  # as nullmailer-send does after its `sendtimeout`; it keeps the mail
                statuses.append(settings.EX_TEMPFAIL)
            else:
                statuses.append(process.returncode)
    if any(PERMANENT <= status != settings.EX_TEMPFAIL for status in statuses):
        return 1
    return settings.EX_TEMPFAIL if any(statuses) else 0


sys.exit(main())
