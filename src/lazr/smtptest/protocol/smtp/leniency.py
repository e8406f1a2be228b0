"""The departures from RFC 5321's grammar that a server may permit, each by its name."""

__all__ = ["Lenient"]


class Lenient:
    """Which departures from the grammar are accepted; all but one are refused unless named.

    >>> Lenient(space_before_path=True)
    Lenient(space_before_path=True, any_helo_domain=True)

    - `space_before_path`: `MAIL FROM: <ann@example.com>`.  RFC 5321 3.3 allows no space there; many
      hand-written clients put one.
    - `path_without_brackets`: `MAIL FROM:ann@example.com`.
    - `address_without_domain`: `RCPT TO:<ann>`, as mail inside one host is sent.  Without it only
      `<Postmaster>` needs no domain (RFC 5321 4.5.1).
    - `underscore_in_domain`: `RCPT TO:<ann@build_host.example>`.
    - `eight_bit_without_smtputf8`: UTF-8 in an address although MAIL did not say SMTPUTF8
      (RFC 6531 3.4 wants it said).
    - `parameters_after_helo`: MAIL and RCPT parameters although the client said HELO, not EHLO.
    - `unknown_parameters`: MAIL and RCPT parameters of no offered extension are kept, not refused.
    - `any_helo_domain`: any name without spaces in EHLO and HELO.  **On by default**: clients put
      their host's name there, and a laptop called `ann_s_laptop` would otherwise reach no server.
      RFC 5321 4.1.4 forbids to refuse mail because that name is wrong.

    `Lenient.all()` permits every one.
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
        space_before_path: bool = False,
        path_without_brackets: bool = False,
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

    @classmethod
    def all(cls) -> "Lenient":
        """Every departure permitted."""
        return cls(**dict.fromkeys(cls.NAMES, True))

    def __repr__(self) -> str:
        permitted = (f"{name}=True" for name in self.NAMES if getattr(self, name))
        return f"Lenient({', '.join(permitted)})"
