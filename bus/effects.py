"""What a replica wants done: packets to send, connections to make or end, news for the listener; pure."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from bus.interface import Peer
from bus.packets import Packet
from bus.record import Origin, Record


@dataclasses.dataclass(frozen=True, slots=True)
class Send:
    """Send a packet to the node at an address, or with None to everybody who listens."""

    address: str | None
    packet: Packet


@dataclasses.dataclass(frozen=True, slots=True)
class Link:
    """Connect to the node at this address and keep trying; tell `Replica.linked` and `Replica.lost`."""

    address: str


@dataclasses.dataclass(frozen=True, slots=True)
class Unlink:
    """End that."""

    address: str


@dataclasses.dataclass(frozen=True, slots=True)
class Listen:
    """Listen to the streams at these endpoints, whatever happens to them."""

    endpoints: tuple[str, ...]


@dataclasses.dataclass(frozen=True, slots=True)
class Ignore:
    """End that."""

    endpoints: tuple[str, ...]


@dataclasses.dataclass(frozen=True, slots=True)
class Shown:
    """For `Listener.on_record`."""

    record: Record
    copies: int


@dataclasses.dataclass(frozen=True, slots=True)
class Gap:
    """For `Listener.on_gap`."""

    origin: Origin
    upto: int


@dataclasses.dataclass(frozen=True, slots=True)
class Reached:
    """A wait is over: call what `Admission.when_held` was given."""

    ready: Callable[[], None]


@dataclasses.dataclass(frozen=True, slots=True)
class Fenced:
    """For `Listener.on_fenced`; nothing follows it."""

    origin: Origin


@dataclasses.dataclass(frozen=True, slots=True)
class Changed:
    """For `Listener.on_peer`."""

    peer: Peer


@dataclasses.dataclass(frozen=True, slots=True)
class Synced:
    """For `Listener.on_synced`."""


@dataclasses.dataclass(frozen=True, slots=True)
class Forgotten:
    """For `Listener.on_forgotten`."""

    origin: Origin


@dataclasses.dataclass(frozen=True, slots=True)
class Remember:
    """Keep these addresses on disk, and nothing else, to look for peers there at the next start."""

    peers: tuple[str, ...]


Effect = (
    Send | Link | Unlink | Listen | Ignore | Shown | Gap | Reached | Changed | Synced | Forgotten | Fenced | Remember
)
