"""The session of an agent that checks the sign-up of an application."""

import asyncio
import smtplib
import sys

import pytest
from mcp import Client, StdioServerParameters

SMTPTEST = StdioServerParameters(
    command=sys.executable,
    args=["-m", "lazr.smtptest", "mcp", "--serve", "--smtp-port", "0", "--http-port", "0"],
)


def sign_up(address, host, port):  # your application
    with smtplib.SMTP(host, port) as client:
        text = "Your code is 123 456: https://example.com/confirm?t=1"
        client.sendmail("app@example.com", address, f"To: {address}\r\nSubject: Welcome\r\n\r\n{text}\r\n")


async def check_sign_up():
    async with Client(SMTPTEST) as agent:
        info = await agent.call_tool("server_info", {})
        [smtp] = info.structured_content["smtp"]
        sign_up("ann@example.com", smtp["host"], smtp["port"])
        found = await agent.call_tool("wait_for_mail", {"to": "ann@example.com", "timeout": 30})
        [mail] = found.structured_content["mails"]
        read = await agent.call_tool("get_mail", {"id": mail["id"], "include": ["links", "codes"]})
        return read.structured_content["untrusted_content"]


@pytest.mark.slow
def test_agent_reads_the_code_and_the_link():
    content = asyncio.run(check_sign_up())

    assert (content["subject"], content["codes"]) == ("Welcome", ["123456"])
    assert content["links"][0]["url"] == "https://example.com/confirm?t=1"
