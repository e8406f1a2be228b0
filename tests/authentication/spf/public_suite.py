"""The public test suite of RFC 7208: its scenarios, read from the archive of pyspf, and their DNS records."""

import tarfile
from ipaddress import ip_address
from pathlib import Path
from typing import NamedTuple

import yaml

from lazr.smtptest.dns import DnsError

ARCHIVE = Path(__file__).parents[3] / ".cache" / "spf" / "pyspf-2.0.14.tar.gz"
DOWNLOAD = "pip download --no-deps --no-binary :all: --dest .cache/spf pyspf==2.0.14"
_MEMBER = "pyspf-2.0.14/test/rfc7208-tests.yml"
_MAX_CNAMES = 10


class SpfCase(NamedTuple):
    """One test: the client and its envelope, and the results that the suite accepts."""

    name: str
    zone: "SuiteZone"
    ip: str
    helo: str
    mail_from: str
    results: list[str]
    explanation: str | None


class SuiteZone:
    """The DNS records of one scenario; `TIMEOUT` makes the types fail that have no record."""

    def __init__(self, zonedata):
        self._records = {name.lower(): list(self._read_records(rows)) for name, rows in zonedata.items()}

    @staticmethod
    def _read_records(rows):
        pairs = [("TIMEOUT", None) if row == "TIMEOUT" else next(iter(row.items())) for row in rows]
        yield from (pair for pair in pairs if pair != ("TXT", "NONE"))
        if not any(record_type == "TXT" for record_type, _ in pairs):
            # The suite writes records as type SPF, and leaves it to the driver to copy them to TXT.
            yield from (("TXT", value) for record_type, value in pairs if record_type == "SPF")

    def _find(self, name, record_type):
        name = name.lower().removesuffix(".")
        for _ in range(_MAX_CNAMES):
            records = self._records.get(name, [])
            found = [value for type_, value in records if type_ == record_type]
            if not found and ("TIMEOUT", None) in records:
                raise DnsError(f"lookup of {name} {record_type} failed: timed out")
            if "TIMEOUT" in found:
                raise DnsError(f"lookup of {name} {record_type} failed: timed out")
            alias = next((value for type_, value in records if type_ == "CNAME"), None)
            if found or alias is None:
                return found
            name = alias.lower().removesuffix(".")
        raise DnsError(f"lookup of {name} {record_type} failed: more than {_MAX_CNAMES} CNAME records")

    def find_txt(self, name):
        texts = self._find(name, "TXT")
        return [(text if isinstance(text, str) else "".join(text)).encode("utf-8") for text in texts]

    def find_addresses(self, name, version):
        return [ip_address(address) for address in self._find(name, "A" if version == 4 else "AAAA")]

    def find_mx(self, name):
        return [tuple(record) for record in self._find(name, "MX")]

    def find_ptr(self, address):
        return self._find(address.reverse_pointer, "PTR")


def read_cases():
    """Return all tests of the suite; none if the archive is not there."""
    if not ARCHIVE.exists():
        return []
    with tarfile.open(ARCHIVE) as archive:
        scenarios = list(yaml.safe_load_all(archive.extractfile(_MEMBER).read()))
    return [
        SpfCase(
            name,
            zone,
            test["host"],
            test["helo"],
            test["mailfrom"],
            test["result"] if isinstance(test["result"], list) else [test["result"]],
            test.get("explanation"),
        )
        for scenario in scenarios
        for zone in [SuiteZone(scenario["zonedata"])]
        for name, test in scenario["tests"].items()
    ]
