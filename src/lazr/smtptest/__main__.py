"""`python -m lazr.smtptest` is `smtptest`."""

from lazr.smtptest.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
