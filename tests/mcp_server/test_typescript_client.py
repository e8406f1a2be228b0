"""The tools, called by another implementation of the protocol: its TypeScript SDK."""

import json
import sys

import pytest

from lazr.smtptest.mcp_server import TOOLS
from tests.helpers.command_line import build_environment
from tests.helpers.third_party_clients import run_node_client

CALLS = [
    ("wait_for_mail", {"to": "bob@example.com", "timeout": 0.1}),
    ("wait_for_mail", {"subject": "Welcome", "timeout": 60}),
    ("search", {"query": "subject:welcome"}),
    ("get_mail", {"include": ["text", "codes", "headers", "envelope", "structure", "source"]}),
    ("send", {"to": ["ann@example.com"]}),
    ("server_info", {}),
    ("list_sessions", {}),
    ("transcript", {"session": 1}),
    ("add_rule", {"preset": "greylist"}),
    ("list_rules", {}),
    ("remove_rule", {"all": True}),
    ("delete", {"all": True}),
    ("delete", {}),
]


@pytest.mark.slow
@pytest.mark.parametrize("transport", ["http", "stdio"])
def test_typescript_sdk_accepts_the_result_of_each_tool(catcher, transport, monkeypatch):
    for name, value in build_environment(SMTPTEST_API=catcher.web.url).items():
        monkeypatch.setenv(name, value)
    catcher.send(subject="Welcome", text="Your code is 123456")
    command = [sys.executable, "-m", "lazr.smtptest", "mcp"]
    target = f"{catcher.web.url}/mcp" if transport == "http" else json.dumps(command)
    output = run_node_client(
        "@modelcontextprotocol/sdk", "modelcontextprotocol-sdk.cjs", target, text=json.dumps(CALLS), timeout=240
    )

    answer = json.loads(output)
    assert answer["tools"] == list(TOOLS) and {name for name, _ in CALLS} == set(TOOLS)
    *results, refused = answer["results"]
    assert [result.get("isError", False) for result in results] == [False] * len(results)
    assert results[0]["structuredContent"]["found"] is False and results[1]["structuredContent"]["found"] is True
    assert results[3]["structuredContent"]["untrusted_content"]["codes"] == ["123456"]
    assert refused["isError"] and "exactly one of ids, query and all=true" in refused["content"][0]["text"]
