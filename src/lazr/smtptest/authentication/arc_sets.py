"""Collect the ARC sets of a mail: three fields with one instance number (RFC 8617 4.2)."""

from __future__ import annotations

from dataclasses import dataclass

from lazr.smtptest._util.lazy_pattern import compile_lazily
from lazr.smtptest.authentication.dkim.tags import TagError, parse_tags

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lazr.smtptest.authentication.dkim.field import Field
    from lazr.smtptest.authentication.dkim.message import Message

__all__ = ["MAX_SETS", "ArcSet", "collect_sets"]

MAX_SETS = 50  # RFC 8617 4.2.1
MAX_TEXT_OCTETS = 10_000

_SEAL, _SIGNATURE, _RESULTS = b"arc-seal", b"arc-message-signature", b"arc-authentication-results"
_LABELS = {_SEAL: "ARC-Seal", _SIGNATURE: "ARC-Message-Signature", _RESULTS: "ARC-Authentication-Results"}
_INSTANCE = compile_lazily(rb"[ \t\r\n]*[iI][ \t\r\n]*=[ \t\r\n]*([0-9]{1,4})[ \t\r\n]*(?:;|\Z)")


@dataclass(frozen=True, slots=True)
class ArcSet:
    """A complete set.

    Args:
        number: The instance, from 1.
        authentication_results: The field with the results of the forwarder.
        message_signature: The field that signs the mail.
        seal: The field that signs the chain.
        seal_tags: The tags of the seal; empty if it is not a tag list.
    """

    number: int
    authentication_results: Field
    message_signature: Field
    seal: Field
    seal_tags: dict[str, bytes]

    @property
    def cv(self) -> str:
        """What the forwarder says about the chain before: "none", "pass" or "fail"."""
        return self._decode("cv").lower()

    @property
    def domain(self) -> str:
        """The domain of the seal."""
        return self._decode("d")

    @property
    def selector(self) -> str:
        """The selector of the key of the seal."""
        return self._decode("s")

    @property
    def authentication_results_text(self) -> str:
        """The results of the forwarder, in one line."""
        value = self.authentication_results.value[:MAX_TEXT_OCTETS]
        return " ".join(value.decode("utf-8", "replace").split())

    def _decode(self, tag: str) -> str:
        return self.seal_tags.get(tag, b"")[:253].decode("utf-8", "replace")


def collect_sets(message: Message) -> tuple[list[ArcSet], str]:
    """Return the complete sets, the oldest first, and what is wrong; "" if nothing is.

    >>> from lazr.smtptest.authentication.dkim.message import parse_message
    >>> collect_sets(parse_message(b"ARC-Seal: i=2; cv=none\\r\\n\\r\\n"))
    ([], 'set 1 is missing: the highest instance is 2')
    """
    fields: dict[int, dict[bytes, Field]] = {}
    for field in message.find_fields(*_LABELS):
        label = _LABELS[field.key]
        match = _INSTANCE.match(field.value)
        # The tags of a seal have any order.
        number = int(match[1]) if match else _find_instance(field)
        if not number:
            return [], f"an {label} has no instance number i="
        if number > MAX_SETS:
            return [], f"the instance i={number} is too high: a chain has at most {MAX_SETS} sets (RFC 8617 4.2.1)"
        kinds = fields.setdefault(number, {})
        if field.key in kinds:
            return [], f"set {number} has two fields {label}"
        kinds[field.key] = field
    problem = _find_gap(fields)
    sets = []
    for number, kinds in sorted(fields.items()):
        missing = [label for kind, label in _LABELS.items() if kind not in kinds]
        if missing:
            problem = problem or f"set {number} has no {' and no '.join(missing)}"
            continue
        try:
            tags = parse_tags(kinds[_SEAL].value)
        except TagError as error:
            problem = problem or f"the ARC-Seal of set {number} cannot be read: {error}"
            tags = {}
        sets.append(ArcSet(number, kinds[_RESULTS], kinds[_SIGNATURE], kinds[_SEAL], tags))
    return sets, problem


def _find_instance(field: Field) -> int:
    try:
        text = parse_tags(field.value).get("i", b"") if field.key != _RESULTS else b""
    except TagError:
        return 0
    return int(text) if text.isdigit() and len(text) <= 4 else 0


def _find_gap(fields: dict[int, dict[bytes, Field]]) -> str:
    highest = max(fields, default=0)
    missing = next((number for number in range(1, highest) if number not in fields), 0)
    return f"set {missing} is missing: the highest instance is {highest}" if missing else ""
