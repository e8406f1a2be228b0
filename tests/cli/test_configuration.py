"""Where an option can be said: on the command line, in the environment, in a file; and in what order."""

import pytest

from cli.smtptest import Serving, smtptest


def hostname(*arguments, **how):
    with Serving(*arguments, **how) as serving:
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
def test_the_command_line_goes_before_the_environment_and_that_before_the_file(
    flag, variable, file, expected, tmp_path
):
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
def test_the_file_is_found(files, variables, expected, tmp_path):
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(content)
    assert hostname(cwd=tmp_path, **variables) == expected


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("[serve]\nsmtp_port = 1", "'smtp_port' is not known in [serve]; is smtp-port meant? There may be "),
        ("[serv]\n", "'serv' is not known; is serve"),
        ("hostname = 'x'", "'hostname' is not known. There may be "),
        ("serve = 1", "serve is a command, so [serve]"),
        ("[serve]\nsmtp-port = 'x'", "'x' is no port; a port is a number from 0 to 65535. It is 'smtp-port' in "),
        ("[serve]\ntls = 'maybe'", "It is 'tls' in "),
        ("[serve]\nversion = true", "'version' is not known"),
        ("[", "smtptest.toml: "),
    ],
)
def test_what_the_file_cannot_mean_is_one_line(content, says, tmp_path):
    (tmp_path / "smtptest.toml").write_text(content)
    done = smtptest("serve", cwd=tmp_path)
    assert says in done.stderr and "smtptest.toml" in done.stderr and done.stderr.count("\n") == 1
    assert (done.stdout, done.returncode) == ("", 2)


def test_a_file_that_was_named_has_to_be_there(tmp_path):
    done = smtptest("--config", "none.toml", "serve", cwd=tmp_path)
    assert done.stderr == "smtptest: none.toml: No such file or directory\n"
    assert done.returncode == 2


def test_a_wrong_variable_is_named(tmp_path):
    done = smtptest("serve", cwd=tmp_path, SMTPTEST_SERVE_SMTP_PORT="x")
    assert "It is in SMTPTEST_SERVE_SMTP_PORT." in done.stderr
    assert done.returncode == 2


def test_every_option_has_its_variable_and_its_key():
    from lazr.smtptest.cli.app import command as whole
    from lazr.smtptest.cli.defaults import key_of

    def commands(group, path=()):
        for name, command in group.commands.items():
            if hasattr(command, "commands"):
                yield from commands(command, (*path, name))
            else:
                yield (*path, name), command

    checked = 0
    for path, command in commands(whole()):
        for parameter in command.params:
            key = key_of(parameter)
            if parameter.param_type_name == "option" and key:
                variable = parameter.envvar
                long = f"SMTPTEST_{'_'.join((*path, key)).upper().replace('-', '_')}"
                short = f"SMTPTEST_{key.upper().replace('-', '_')}"
                assert variable in (long, short), f"{path} {parameter.opts}: {variable}"
                checked += 1
    assert checked > 8
