"""docs/how-to/agents.md: its table has the tools of the program, and its configurations work."""

import json
import re
import shlex
import smtplib
from pathlib import Path

import pytest

from lazr.smtptest.mcp_server import TOOLS
from lazr.smtptest.web.mailbox import Mailbox
from tests.helpers.mcp_agent import Catcher, connect_http, connect_stdio

PAGE = (Path(__file__).parents[2] / "docs" / "how-to" / "agents.md").read_text("utf-8")
CONFIGURATIONS = [json.loads(block) for block in re.findall("^```json\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)]
ENTRIES = [
    entry
    for configuration in CONFIGURATIONS
    for entry in (configuration.get("mcpServers") or configuration["servers"]).values()
]
MAILBOX = Mailbox.of_recipient("ann", "token-of-ann-0123456789", "*@ann.example")


def describe_effect(tool):
    if tool.effect.is_read_only:
        return "reads"
    return "deletes" if tool.effect.is_destructive else "adds"


def test_table_has_the_tools():
    rows = [f"| `{tool.name}` | {describe_effect(tool)} | {tool.description} |" for tool in TOOLS.values()]

    assert re.findall(r"^\| `\w+` \| (?:reads|adds|deletes) \|.*$", PAGE, re.MULTILINE) == rows, "\n".join(rows)


@pytest.fixture(scope="module")
def catcher():
    with Catcher(mailboxes=[MAILBOX]) as catcher:
        yield catcher


def replace_variables(text):
    """Replace what a client takes from its environment or asks its user for."""
    return re.sub(r"\$\{[^}]+\}", MAILBOX.token, text)


def read_arguments(words):
    """Return the arguments of `smtptest mcp` in a command, which may be one of uv."""
    if words[0] == "uvx":
        assert words[1:3] == ["--from", "lazr.smtptest[mcp]"]
        words = words[3:]
    assert words[:2] == ["smtptest", "mcp"]
    return words[2:]


@pytest.mark.slow
@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.get("url") or " ".join(entry["args"]))
def test_configuration_gives_an_agent_the_tools(catcher, entry):
    if "url" in entry:
        assert entry["url"] == "http://127.0.0.1:8025/mcp" and entry.get("type", "http") == "http"
        token = replace_variables(entry["headers"]["Authorization"]).removeprefix("Bearer ")
        agent = connect_http(catcher.web.url, token=token)
    else:
        assert entry.get("type", "stdio") == "stdio"
        arguments = read_arguments([entry["command"], *entry["args"]])
        if "--serve" in arguments:
            agent = connect_stdio(*arguments, "--smtp-port", "0", "--http-port", "0")
        else:
            variables = {name: replace_variables(value) for name, value in entry["env"].items()}
            assert variables["SMTPTEST_API"] == "http://127.0.0.1:8025"
            agent = connect_stdio(*arguments, **variables | {"SMTPTEST_API": catcher.web.url})
    with agent:
        assert list(agent.list_tools()) == list(TOOLS)
        assert agent.get("search")["total"] == 0


@pytest.mark.parametrize("line", re.findall(r"^ *claude mcp add .*$", PAGE, re.MULTILINE))
def test_command_lines_name_what_exists(line):
    words = shlex.split(line)

    if "--" in words:
        assert "--serve" in read_arguments(words[words.index("--") + 1 :])
    else:
        assert "http://127.0.0.1:8025/mcp" in words and words[words.index("--transport") + 1] == "http"


def test_code_for_an_agent_that_writes_tests_runs(smtptest):
    [text] = re.findall(r"^```markdown\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    codes = re.findall(r"`((?:smtptest|mail)\.[^`]+)`", text)
    names = {"smtptest": smtptest}

    # The rule is the last of them in the text, and acts first.
    eval(codes[-1], names)
    with smtplib.SMTP(*smtptest.address) as client:
        message = b"To: ann@example.com\r\nSubject: Welcome\r\n\r\nYour code is 123 456: https://example.com/?t=1\r\n"
        refused = client.sendmail("app@example.com", ["ann@example.com", "full@example.com"], message)
    assert list(refused) == ["full@example.com"]
    names["mail"] = eval(next(code for code in codes if ".one(" in code), names)
    values = {code: eval(code, names) for code in codes[:-1]}

    assert values["mail.codes"] == ("123456",)
    assert values["mail.links[0].url"] == "https://example.com/?t=1"
    assert len(codes) == 11
