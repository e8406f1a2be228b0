"""The memory of a server process for each session that has greeted and then does nothing.

The client is another process.  The memory of the kernel for the sockets is not counted.
"""

from __future__ import annotations

import resource
import subprocess
import sys
from typing import TYPE_CHECKING

from bench.peers import HERE
from bench.scale import scale
from bench.servers import ASYNC_WITH, BEFORE, OURS, PEERS, SINK, UVLOOP

if TYPE_CHECKING:
    from bench.servers import Catalog, Server

_SESSIONS = 10_000
_SERVERS = (OURS, BEFORE, UVLOOP, ASYNC_WITH, SINK, *PEERS)
# Sessions that are opened and closed first, so that late imports and the first buffers do not count.
_WARM_UP = 20


def measure_idle_sessions(catalog: Catalog) -> dict[str, float]:
    """Return the KiB of each idle session, by the name of the server."""
    hard_limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard_limit, hard_limit))  # the servers inherit it
    # Our server refuses connections above 80 % of the descriptors.
    count = min(scale(_SESSIONS, 50), int(hard_limit * 0.8) - 100)
    print(f"\n{count} idle sessions, KiB each")
    figures: dict[str, float] = {}
    for name in _SERVERS:
        for server in catalog.start([name]):
            try:
                figures[name] = _measure_server(server, count)
            except subprocess.CalledProcessError as error:
                print(f"  {name:<48} skipped: {error.stderr.strip()[-200:]}", flush=True)
            else:
                print(f"  {name:<48} {figures[name]:10.3f}", flush=True)
            finally:
                server.stop()
    return figures


def _measure_server(server: Server, count: int) -> float:
    _run_client(server, _WARM_UP)
    before = server.get_resident_bytes()
    return (_run_client(server, count) - before) / count / 1024


def _run_client(server: Server, count: int) -> int:
    """Open sessions; return the resident bytes of the server while all are open."""
    command = [sys.executable, str(HERE / "idle_client.py"), str(server.port), str(count)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as client:
        assert client.stdout is not None
        is_open = client.stdout.readline()
        size = server.get_resident_bytes()
        _, errors = client.communicate()
    if not is_open:
        raise subprocess.CalledProcessError(client.returncode, command, stderr=errors)
    return size
