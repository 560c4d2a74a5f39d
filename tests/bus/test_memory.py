"""The engine within one process."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from bus import engine
from bus.engine import TURN_RECORDS
from bus.keys import Identity
from bus.memory import MemoryBus, MemoryNetwork, VirtualClock
from bus.record import Kind
from tests.bus.contract import BusContract, Mesh, identity
from tests.bus.ear import Ear
from tests.bus.test_replica import World


class MemoryMesh(Mesh):
    def __init__(self) -> None:
        super().__init__()
        self.network = MemoryNetwork()
        self.made = 0

    def make(self, who: Identity, peers: Sequence[str]) -> MemoryBus:
        self.made += 1
        return self.network.bus(who, address=f"memory:{self.made}", peers=peers)


class TestMemory(BusContract):
    def make_mesh(self) -> Mesh:
        return MemoryMesh()


async def test_one_node_alone_needs_no_address() -> None:
    bus = MemoryNetwork().bus(identity(1))
    ear = Ear()
    await bus.start(ear)
    record = bus.append(Kind.TEXT, b"hi")
    await ear.until(lambda: bool(ear.records))
    assert (bus.address, ear.records, ear.synced) == ("", [(record, 1)], 1)
    assert not bus.wanted("t")
    await bus.stop()


async def test_a_node_that_came_where_another_was_is_heard_when_that_one_is_forgotten() -> None:
    network, ear = MemoryNetwork(), Ear()
    a, b = network.bus(identity(1), address="a", peers=["b"]), network.bus(identity(2), address="b")
    await a.start(ear)
    await b.start(Ear())
    await ear.until(lambda: ear.up() == {b.node})
    b.vanish()
    c = network.bus(identity(3), address="b")
    await c.start(Ear())
    await ear.until(lambda: c.node in ear.up())
    a._running._forget(b.origin)
    a._touch()
    await ear.until(lambda: ear.forgotten == [b.origin])
    record = c.append(Kind.TEXT, b"heard")
    await ear.until(lambda: (record, 2) in ear.records)
    await a.stop()
    await c.stop()


def test_a_virtual_clock_does_what_is_due_in_order() -> None:
    clock = VirtualClock(10.0)
    done: list[tuple[str, float]] = []

    def note(what: str) -> None:
        done.append((what, clock.time()))

    clock.call_later(2.0, note, "second")
    clock.call_later(1.0, note, "first")
    clock.call_soon(note, "now")
    clock.call_later(1.5, note, "never").cancel()
    clock.call_later(9.0, note, "later")
    clock.advance(0)
    assert done == [("now", 10.0)]
    clock.advance(5)
    assert done[1:] == [("first", 11.0), ("second", 12.0)]
    assert clock.time() == 15.0


def test_what_comes_at_once_is_handed_on_in_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(2)
    world.clock.advance(1)
    (a, b), ear = world.buses, world.ears[1]
    turns: list[int] = []
    turn = b._turn

    def counted() -> None:
        before = len(ear.records)
        turn()
        turns.append(len(ear.records) - before)

    monkeypatch.setattr(b, "_turn", counted)
    for number in range(5 * TURN_RECORDS):
        a.append(Kind.TEXT, b"", session="s", id=number)
    world.clock.advance(1)
    assert [record.id for record, _ in ear.records] == list(range(5 * TURN_RECORDS))
    assert max(turns) == TURN_RECORDS


def test_no_more_is_read_than_may_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(2)
    world.clock.advance(1)
    (a, b), ear = world.buses, world.ears[1]
    monkeypatch.setattr(engine, "WAITING_EFFECTS", 50)
    waiting: list[int] = []
    turn = b._turn

    def counted() -> None:
        turn()
        waiting.append(len(b._listed))

    monkeypatch.setattr(b, "_turn", counted)
    for _ in range(5 * TURN_RECORDS):
        a.append(Kind.TEXT, b"")
    world.clock.advance(1)
    assert len(ear.records) == 5 * TURN_RECORDS
    assert 0 < max(waiting) <= 50
