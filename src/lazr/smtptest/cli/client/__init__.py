"""Talk to a running server by SMTP, and read and write archives of mails."""
