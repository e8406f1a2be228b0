"""Read master files (RFC 1035 5) through dnspython, as the mapping that `Zone` takes."""

from __future__ import annotations

from lazr.smtptest.dns.extra import require_dnspython
from lazr.smtptest.dns.names import join_labels

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from dns.rdata import Rdata

__all__ = ["read_master_file"]

_DEFAULT_TTL_SECONDS = 3600  # nothing uses it, but dnspython demands one
# $INCLUDE reads other files, and $GENERATE can make billions of records of one line.
_DIRECTIVES = ("$ORIGIN", "$TTL")


def read_master_file(text: str, filename: str = "<text>") -> dict[str, list[str | bytes]]:
    """Return the records of a master file; types that `Zone` does not know are left out.

    Args:
        text: The content of the file.  A name without a last dot is relative to $ORIGIN, or complete without it.
        filename: The name of the file in errors.

    Raises:
        ValueError: The text is not a valid master file.
        MissingExtra: dnspython is not installed.
    """
    require_dnspython("zone files")
    import dns.exception
    import dns.name
    import dns.rdataclass
    import dns.rdatatype
    import dns.tokenizer
    import dns.zonefile

    class Transaction(dns.zonefile.RRsetsReaderTransaction):
        """Skip SOA records: a file of several domains has several."""

        def add(self, *args: Any) -> None:
            if args[-1].rdtype != dns.rdatatype.SOA:
                super().add(*args)

    class_in = dns.rdataclass.IN
    manager = dns.zonefile.RRSetsReaderManager(dns.name.root, relativize=False, rdclass=class_in)
    # A space before each line end: the tokenizer counts a line end that it has only looked at, and errors would name
    # the next line.
    tokens = dns.tokenizer.Tokenizer(text.replace("\n", " \n"), filename)
    try:
        with Transaction(manager, True, False) as transaction:  # type: ignore[no-untyped-call]
            dns.zonefile.Reader(
                tokens, class_in, transaction, allow_directives=_DIRECTIVES, default_ttl=_DEFAULT_TTL_SECONDS
            ).read()
    except (dns.exception.DNSException, ValueError, KeyError) as error:
        raise ValueError(f"expected a DNS zone file (RFC 1035), got an error: {error}; correct that line") from error
    records: dict[str, list[str | bytes]] = {}
    for rrset in manager.rrsets:
        record_type = str(rrset.rdtype.name)
        values = [value for value in (_read_value(record_type, data) for data in rrset) if value is not None]
        if values:
            records[f"{join_labels(rrset.name.labels)} {record_type}"] = values
    return records


def _read_value(record_type: str, data: Rdata) -> str | bytes | None:
    """Return a record as `Zone` takes it; None for a type that it does not know."""
    if record_type == "TXT":
        return b"".join(data.strings)  # type: ignore[attr-defined]  # of the class of this type
    if record_type in ("A", "AAAA"):
        return str(data.address)  # type: ignore[attr-defined]
    if record_type == "MX":
        return f"{data.preference} {join_labels(data.exchange.labels) or '.'}"  # type: ignore[attr-defined]
    if record_type in ("CNAME", "PTR"):
        return join_labels(data.target.labels)  # type: ignore[attr-defined]
    return None
