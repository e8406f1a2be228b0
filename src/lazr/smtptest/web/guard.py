"""What stands in front of all routes, in its order.

1. `Secure`: header fields of every answer, the refusals of what follows too.
2. `Unambiguous`: what can be read in two ways.
3. `Hosts`: by which names we may be spoken to.
4. `Origins`: whose pages may speak to us.  It answers preflights, which have no credentials, so it is before
5. `Login`: who it is.
6. `Sockets`: how many websockets there are.
7. `Bodies`: how large a request is, and how slow.
8. `Pieces`: how much of the answers waits for clients to read it.

None of it goes by a path to decide whether it applies, but for the two that `Login` leaves open, which are compared
octet by octet as they came.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lazr.smtptest.web.ambiguous import Unambiguous
from lazr.smtptest.web.bodies import LARGER, MIB, Bodies
from lazr.smtptest.web.hosts import Hosts
from lazr.smtptest.web.login import OPEN, Login
from lazr.smtptest.web.origins import Origins
from lazr.smtptest.web.pieces import Pieces
from lazr.smtptest.web.secure import Secure
from lazr.smtptest.web.sockets import Sockets
from lazr.smtptest.web.wire import most_connections

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from starlette.types import ASGIApp, Receive, Scope, Send

    from lazr.smtptest.web.users import Users

__all__ = ["Guard"]


class Guard:
    """An ASGI application that lets through to another one what may come through.

    - `bound`: the address that the server listens at; `names`: what it is called besides (`Hosts`).
    - `origins`: whose pages may talk to it besides its own (`Origins`).
    - `users`, `mailboxes`, `open_paths`, `failures`: who may come in (`Login`).
    - `websockets`: how many at once; None is four fifths of the connections that there may be.
    - `body`, `larger`, `body_seconds`, `bodies`: octets, and seconds, of a request's body; `bodies` is for
      all that are there at once, and for all answers too (`Bodies`, `Pieces`).

    >>> from starlette.applications import Starlette
    >>> app = Guard(Starlette(), names=["mail.test"], origins=["http://localhost:3000"])
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        bound: str = "127.0.0.1",
        names: Collection[str] = (),
        origins: Collection[str] = (),
        users: Users | None = None,
        mailboxes: Mapping[str, str] | None = None,
        open_paths: Collection[bytes] = OPEN,
        failures: int = 10,
        websockets: int | None = None,
        body: int = 5 * MIB,
        larger: Mapping[str, int] = LARGER,
        body_seconds: float = 60.0,
        bodies: int = 256 * MIB,
    ) -> None:
        app = Pieces(app, together=bodies)
        app = Bodies(app, most=body, larger=larger, seconds=body_seconds, together=bodies)
        app = Sockets(app, most=most_connections() * 4 // 5 if websockets is None else websockets)
        app = Login(app, users=users, mailboxes=mailboxes, open_paths=open_paths, failures=failures)
        app = Origins(app, allowed=origins)
        app = Hosts(app, bound=bound, names=names)
        app = Unambiguous(app)
        self._app: ASGIApp = Secure(app)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request, one websocket, or the lifespan (ASGI 3)."""
        await self._app(scope, receive, send)
