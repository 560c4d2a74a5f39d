"""Where a mesh listens, what it tells of that, and whom it may reach: hosts, ports and names."""

from __future__ import annotations

import contextlib
import ipaddress
import socket
from collections.abc import Callable, Iterable

from bus.interface import BusStartError

DEFAULT_PORT = 8766
"""The first port tried where none is given."""

PORTS_TRIED = 500

_FAR = {socket.AF_INET: "192.0.2.1", socket.AF_INET6: "2001:db8::1"}
"""Addresses of documentation: nobody has them, and the way to them is that to everybody."""

_NEEDS_KEY = "the mesh listens on loopback only unless it has a --cluster-key-file"


def listening(host: str, *, keyed: bool) -> str:
    """`host` in numbers. Raises BusStartError for one that is not known, or needs a key that is not there."""
    try:
        found = sorted({str(info[4][0]) for info in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)})
    except OSError as error:
        raise BusStartError(f"The mesh address {host} is not known: give 127.0.0.1.") from error
    for address in found:
        if keyed or _is_loopback(address):
            return address
    raise BusStartError(f"The mesh cannot listen on {host}, {_NEEDS_KEY}: give one, or 127.0.0.1.")


def peer_address(given: str, *, keyed: bool) -> str:
    """``host:port`` as peers tell it, or with a host name as it was given.

    Raises BusStartError for what is no such pair, or needs a key that is not there. Only localhost is looked up.
    """
    host, port = split(given)
    if port is None:
        raise BusStartError(f"The peer {given} is not HOST:PORT.")
    if host == "localhost":
        return joined(listening(host, keyed=False), port)
    number = _number(host)
    if not keyed and (number is None or not number.is_loopback):
        raise BusStartError(f"The peer {given} is not on loopback, and {_NEEDS_KEY}.")
    if number is not None and (number.is_unspecified or number.is_multicast):
        raise BusStartError(f"The peer {given} is no address of a node.")
    return joined(host if number is None else str(number), port)


def is_name(address: str) -> bool:
    """Whether the host of an address has to be looked up."""
    return _number(split(address)[0]) is None


def reachable(address: str, *, keyed: bool) -> bool:
    """Whether a node that was heard of may be connected to: numbers, and on loopback where there is no key."""
    host, port = split(address)
    number = _number(host)
    if port is None or number is None or number.is_unspecified or number.is_multicast:
        return False
    return keyed or number.is_loopback


def is_wildcard(host: str) -> bool:
    """Whether who listens on `host` is reached at every address of the machine."""
    number = _number(host)
    return number is not None and number.is_unspecified


def outward(host: str, peers: Iterable[str]) -> str:
    """The address of this machine by which others most likely reach who listens on the wildcard `host`.

    That is where the way to one of `peers` begins, then the way to anybody; loopback where there is none.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    hosts = [split(peer)[0] for peer in peers]
    for far in (*hosts, _FAR[family], _FAR[socket.AF_INET]):
        found = _way_to(far)
        if found and not _is_loopback(found):
            return found
    return "::1" if family == socket.AF_INET6 else "127.0.0.1"


def _way_to(host: str) -> str:
    """The local end of the way to a numeric address; empty where there is none."""
    number = _number(host)
    if number is None:
        return ""
    family = socket.AF_INET6 if number.version == 6 else socket.AF_INET
    with contextlib.suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as probe:
        probe.connect((host, 9))  # sends nothing, only chooses the way
        return plain_host(str(probe.getsockname()[0]))
    return ""


def plain_host(host: str) -> str:
    """A host as the system tells it, with version 4 in version 6 undone."""
    number = _number(host)
    mapped = number.ipv4_mapped if isinstance(number, ipaddress.IPv6Address) else None
    return str(mapped) if mapped is not None else host


def joined(host: str, port: int) -> str:
    """``host:port``, with brackets around a version 6 host."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


class PortInUseError(BusStartError):
    """Somebody has the port."""

    def __init__(self, host: str, port: int) -> None:
        super().__init__(
            f"Mesh port {port} on {host} is in use: stop what holds it, or give --bus-port another (0 picks one)."
        )


def next_free(take: Callable[[str, int], int], host: str, port: int) -> int:
    """Take `port` or the next free one above it; returns it. Raises BusStartError when there is none."""
    for candidate in range(port, min(port + PORTS_TRIED, 65536)):
        with contextlib.suppress(PortInUseError):
            return take(host, candidate)
    raise BusStartError(f"No free mesh port from {port} up on {host}: give --bus-port another (0 picks one).")


def split(address: str) -> tuple[str, int | None]:
    """Host and port; no port where it is not such a pair."""
    host, _, port = address.rpartition(":")
    host = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    valid = host and port.isascii() and port.isdigit() and 0 < int(port[:6]) < 65536
    return host, int(port) if valid else None


def _number(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _is_loopback(host: str) -> bool:
    number = _number(host)
    return number is not None and number.is_loopback
