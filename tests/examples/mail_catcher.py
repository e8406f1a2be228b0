"""The fixture `mail_catcher`: a running `smtptest serve`, as a team has it in a container."""

from dataclasses import dataclass

import pytest

from tests.helpers.command_line import ServeThread


@dataclass(frozen=True)
class MailCatcher:
    """The addresses of the server."""

    host: str
    port: int
    url: str


@pytest.fixture
def mail_catcher():
    with ServeThread("--database", "memory:", "--http-port", "0") as serve:
        yield MailCatcher(*serve.address, serve.first_line.split(";")[0].split(" and ")[1])
