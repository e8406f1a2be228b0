"""Sources of option values: command line, environment, file, and their order."""

import pytest

from tests.helpers.command_line import ServeThread, run_smtptest


def hostname(*arguments, **options):
    with ServeThread(*arguments, **options) as serving:
        import smtplib

        with smtplib.SMTP(*serving.address) as client:
            return client.ehlo()[1].decode().split()[0]


@pytest.mark.parametrize(
    ("flag", "variable", "file", "expected"),
    [
        ("flag", "variable", "file", "flag"),
        (None, "variable", "file", "variable"),
        (None, None, "file", "file"),
        (None, None, None, "localhost"),
    ],
)
def test_command_line_beats_environment_beats_file(flag, variable, file, expected, tmp_path):
    if file:
        (tmp_path / "smtptest.toml").write_text(f'[serve]\nhostname = "{file}"\n')
    arguments = ("--hostname", flag) if flag else ()
    variables = {"SMTPTEST_SERVE_HOSTNAME": variable} if variable else {}
    assert hostname(*arguments, cwd=tmp_path, **variables) == expected


@pytest.mark.parametrize(
    ("files", "variables", "expected"),
    [
        ({"pyproject.toml": '[tool.smtptest.serve]\nhostname = "project"\n'}, {}, "project"),
        (
            {
                "pyproject.toml": '[tool.smtptest.serve]\nhostname = "project"\n',
                "smtptest.toml": '[serve]\nhostname = "own"\n',
            },
            {},
            "own",
        ),
        ({"pyproject.toml": "[tool.other]\n"}, {}, "localhost"),
        ({"pyproject.toml": "broken"}, {}, "localhost"),
        ({"my.toml": '[serve]\nhostname = "my"\n'}, {"SMTPTEST_CONFIG": "my.toml"}, "my"),
        ({"a/pyproject.toml": '[tool.smtptest.serve]\nhostname = "a"\n'}, {"SMTPTEST_CONFIG": "a/pyproject.toml"}, "a"),
    ],
)
def test_configuration_file_is_found(files, variables, expected, tmp_path):
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(content)
    assert hostname(cwd=tmp_path, **variables) == expected


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[serve]\nsmtp_port = 1", " in [serve]: unknown key 'smtp_port'; did you mean 'smtp-port'? Known: "),
        ("[serv]\n", ": unknown key 'serv'; did you mean 'serve'?"),
        ("hostname = 'x'", ": unknown key 'hostname'; known: "),
        ("serve = 1", "serve must be a table, [serve], got 1"),
        (
            "[serve]\nsmtp-port = 'x'",
            "got 'x'; 0 is any free port. The value comes from the key 'smtp-port' in ",
        ),
        ("[serve]\ntls = 'maybe'", "The value comes from the key 'tls' in "),
        ("[serve]\nversion = true", "unknown key 'version'"),
        ("[", "smtptest.toml: "),
    ],
)
def test_wrong_key_or_value_in_the_file_is_one_line(content, message, tmp_path):
    (tmp_path / "smtptest.toml").write_text(content)
    done = run_smtptest("serve", cwd=tmp_path)
    assert message in done.stderr and "smtptest.toml" in done.stderr and done.stderr.count("\n") == 1
    assert (done.stdout, done.returncode) == ("", 2)


def test_explicit_file_must_exist(tmp_path):
    done = run_smtptest("--config", "none.toml", "serve", cwd=tmp_path)
    assert done.stderr == "smtptest: none.toml: No such file or directory\n"
    assert done.returncode == 2


def test_wrong_value_of_a_variable_names_the_variable(tmp_path):
    done = run_smtptest("serve", cwd=tmp_path, SMTPTEST_SERVE_SMTP_PORT="x")
    assert "The value comes from the variable SMTPTEST_SERVE_SMTP_PORT." in done.stderr
    assert done.returncode == 2


def test_every_option_has_a_variable_and_a_key():
    from lazr.smtptest.cli.app import build_command as root_command
    from lazr.smtptest.cli.config.defaults import get_option_key

    def commands(group, path=()):
        for name, command in group.commands.items():
            if hasattr(command, "commands"):
                yield from commands(command, (*path, name))
            else:
                yield (*path, name), command

    checked = 0
    for path, command in commands(root_command()):
        for parameter in command.params:
            key = get_option_key(parameter)
            if parameter.param_type_name == "option" and key:
                variable = parameter.envvar
                long = f"SMTPTEST_{'_'.join((*path, key)).upper().replace('-', '_')}"
                short = f"SMTPTEST_{key.upper().replace('-', '_')}"
                assert variable in (long, short), f"{path} {parameter.opts}: {variable}"
                checked += 1
    assert checked > 8
