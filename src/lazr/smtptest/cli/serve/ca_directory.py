"""Keep the certificate authority of the test certificates in a folder, over several runs."""

from __future__ import annotations

import contextlib
import os
import ssl
import tempfile
from typing import TYPE_CHECKING

from lazr.smtptest.cli.errors import CommandError
from lazr.smtptest.errors import MissingExtra

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    import trustme

__all__ = ["CaDirectory", "open_ca_directory"]

_USAGE_ERROR = 2
_CERTIFICATE_NAME, _KEY_NAME = "ca.pem", "ca-key.pem"
_CERTIFICATE_MARK = b"-----BEGIN CERTIFICATE-----"
_ORGANIZATION = "lazr.smtptest"


class CaDirectory:
    """A certificate authority whose key is in a folder, beside its certificate `ca.pem`.

    Each run gets a new server certificate from it.  Clients trust `ca.pem`, which stays the same.
    """

    def __init__(self, ca_file: Path, authority: trustme.CA) -> None:
        self.ca_file: Path = ca_file
        self._authority = authority

    def build_server_context(self, names: Sequence[str]) -> ssl.SSLContext:
        """Return an SSL context with a new certificate for these host names and addresses."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.options |= ssl.OP_NO_RENEGOTIATION
        self._authority.issue_cert(*names, organization_name=_ORGANIZATION).configure_cert(context)
        return context


def open_ca_directory(folder: Path) -> CaDirectory:
    """Return the authority of a folder; create what is missing.

    Raises:
        CommandError: If the folder cannot be used, or its key file is invalid.
        MissingExtra: If trustme is not installed.
    """
    try:
        import trustme
    except ImportError as error:
        raise MissingExtra('--tls-dir needs trustme: pip install "lazr.smtptest[tls]"') from error

    certificate_file, key_file = folder / _CERTIFICATE_NAME, folder / _KEY_NAME
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not key_file.exists():
            _create_authority(key_file)
        pem = key_file.read_bytes()
        authority = trustme.CA.from_pem(pem[pem.index(_CERTIFICATE_MARK) :], pem)
        _replace_file(certificate_file, authority.cert_pem.bytes())
    except OSError as error:
        raise CommandError(f"{error.filename or folder}: {error.strerror or error}", _USAGE_ERROR) from None
    except (ValueError, TypeError):
        raise CommandError(
            f"{key_file}: expected a private key and its CA certificate in PEM; remove the file to make a new CA",
            _USAGE_ERROR,
        ) from None
    return CaDirectory(certificate_file, authority)


def _create_authority(key_file: Path) -> None:
    """Write the key and the certificate of a new CA into one file, unless it exists."""
    import trustme

    authority = trustme.CA(organization_name=_ORGANIZATION)
    content = authority.private_key_pem.bytes() + authority.cert_pem.bytes()
    with _write_temporary(key_file, content) as temporary, contextlib.suppress(FileExistsError):
        os.link(temporary, key_file)


def _replace_file(path: Path, content: bytes) -> None:
    """Write a file that other users can read, and that is complete at each moment."""
    with _write_temporary(path, content) as temporary:
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)


@contextlib.contextmanager
def _write_temporary(path: Path, content: bytes) -> Iterator[str]:
    """Write a file beside `path` that only this user can read; the value is its path.

    The file is removed at the end of the block, unless it has been renamed.
    """
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=path.name)
    try:
        with open(descriptor, "wb") as file:
            file.write(content)
        yield temporary
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)
