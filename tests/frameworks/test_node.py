"""nodemailer with the test runner of Node."""

import shutil

import pytest

from tests.frameworks.conftest import EXAMPLES
from tests.helpers.third_party_clients import NODE_MODULES, require_installed

SEND = 'import("./welcome.mjs").then(({ welcome }) => welcome("ann@example.com"))'


@pytest.fixture
def project(tmp_path):
    """Return a folder with the example and its dependencies; skip the test without nodemailer."""
    require_installed(shutil.which("node") and (NODE_MODULES / "nodemailer").exists(), "nodemailer")
    folder = tmp_path / "project"
    shutil.copytree(EXAMPLES / "node", folder)
    (folder / "node_modules").symlink_to(NODE_MODULES, target_is_directory=True)
    return str(folder)


@pytest.mark.slow
@pytest.mark.smtptest(auth={"shop": "secret"})
def test_transport_logs_in_and_sends(smtptest, run_program, project):
    run_program(project, "node", "-e", SEND, env=smtptest.env())

    mail = smtptest.inbox.one(to="ann@example.com", subject="Welcome")
    assert mail.username == "shop"
    assert mail.links[0].text == "Confirm"


@pytest.mark.slow
@pytest.mark.smtptest(auth={"shop": "secret"}, tls="starttls")
def test_transport_verifies_the_certificate(smtptest, run_program, project):
    run_program(project, "node", "-e", SEND, env=smtptest.env() | {"NODE_EXTRA_CA_CERTS": str(smtptest.ca_file)})

    assert smtptest.inbox.one(to="ann@example.com").envelope.tls


@pytest.mark.slow
def test_test_runner_finds_its_mails_with_the_rest_api(serving, run_program, project):
    output = run_program(project, "node", "--test", "--test-reporter=tap", "welcome.test.mjs", env=serving.env)

    assert "# pass 2" in output and "# fail 0" in output
