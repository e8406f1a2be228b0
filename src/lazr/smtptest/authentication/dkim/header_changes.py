"""Find out which header field changed after it was signed.

An RSA signature contains the digest of the signed header, and an Ed25519 signature can be tried on other headers.  So
`explain_header` undoes well-known changes, of one field and of pairs of fields, until the signature matches.
"""

from __future__ import annotations

from typing import NamedTuple

from lazr.smtptest._util.lazy_pattern import compile_lazily
from lazr.smtptest.authentication.dkim.canonicalization import canonicalize_field
from lazr.smtptest.authentication.dkim.change import Change
from lazr.smtptest.authentication.dkim.field import Field
from lazr.smtptest.authentication.dkim.field_variants import list_field_variants
from lazr.smtptest.authentication.dkim.message import Message

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from lazr.smtptest.authentication.dkim.search_budget import SearchBudget

__all__ = ["SignedHeader", "build_signed_header", "explain_header", "locate_part", "write_name"]

MAX_FIELDS = 60
MAX_VARIANTS = 4_000
MAX_PAIRED_VARIANTS = 300

_HEX = compile_lazily(rb"=([0-9A-F]{2})")


class SignedHeader(NamedTuple):
    """The header as a signature covers it.

    Args:
        names: The signed names, in lower case.
        fields: The field for each name; None where the mail has none.
        signature: The signature field, without the value of b=.
        algorithm: The canonicalization.
    """

    names: tuple[str, ...]
    fields: list[Field | None]
    signature: Field
    algorithm: str

    def canonicalize(self) -> list[bytes]:
        """Return the canonical fields; the last is the signature field (RFC 6376 3.7)."""
        # The signature field has no line end.
        parts = [canonicalize_field(field, self.algorithm) if field else b"" for field in self.fields]
        return [*parts, canonicalize_field(self.signature, self.algorithm).removesuffix(b"\r\n")]


class _Trial(NamedTuple):
    """Former parts of the canonical header, by position, and what happened since."""

    change: Change
    parts: dict[int, bytes]


def build_signed_header(message: Message, names: tuple[str, ...], signature: Field, algorithm: str) -> SignedHeader:
    """Return the signed header of a mail.

    Args:
        message: The mail.
        names: The signed names, in lower case.
        signature: The signature field, without the value of b=.
        algorithm: The canonicalization, "simple" or "relaxed".
    """
    return SignedHeader(names, message.select_fields(names), signature, algorithm)


def explain_header(
    header: SignedHeader,
    message: Message,
    copies: bytes,
    matches: Callable[[bytes], bool],
    budget: SearchBudget,
    *,
    use_pairs: bool,
) -> list[Change]:
    """Return the changes that explain a wrong signature; an empty list if none are found.

    Args:
        header: The header that was checked.
        message: The mail.
        copies: The tag z=, with copies of the fields by the signer; b"" without it.
        matches: Tells whether the signature fits a canonical header.
        budget: How much may be hashed.
        use_pairs: Try pairs of changes, too.
    """
    if len(header.fields) > MAX_FIELDS or budget.is_spent:
        return []
    parts = header.canonicalize()
    octets = sum(map(len, parts))

    def is_signed(trial: dict[int, bytes], budget: SearchBudget = budget) -> bool:
        change = sum(len(text) - len(parts[position]) for position, text in trial.items())
        if not budget.spend(octets + change):
            return False
        return matches(b"".join(trial.get(position, part) for position, part in enumerate(parts)))

    changes = _compare_copies(header, copies, is_signed)
    if changes:
        return changes
    trials = []
    for trial in _list_trials(header, message):
        if is_signed(trial.parts):
            return [trial.change]
        trials.append(trial)
        if len(trials) >= MAX_VARIANTS or budget.is_spent:
            break
    # Half of the rest is for the search of a single character.
    return _search_pairs(trials, is_signed, budget.split()) if use_pairs else []


def locate_part(header: SignedHeader, position: int) -> Change | None:
    """Return the place of a byte of the canonical header, as a change without a text."""
    fields = [*header.fields, header.signature]
    for field, part in zip(fields, header.canonicalize(), strict=True):
        if position < len(part) and field is not None:
            return Change(f"the field {field.label} was changed", f"header {field.label}")
        position -= len(part)
    return None


def _search_pairs(
    trials: list[_Trial], is_signed: Callable[[dict[int, bytes], SearchBudget], bool], budget: SearchBudget
) -> list[Change]:
    frequent = trials[:MAX_PAIRED_VARIANTS]
    for position, one in enumerate(frequent):
        for other in frequent[:position]:
            if one.parts.keys() & other.parts.keys():
                continue
            if is_signed(one.parts | other.parts, budget):
                return [other.change, one.change]
            if budget.is_spent:
                return []
    return []


def _list_trials(header: SignedHeader, message: Message) -> Iterator[_Trial]:
    """Yield what may have changed: the most frequent changes first."""
    # The change of all fields at once needs no search: the signer canonicalized in another way.
    other = "simple" if header.algorithm == "relaxed" else "relaxed"
    parts = header._replace(algorithm=other).canonicalize()
    text = f"the header was signed with {other} canonicalization, but c= says {header.algorithm}"
    yield _Trial(Change(text, "header"), dict(enumerate(parts)))
    yield from _list_instances(header, message)
    variants = []
    for position, field in enumerate(header.fields):
        if field is not None:
            variants.append((position, list_field_variants(field, header.algorithm)))
    # One variant of each field in turn, so that the first of them, which are the most frequent, come before the others.
    while variants:
        remaining = []
        for position, iterator in variants:
            for change, text_before in iterator:
                yield _Trial(change, {position: text_before})
                remaining.append((position, iterator))
                break
        variants = remaining
    yield from _list_missing(header)
    last = len(header.fields)
    for change, text_before in list_field_variants(header.signature, header.algorithm):
        yield _Trial(change, {last: text_before.removesuffix(b"\r\n")})
    present = canonicalize_field(header.signature, header.algorithm)
    yield _Trial(
        Change("the signer hashed its own field with a line end, which must be left out (RFC 6376 3.7)", "header"),
        {last: present},
    )


def _list_instances(header: SignedHeader, message: Message) -> Iterator[_Trial]:
    """Yield the header without one field, and with fields of one name in another order."""
    positions_by_name: dict[str, list[int]] = {}
    for position, name in enumerate(header.names):
        positions_by_name.setdefault(name, []).append(position)
    for name, positions in positions_by_name.items():
        instances = message.find_fields(name.encode("ascii", "replace"))[-MAX_FIELDS:]
        if not instances:
            continue
        label = instances[0].label
        place = f"header {label}"

        def build(text: str, remaining: list[Field]) -> _Trial:
            parts = {}
            bottom_up = remaining[::-1]
            for number, position in enumerate(positions):  # noqa: B023
                field = bottom_up[number] if number < len(bottom_up) else None
                parts[position] = canonicalize_field(field, header.algorithm) if field else b""
            return _Trial(Change(text, place), parts)  # noqa: B023

        for number in range(len(instances)):
            another = "another field" if len(instances) > 1 else "the field"
            yield build(f"{another} {label} was added", instances[:number] + instances[number + 1 :])
        if len(instances) > 1:
            yield build(f"the fields {label} were put in another order", instances[::-1])
            yield build(f"the fields {label} were put in another order", [*instances[1:], instances[0]])
            yield build(f"the fields {label} were put in another order", [instances[-1], *instances[:-1]])


def _list_missing(header: SignedHeader) -> Iterator[_Trial]:
    """Yield values that a removed field may have had: those of similar fields."""
    values = {
        b"mime-version": [b"1.0"],
        b"content-transfer-encoding": [b"7bit", b"8bit", b"quoted-printable", b"base64"],
        b"content-type": [b"text/plain", b"text/plain; charset=utf-8", b'text/plain; charset="utf-8"'],
        b"list-unsubscribe-post": [b"List-Unsubscribe=One-Click"],
        b"precedence": [b"bulk", b"list"],
        b"auto-submitted": [b"auto-generated"],
    }
    addresses = [
        field.value.strip(b" \t\r\n")
        for name, field in zip(header.names, header.fields, strict=True)
        if field is not None and name in ("from", "to")
    ]
    for position, (name, field) in enumerate(zip(header.names, header.fields, strict=True)):
        if field is not None or name in header.names[:position]:
            continue
        title = write_name(name)
        for value in values.get(name.encode("ascii", "replace"), addresses):
            text = canonicalize_field(Field(title.encode(), b" " + value + b"\r\n"), header.algorithm)
            yield _Trial(Change(f"the field {title} was removed", f"header {title}"), {position: text})


def write_name(name: str) -> str:
    """Return a name in its usual case.

    >>> write_name("mime-version"), write_name("reply-to")
    ('MIME-Version', 'Reply-To')
    """
    return {"mime-version": "MIME-Version", "message-id": "Message-ID", "list-id": "List-ID"}.get(name, name.title())


def _compare_copies(header: SignedHeader, copies: bytes, is_signed: Callable[[dict[int, bytes]], bool]) -> list[Change]:
    """Return the fields that differ from signed copies in z= (RFC 6376 3.5)."""
    if not copies:
        return []
    copied_message = Message([_decode_copy(copy) for copy in copies.split(b"|")])
    parts: dict[int, bytes] = {}
    changes: dict[str, Change] = {}
    for position, copy in enumerate(copied_message.select_fields(header.names)):
        field = header.fields[position]
        before = canonicalize_field(copy, header.algorithm) if copy else b""
        if before == (canonicalize_field(field, header.algorithm) if field else b""):
            continue
        parts[position] = before
        label = (field or copy or Field(b"", b"")).label
        if field is None:
            text = f"the field {label} was removed"
        elif copy is None:
            text = f"the field {label} was added"
        else:
            text = f"the field {label} was changed: the copy in z= differs"
        changes[label] = Change(text, f"header {label}")
    if parts and is_signed(parts):
        return list(changes.values())
    # Not all signers copy all fields, or copy them exactly: try each copy alone.
    for position, before in parts.items():
        copied = header.fields[position]
        if before and copied is not None and is_signed({position: before}):
            return [changes[copied.label]]
    return []


def _decode_copy(copy: bytes) -> Field:
    """Return a field of z=, which is in DKIM quoted-printable (RFC 6376 2.11)."""
    unfolded = b"".join(copy.split())
    name, _, value = _HEX.sub(lambda match: bytes([int(match[1], 16)]), unfolded).partition(b":")
    # Copies have no space after the colon, which simple canonicalization keeps.
    return Field(name, b" " + value.strip(b" \t\r\n") + b"\r\n")
