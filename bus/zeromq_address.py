"""Where a mesh listens and whom it may reach: loopback addresses and the ports to bind."""

from __future__ import annotations

import ipaddress
import socket

import zmq

from bus.interface import BusStartError

DEFAULT_PORT = 8766
"""The first port tried where none is given."""

PORTS_TRIED = 500


def loopback(host: str) -> str:
    """`host` as a numeric loopback address. Raises BusStartError for any other, as the mesh has no key."""
    try:
        found = {str(info[4][0]) for info in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)}
    except OSError as error:
        raise BusStartError(f"The mesh address {host} is not known: give 127.0.0.1.") from error
    for address in sorted(found):
        if ipaddress.ip_address(address).is_loopback:
            return address
    raise BusStartError(f"The mesh listens on loopback only, and {host} is not: give 127.0.0.1.")


def peer_address(given: str) -> str:
    """``host:port`` as `loopback` and `joined` make it. Raises BusStartError for anything that is not such a pair."""
    host, port = _split(given)
    if port is None:
        raise BusStartError(f"The peer {given} is not HOST:PORT.")
    return joined(loopback(host), port)


def reachable(address: str) -> bool:
    """Whether a node that was heard of may be connected to: a numeric loopback address with a port."""
    host, port = _split(address)
    try:
        return port is not None and ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def joined(host: str, port: int) -> str:
    """``host:port``, with brackets around a version 6 host."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def bind(sock: zmq.Socket[bytes], host: str, port: int) -> int:
    """Bind to one port, 0 for any free one; returns it. Raises BusStartError."""
    try:
        sock.bind(f"tcp://{joined(host, port)}")
    except zmq.ZMQError as error:
        if error.errno == zmq.EADDRINUSE:
            raise BusStartError(
                f"Mesh port {port} on {host} is in use: stop what holds it, or give --bus-port another (0 picks one)."
            ) from error
        raise BusStartError(f"The mesh cannot listen on {joined(host, port)}: {error.strerror}.") from error
    return int(sock.getsockopt_string(zmq.LAST_ENDPOINT).rpartition(":")[2])


def bind_next(sock: zmq.Socket[bytes], host: str, port: int) -> int:
    """Bind to `port` or the next free one above it; returns it. Raises BusStartError when there is none."""
    for candidate in range(port, min(port + PORTS_TRIED, 65536)):
        try:
            return bind(sock, host, candidate)
        except BusStartError as error:
            if not (isinstance(error.__cause__, zmq.ZMQError) and error.__cause__.errno == zmq.EADDRINUSE):
                raise
    raise BusStartError(f"No free mesh port from {port} up on {host}: give --bus-port another (0 picks one).")


def _split(address: str) -> tuple[str, int | None]:
    host, _, port = address.rpartition(":")
    host = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    valid = host and port.isascii() and port.isdigit() and 0 < int(port[:6]) < 65536
    return host, int(port) if valid else None
