"""The values of a notification."""

from lazr.smtptest.bounces import Notification
from tests.bounces.originals import build_notification


def test_repr_names_the_envelope():
    assert repr(build_notification("bounce")).startswith("<Notification bounce 5.1.1 <> -> app@example.com ")
    assert repr(build_notification("challenge")).startswith("<Notification challenge <> -> app@example.com ")


def test_properties_say_what_mail_must_announce():
    plain = Notification("bounce", "", "a@example.com", b"Subject: a\r\n\r\nb\r\n")
    assert (plain.is_eight_bit, plain.needs_smtputf8) == (False, False)
    body = Notification("bounce", "", "a@example.com", "Subject: a\r\n\r\nß\r\n".encode())
    assert (body.is_eight_bit, body.needs_smtputf8) == (True, False)
    header = Notification("bounce", "", "a@example.com", "Subject: ß\r\n\r\nb\r\n".encode())
    assert (header.is_eight_bit, header.needs_smtputf8) == (True, True)
    assert Notification("bounce", "", "ß@example.com", b"\r\n").needs_smtputf8
