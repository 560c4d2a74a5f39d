"""Whether an address can be listened on now, and which port is free next."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Collection

HIGHEST = 65_535


def obstacle(host: str, port: int) -> str | None:
    """Say why nothing can listen on `host`:`port` now; None when it is free.

    The address is bound as a server would bind it and released at once, so another program may still take it before
    it is used. Port 0 asks the system for any free one, so only the address is tried then. `host` is an IP address
    or ``localhost``: no name server is asked, because that would hold the caller up.
    """
    if not 0 <= port <= HIGHEST:
        return f"A port is a number from 0 to {HIGHEST}."
    try:
        found = socket.getaddrinfo(
            "127.0.0.1" if host == "localhost" else host,
            port,
            type=socket.SOCK_STREAM,
            flags=socket.AI_NUMERICHOST | socket.AI_PASSIVE,
        )
    except (OSError, UnicodeError):
        return f"{host} is not an IP address."
    family, kind, protocol, _, address = found[0]
    with socket.socket(family, kind, protocol) as probe:
        if os.name == "posix":
            # Servers set it too; without it a port whose last connection just ended would look taken.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
        except PermissionError:
            return f"This user may not listen on port {port}."
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return f"Port {port} is in use."
            if error.errno == errno.EADDRNOTAVAIL:
                return f"This machine has no address {host}."
            return f"Port {port} cannot be used: {error.strerror or error}."
    return None


def next_free(host: str, first: int, *, besides: Collection[int] = ()) -> int | None:
    """Find the lowest free port among the hundred from `first` up, `besides` left out; None where none is."""
    for port in range(first, min(first + 100, HIGHEST + 1)):
        if port not in besides and obstacle(host, port) is None:
            return port
    return None
