"""The Simple Mail Transfer Protocol, RFC 5321 and its extensions, without I/O."""
