"""Sender Policy Framework (RFC 7208): evaluate records for a client and a sender."""
