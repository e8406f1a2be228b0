"""`@pytest.mark.smtptest(rules=[…])`: rules of a test's servers."""

RULES = """
from lazr.smtptest import Rule, presets

full = Rule("RCPT", to="ann@*").reply(452, "4.2.2", "Full")
pytestmark = pytest.mark.smtptest(rules=[full, presets.flaky(0.5), {"preset": "max_recipients", "n": 9}])

def list_rules(server):
    return [rule.when for rule in server.rules]

@pytest.mark.parametrize("turn", [1, 2])
def test_rules_of_the_module_are_new_for_each_test(smtptest, turn):
    assert smtptest.rules[0] == full and smtptest.rules[0] is not full
    assert smtptest.rules[0].count == 0
    assert list_rules(smtptest) == ["RCPT", "END_OF_DATA", "RCPT", "EHLO"]
    with smtplib.SMTP(*smtptest.address) as client:
        client.ehlo(), client.mail("a@b")
        assert client.rcpt("ann@example.com") == (452, b"4.2.2 Full")
    smtptest.rules[2].optional()

@pytest.mark.smtptest(rules=(Rule("QUIT").reply(221, "2.0.0", "See you"),))
def test_nearest_marker_wins(smtptest, smtptest_factory):
    for server in (smtptest, smtptest_factory()):
        assert list_rules(server) == ["QUIT"]
        send(server)

@pytest.mark.smtptest(rules=presets.max_recipients(1))
def test_preset_of_several_rules(smtptest):
    with smtplib.SMTP(*smtptest.address) as client:
        assert list(client.sendmail("a@b", ["ann@example.com", "bob@example.com"], "Hi")) == ["bob@example.com"]

@pytest.mark.smtptest(rules=[Rule("QUIT").reply(221, "2.0.0", "See you")])
@pytest.mark.parametrize("turn", [1, 2])
def test_session_server_has_them_for_one_test(smtptest_session, turn):
    assert list_rules(smtptest_session) == ["QUIT"]
    send(smtptest_session)

@pytest.mark.smtptest(rules=[])
def test_none(smtptest, smtptest_session):
    assert not smtptest.rules and not smtptest_session.rules

@pytest.mark.smtptest(rules=[presets.greylist()])
def test_left_out(smtptest):
    raise AssertionError
"""


def test_marker_adds_rules_to_the_servers_of_a_test(runner):
    runner.write(test_rules=RULES)

    result = runner.run("-k", "not left_out")

    result.assert_outcomes(passed=7, deselected=1)
    assert "never added" not in result.stdout.str() + result.stderr.str()


WRONG = """
from lazr.smtptest import Rule, presets

@pytest.mark.smtptest(rules=[Rule("NOOP").drop()])
def test_never_acted(smtptest): pass

@pytest.mark.smtptest(rules=Rule("NOOP").drop())
def test_no_list(smtptest): pass

@pytest.mark.smtptest(rules=[450])
def test_no_rule(smtptest): pass

@pytest.mark.smtptest(rules=[{"preset": "grelist"}])
def test_unknown_preset(smtptest): pass
"""


def test_wrong_rules_in_marker_fail_the_test(newest):
    newest.write(test_wrong=WRONG)

    result = newest.run()

    result.assert_outcomes(errors=3, failed=1)
    result.stdout.fnmatch_lines_random([
        "*NOOP never came*",
        "*rules must be a list of rules and presets, got <Rule NOOP*",
        "*expected a rule, a preset or a definition, got 450",
        "*unknown preset 'grelist'; did you mean 'greylist'?*",
    ])  # fmt: skip


def test_forgotten_preset_is_a_warning(newest):
    newest.write(test_forgotten="from lazr.smtptest import presets\ndef test(smtptest):\n    presets.greylist()\n")

    result = newest.run("-W", "default")

    result.assert_outcomes(passed=1, warnings=1)
    result.stdout.fnmatch_lines(
        ["*RuntimeWarning: the rule RCPT where=greylist* was made, and never added to a server; *"]
    )
