"""The methods of uvicorn and h11 that are overridden or called here are those that were read.

These classes are not a public interface, so a new release may change them without notice.  If a test fails: read what
has changed in the method, adapt the subclass if necessary, and put the new digest into the table.
"""

import ast
import hashlib
import inspect
import textwrap

import pytest

from lazr.smtptest.web.server import uvicorn_protocols, web_server

SUBCLASSES = (
    uvicorn_protocols._LimitedConnection,
    uvicorn_protocols.HttpProtocol,
    uvicorn_protocols.WebSocketProtocol,
    web_server._UvicornServer,
)

# Public methods of the subclasses that override nothing.
NEW_METHODS = {"request_shutdown", "write", "wait_until_writable"}

DIGESTS = {
    "Connection.__init__": "d7d7aae703ba016a",
    "Connection.next_event": "7d3288bcc261c49c",
    "H11Protocol.__init__": "ad1ed8e837b2db8d",
    "H11Protocol.connection_lost": "dbb688fa2b386000",
    "H11Protocol.connection_made": "6efb565ff3d36b91",
    "H11Protocol.data_received": "e03b145518ca44aa",
    "H11Protocol.handle_websocket_upgrade": "6f42a029e35aed5c",
    "H11Protocol.on_response_complete": "1fbb8f48c6a1afc4",
    "H11Protocol.send_400_response": "56937b748fc59d92",
    "WebSocketsSansIOProtocol.__init__": "631dcd744eab875f",
    "WebSocketsSansIOProtocol.connection_lost": "dd116afc4d8034e1",
    "WebSocketsSansIOProtocol.connection_made": "f533ec93747c2cbf",
    "WebSocketsSansIOProtocol.handle_connect": "fc648c2161ff8e13",
    "WebSocketsSansIOProtocol.handle_parser_exception": "ff5cf13c764fb332",
    "WebSocketsSansIOProtocol.send": "d4919ed760ce9f7b",
    "WebSocketsSansIOProtocol.send_receive_event_to_app": "a2b10de91477dc1d",
    "Server.__init__": "c150b55284f7511e",
    "Server.shutdown": "9b33c50562992b1e",
    "Server.startup": "2aa1d70a244bfcf2",
}


def find_used_methods(cls):
    """Yield the methods of other packages that a subclass overrides, or names as `self.method`."""
    owners = [base for base in cls.__mro__ if base.__module__.startswith("lazr.")]
    names = {"__init__"}
    for owner in owners:
        names |= set(vars(owner))
        tree = ast.parse(textwrap.dedent(inspect.getsource(owner)))
        names |= {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    for base in cls.__mro__:
        if base.__module__.startswith(("uvicorn.", "h11.")):
            for name in sorted(names & set(vars(base))):
                function = vars(base)[name]
                function = getattr(function, "fget", function)
                if inspect.isfunction(function):
                    yield f"{base.__qualname__}.{name}", function


def compute_digest(function):
    return hashlib.sha256(inspect.getsource(function).encode()).hexdigest()[:16]


USED = {name: function for cls in SUBCLASSES for name, function in find_used_methods(cls)}


@pytest.mark.parametrize("name", sorted(USED))
def test_used_method_has_not_changed(name):
    digest = compute_digest(USED[name])

    assert DIGESTS.get(name) == digest, f"read {name}, compare it with its subclass, and set its digest to {digest!r}"


def test_every_digest_is_of_a_method_that_exists():
    assert set(DIGESTS) == set(USED)


@pytest.mark.parametrize("cls", SUBCLASSES)
def test_overridden_methods_exist_in_the_base_class(cls):
    overridden = {
        name
        for name, value in vars(cls).items()
        if inspect.isfunction(value) and not name.startswith("_") and name not in NEW_METHODS
    }
    bases = [base for base in cls.__mro__[1:] if not base.__module__.startswith("lazr.")]

    assert [name for name in overridden if not any(hasattr(base, name) for base in bases)] == []
