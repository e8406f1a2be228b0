"""Build mails that come back: bounces, complaints and automatic replies."""
