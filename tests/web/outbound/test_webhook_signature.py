"""`sign`: the example of Standard Webhooks."""

from lazr.smtptest.web.outbound.webhook_signature import read_secret


def test_signature_of_the_specification_example():
    # The example of the specification, and its libraries' tests.
    from lazr.smtptest.web.outbound.webhook_signature import sign

    key = read_secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    headers = sign([key], "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')

    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
