"""Faults that can be planted in the product, each of which the simulation must catch."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import msgspec
import pytest

from bus.admission import Admission
from bus.dead import Dead
from bus.engine import Engine
from bus.keys import Identity
from bus.log import CHUNK_BYTES, Log, Span
from bus.membership import Membership, Sighting
from bus.memory import MemoryBus
from bus.packets import Ack, Digest, Packet
from bus.places import Places
from bus.record import ClientId, Origin, Record
from server import custody
from server.exclusion import Exclusion
from server.feeds import Asked, Feeds
from server.orders import Orders
from server.presence import Presence
from server.rulings import Change, Ruling, Rulings, Standing
from server.session import SessionRecord
from server.takeover import Meeting
from server.timeline import Timeline
from tests.simulation.world import World

Plant = Callable[[pytest.MonkeyPatch], None]


def acknowledged_at_one_copy(patch: pytest.MonkeyPatch) -> None:
    say = Feeds.say

    def hasty(self: Feeds, asked: Asked, write: Callable[[dict[Origin, int]], Record]) -> Record:
        record = say(self, asked, write)
        if self._asked.pop((asked.session, asked.id), None) is not None:
            asked.shown(record, 2, True)
        return record

    patch.setattr(Feeds, "say", hasty)


def acknowledged_out_of_prefix(patch: pytest.MonkeyPatch) -> None:
    send = MemoryBus._send

    def boast(self: MemoryBus, address: str | None, packet: Packet) -> None:
        logs = self._running.logs if self._replica is not None else {}
        if isinstance(packet, Ack) and packet.origin in logs:
            packet = msgspec.structs.replace(packet, high=_reach(logs[packet.origin]))
        elif isinstance(packet, Digest):
            held = {origin: (log.floor, _reach(log)) for origin, log in logs.items()}
            packet = msgspec.structs.replace(packet, held=held)
        send(self, address, packet)

    patch.setattr(MemoryBus, "_send", boast)


def _reach(log: Log) -> int:
    return max(log._waiting, default=log.high)


def shown_before_the_second_copy(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Admission, "_confirmed", lambda self: self.held(self._origin))


def no_wait_for_the_cursors(patch: pytest.MonkeyPatch) -> None:
    def at_once(self: Engine, places: Mapping[Origin, int], ready: Callable[[], None]) -> Callable[[], None]:
        return self._clock.call_soon(ready).cancel

    patch.setattr(Engine, "when_held", at_once)


def no_after(patch: pytest.MonkeyPatch) -> None:
    append = Engine.append

    def anywhere(self: Engine, *args: Any, after: object = None, **more: Any) -> Record:
        return append(self, *args, **more)

    patch.setattr(Engine, "append", anywhere)


def one_place_remembered(patch: pytest.MonkeyPatch) -> None:
    of = Places.of

    def first(self: Places, session: str, id: ClientId) -> Sequence[Record]:
        return of(self, session, id)[:1]

    patch.setattr(Places, "of", first)


def incarnation_reused(patch: pytest.MonkeyPatch) -> None:
    identity = World._identity

    def again(self: World, name: str, *, fresh: bool = False) -> Identity:
        made = identity(self, name, fresh=fresh)
        return made if fresh else dataclasses.replace(made, incarnation=1)

    patch.setattr(World, "_identity", again)


def no_dedup(patch: pytest.MonkeyPatch) -> None:
    add = Timeline.add

    def every(self: Timeline, record: Record, audience: str, places: Iterable[Record], *, now: float) -> bool:
        return add(self, record, audience, (), now=now)

    patch.setattr(Timeline, "add", every)


def snapshot_newer_than_its_content(patch: pytest.MonkeyPatch) -> None:
    span = Log.span

    def short(self: Log, after: int, *, size: int = CHUNK_BYTES) -> Span:
        whole = span(self, after, size=size)
        return dataclasses.replace(whole, records=whole.records[:-3])

    patch.setattr(Log, "span", short)


def waking_node_thinks_it_is_alone(patch: pytest.MonkeyPatch) -> None:
    meet = Membership.meet

    def take_at_its_word(self: Membership, digest: Digest, now: float) -> Sighting | None:
        seen = meet(self, digest, now)
        if seen is not None and self.origin not in digest.hears:
            seen.named = None
        return seen

    patch.setattr(Membership, "meet", take_at_its_word)
    patch.setattr(Membership, "present", Membership.up)


def kick_undone_by_a_later_hello(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(SessionRecord, "is_for_good", False)


def end_not_remembered(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Presence, "has_ended", lambda self, session: False)
    patch.setattr(Presence, "key", lambda self, session: self._keys.get(session))


def older_connection_goes_on(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(custody, "meet", lambda mine, theirs, record: Meeting.STAYS)


def life_forgotten_without_a_trace(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Dead, "forget", lambda self, origin, *, high: self._since.pop(origin, None))


def ruling_that_came_last_wins(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Ruling, "rank", property(lambda ruling: (0, "")))
    take = Rulings.take

    def newest(self: Rulings, ruling: Ruling, now: float) -> tuple[Standing, Change | None]:
        if self.last(ruling.key) not in (None, ruling):
            del self._entries[ruling.key]
        return take(self, ruling, now)

    patch.setattr(Rulings, "take", newest)


def banned_at_the_door_alone(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Exclusion, "_judge", lambda self, record, room: None)


def older_ruling_is_not_answered(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Orders, "_carry", lambda self, now: None)


FAULTS: tuple[Plant, ...] = (
    acknowledged_at_one_copy,
    acknowledged_out_of_prefix,
    shown_before_the_second_copy,
    no_wait_for_the_cursors,
    no_after,
    one_place_remembered,
    incarnation_reused,
    no_dedup,
    snapshot_newer_than_its_content,
    waking_node_thinks_it_is_alone,
    kick_undone_by_a_later_hello,
    end_not_remembered,
    older_connection_goes_on,
    life_forgotten_without_a_trace,
    ruling_that_came_last_wins,
    banned_at_the_door_alone,
    older_ruling_is_not_answered,
)
