"""DKIM signatures (RFC 6376): verify them, and find the change that broke one."""
