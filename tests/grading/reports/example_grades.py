"""Grades with one result of each kind, and with hostile text wherever a client or a server decides the text."""

from datetime import UTC, datetime

from lazr.smtptest.grading import Behavior, Grades, Outcome, Result
from lazr.smtptest.protocol.smtp import SessionRecord

HOSTILE = "</pre><script>alert(1)</script> & \"' | `x` [a](javascript:b) \x1b[31m\x00\u202e\ud800 ]]>"


def build_behavior(name="greeting-slow", group="greeting", **facts):
    values = {
        "rfc": "RFC 5321 4.5.3.2.1",
        "title": "The server greets late",
        "expected": "The client waits for the greeting, and delivers.",
        "accept": frozenset({Outcome.DELIVERED}),
    }
    return Behavior(name=name, group=group, **(values | facts))


def build_session(*commands):
    session = SessionRecord()
    session.number, session.peer = 1, "127.0.0.1:40000"
    session.transcript.add_timestamp(1.0)
    session.transcript.add_reply(b"220 localhost ESMTP\r\n")
    for number, command in enumerate(commands, 1):
        session.transcript.add_timestamp(1.0 + number / 10)
        session.transcript.add_command(command)
        session.transcript.add_reply(b"550 5.7.1 <b>No</b>\r\n")
    return session


def build_result(name="greeting-slow", outcome=Outcome.DELIVERED, *, behavior=None, **facts):
    behavior = behavior or build_behavior(name, name.partition("-")[0])
    values = {
        "is_right": outcome is Outcome.SKIPPED or outcome in behavior.accept,
        "reason": "the mail arrived",
        "attempts": 1,
        "seconds": 0.25,
        "exit_status": 0,
        "stderr": "",
        "sessions": (build_session(b"EHLO client"),),
        "findings": (),
    }
    values |= facts
    transcripts = tuple(str(session.transcript) for session in values["sessions"])
    return Result(behavior=behavior, outcome=outcome, transcripts=transcripts, **values)


def build_grades(*results, client="python send_mail.py"):
    return Grades(client, results, datetime(2026, 3, 2, 9, 0, tzinfo=UTC))


def build_mixed_grades(client="python send_mail.py"):
    """Return one right, one wrong and one skipped result, in two groups."""
    return build_grades(
        build_result("greeting-slow"),
        build_result(
            "starttls-stripped",
            Outcome.IN_CLEAR,
            reason="the client sent its mail without TLS",
            stderr="Traceback: oops",
            attempts=2,
            exit_status=1,
        ),
        build_result("starttls-refused", Outcome.SKIPPED, reason="the client did not send STARTTLS", sessions=()),
        client=client,
    )


def build_hostile_grades():
    return build_grades(
        build_result(
            "data-lost",
            Outcome.LOST,
            reason=f"the client left: {HOSTILE}",
            stderr=HOSTILE * 3,
            sessions=(build_session(HOSTILE.encode("utf-8", "surrogatepass")),),
        ),
        client=HOSTILE,
    )
