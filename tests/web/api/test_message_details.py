"""The details of a mail that Mailpit's API does not have."""


def test_links_codes_envelope_and_defects(rest_api):
    rest_api.add_mail(
        "From: app@example.com\r\nSubject: Sign in\r\nDate: yesterday\r\n\r\nYour code is 123 456: https://example.com/?t=1\r\n",
        to=("bob@example.com", "cy@example.com"),
        sender="",
    )
    get = rest_api.http.get

    assert get("/api/v1/message/latest/links").json() == [
        {"URL": "https://example.com/?t=1", "Text": "https://example.com/?t=1", "Where": "text"}
    ]
    assert get("/api/v1/message/latest/codes").json() == ["123456"]
    assert get("/api/v1/message/latest/envelope").json() == {
        "From": "",
        "To": ["bob@example.com", "cy@example.com"],
        "FromParameters": {},
        "ToParameters": [{}, {}],
        "Bcc": ["bob@example.com", "cy@example.com"],
        "Helo": "",
        "Peer": "",
        "TLS": "",
        "User": "",
    }
    assert get("/api/v1/message/latest/defects").json() == [
        {"Where": "header Date", "Reason": "not a date", "Start": 41, "End": 56, "Line": 3}
    ]
    assert rest_api.store.get_totals().unread == 1
