"""Sessions and their dialogues over HTTP."""

import smtplib

SESSIONS = "/api/v1/sessions"


def talk(caught, refused=False):
    with smtplib.SMTP(*caught.server.address, local_hostname="laptop.example") as client:
        client.ehlo()
        client.user, client.password = "ann", "s3cret"
        client.auth("PLAIN", client.auth_plain)
        if refused:
            client.rcpt("early@example.com")
        client.sendmail("ann@example.com", "bob@example.com", "Subject: <Hi>\r\n\r\nHello\r\n")
    caught.server.settle()
    return caught.server.sessions[-1].number


def test_sessions_are_listed_the_latest_first(caught):
    one, two = talk(caught), talk(caught, refused=True)
    listed = caught.http.get(SESSIONS).json()
    peer = listed["sessions"][0].pop("Peer")

    assert (listed["start"], listed["total"], listed["counts"]["mails"]) == (0, 2, 2)
    assert [session["ID"] for session in listed["sessions"]] == [two, one]
    assert listed["sessions"][0] == {
        "ID": two,
        "Helo": "laptop.example",
        "TLS": None,
        "TLSFailure": "",
        "User": "ann",
        "Mechanism": "PLAIN",
        "SentInClear": ["credentials", "mail"],
        "Mails": 1,
        "Refusals": 1,
        "Ended": "QUIT",
    }
    assert [session["ID"] for session in caught.http.get(f"{SESSIONS}?start=1&limit=5").json()["sessions"]] == [one]
    assert [session["ID"] for session in caught.http.get(SESSIONS, params={"peer": peer}).json()["sessions"]] == [two]
    assert caught.http.get(f"{SESSIONS}?peer=127.0.0.1").json()["total"] == 2
    assert caught.http.get(f"{SESSIONS}?peer=127.0.0.9").json()["total"] == 0


def test_the_dialogue_in_three_forms(caught):
    number = talk(caught)
    lines = caught.http.get(f"{SESSIONS}/{number}/transcript").json()
    text = caught.http.get(f"{SESSIONS}/{number}/transcript.txt")
    picture = caught.http.get(f"{SESSIONS}/{number}/transcript.svg")

    assert next(line["Text"] for line in lines if line["Who"] == "C") == "ehlo laptop.example"
    assert {tuple(line) for line in lines} == {("At", "Who", "Text", "Content")}
    assert text.text.endswith("S: 221 2.0.0 Bye\n") and text.headers["content-type"] == "text/plain; charset=utf-8"
    assert picture.headers["content-type"] == "image/svg+xml" and picture.text.startswith("<svg")
    assert "&lt;Hi&gt;" in picture.text and "<Hi>" not in picture.text
    for answer in (text, picture):
        assert answer.headers["content-security-policy"].startswith("sandbox; default-src 'none'")
        assert answer.headers["x-content-type-options"] == "nosniff"


def test_no_password_is_told(caught):
    number = talk(caught)
    for path in ("", f"/{number}", f"/{number}/transcript", f"/{number}/transcript.txt", f"/{number}/transcript.svg"):
        said = caught.http.get(SESSIONS + path).text
        assert "s3cret" not in said and "AGFubgBzM2NyZXQ=" not in said


def test_sessions_that_are_not_there(caught):
    for path in ("0", "999999", "999999/transcript", "999999/transcript.txt", "999999/transcript.svg"):
        assert caught.http.get(f"{SESSIONS}/{path}").status_code == 404
    for path in ("x", "-1", "9" * 400):
        assert caught.http.get(f"{SESSIONS}/{path}").status_code == 400
