"""How a command learns its task: environment variables, words in its arguments, and files."""

from __future__ import annotations

from lazr.smtptest.client_settings import build_client_environment
from lazr.smtptest.protocol.smtp import TlsMode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from lazr.smtptest.grading.task import GradeTask

__all__ = ["WORDS", "build_environment", "replace_words", "write_messages"]

# The words in braces that are replaced in the arguments of a command.
WORDS = (
    *("host", "port", "security", "user", "password", "ca_file", "sender", "recipient", "recipients"),
    *("message", "messages", "subject", "timeout", "url"),
)


def write_messages(task: GradeTask, folder: Path) -> tuple[Path, ...]:
    """Write the messages of a task into files of a folder, and return their paths."""
    paths = tuple(folder / f"message-{number}.eml" for number in range(1, len(task.messages) + 1))
    for path, message in zip(paths, task.messages, strict=True):
        path.write_bytes(message)
    return paths


def build_environment(task: GradeTask, paths: Sequence[Path]) -> dict[str, str]:
    """Return the environment variables of a command; those without use are empty.

    Args:
        task: The task.
        paths: The files of its messages.
    """
    values = _build_values(task, paths)
    user = (task.user, task.password) if task.user else None
    shared = build_client_environment((task.host, task.port), task.url, tls_mode=TlsMode(task.security), user=user)
    environment = {
        "SMTP_HOST": values["host"],
        "SMTP_PORT": values["port"],
        "SMTP_SECURITY": values["security"],
        "SMTP_USERNAME": values["user"],
        "SMTP_PASSWORD": values["password"],
        "SMTP_CA_FILE": values["ca_file"],
        "SMTP_SENDER": values["sender"],
        "SMTP_RECIPIENT": values["recipient"],
        "SMTP_RECIPIENTS": values["recipients"],
        "SMTP_MESSAGE_FILE": values["message"],
        "SMTP_MESSAGES": values["messages"],
        "SMTP_SUBJECT": values["subject"],
        "SMTP_TIMEOUT": values["timeout"],
        "SMTP_URL": values["url"],
        "SMTPTEST_BEHAVIOR": task.behavior,
    }
    for number, path in enumerate(paths[1:], 2):
        environment[f"SMTP_MESSAGE_FILE_{number}"] = str(path)
    return shared | environment


def replace_words(command: Sequence[str], task: GradeTask, paths: Sequence[Path]) -> list[str]:
    """Return the command with the words in braces replaced, such as `{host}`.

    `{recipients}` and `{messages}` as an argument of their own become one argument each; within an argument, such as
    the program of a shell, spaces separate them.  Other words in braces stay as they are.

    Args:
        command: The program and its arguments.
        task: The task.
        paths: The files of its messages.
    """
    values = _build_values(task, paths)
    lists = {"{recipients}": list(task.recipients), "{messages}": list(map(str, paths))}
    words: list[str] = []
    for argument in command:
        words += lists.get(argument) or [_replace(argument, values)]
    return words


def _replace(argument: str, values: dict[str, str]) -> str:
    # In one pass: a value that has braces is not replaced again.
    pieces: list[str] = []
    while True:
        head, brace, tail = argument.partition("{")
        word, end, rest = tail.partition("}")
        if not brace:
            return "".join([*pieces, head])
        if end and word in values:
            pieces += [head, values[word]]
            argument = rest
        else:
            pieces += [head, brace]
            argument = tail


def _build_values(task: GradeTask, paths: Sequence[Path]) -> dict[str, str]:
    files = list(map(str, paths))
    return dict(
        zip(
            WORDS,
            (
                task.host,
                str(task.port),
                task.security,
                task.user,
                task.password,
                task.ca_file,
                task.sender,
                task.recipients[0],
                " ".join(task.recipients),
                files[0],
                " ".join(files),
                task.subject,
                f"{task.timeout:g}",
                task.url,
            ),
            strict=True,
        )
    )
