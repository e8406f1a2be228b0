"""Write and read "host:port", with brackets around an IPv6 address (RFC 3986 3.2.2)."""

__all__ = ["format_host_port", "split_host_port"]


def format_host_port(host: str, port: int | str) -> str:
    """Return `host:port`, with an IPv6 address in brackets.

    >>> format_host_port("192.0.2.1", 1025), format_host_port("2001:db8::1", 1025)
    ('192.0.2.1:1025', '[2001:db8::1]:1025')
    """
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def split_host_port(text: str) -> tuple[str, str]:
    """Return the host, without brackets, and the port, which is "" where the text names none.

    A text of this form comes from `format_host_port`, so nothing is validated.  An IPv6 address without brackets is
    a host.

    >>> split_host_port("192.0.2.1:1025"), split_host_port("[2001:db8::1]:1025")
    (('192.0.2.1', '1025'), ('2001:db8::1', '1025'))
    >>> split_host_port("[::1]"), split_host_port("::1"), split_host_port("unix")
    (('::1', ''), ('::1', ''), ('unix', ''))
    """
    host, _, port = text.rpartition(":")
    if text.startswith("["):
        host, _, port = text[1:].partition("]")
        return host, port.removeprefix(":")
    if not host or ":" in host:
        return text, ""
    return host, port
