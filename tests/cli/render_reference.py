"""Render the reference in docs/reference/cli.md from the commands.

`python tests/cli/render_reference.py --write` updates the page.
"""

import sys
from pathlib import Path

PAGE = Path(__file__).parent.parent.parent / "docs" / "reference" / "cli.md"
BEGIN = "<!-- tests/cli/render_reference.py writes the rest. -->\n"


def reference():
    from lazr.smtptest.cli.app import build_command

    return "".join(_sections(build_command(), ("smtptest",)))


def _sections(group, path):
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from _sections(command, (*path, name))
            continue
        arguments = [one for one in command.params if one.param_type_name == "argument"]
        words = [*map(_usage, arguments), "[OPTIONS]"]
        if not command.context_settings.get("allow_interspersed_args", True):  # later options belong to another program
            words = ["[OPTIONS]", "--", *map(_usage, arguments)]
        usage = " ".join((*path, name, *words))
        description = "\n\n".join(map(_paragraph, command.help.split("\n\n")))
        yield f"\n### {' '.join((*path, name))}\n\n{description}\n\n    {usage}\n\n"
        rows = [_row(one) for one in command.params if one.param_type_name == "option" and "--help" not in one.opts]
        if rows:
            yield "| option | variable | default | |\n|---|---|---|---|\n" + "".join(rows)


def _paragraph(text):
    """Return a paragraph of a help text; one that describes options is a list."""
    lines = text.strip().splitlines()
    return "\n".join(f"- {_plain(line)}" for line in lines) if lines[0].startswith("-") else _plain(text)


def _usage(argument):
    name = argument.metavar or argument.name.upper()
    return (name if argument.required else f"[{name}]") + ("..." if argument.nargs == -1 else "")


def _row(option):
    default = option.show_default if isinstance(option.show_default, str) else option.default
    shown = "" if default in (None, False, "", ()) or option.show_default is False else f"`{default}`"
    value = "" if option.is_flag else " " + option.metavar.replace("|", "\\|")
    names = ", ".join(f"`{name}{value}`" for name in option.opts)
    return f"| {names} | `{option.envvar}` | {shown} | {_plain(option.help)} |\n"


def _plain(text):
    return " ".join((text or "").replace("\\[", "[").split())


def expected():
    return PAGE.read_text("utf-8").partition(BEGIN)[0] + BEGIN + reference()


if __name__ == "__main__":
    if "--write" in sys.argv:
        PAGE.write_text(expected(), "utf-8")
    else:
        print(reference())
