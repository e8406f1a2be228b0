"""`lazr.smtptest.web`: the public names, and what importing the package costs."""

import subprocess
import sys

import pytest

import lazr.smtptest.web


def test_all_public_names_can_be_imported():
    for name in lazr.smtptest.web.__all__:
        assert getattr(lazr.smtptest.web, name).__name__ == name
    assert set(lazr.smtptest.web.__all__) <= set(dir(lazr.smtptest.web))


def test_unknown_name_raises_attribute_error():
    with pytest.raises(AttributeError, match=r"module 'lazr\.smtptest\.web' has no attribute 'Nonsense'"):
        lazr.smtptest.web.Nonsense  # noqa: B018


def test_importing_the_package_loads_no_framework():
    program = "import sys, lazr.smtptest.web; print(*sorted({name.partition('.')[0] for name in sys.modules}))"
    loaded = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True
    ).stdout.split()

    assert not {"fastapi", "starlette", "uvicorn", "pydantic", "httpx"} & set(loaded)
