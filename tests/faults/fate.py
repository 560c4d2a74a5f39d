"""What becomes of what one host sends to another, and how a network of hosts is addressed."""

from __future__ import annotations

import dataclasses
from typing import Any

HOSTS = 9
"""A network has so many hosts at most."""


@dataclasses.dataclass(frozen=True, slots=True)
class Fate:
    """One direction between two hosts; nothing happens to what has the default one."""

    loss: float = 0.0
    """Share of packets lost; 1 is a black hole. A proxy holds bytes back instead, as TCP would repeat them."""
    twice: float = 0.0
    """Share of packets that come twice. A proxy cannot show it: TCP gives its user no byte twice."""
    delay: float = 0.0
    """Seconds on the way."""
    jitter: float = 0.0
    """Seconds more or less, without overtaking."""
    rate: float = 0.0
    """Bytes a second that pass, a slow drip; 0 for no limit."""
    cut: bool = False
    """Connections are reset and refused. Between namespaces it is a black hole, as between machines."""

    @property
    def black(self) -> bool:
        """Whether nothing arrives at all."""
        return self.cut or self.loss >= 1


def read_fate(order: dict[str, Any]) -> Fate:
    """The fate in an order that came as JSON."""
    return Fate(**{field.name: order.get(field.name, field.default) for field in dataclasses.fields(Fate)})


def address_of(net: str, host: int) -> str:
    """The address of the host with this number from 1 up, in a network such as ``127.77.5`` or ``fd00:77:5``.

    In the latter each host has a /64, of which this is the first.
    """
    return f"{net}:{host}::1" if ":" in net else f"{net}.{host}"


def passage(net: str, source: int, target: int) -> str:
    """The address at which a proxy takes what `source` means for `target`."""
    return f"{net}.{10 * source + target}"
