"""Small helpers that know nothing of mail: clock, escaping, bytes, "host:port" and others."""
