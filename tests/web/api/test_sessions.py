"""SMTP sessions and their transcripts."""

import smtplib
from datetime import UTC, datetime, timedelta

SESSIONS = "/api/v1/sessions"


def run_session(rest_api, refused=False):
    with smtplib.SMTP(*rest_api.server.address, local_hostname="laptop.example") as client:
        client.ehlo()
        client.user, client.password = "ann", "s3cret"
        client.auth("PLAIN", client.auth_plain)
        if refused:
            client.rcpt("early@example.com")
        client.sendmail("ann@example.com", "bob@example.com", "Subject: <Hi>\r\n\r\nHello\r\n")
    rest_api.server.settle()
    return rest_api.server.sessions[-1].number


def test_sessions_are_listed_latest_first(rest_api):
    one, two = run_session(rest_api), run_session(rest_api, refused=True)
    summary = rest_api.http.get(SESSIONS).json()
    peer = summary["sessions"][0].pop("Peer")
    started, seconds = (summary["sessions"][0].pop(name) for name in ("Started", "Seconds"))
    mail_id = rest_api.list_ids()[0]

    assert (summary["start"], summary["total"], summary["counts"]["mails"]) == (0, 2, 2)
    assert [session["ID"] for session in summary["sessions"]] == [two, one]
    assert summary["sessions"][0] == {
        "ID": two,
        "Protocol": "smtp",
        "Helo": "laptop.example",
        "TLS": None,
        "TLSFailure": "",
        "User": "ann",
        "Mechanism": "PLAIN",
        "SentInClear": ["credentials", "mail"],
        "Mails": 1,
        "Refusals": 1,
        "Ended": "QUIT",
        "LastRefusal": "503 5.5.1 Bad sequence of commands; MAIL comes before RCPT",
        "Findings": [],
        "Messages": [mail_id],
    }
    assert 0 < seconds < 20
    assert timedelta() <= datetime.now(UTC) - datetime.fromisoformat(started) < timedelta(seconds=60)
    assert [session["ID"] for session in rest_api.http.get(f"{SESSIONS}?start=1&limit=5").json()["sessions"]] == [one]
    assert [session["ID"] for session in rest_api.http.get(SESSIONS, params={"peer": peer}).json()["sessions"]] == [two]
    assert rest_api.http.get(f"{SESSIONS}?peer=127.0.0.1").json()["total"] == 2
    assert rest_api.http.get(f"{SESSIONS}?peer=127.0.0.9").json()["total"] == 0


def test_sessions_are_filtered_by_refusals_and_mails(rest_api):
    one, two = run_session(rest_api), run_session(rest_api, refused=True)
    with smtplib.SMTP(*rest_api.server.address) as client:
        client.rcpt("early@example.com")
    with smtplib.SMTP(*rest_api.server.address) as client:
        client.noop()
    rest_api.server.settle()
    cases = {
        "": [two + 2, two + 1, two, one],
        "refused=true": [two + 1, two],
        "without_mail=true": [two + 2, two + 1],
        "refused=true&without_mail=true": [two + 1],
        "refused=false&peer=127.0.0.9": [],
    }

    for query, numbers in cases.items():
        summary = rest_api.http.get(f"{SESSIONS}?{query}").json()
        assert ([session["ID"] for session in summary["sessions"]], summary["total"]) == (numbers, len(numbers))


def test_sessions_are_filtered_by_peer_as_rules_match_it(rest_api):
    run_session(rest_api)
    rest_api.server.sessions[-1].peer = "[2001:db8::1]:40000"  # also on machines without IPv6

    for peer in ("2001:db8::1", "[2001:db8::1]", "[2001:db8::1]:40000"):
        assert rest_api.http.get(SESSIONS, params={"peer": peer}).json()["total"] == 1
    for peer in ("2001:db8::2", "[2001:db8::1]:40001", "2001:db8:", "40000"):
        assert rest_api.http.get(SESSIONS, params={"peer": peer}).json()["total"] == 0


def test_transcript_as_json_text_and_svg(rest_api):
    number = run_session(rest_api)
    lines = rest_api.http.get(f"{SESSIONS}/{number}/transcript").json()
    text = rest_api.http.get(f"{SESSIONS}/{number}/transcript.txt")
    picture = rest_api.http.get(f"{SESSIONS}/{number}/transcript.svg")

    assert next(line["Text"] for line in lines if line["Who"] == "C") == "ehlo laptop.example"
    assert {tuple(line) for line in lines} == {("At", "Who", "Text", "Content", "Refused")}
    assert text.text.endswith("S: 221 2.0.0 Bye\n") and text.headers["content-type"] == "text/plain; charset=utf-8"
    assert picture.headers["content-type"] == "image/svg+xml" and picture.text.startswith("<svg")
    assert "&lt;Hi&gt;" in picture.text and "<Hi>" not in picture.text
    for response in (text, picture):
        assert response.headers["content-security-policy"].startswith("sandbox; default-src 'none'")
        assert response.headers["x-content-type-options"] == "nosniff"


def test_passwords_are_redacted(rest_api):
    number = run_session(rest_api)
    for path in ("", f"/{number}", f"/{number}/transcript", f"/{number}/transcript.txt", f"/{number}/transcript.svg"):
        text = rest_api.http.get(SESSIONS + path).text
        assert "s3cret" not in text and "AGFubgBzM2NyZXQ=" not in text


def test_unknown_session_returns_404(rest_api):
    for path in ("0", "999999", "999999/transcript", "999999/transcript.txt", "999999/transcript.svg"):
        assert rest_api.http.get(f"{SESSIONS}/{path}").status_code == 404
    for path in ("x", "-1", "9" * 400):
        assert rest_api.http.get(f"{SESSIONS}/{path}").status_code == 400


def test_refusals_are_marked_in_transcripts(rest_api):
    number = run_session(rest_api, refused=True)
    lines = rest_api.http.get(f"{SESSIONS}/{number}/transcript").json()

    assert [line["Text"][:3] for line in lines if line["Refused"]] == ["503"]


def test_open_session_grows_and_tells_its_findings(rest_api):
    with smtplib.SMTP(*rest_api.server.address, local_hostname="laptop") as client:
        client.helo()
        (first,) = rest_api.http.get(SESSIONS).json()["sessions"]
        (second,) = rest_api.http.get(SESSIONS).json()["sessions"]

        assert first["Ended"] == "" and first["LastRefusal"] == "" and first["Messages"] == []
        assert 0 <= first["Seconds"] <= second["Seconds"]
    assert first["Findings"] == [
        {"Code": "helo_instead_of_ehlo", "Text": "the client sent HELO, and had not tried EHLO (RFC 5321 4.1.1.1)"}
    ]
