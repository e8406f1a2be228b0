"""The reference in docs/cli.md, out of the commands themselves: `python tests/cli/page.py --write`."""

import sys
from pathlib import Path

PAGE = Path(__file__).parent.parent.parent / "docs" / "cli.md"
BEGIN = "<!-- The rest is written by tests/cli/page.py. -->\n"


def reference():
    from lazr.smtptest.cli.app import command

    return "".join(_sections(command(), ("smtptest",)))


def _sections(group, path):
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from _sections(command, (*path, name))
            continue
        arguments = [one for one in command.params if one.param_type_name == "argument"]
        usage = " ".join((*path, name, *(one.metavar or f"{one.name.upper()}..." for one in arguments)))
        yield f"\n### {' '.join((*path, name))}\n\n{_plain(command.help)}\n\n    {usage} [OPTIONS]\n\n"
        rows = [_row(one) for one in command.params if one.param_type_name == "option" and "--help" not in one.opts]
        if rows:
            yield "| option | variable | default | |\n|---|---|---|---|\n" + "".join(rows)


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
