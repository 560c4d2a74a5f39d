"""The reference client on real nodes that lose it, die and leave (protocol.md section 8)."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import signal
from collections.abc import AsyncIterator, Callable
from functools import partial
from pathlib import Path
from typing import TypeVar

from server.client import Client, Event, Reconnecting, Resumed, Voice
from server.identity import Key, mint
from server.session import Role
from server.wire import moderation, native
from tests import processes
from tests.cluster.nodes import KEY, Cluster, Node
from tests.guest import PATIENCE, Guest

ROAMS = 20

E = TypeVar("E")


class Person:
    """A client in the lobby, and all that it was told since everybody is there."""

    def __init__(self, client: Client, joined: native.Joined) -> None:
        self.client = client
        self.joined = joined
        self.told: list[Event] = []
        self._more = asyncio.Event()
        self._reading = asyncio.ensure_future(self._read())

    async def _read(self) -> None:
        async for event in self.client:
            self.told.append(event)
            self._more.set()

    async def end(self) -> None:
        """Close the client, and read the rest."""
        await self.client.close()
        await self._reading

    def of(self, kind: type[E]) -> list[E]:
        """What it was told of a kind."""
        return [event for event in self.told if isinstance(event, kind)]

    def has_met(self, others: int) -> bool:
        """Whether so many came into the room after it."""
        return len(self.of(native.MemberJoined)) == others

    @property
    def texts(self) -> list[str]:
        """What it was shown."""
        return [said.text for said in self.of(native.Said)]

    async def until(self, holds: Callable[[], bool]) -> None:
        """Read until it holds."""
        async with asyncio.timeout(PATIENCE):
            while not holds():
                self._more.clear()
                await self._more.wait()

    async def say(self, *texts: str) -> None:
        """Say these in this order, and wait until all are sent."""
        async with asyncio.timeout(PATIENCE):
            await asyncio.gather(*[self.client.say("lobby", text) for text in texts])


@contextlib.asynccontextmanager
async def lobby(*places: tuple[str, Node]) -> AsyncIterator[list[Person]]:
    """People of these names on these nodes, who are all in the lobby and know of each other."""
    people: list[Person] = []
    try:
        for name, node in places:
            client = Client(node.url, name=name, user=name.lower())
            await client.open()
            people.append(Person(client, await client.join("lobby")))
        for person, others in ((person, len(places) - len(person.joined.members)) for person in people):
            await person.until(partial(person.has_met, others))
        for person in people:
            person.told.clear()
        yield people
    finally:
        for person in people:
            await person.end()


def came_or_went(person: Person) -> list[native.MemberLeft | native.MemberJoined]:
    return person.of(native.MemberLeft) + person.of(native.MemberJoined)


async def test_a_socket_that_is_dropped_costs_nothing(two: tuple[Node, Node]) -> None:
    a, b = two
    async with lobby(("Ann", a), ("Bob", b)) as (ann, bob):
        session = ann.client.session
        ann.client.drop()
        await asyncio.gather(ann.say("1", "2"), bob.say("3", "4"))
        await ann.until(lambda: "4" in ann.texts)
        await bob.until(lambda: "2" in bob.texts)
        (resumed,) = ann.of(Resumed)
        assert (resumed.recovered, resumed.gaps, resumed.anew, resumed.node) == (True, [], False, "b")
        assert (ann.texts, bob.texts) == (["3", "4"], ["1", "2"])
        assert ann.client.session == session
        assert came_or_went(bob) == []
        assert bob.of(native.MemberUpdated)[-1].state == "online"


async def test_a_node_that_is_killed_costs_nothing(two: tuple[Node, Node]) -> None:
    a, b = two
    async with lobby(("Ann", a), ("Bob", b)) as (ann, bob):
        session = ann.client.session
        await ann.say("before")
        a.kill()
        numbers = [str(number) for number in range(5)]
        await asyncio.gather(ann.say(*numbers), bob.say(*numbers))
        await ann.until(lambda: "4" in ann.texts)
        await bob.until(lambda: "4" in bob.texts)
        assert (ann.texts, bob.texts) == (numbers, ["before", *numbers])
        assert (ann.client.session, ann.client.ssrc("lobby")) == (session, ann.joined.ssrc)
        assert came_or_went(bob) == []


async def test_speech_goes_on_at_another_node(two: tuple[Node, Node]) -> None:
    a, b = two
    async with lobby(("Ann", a), ("Bob", b)) as (ann, bob):
        talk = ann.client.talk(ann.joined)
        await talk.send(b"before", first=True)
        await bob.until(lambda: len(bob.of(Voice)) == 1)
        a.kill()
        await ann.until(lambda: bool(ann.of(Resumed)))
        await talk.send(b"after")
        await bob.until(lambda: len(bob.of(Voice)) == 2)
        before, after = bob.of(Voice)
        assert (after.packet, after.ssrc, after.seq) == (b"after", before.ssrc, before.seq + 1)


async def test_a_node_that_leaves_is_left_unnoticed(two: tuple[Node, Node]) -> None:
    a, b = two
    async with lobby(("Ann", a), ("Bob", b)) as (ann, bob):
        a.process.send(signal.SIGTERM)
        numbers = [str(number) for number in range(5)]
        await ann.until(lambda: bool(ann.of(moderation.GoingAway)))
        await asyncio.gather(ann.say(*numbers), bob.say(*numbers))
        await ann.until(lambda: bool(ann.of(Resumed)))
        assert (await a.process.end())[0] == 0
        a.stopped = True
        await ann.say("after")
        await bob.until(lambda: "after" in bob.texts)
        await ann.until(lambda: "4" in ann.texts)
        assert (ann.texts, bob.texts) == (numbers, [*numbers, "after"])
        assert ann.of(Reconnecting) == []
        assert came_or_went(bob) == []


async def test_a_node_that_is_drained_by_request_is_left_unnoticed(two: tuple[Node, Node]) -> None:
    a, b = two
    token = mint(Key("HS256", KEY.encode()), user="eve", role=Role.ADMIN)
    async with lobby(("Ann", a), ("Bob", b)) as (ann, bob), Client(b.url, token=token) as eve:
        done = await eve.drain("a", seconds=0.5)
        assert [result.outcome for result in done.results] == ["done"]
        await ann.say("before")
        await ann.until(lambda: bool(ann.of(Resumed)))
        await ann.say("after")
        await bob.until(lambda: "after" in bob.texts)
        assert (ann.of(Reconnecting), came_or_went(bob), bob.texts) == ([], [], ["before", "after"])
        assert {
            item["node"]: item["sessions"] for item in (await eve.list("nodes")).items if item["name"] == "a"
        } == {a.id: 0}


async def test_after_all_nodes_died_it_is_in_its_room_again_and_what_waits_is_said(
    cluster: Cluster, tmp_path: Path
) -> None:
    a = await cluster.start("a")
    async with lobby(("Ann", a), ("Bob", a)) as (ann, bob):
        session = ann.client.session
        await bob.say("before")
        await ann.until(lambda: "before" in ann.texts)
        port = a.url.rpartition(":")[2].removesuffix("/ws")
        a.kill()
        await a.process.end()
        saying = asyncio.ensure_future(ann.say("waits"))
        await ann.until(lambda: bool(ann.of(Reconnecting)))
        async with processes.node(tmp_path / "a", "--name=a", f"--port={port}"):
            await saying
            await bob.until(lambda: "waits" in bob.texts)
            (resumed,) = ann.of(Resumed)
            assert (resumed.recovered, resumed.gaps, resumed.anew) == (False, ["lobby"], False)
            assert (ann.client.session, ann.client.rooms, bob.texts) == (session, ("lobby",), ["waits"])
            await ann.end()
            await bob.end()


async def test_who_opens_the_session_elsewhere_has_it_and_the_other_stays_away(two: tuple[Node, Node]) -> None:
    a, b = two
    async with lobby(("Ann", a)) as (ann,):
        n = 1 << 50
        twin = await Guest.enter(b.url, resume=ann.client.welcome.resume, cursors={}, n=n)
        ended = await ann.client.wait_closed()
        assert ended.code == 4409
        assert ann.of(Reconnecting) == []
        await twin.next("live")
        assert (await twin.say("mine"))["type"] == "sent"
        twin.vanish()
        await twin.socket.wait_closed()


async def test_texts_come_once_and_in_order_to_and_from_one_who_roams(two: tuple[Node, Node]) -> None:
    async with lobby(("Ann", two[0]), ("Bob", two[1])) as (ann, bob):
        ways = itertools.cycle([two[1], two[0], two[0]])
        for number in range(ROAMS):
            ann.client.drop(to=next(ways).url)
            await asyncio.gather(ann.say(f"{number}", f"{number}+"), bob.say(f"{number}", f"{number}+"))
        expected = [text for number in range(ROAMS) for text in (f"{number}", f"{number}+")]
        await ann.until(lambda: expected[-1] in ann.texts)
        await bob.until(lambda: expected[-1] in bob.texts)
        assert ann.texts == expected
        assert bob.texts == expected
        assert came_or_went(bob) == []
        assert all(resumed.recovered for resumed in ann.of(Resumed))
