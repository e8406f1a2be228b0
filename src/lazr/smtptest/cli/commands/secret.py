"""`smtptest secret`: make a secret that signs webhooks."""

from lazr.smtptest.cli.output.terminal import print_text

__all__ = ["EXAMPLES", "secret"]

EXAMPLES = (
    "smtptest secret",
    'smtptest serve --webhook http://127.0.0.1:9000/mail --webhook-secret "$(smtptest secret)"',
)


def secret() -> int:
    """Print a new random secret for serve --webhook-secret.

    The receiver of the webhooks checks their signature with it.
    """
    from lazr.smtptest.web import new_secret

    print_text(new_secret())
    return 0
