"""Checks of a mail, over HTTP."""


def test_checks_are_returned(rest_api):
    rest_api.add_mail(Subject="<Hi>", Date="yesterday", Message_ID="<1@example.com>")
    checks = {check.pop("Name"): check for check in rest_api.http.get("/api/v1/message/latest/checks").json()}

    assert checks["Date"] == {"Status": "error", "Text": "Date is not a date (RFC 5322 3.3)", "Where": "header Date"}
    assert checks["Message-ID"] == {"Status": "ok", "Text": "<1@example.com>", "Where": "header Message-ID"}
    assert rest_api.store.get_totals().unread == 1


def test_unknown_mail_has_no_checks(rest_api):
    assert rest_api.http.get("/api/v1/message/none/checks").status_code == 404
