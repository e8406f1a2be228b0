"""A server that other machines can reach needs a login, or an explicit option (threat W19)."""

import pytest
from starlette.applications import Starlette

from lazr.smtptest.web.middleware.exposure import check_exposure
from lazr.smtptest.web.middleware.stack import Guard
from lazr.smtptest.web.server.uvicorn_protocols import (
    make_uvicorn_config,
)


def test_server_listens_on_loopback_by_default():
    assert make_uvicorn_config(Guard(Starlette())).host == "127.0.0.1"


@pytest.mark.parametrize(
    ("host", "exposed"),
    [
        *(("127.0.0.1", False), ("127.9.9.9", False), ("::1", False), ("localhost", False)),
        *(("0.0.0.0", True), ("::", True), ("", True), ("10.0.0.1", True), ("mail.test", True)),
    ],
)
def test_exposed_server_needs_a_login_or_insecure_public(host, exposed):
    if exposed:
        with pytest.raises(ValueError, match="--insecure-public"):
            check_exposure(host, has_login=False, insecure_public=False)
    else:
        check_exposure(host, has_login=False, insecure_public=False)
    check_exposure(host, has_login=True, insecure_public=False)
    check_exposure(host, has_login=False, insecure_public=True)
