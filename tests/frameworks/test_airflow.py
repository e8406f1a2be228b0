"""Airflow: its tests run in an environment of their own, because Airflow pins the versions of many packages.

python3 -m venv ENVIRONMENT && ENVIRONMENT/bin/pip install apache-airflow apache-airflow-providers-smtp pytest
AIRFLOW_PYTHON=ENVIRONMENT/bin/python python -m pytest tests/frameworks/test_airflow.py
"""

import os
import subprocess
from pathlib import Path

import pytest

import lazr.smtptest

PYTHON = os.environ.get("AIRFLOW_PYTHON", "")
SOURCE = Path(lazr.smtptest.__file__).parents[2]


@pytest.mark.slow
@pytest.mark.skipif(not PYTHON, reason="AIRFLOW_PYTHON does not name a Python with Airflow")
def test_example_passes_in_an_environment_with_airflow(run_program, tmp_path):
    versions = [PYTHON, "-c", "import airflow; print(airflow.__version__)"]
    assert subprocess.run(versions, capture_output=True, check=True, timeout=300).stdout
    output = run_program(
        *("airflow", PYTHON, "-m", "pytest", "-q", "-p", "lazr.smtptest.pytest_plugin", "-p", "no:cacheprovider"),
        "test_report_mail.py",
        env={"PYTHONPATH": str(SOURCE), "AIRFLOW_HOME": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"},
    )

    assert "3 passed" in output
