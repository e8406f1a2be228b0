"""Named departures from RFC 5321's grammar that a server may accept."""

from __future__ import annotations

__all__ = ["Lenient"]


class Lenient:
    """The departures from the grammar that a server accepts.

    `Lenient.all()` accepts all departures, `Lenient.none()` accepts none.  `session.findings` names the departures of
    a session.

    Args:
        space_before_path: `MAIL FROM: <ann@example.com>`.  RFC 5321 3.3 allows no space there.  On by default, as in
            Postfix: many hand-written clients send one.
        path_without_brackets: `MAIL FROM:ann@example.com` (RFC 5321 4.1.2).  On by default, as in Postfix.
        address_without_domain: `RCPT TO:<ann>`, as used inside one host.  Otherwise only `<Postmaster>` needs no domain
            (RFC 5321 4.5.1).
        underscore_in_domain: `RCPT TO:<ann@build_host.example>`.
        eight_bit_without_smtputf8: UTF-8 in an address although MAIL had no SMTPUTF8 (RFC 6531 3.4 requires it).
        parameters_after_helo: Parameters of MAIL and RCPT although the client sent HELO, not EHLO.
        unknown_parameters: Parameters of MAIL and RCPT that no offered extension has; they are kept.
        any_helo_domain: Any name without spaces in EHLO and HELO.  On by default: clients send the name of their host,
            and a laptop called `ann_s_laptop` could not send mail otherwise.  RFC 5321 4.1.4 forbids to refuse mail
            because of this name.

    >>> Lenient(address_without_domain=True).space_before_path, Lenient.none().space_before_path
    (True, False)
    """

    NAMES = (
        "space_before_path",
        "path_without_brackets",
        "address_without_domain",
        "underscore_in_domain",
        "eight_bit_without_smtputf8",
        "parameters_after_helo",
        "unknown_parameters",
        "any_helo_domain",
    )
    __slots__ = NAMES

    def __init__(
        self,
        *,
        space_before_path: bool = True,
        path_without_brackets: bool = True,
        address_without_domain: bool = False,
        underscore_in_domain: bool = False,
        eight_bit_without_smtputf8: bool = False,
        parameters_after_helo: bool = False,
        unknown_parameters: bool = False,
        any_helo_domain: bool = True,
    ) -> None:
        self.space_before_path = space_before_path
        self.path_without_brackets = path_without_brackets
        self.address_without_domain = address_without_domain
        self.underscore_in_domain = underscore_in_domain
        self.eight_bit_without_smtputf8 = eight_bit_without_smtputf8
        self.parameters_after_helo = parameters_after_helo
        self.unknown_parameters = unknown_parameters
        self.any_helo_domain = any_helo_domain
        for name in self.NAMES:
            if not isinstance(getattr(self, name), bool):
                raise TypeError(f"{name} must be True or False, got {getattr(self, name)!r}")

    @classmethod
    def all(cls) -> Lenient:
        """Return an object that accepts all departures."""
        return cls(**dict.fromkeys(cls.NAMES, True))

    @classmethod
    def none(cls) -> Lenient:
        """Return an object that accepts no departure: RFC 5321's grammar to the letter.

        >>> Lenient.none() == Lenient(space_before_path=False, path_without_brackets=False, any_helo_domain=False)
        True
        """
        return cls(**dict.fromkeys(cls.NAMES, False))

    def _field_values(self) -> tuple[bool, ...]:
        return tuple(getattr(self, name) for name in self.NAMES)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Lenient):
            return NotImplemented
        return self._field_values() == other._field_values()

    def __hash__(self) -> int:
        return hash(self._field_values())

    def __repr__(self) -> str:
        for name, preset in (("none", Lenient.none()), ("all", Lenient.all())):
            if self == preset:
                return f"Lenient.{name}()"
        default = Lenient()
        changes = (name for name in self.NAMES if getattr(self, name) != getattr(default, name))
        return f"Lenient({', '.join(f'{name}={getattr(self, name)}' for name in changes)})"
