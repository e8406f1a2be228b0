"""The migration guides are complete, and their suites for other servers pass against `smtptest serve`."""

import ast
import re
import shutil
from pathlib import Path

import pytest

from lazr.smtptest.cli.config import mailpit_variables
from lazr.smtptest.cli.config.file import ConfigurationError
from lazr.smtptest.cli.config.mailpit_variables import translate_mailpit_variables
from tests.examples.mail_catcher import mail_catcher  # noqa: F401
from tests.helpers.third_party_clients import find_python_of_clients, require_installed, run_client

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "tests" / "examples"


def list_functions(path):
    """Return the source of each function of a file."""
    source = path.read_text("utf-8")
    return [
        ast.get_source_segment(source, node) for node in ast.parse(source).body if isinstance(node, ast.FunctionDef)
    ]


@pytest.mark.parametrize("name", ["smtpdfix", "pytest_localserver"])
def test_alias_runs_the_unchanged_tests_of_the_other_plugin(name):
    before = list_functions(EXAMPLES / f"test_from_{name}_before.py")

    assert before and before == list_functions(EXAMPLES / f"test_from_{name}.py")[: len(before)]


@pytest.mark.slow
def test_pytest_mailpit_suite_passes_against_smtptest_serve(mail_catcher, tmp_path):  # noqa: F811
    python = find_python_of_clients("pytest_mailpit")
    (tmp_path / "pytest.ini").write_text("[pytest]\n", "utf-8")
    options = ("-q", "-p", "no:cacheprovider", "-c", str(tmp_path / "pytest.ini"), "--noconftest")
    suite = str(EXAMPLES / "pytest_mailpit_before.py")
    settings = {"MAILPIT_URL": mail_catcher.url, "MAILPIT_SMTP": f"{mail_catcher.host}:{mail_catcher.port}"}

    assert "3 passed" in run_client(python, "-m", "pytest", *options, suite, timeout=300, **settings)


# -- the tables of Mailpit's variables ----------------------------------------------------------

MAILPIT_ROW = re.compile(r"^\| (?:`--[\w-]+`|old name|) ?\| (`MP_\w+`(?:, `MP_\w+`)*) \| (.*) \|$", re.MULTILINE)
MAILPIT_ROWS = [
    (variable, cell)
    for variables, cell in MAILPIT_ROW.findall((ROOT / "docs/how-to/from-mailpit.md").read_text("utf-8"))
    for variable in re.findall(r"\w+", variables)
]
# Values of variables that do not take any text.
MAILPIT_VALUES = {
    "MP_MAX_MESSAGE_SIZE": "5",
    "MP_POP3_BIND_ADDR": "0.0.0.0:1110",
    "MP_SMTP_BIND_ADDR": "0.0.0.0:1025",
    "MP_SMTP_RELAY_AUTH": "plain",
    "MP_UI_BIND_ADDR": "0.0.0.0:8025",
}


def describe_effect(variable):
    """Return what the program does with a variable, and the options that it sets."""
    environment = {variable: MAILPIT_VALUES.get(variable, "true")}
    if variable.startswith("MP_SMTP_RELAY_"):
        environment = {"MP_SMTP_RELAY_HOST": "mx.example"} | environment
    without = translate_mailpit_variables({name: value for name, value in environment.items() if name != variable})
    try:
        settings = translate_mailpit_variables(environment)
    except ConfigurationError:
        return "error", []
    changed = [option for option, value in settings.values.items() if value != without.values.get(option)]
    if settings.warnings:
        return "warning", []
    return ("option" if changed else "no effect"), changed


@pytest.mark.parametrize(("variable", "cell"), MAILPIT_ROWS, ids=[variable for variable, _ in MAILPIT_ROWS])
def test_row_of_a_mailpit_variable_matches_the_program(variable, cell):
    effect, options = describe_effect(variable)
    first_word = cell.replace("*", "").partition(":")[0]

    assert effect == (first_word if first_word in ("error", "warning", "no effect") else "option")
    if variable != "MP_SMTP_RELAY_PORT":  # a part of --relay
        assert [option for option in options if f"`--{option.replace('_', '-')}" not in cell] == []


def test_each_mailpit_variable_that_the_program_knows_has_one_row():
    tables = [value for value in vars(mailpit_variables).values() if isinstance(value, dict | tuple | frozenset)]
    names = {name for table in tables for name in table if str(name).startswith("MP_") and name != "MP_"}

    assert sorted(variable for variable, _ in MAILPIT_ROWS) == sorted(names) and len(names) > 100


# -- the Java program of the guide for GreenMail ------------------------------------------------

JAVA = EXAMPLES / "java"
JARS = Path("/usr/share/java")  # of the Debian packages junit5 and libjakarta-mail-java
JAR_NAMES = (
    "apiguardian-api",
    "jakarta-activation",
    "jakarta-mail",
    "junit-jupiter-api",
    "junit-jupiter-engine",
    "junit-platform-commons",
    "junit-platform-console",
    "junit-platform-engine",
    "junit-platform-launcher",
    "junit-platform-reporting",
    "opentest4j",
    "opentest4j-reporting-events",
    "opentest4j-reporting-schema",
    "picocli",
)


def test_guide_for_greenmail_quotes_the_java_files_exactly():
    page = (ROOT / "docs/how-to/from-greenmail.md").read_text("utf-8")
    blocks = re.findall(r"```java\n(.*?)```\n", page, re.DOTALL)

    assert blocks == [(JAVA / name).read_text("utf-8") for name in ("WelcomeMailTest.java", "SmtptestServer.java")]


@pytest.mark.slow
def test_java_suite_passes_against_smtptest_serve(mail_catcher, tmp_path):  # noqa: F811
    jars = [JARS / f"{name}.jar" for name in JAR_NAMES]
    require_installed(shutil.which("javac"), "javac (default-jdk-headless)")
    require_installed(all(jar.exists() for jar in jars), "JUnit 5 and Jakarta Mail (junit5, libjakarta-mail-java)")
    class_path = ":".join([str(tmp_path), *map(str, jars)])
    sources = sorted(map(str, JAVA.glob("*.java")))
    run_client("javac", "-encoding", "UTF-8", "-d", str(tmp_path), "-cp", class_path, *sources, timeout=300)

    settings = {"SMTP_HOST": mail_catcher.host, "SMTP_PORT": str(mail_catcher.port), "SMTPTEST_API": mail_catcher.url}
    console = ("org.junit.platform.console.ConsoleLauncher", "--select-class", "WelcomeMailTest", "--disable-banner")
    output = run_client("java", "-cp", class_path, *console, timeout=300, **settings)
    assert re.search(r"3 tests successful", output) and re.search(r"0 tests failed", output)


# -- the figures of the comparison --------------------------------------------------------------


def read_tables(text):
    """Return the cells of the tables of a page, by the first cell of the row and the heading of the column."""
    cells, columns = {}, []
    for line in text.splitlines():
        row = [cell.strip() for cell in line.strip("|").split("|")]
        if not line.startswith("|"):
            columns = []
        elif not columns:
            columns = row[1:]
        else:
            cells |= {(row[0], column): cell for column, cell in zip(columns, row[1:], strict=True)}
    return cells


def test_figures_of_the_comparison_are_those_of_the_page_on_speed():
    comparison = (ROOT / "docs/explanation/comparison.md").read_text("utf-8")
    measured = read_tables((ROOT / "docs/explanation/speed.md").read_text("utf-8"))
    figures = read_tables(comparison.partition("## Figures")[2])

    assert len(figures) > 40
    assert {place: cell for place, cell in figures.items() if measured.get(place) != cell} == {}
