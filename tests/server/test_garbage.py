"""The garbage collector: it looks at what is new, and nothing stays for good that nobody holds."""

from __future__ import annotations

import asyncio
import gc
import itertools
import sys
import weakref
from collections.abc import Iterator

import pytest
from websockets.server import ServerProtocol

from server import garbage
from server.connection import Connection
from server.conversation import Conversation
from server.desk import Desk
from server.garbage import Collector
from server.session import Role, Seat, SessionRecord
from tests.guest import PATIENCE, Guest, fetch, upgrade, wire
from tests.nodes import Served, Serving, living


class Knot:
    """Something that holds itself."""

    def __init__(self) -> None:
        self.itself = self


class Voice:
    """A total of voice frames."""

    def __init__(self) -> None:
        self.total = 0

    def __call__(self) -> int:
        return self.total


@pytest.fixture
def voice() -> Voice:
    return Voice()


@pytest.fixture
async def collector(voice: Voice, monkeypatch: pytest.MonkeyPatch) -> Collector:
    monkeypatch.setattr(garbage, "GROWN", -1_000_000)
    return Collector(voice)


@pytest.fixture(autouse=True)
def _stopped(collector: Collector) -> Iterator[None]:
    yield
    collector.stop()


async def test_what_falls_apart_young_is_collected(collector: Collector) -> None:
    collector.start()
    seen = weakref.ref(Knot())
    gc.collect()
    assert seen() is None


async def test_what_has_outlived_a_full_collection_is_not_looked_at_again(collector: Collector) -> None:
    collector.start()
    before = gc.get_freeze_count()
    knots = [Knot() for _ in range(100)]
    gc.collect()
    assert gc.get_freeze_count() >= before + len(knots)
    assert len(gc.get_objects()) < 100
    seen = weakref.ref(knots[0])
    del knots
    gc.collect()
    assert seen() is not None


async def test_all_is_looked_through_when_nobody_speaks_and_not_before(collector: Collector, voice: Voice) -> None:
    collector.start()
    knot = Knot()
    seen = weakref.ref(knot)
    gc.collect()
    del knot
    voice.total += 1
    assert not collector.look()
    assert seen() is not None
    assert collector.look()
    assert seen() is None
    assert gc.get_freeze_count() > 0


async def test_it_is_not_done_for_little(collector: Collector, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(garbage, "GROWN", 20_000)
    collector.start()
    assert not collector.look()


async def test_too_much_does_not_wait_for_silence(
    collector: Collector, voice: Voice, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(garbage, "MOST", -1_000_000)
    collector.start()
    voice.total += 1
    assert collector.look()


async def test_it_leaves_the_process_as_it_was(collector: Collector) -> None:
    before = gc.get_threshold(), list(gc.callbacks)
    collector.start()
    assert gc.get_threshold() != before[0]
    collector.stop()
    assert (gc.get_threshold(), list(gc.callbacks)) == before
    assert gc.get_freeze_count() == 0


async def test_a_connection_that_ends_needs_no_collector(served: Served) -> None:
    alive = living(Connection, Conversation, ServerProtocol)
    gc.disable()
    try:
        one, other = [await Guest.enter(served.url, name=name) for name in ("Ann", "Ben")]
        await one.join()
        await other.join()
        await one.say("hello")
        assert len(alive()) == 6
        await one.leave_for_good()
        other.vanish()
        await fetch(served.url, "/healthz")
        async with wire(served.url) as raw:
            await raw.send(b"nonsense\r\n\r\n")
            await raw.rest()
        for cut in (0, 1, 30, -2, 10_000):
            async with wire(served.url) as raw:  # and one that breaks off
                await raw.send(upgrade(raw.host)[:cut])
                await fetch(served.url, "/healthz")
        async with wire(served.url) as raw:  # and one that is cut because it says nothing more
            await raw.send(upgrade(raw.host)[:50])
            await fetch(served.url, "/healthz")
            served.advance(10.5)
            await raw.rest()
        await served.gateway._empty(PATIENCE)
        assert alive() == []
    finally:
        gc.enable()


async def test_who_comes_and_goes_leaves_nothing(serve: Serving, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hours of comings and goings in little time: what is kept of the past is bounded, and so is all else."""
    for bound, few in (("server.presence.ENDED", 20), ("server.lines.LINES", 5)):
        monkeypatch.setattr(bound, few)
    node = (await serve(log_records=20)).node
    desk = Desk(node, "Lena")
    numbers = itertools.count(1)

    async def hour() -> tuple[int, int]:
        for number in itertools.islice(numbers, 600):
            record = session(number, node.node_id)
            node.custody.write(record)
            node.custody.write(record.over("left"))
            if number % 50 == 0:
                node.tick(0.0)
            if number % 10 == 0:
                await asyncio.sleep(0)  # a turn of the loop hands so many records on and no more
        gc.collect()
        return len(gc.get_objects()), sys.getallocatedblocks()

    for _ in range(4):  # until all that is bounded has filled
        objects, blocks = await hour()
    for _ in range(3):
        later_objects, later_blocks = await hour()
    assert later_objects - objects < 100
    assert later_blocks - blocks < 600
    assert desk.rooms() == []


def session(number: int, node: str) -> SessionRecord:
    return SessionRecord(
        session=f"s_{number}",
        user=f"user{number}",
        name=f"Person {number}",
        role=Role.USER,
        node=node,
        node_name="here",
        n=1,
        connected=1,
        client="test/1.0",
        ip="127.0.0.1",
        seats=(Seat(room=f"Room {number % 10}", ssrc=number, joined=1, order=number),),
    )
