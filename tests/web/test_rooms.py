"""The rooms of the web server export the names in their `__all__`."""

from importlib import import_module

import pytest


@pytest.mark.parametrize("room", ["middleware", "outbound", "sandbox", "server"])
def test_room_exports_its_public_names(room):
    package = import_module(f"lazr.smtptest.web.{room}")

    assert package.__all__
    for name in package.__all__:
        assert getattr(package, name) is not None
    assert set(package.__all__) <= set(dir(package))
