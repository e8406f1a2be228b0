"""Grade mail clients with `smtptest grade`, and publish the table in `docs/reference/grades.md`."""
