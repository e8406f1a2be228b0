"""A zone in memory: the DNS records that a test gives, as a mapping or as a master file.

`Zone` needs nothing but Python.  `Zone.from_text` and `Zone.from_file` read master files through dnspython, see
`master_file.py`.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import cast

from lazr.smtptest._util.suggestion import describe_unknown
from lazr.smtptest.dns.names import build_reverse_name, find_parent, normalize_name, split_labels
from lazr.smtptest.dns.record_text import join_character_strings
from lazr.smtptest.dns.resolver import Address, DnsError

TYPE_CHECKING = False
if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Mapping

    from lazr.smtptest.dns.resolver import IpVersion

__all__ = ["RECORD_TYPES", "RecordValue", "Zone"]

RECORD_TYPES = ("A", "AAAA", "CNAME", "MX", "PTR", "TXT")
# Obsolete: nothing looks it up (RFC 7208 3.1).
_IGNORED_TYPES = ("SPF",)
# All types; only for an error: each lookup of the name fails.
_ANY = "ANY"
MAX_CNAMES = 8
MAX_LISTED_NAMES = 10

RecordValue = str | bytes | Address | tuple[int, str]
_Data = bytes | Address | str | tuple[int, str]


class Zone:
    """DNS records of any domains, for `MailServer(dns=...)`.

    A key is a name and a type, `"mx.example.com A"`; the type is TXT if there is none.  A value is one record or a list
    of them.  An exception as the value makes the lookups fail for now, as with a name server that does not respond;
    `"slow.example ANY"` means all types.  A first label `*` is a wildcard (RFC 4592).

    Args:
        records: The records.  Types are A, AAAA, CNAME, MX, PTR and TXT.  An MX record is `"10 mx.example.com"`, and
            the name of a PTR record may be the address.  A TXT record may be in quotes, as in a master file.

    Raises:
        ValueError: A type is unknown, or a value is not valid for its type.
        TypeError: A value is of a wrong type.

    >>> zone = Zone({"example.com MX": ["10 mx.example.com"], "mx.example.com A": "192.0.2.1", "example.com": "v=spf1"})
    >>> zone.find_mx("Example.COM."), zone.find_addresses("mx.example.com", 4), zone.find_txt("example.com")
    ([(10, 'mx.example.com')], [IPv4Address('192.0.2.1')], [b'v=spf1'])
    >>> zone.find_txt("example.org")
    []
    """

    __slots__ = ("_errors", "_nodes", "_records")

    def __init__(
        self, records: Mapping[str, RecordValue | Iterable[RecordValue] | BaseException] | None = None
    ) -> None:
        self._records: dict[tuple[str, str], list[_Data]] = {}
        self._errors: dict[tuple[str, str], BaseException] = {}
        # All names that exist, also those that only have names below them (RFC 4592 2.2.2).
        self._nodes: set[str] = set()
        for key, value in (records or {}).items():
            name, record_type = _split_key(key)
            if record_type in _IGNORED_TYPES:
                continue
            if isinstance(value, BaseException):
                self._add_name(name)
                self._errors[name, record_type] = value
                continue
            values = list(value) if isinstance(value, list | set | frozenset) else [value]
            for one in values:
                self._add(name, record_type, _parse_value(key, record_type, cast("RecordValue", one)))
        self._check_cnames()

    @classmethod
    def from_text(cls, text: str) -> Zone:
        """Read a master file (RFC 1035 5) of any domains; needs the extra `checks`.

        $ORIGIN and $TTL work.  Names without a last dot and without $ORIGIN are complete names.  Types that `Zone` does
        not know are ignored.

        Args:
            text: The content of the file.

        Raises:
            ValueError: The text is not a valid master file; the error names the line.
            MissingExtra: dnspython is not installed.

        >>> zone = Zone.from_text('$ORIGIN example.com.\\n@ MX 10 mx\\nmx A 192.0.2.1\\n')
        >>> zone.find_mx("example.com")
        [(10, 'mx.example.com')]
        """
        from lazr.smtptest.dns.master_file import read_master_file

        return cls(read_master_file(text))

    @classmethod
    def from_file(cls, path: str | os.PathLike[str]) -> Zone:
        """Read a master file (RFC 1035 5), see `from_text`.

        Args:
            path: The path of the file, which is text in UTF-8.

        Raises:
            OSError: The file cannot be read.
            ValueError: The file is not a valid master file; the error names file and line.
            MissingExtra: dnspython is not installed.
        """
        from pathlib import Path

        from lazr.smtptest.dns.master_file import read_master_file

        return cls(read_master_file(Path(path).read_text("utf-8"), str(path)))

    def _add_name(self, name: str) -> None:
        while name and name not in self._nodes:
            self._nodes.add(name)
            name = find_parent(name)

    def _add(self, name: str, record_type: str, data: _Data) -> None:
        self._add_name(name)
        records = self._records.setdefault((name, record_type), [])
        if data not in records:
            records.append(data)

    def _check_cnames(self) -> None:
        for name, record_type in self._records:
            if record_type != "CNAME":
                continue
            others = [other for other in RECORD_TYPES if other != "CNAME" and (name, other) in self._records]
            if others or len(self._records[name, "CNAME"]) > 1:
                other = others[0] if others else "second CNAME"
                raise ValueError(
                    f"{name!r} has a CNAME record and a {other} record; a name with a CNAME has no other record"
                    " (RFC 1034 3.6.2): remove one of them"
                )

    def find_txt(self, name: str) -> list[bytes]:
        """Return the TXT records, see `Resolver`."""
        return cast("list[bytes]", self._find(name, "TXT"))

    def find_addresses(self, name: str, version: IpVersion) -> list[Address]:
        """Return the addresses, see `Resolver`."""
        return cast("list[Address]", self._find(name, "A" if version == 4 else "AAAA"))

    def find_mx(self, name: str) -> list[tuple[int, str]]:
        """Return the MX records, see `Resolver`."""
        return cast("list[tuple[int, str]]", self._find(name, "MX"))

    def find_ptr(self, address: Address) -> list[str]:
        """Return the names of an address, see `Resolver`."""
        return cast("list[str]", self._find(build_reverse_name(address), "PTR"))

    def list_names(self, record_type: str, suffix: str) -> list[str]:
        """Return the names that end with a suffix and have records of a type, sorted; at most 10.

        Args:
            record_type: The type, such as "TXT".
            suffix: The end of the names: ".example.com".
        """
        suffix = suffix.lower()
        found = [name for name, known in self._records if known == record_type and name.endswith(suffix)]
        return sorted(found)[:MAX_LISTED_NAMES]

    def _find(self, name: str, record_type: str) -> list[_Data]:
        name = normalize_name(name)
        for _ in range(MAX_CNAMES + 1):
            if split_labels(name) is None:
                return []
            node = self._find_node(name)
            if node is None:
                return []
            for failing in (record_type, _ANY):
                if (node, failing) in self._errors:
                    error = self._errors[node, failing]
                    raise DnsError(f"lookup of {name} {record_type} failed: {_describe_error(error)}") from error
            aliases = self._records.get((node, "CNAME"))
            if not aliases or record_type == "CNAME":
                return list(self._records.get((node, record_type), ()))
            name = normalize_name(cast("str", aliases[0]))
        raise DnsError(f"lookup of {name} {record_type} failed: more than {MAX_CNAMES} CNAME records in a row")

    def _find_node(self, name: str) -> str | None:
        """Return the name whose records answer: the name itself, or a wildcard (RFC 4592 3.3.1)."""
        if name in self._nodes:
            return name
        encloser = find_parent(name)
        while encloser and encloser not in self._nodes:
            encloser = find_parent(encloser)
        wildcard = f"*.{encloser}" if encloser else "*"
        return wildcard if wildcard in self._nodes else None

    def __len__(self) -> int:
        return sum(map(len, self._records.values())) + len(self._errors)

    def __repr__(self) -> str:
        return f"<Zone: {len(self)} records, {len({name for name, _ in (*self._records, *self._errors)})} names>"


def _describe_error(error: BaseException) -> str:
    return str(error) or type(error).__name__


def _split_key(key: str) -> tuple[str, str]:
    """Return name and type of a key of the mapping."""
    words = str(key).split()
    if not 1 <= len(words) <= 2:
        raise ValueError(
            f'a key of DNS records must be a name and a type, such as "example.com MX", got {key!r}; write one name, a'
            " space, and the type"
        )
    record_type = words[1].upper() if len(words) == 2 else "TXT"
    if record_type not in (*RECORD_TYPES, *_IGNORED_TYPES, _ANY):
        raise ValueError(f"{describe_unknown('type of DNS record', record_type, RECORD_TYPES)} (of {key!r})")
    name = _read_address_name(words[0]) if record_type == "PTR" else normalize_name(words[0])
    if split_labels(name) is None:
        raise ValueError(
            f"a domain name has labels of 1 to 63 characters and at most 253 in total, got {words[0]!r}; correct the"
            " name of this DNS record"
        )
    return name, record_type


def _read_address_name(text: str) -> str:
    try:
        return build_reverse_name(ip_address(text))
    except ValueError:
        return normalize_name(text)


def _parse_value(key: str, record_type: str, value: RecordValue) -> _Data:
    if record_type == _ANY:
        raise ValueError(f"{key!r} must be an exception, got {value!r}; name a type: {', '.join(RECORD_TYPES)}")
    if record_type == "TXT":
        if isinstance(value, bytes):
            return value
        if isinstance(value, str):
            return join_character_strings(value)
        raise TypeError(f"a TXT record must be a text, got {value!r} for {key!r}; write a string or a list of strings")
    if record_type in ("A", "AAAA"):
        return _parse_address(key, record_type, value)
    if record_type == "MX":
        return _parse_mx(key, value)
    return _parse_host(key, record_type, value)


def _parse_address(key: str, record_type: str, value: object) -> Address:
    expected = IPv4Address if record_type == "A" else IPv6Address
    try:
        address = value if isinstance(value, IPv4Address | IPv6Address) else ip_address(str(value).strip())
    except ValueError:
        address = None
    if not isinstance(address, expected):
        what, example = ("an IPv4", "192.0.2.1") if record_type == "A" else ("an IPv6", "2001:db8::1")
        hint = f"its type is {'AAAA' if record_type == 'A' else 'A'}" if address else f"such as {example!r}"
        raise ValueError(f"{key!r} must be {what} address, got {str(value)!r}; {hint}")  # noqa: TRY004
    return address


def _parse_mx(key: str, value: object) -> tuple[int, str]:
    words = value.split() if isinstance(value, str) else list(value) if isinstance(value, tuple) else []
    try:
        preference, host = words
        number = int(preference)
    except ValueError:
        number, host = -1, ""
    if not 0 <= number <= 65535 or not isinstance(host, str):
        raise ValueError(f'{key!r} must be a preference and a host, got {value!r}; write "10 mx.example.com"')
    return number, normalize_name(host)  # "." is a null MX (RFC 7505): no host


def _parse_host(key: str, record_type: str, value: object) -> str:
    if not isinstance(value, str) or split_labels(value) is None:
        raise ValueError(f'{key!r} must be the name of a host for {record_type}, got {value!r}; write "host.example"')
    return normalize_name(value)
