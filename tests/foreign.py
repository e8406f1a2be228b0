"""Clients that we did not write, each told in its own words where the server is, whom to trust, and who it is.

A client that the machine lacks is skipped, visibly; with SMTPTEST_ALL_CLIENTS set, as on CI, it fails.
"""

import asyncio
import functools
import json
import os
import re
import shutil
import smtplib
import subprocess
from dataclasses import dataclass
from pathlib import Path

import aiosmtplib
import pytest

HERE = Path(__file__).parent
NODE_MODULES = HERE.parent / ".cache" / "node" / "node_modules"

ANN, BOB = "ann@example.com", "bob@example.com"
# What crosses the wire, dots stuffed by whoever sends it.
TEXT = f"From: {ANN}\r\nTo: {BOB}\r\nSubject: by hand\r\n\r\nHello\r\n.\r\n..dots\r\nend\r\n"
UNIX_TEXT = TEXT.replace("\r\n", "\n")


class Failed(Exception):
    """The client says that it could not do it."""


def need(condition, what):
    if not condition:
        assert "SMTPTEST_ALL_CLIENTS" not in os.environ, f"{what} is not here"
        pytest.skip(f"{what} is not on this machine")


def run(*command, text="", **environment):
    """What the command said.  Raises `Failed` where it ends with an error."""
    need(shutil.which(command[0]), command[0])
    done = subprocess.run(
        command, input=text, capture_output=True, text=True, timeout=60, check=False, env=os.environ | environment
    )
    if done.returncode:
        raise Failed(f"{command[0]} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout


@dataclass(frozen=True)
class Way:
    """How a client is to come: by which TLS, and as whom."""

    tls: str = "none"  # "none", "starttls", "implicit"
    mechanism: str = ""  # "" is no AUTH, "any" leaves the choice to the client
    user: str = "ann"
    secret: str = "secret"  # the password, or the token
    certificate: str = ""  # the path of the client's certificate and key; "" for none
    path: str = ""  # of the Unix socket; "" is TCP
    lmtp: bool = False
    ca_file: str = ""

    @property
    def authenticates(self):
        return self.mechanism != ""

    @property
    def chosen(self):
        """The mechanism that was named; "" where the client chooses."""
        return "" if self.mechanism == "any" else self.mechanism
