"""Who is behind a proxy: addresses and schemes that are believed because a trusted one says them; pure."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address

HOPS = 32
"""Proxies in a row that are followed; nobody has so many."""


def network(text: str) -> str:
    """A network such as ``10.0.0.0/8``, or one address. Raises ValueError with a sentence."""
    try:
        return str(ipaddress.ip_network(text))
    except ValueError:
        pass
    try:
        meant = ipaddress.ip_network(text, strict=False)
    except ValueError:
        raise ValueError(f"{text!r} is no address and no network, such as 10.0.0.0/8") from None
    raise ValueError(f"{text!r} is no network: is {meant} meant?")


class Proxies:
    """The proxies that are trusted to say for whom they speak."""

    def __init__(self, networks: Iterable[str]) -> None:
        self._networks: tuple[Network, ...] = tuple(ipaddress.ip_network(each) for each in networks)

    def trusts(self, peer: str) -> bool:
        """Whether the connection from this address comes from one of them."""
        address = _address(peer)
        return address is not None and self._is_ours(address)

    def client(self, peer: str, forwarded: Sequence[str]) -> str:
        """The address of the client behind `peer`, which is trusted; `forwarded` are its ``X-Forwarded-For`` headers.

        It is the last one in them that is not a trusted proxy's: what stands before it, that client may have written.
        """
        hops = [hop.strip() for header in forwarded for hop in header.split(",")]
        client = peer
        for hop in reversed(hops[-HOPS:]):
            address = _address(hop)
            if address is None:
                break  # nobody knows who wrote that
            client = str(address)
            if not self._is_ours(address):
                break
        return client

    def _is_ours(self, address: Address) -> bool:
        return any(address in each for each in self._networks)


def scheme(forwarded: Sequence[str]) -> str | None:
    """How the client came to the last proxy, ``http`` or ``https``, by its ``X-Forwarded-Proto`` headers."""
    last = forwarded[-1].rpartition(",")[2].strip().lower() if forwarded else ""
    return {"http": "http", "ws": "http", "https": "https", "wss": "https"}.get(last)


def _address(text: str) -> Address | None:
    """An address as it stands in such a header, with a port or in brackets or without."""
    text = text.strip('"')
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
