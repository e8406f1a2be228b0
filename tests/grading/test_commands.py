"""Real clients as commands: curl, msmtp and swaks against some behaviors."""

import shutil

import pytest

from lazr.smtptest.grading import grade_command
from tests.helpers.third_party_clients import require_installed

CURL = """
set --
if [ -n "$SMTP_CA_FILE" ]; then set -- --ssl-reqd --cacert "$SMTP_CA_FILE"; fi
for recipient in $SMTP_RECIPIENTS; do set -- "$@" --mail-rcpt "$recipient"; done
exec curl -sS --max-time "$SMTP_TIMEOUT" "$@" --mail-from "$SMTP_SENDER" --upload-file "$SMTP_MESSAGE_FILE" "$SMTP_URL"
"""
MSMTP = """
case $SMTP_SECURITY in
    none) set -- --tls=off ;;
    starttls) set -- --tls=on --tls-starttls=on --tls-trust-file="$SMTP_CA_FILE" ;;
    implicit) set -- --tls=on --tls-starttls=off --tls-trust-file="$SMTP_CA_FILE" ;;
esac
exec msmtp --host="$SMTP_HOST" --port="$SMTP_PORT" --timeout="$SMTP_TIMEOUT" --from="$SMTP_SENDER" "$@" \
    -- $SMTP_RECIPIENTS
"""
SWAKS = ["swaks", "--server", "{host}:{port}", "--from", "{sender}", "--to", "{recipient}", "--data", "@{message}"]


@pytest.mark.parametrize(
    ("program", "command", "expected"),
    [
        (
            "curl",
            ["sh", "-c", CURL],
            {
                "greeting-554": ("refused and reported", True),
                "starttls-valid": ("delivered", True),
                "starttls-stripped": ("refused and reported", True),
                "starttls-wrong-host": ("refused and reported", True),
                "rcpt-one-of-three-550": ("refused and reported", True),
                "bdat-valid": ("not tried", True),
                "content-dots": ("delivered", True),
                "content-8bit": ("delivered", False),
                "quit-reset": ("delivered", True),
                "connection-two-mails": ("not tried", True),
            },
        ),
        (
            "msmtp",
            ["sh", "-c", MSMTP],
            {
                "greeting-554": ("refused and reported", True),
                "starttls-valid": ("delivered", True),
                "starttls-stripped": ("refused and reported", True),
                "starttls-expired": ("refused and reported", True),
                "tls-valid": ("delivered", True),
                "data-451": ("refused and reported", True),
                "content-dots": ("delivered", True),
            },
        ),
        (
            "swaks",
            SWAKS,
            {
                "rcpt-550": ("refused and reported", True),
                "data-end-552": ("refused and reported", True),
                "content-dots": ("delivered", True),
            },
        ),
    ],
    ids=["curl", "msmtp", "swaks"],
)  # fmt: skip
def test_client_is_graded(program, command, expected):
    require_installed(shutil.which(program), program)

    grades = grade_command(command, only=expected, client=program, timeout=20)

    assert {result.behavior.name: (result.outcome.value, result.is_right) for result in grades} == expected
