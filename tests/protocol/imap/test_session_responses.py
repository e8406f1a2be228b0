"""The values that sessions of IMAP build responses from."""

from lazr.smtptest.protocol.imap.responses import CommandFailed, bad, join_lines, no, ok, render_text


def test_completion_is_readable():
    assert repr(ok("Done", "READ-ONLY")) == "<Completion tag OK [READ-ONLY] Done>"
    assert str(CommandFailed(bad("Wrong"))) == "<Completion tag BAD Wrong>"
    assert no("No\r\nx OK").render(b"a") == b"a NO No??x OK\r\n"


def test_text_is_never_empty_or_endless():
    assert render_text("") == b" "
    assert len(render_text("x" * 5000)) == 1000


def test_lines_are_joined_to_pieces():
    pieces = [*join_lines([b"x" * 3000] * 5)]

    assert [*map(len, pieces)] == [6000, 6000, 3000]
    assert [*join_lines([])] == []
