"""Who speaks where: settled ten times a second, told to the other nodes and heard from them; pure."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping

import msgspec

from bus.record import NodeId
from server.rooms import Room, Talk, Talker

TOPIC = "speakers"

ROOMS_PER_FRAME = 16
"""At 64 speakers a room such a frame is well below the 64 KiB of a cast."""


class Talks(msgspec.Struct, array_like=True, frozen=True):
    """Who speaks on a node in some of the rooms: room to session to -dBov and order."""

    node: NodeId
    rooms: dict[str, dict[str, Talk]]


_decoder: msgspec.msgpack.Decoder[Talks] = msgspec.msgpack.Decoder(Talks)


@dataclasses.dataclass(frozen=True, slots=True)
class Turn:
    """Who began and who ended speaking in a room."""

    room: Room
    on: list[str]
    off: list[str]
    broken: dict[str, Talker]
    """Of those who ended the ones whose node said nothing more of them in the middle of a turn."""


class Speech:
    """What one node says of its speakers, and hears of the others'."""

    def __init__(self, here: NodeId) -> None:
        self._here = here
        self._told: set[str] = set()
        """The rooms in which somebody speaks from here, as the other nodes were told last."""

    def settle(self, rooms: Iterable[Room], *, now: float, wall_ms: int) -> tuple[list[Turn], list[bytes]]:
        """What is to be told to members (protocol.md section 6), and what to the other nodes on `TOPIC`."""
        turns: list[Turn] = []
        told: dict[str, dict[str, Talk]] = {}
        for room in rooms:
            if not room.restless:
                continue
            on, off = room.settle(self._here, now=now)
            if on or off:
                turns.append(Turn(room, on, off, room.broken))
                room.broken = {}
            if room.talkers:
                room.spoke = wall_ms
            talks = room.talks_of(self._here)
            if talks or room.name in self._told:
                told[room.name] = talks
        self._told = {name for name, talks in told.items() if talks}
        return turns, self._pack(told)

    def hear(self, frame: bytes, rooms: Mapping[str, Room], *, now: float) -> None:
        """Take what another node told. Raises msgspec.MsgspecError if it is not readable."""
        said = _decoder.decode(frame)
        for name, talks in said.rooms.items():
            room = rooms.get(name)
            if room is not None:
                room.hear_of(said.node, talks, now=now, here=self._here)

    def _pack(self, told: dict[str, dict[str, Talk]]) -> list[bytes]:
        names = list(told)
        return [
            msgspec.msgpack.encode(Talks(self._here, {name: told[name] for name in names[at : at + ROOMS_PER_FRAME]}))
            for at in range(0, len(names), ROOMS_PER_FRAME)
        ]
