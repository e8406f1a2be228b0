"""IMAP (RFC 3501, RFC 9051) and its extensions, without I/O."""
