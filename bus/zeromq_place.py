"""Where a node of a mesh is for others: what it tells of its addresses, while those of its machine may change."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from bus.zeromq_address import is_wildcard, joined, listening, outward, split


class Place:
    """The address that peers are given, and the endpoints of its streams beside it."""

    def __init__(
        self,
        host: str,
        advertised: str,
        peers: Iterable[str],
        *,
        way: Callable[[str, Iterable[str]], str] = outward,
    ) -> None:
        """`host` is where it listens, `advertised` a host, perhaps with a port, that is told instead; or empty.

        Raises BusStartError for an advertised host that is not known.
        """
        self._host, self._way, self._peers = host, way, tuple(peers)
        name, port = split(advertised)
        if port is None:
            name = advertised.removeprefix("[").removesuffix("]")
        self._follows = is_wildcard(host) and not advertised
        self._told = listening(name, keyed=True) if advertised else ""
        self._told_port = port
        self._guess = self._way(host, self._peers) if self._follows else ""
        self._reached = ""
        self._ports: tuple[int, ...] = ()

    def settle(self, ports: Sequence[int]) -> None:
        """These are the ports: that of the address, then those of the streams."""
        self._ports = tuple(ports)

    @property
    def address(self) -> str:
        """``host:port`` that peers give to ``--peer``."""
        return self._joined(self._ports[0])

    @property
    def endpoints(self) -> tuple[str, ...]:
        """Where its streams can be listened to."""
        return tuple(self._joined(port) for port in self._ports[1:])

    def look(self, reached: str) -> bool:
        """Look again; a peer said that it `reached` this node there. Returns whether it is to be told elsewhere.

        The first such word counts until the addresses of this machine change.
        """
        if not self._follows:
            return False
        before = self.address
        guess = self._way(self._host, self._peers)
        if guess != self._guess:
            self._guess, self._reached = guess, ""
        elif not self._reached:
            self._reached = split(reached)[0]
        return self.address != before

    def _joined(self, port: int) -> str:
        # Where ports are mapped, those of the streams are taken to be mapped alike.
        port += 0 if self._told_port is None else self._told_port - self._ports[0]
        return joined(self._told or self._reached or self._guess or self._host, port)
