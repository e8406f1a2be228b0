"""JavaMailSender of Spring; the packages of Debian are `libspring-context-support-java` and `libmail-java`."""

import shutil
from pathlib import Path

import pytest

from tests.helpers.third_party_clients import require_installed

JARS = [
    Path("/usr/share/java") / f"{name}.jar"
    for name in (
        *("spring3-core", "spring3-beans", "spring3-context", "spring3-context.support"),
        *("javax.mail", "javax.activation", "commons-logging"),
    )
]


@pytest.fixture
def class_path(run_program, tmp_path):
    """Compile the example, and return the class path; skip the test without Spring."""
    is_found = shutil.which("javac") and all(jar.exists() for jar in JARS)
    require_installed(is_found, "libspring-context-support-java")
    classes = tmp_path / "classes"
    libraries = ":".join(map(str, JARS))
    run_program(
        *("spring", "javac", "-cp", libraries, "-d", str(classes), "WelcomeMail.java", "WelcomeMailTest.java"), env={}
    )
    return f"{libraries}:{classes}"


@pytest.mark.slow
def test_program_finds_its_mails_with_the_rest_api(serving, run_program, class_path):
    output = run_program("spring", "java", "-cp", class_path, "WelcomeMailTest", env=serving.env)

    assert output.splitlines()[-1] == "2 tests passed"
