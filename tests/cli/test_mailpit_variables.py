"""Mailpit's environment variables, and variables that no option has."""

import json

import pytest

from lazr.smtptest.cli.config.file import ConfigurationError
from lazr.smtptest.cli.config.mailpit_variables import translate_mailpit_variables
from tests.helpers.command_line import ServeThread, run_smtptest

TRANSLATED = [
    ({"MP_DATABASE": "/data/mailpit.db"}, {"database": "sqlite:////data/mailpit.db"}),
    ({"MP_DATA_FILE": "mailpit.db"}, {"database": "sqlite:///mailpit.db"}),
    ({"MP_LABEL": "Staging"}, {"label": "Staging"}),
    ({"MP_MAX_MESSAGES": "5000"}, {"max_messages": "5000"}),
    ({"MP_MAX_MESSAGES": "0"}, {}),  # no limit
    ({"MP_MAX_AGE": "36h"}, {"max_age": "36h"}),
    ({"MP_MAX_MESSAGE_SIZE": "50"}, {"max_message_size": "50M"}),
    ({"MP_QUIET": "true"}, {"quiet": True}),
    ({"MP_QUIET": "false"}, {}),
    ({"MP_SMTP_BIND_ADDR": "0.0.0.0:1025"}, {"host": "0.0.0.0", "smtp_port": "1025"}),
    ({"MP_SMTP_BIND_ADDR": "[::]:1025"}, {"host": "::", "smtp_port": "1025"}),
    ({"MP_SMTP_BIND_ADDR": ":1025"}, {"host": "0.0.0.0", "smtp_port": "1025"}),
    ({"MP_UI_BIND_ADDR": "127.0.0.1:8080"}, {"http_host": "127.0.0.1", "http_port": "8080"}),
    ({"MP_WEBROOT": "/mail/"}, {"webroot": "/mail/"}),
    ({"MP_UI_AUTH": "ann:one bob:t,wo"}, {"auth": ["ann:one", "bob:t,wo"]}),
    ({"MP_UI_AUTH_FILE": "/users"}, {"auth_file": "/users"}),
    ({"MP_UI_TLS_CERT": "/c.pem", "MP_UI_TLS_KEY": "/k.pem"}, {"http_tls_cert": "/c.pem", "http_tls_key": "/k.pem"}),
    ({"MP_API_CORS": "http://a.test,http://b.test"}, {"allowed_origin": ["http://a.test", "http://b.test"]}),
    ({"MP_API_CORS": "a.test"}, {"allowed_origin": ["http://a.test", "https://a.test"]}),
    ({"MP_ALLOWED_HOSTS": "mail.test, mailpit:8025"}, {"allowed_host": ["mail.test", "mailpit:8025"]}),
    ({"MP_SMTP_AUTH": "ann:one"}, {"smtp_auth": ["ann:one"]}),
    ({"MP_SMTP_AUTH_FILE": "/users"}, {"smtp_auth_file": "/users"}),
    ({"MP_SMTP_TLS_CERT": "/c.pem", "MP_SMTP_TLS_KEY": "/k.pem"}, {"tls_cert": "/c.pem", "tls_key": "/k.pem"}),
    ({"MP_SMTP_REQUIRE_STARTTLS": "1"}, {"require_tls": True}),
    # Old names, which Mailpit accepts; a new name takes precedence.
    ({"MP_SMTP_TLS_REQUIRED": "1"}, {"require_tls": True}),
    ({"MP_UI_SSL_CERT": "/c.pem", "MP_UI_SSL_KEY": "/k.pem"}, {"http_tls_cert": "/c.pem", "http_tls_key": "/k.pem"}),
    (
        {"MP_SMTP_SSL_CERT": "/o", "MP_SMTP_SSL_KEY": "/k", "MP_SMTP_TLS_CERT": "/c"},
        {"tls_cert": "/c", "tls_key": "/k"},
    ),
    ({"MP_SMTP_REQUIRE_TLS": "yes"}, {"tls": "implicit"}),
    ({"MP_SMTP_REQUIRE_TLS": "no"}, {}),
    ({"MP_SMTP_MAX_RECIPIENTS": "50"}, {"max_recipients": "50"}),
    ({"MP_POP3_BIND_ADDR": "[::]:2110"}, {"pop3_port": "2110"}),
    (
        {"MP_SMTP_BIND_ADDR": "127.0.0.1:2525", "MP_POP3_BIND_ADDR": "127.0.0.1:2110"},
        {"host": "127.0.0.1", "smtp_port": "2525", "pop3_port": "2110"},
    ),
    ({"MP_POP3_AUTH": "ann:one bob:two"}, {"imap_auth": ["ann:one", "bob:two"]}),
    ({"MP_POP3_AUTH_FILE": "/users"}, {"imap_auth_file": "/users"}),
    ({"MP_TAG": 'a=one "b c"="two words"'}, {"tag": ["a=one", "b c=two words"]}),
    ({"MP_TAGS_DISABLE": "x-tags"}, {"tags_disable": "x-tags"}),
    ({"MP_TAGS_USERNAME": "true"}, {"tags_username": True}),
    ({"MP_WEBHOOK_URL": "https://hooks.example/x"}, {"webhook": ["https://hooks.example/x"]}),
    ({"MP_ENABLE_SPAMASSASSIN": "spam:783"}, {"spamd": "spam:783"}),
    ({"MP_SMTP_RELAY_HOST": "mx.example"}, {"relay": "mx.example:25", "relay_allow": ["*"]}),
    (
        {
            "MP_SMTP_RELAY_HOST": "mx.example",
            "MP_SMTP_RELAY_PORT": "587",
            "MP_SMTP_RELAY_STARTTLS": "true",
            "MP_SMTP_RELAY_AUTH": "plain",
            "MP_SMTP_RELAY_USERNAME": "ann",
            "MP_SMTP_RELAY_PASSWORD": "secret",
            "MP_SMTP_RELAY_RETURN_PATH": "bounce@example.com",
        },
        {
            "relay": "mx.example:587",
            "relay_allow": ["*"],
            "relay_tls": "starttls",
            "relay_user": "ann",
            "relay_password": "secret",
            "relay_sender": "bounce@example.com",
        },
    ),
    ({"MP_LABEL": " "}, {}),  # as unset
    ({"MP_VERBOSE": "1", "MP_SMTP_AUTH_ACCEPT_ANY": "1", "MP_SMTP_AUTH_ALLOW_INSECURE": "1"}, {}),
    ({"HOME": "/root", "XMP_LABEL": "x"}, {}),
]


@pytest.mark.parametrize(("variables", "options"), TRANSLATED)
def test_variable_becomes_an_option(variables, options):
    settings = translate_mailpit_variables(variables)
    assert (settings.values, settings.warnings) == (options, [])
    assert set(settings.variables.values()) <= set(variables)


@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        ("MP_SEND_API_AUTH_FILE", "/f", "smtptest serve has no such access control; POST /api/v1/send needs the login"),
        ("MP_POP3_BIND_ADDR", "127.0.0.1:1110", "POP3 listens on the address of SMTP, and not only on 127.0.0.1"),
        ("MP_POP3_BIND_ADDR", "unix:/s", "must be HOST:PORT, got 'unix:/s'; set --host and --pop3-port instead"),
        ("MP_SMTP_ALLOWED_RECIPIENTS", ".*@x", "write a rule for RCPT"),
        ("MP_SMTP_BIND_ADDR", "unix:/s", "must be HOST:PORT, got 'unix:/s'; set --host and --smtp-port instead"),
        ("MP_UI_BIND_ADDR", "8025", "must be HOST:PORT, got '8025'; set --http-host and --http-port instead"),
        ("MP_DATABASE", "http://rqlite:4001", "must be the path of a file"),
        ("MP_API_CORS", "*", "must name origins, such as http://localhost:3000, got '*'"),
        ("MP_SMTP_TLS_CERT", "sans:mail", "must be the path of a PEM file"),
        ("MP_MAX_MESSAGE_SIZE", "50M", "must be a number of megabytes, got '50M'"),
    ],
)
def test_variable_that_cannot_be_honored_is_an_error(variable, value, message):
    with pytest.raises(ConfigurationError) as caught:
        translate_mailpit_variables({variable: value})
    assert variable in str(caught.value) and message in str(caught.value)
    done = run_smtptest("serve", **{variable: value})
    assert (done.returncode, done.stdout) == (2, "") and message in done.stderr


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("ALLOWED_RECIPIENTS", "@x$", "is a regular expression in Mailpit; set --relay-allow"),
        ("BLOCKED_RECIPIENTS", "@x$", "has no counterpart, and those recipients would get mail; name the recipients"),
        ("AUTH", "ntlm", "must be none, plain, login or cram-md5, got 'ntlm'"),
    ],
)
def test_relay_variable_that_cannot_be_honored_is_an_error(name, value, message):
    with pytest.raises(ConfigurationError, match=message.replace("$", r"\$")):
        translate_mailpit_variables({"MP_SMTP_RELAY_HOST": "mx", f"MP_SMTP_RELAY_{name}": value})


@pytest.mark.parametrize("name", ["ALLOWED_RECIPIENTS", "BLOCKED_RECIPIENTS"])
def test_limit_of_recipients_is_refused_without_a_relay_too(name):
    """`--relay` may name one."""
    with pytest.raises(ConfigurationError, match=f"MP_SMTP_RELAY_{name}"):
        translate_mailpit_variables({f"MP_SMTP_RELAY_{name}": "@x"})


@pytest.mark.parametrize(
    ("variable", "warning"),
    [
        ("MP_CHAOS_TRIGGERS", "MP_CHAOS_TRIGGERS is ignored; write rules in a file for --rules"),
        ("MP_MAX_MESAGES", "MP_MAX_MESAGES is ignored; did you mean MP_MAX_MESSAGES?"),
        ("MP_NEW_IN_A_LATER_VERSION", "MP_NEW_IN_A_LATER_VERSION is ignored; smtptest serve has no such option"),
        # No hint at a similar variable with another meaning.
        ("MP_SMTP_FORWARD_PASSWORD", "MP_SMTP_FORWARD_PASSWORD is ignored; smtptest serve does not forward"),
    ],
)
def test_other_variable_is_a_warning(variable, warning):
    with ServeThread(**{variable: "x"}) as serving:
        _, err, status = serving.stop()
    assert err.startswith(f"smtptest: {warning}") and err.count("\n") == 1 and status == 0


def test_unlimited_message_size_is_a_warning():
    settings = translate_mailpit_variables({"MP_MAX_MESSAGE_SIZE": "0"})

    assert settings.values == {} and "no value for no limit" in settings.warnings[0]


def test_variable_beats_the_file_and_yields_to_own_variable(tmp_path):
    (tmp_path / "smtptest.toml").write_text('[serve]\nhost = "127.0.0.2"\n')

    def urls(*arguments, **variables):
        variables["MP_SMTP_BIND_ADDR"] = "127.0.0.3:0"
        with ServeThread("--log-json", *arguments, cwd=tmp_path, **variables) as serving:
            return json.loads(serving.first_line)["urls"][0].rpartition(":")[0]

    assert urls() == "smtp://127.0.0.3"
    assert urls(SMTPTEST_SERVE_HOST="127.0.0.4") == "smtp://127.0.0.4"
    assert urls("--host", "127.0.0.5", SMTPTEST_SERVE_HOST="127.0.0.4") == "smtp://127.0.0.5"


def test_invalid_value_names_the_variable():
    done = run_smtptest("serve", MP_MAX_AGE="soon")
    assert done.returncode == 2
    assert "got 'soon'. The value comes from the variable MP_MAX_AGE." in done.stderr


def test_other_commands_ignore_the_variables(running_server):
    assert running_server("ls", MP_MAX_AGE="soon", MP_X="1").stderr == ""


@pytest.mark.parametrize(
    ("variable", "warning"),
    [
        ("SMTPTEST_SERV_LABEL", "; did you mean SMTPTEST_SERVE_LABEL?"),
        ("SMTPTEST_SERVE_SMTPPORT", "; did you mean SMTPTEST_SERVE_SMTP_PORT?"),
        ("SMTPTEST_APU", "; did you mean SMTPTEST_API?"),
        ("SMTPTEST_XYZZY", ""),
    ],
)
def test_unknown_variable_is_a_warning(variable, warning, running_server):
    done = running_server("ls", **{variable: "1"})
    assert done.stderr == f"smtptest: the variable {variable} is ignored, as no option has it{warning}\n"
    assert done.returncode == 0


@pytest.mark.parametrize("variable", ["SMTPTEST_PORT", "SMTPTEST_SERVICE_HOST", "SMTPTEST_PORT_1025_TCP_ADDR"])
def test_variables_of_a_kubernetes_service_are_no_options(variable, running_server):
    """A service that is named smtptest sets them in each container."""
    assert running_server("ls", **{variable: "tcp://10.0.0.1:1025"}).stderr == ""
