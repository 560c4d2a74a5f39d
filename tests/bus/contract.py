"""What every bus engine must do; each engine's test module runs this suite against itself."""

from __future__ import annotations

import abc
import asyncio
import functools
import itertools
from collections.abc import AsyncIterator, Sequence

import pytest
import pytest_asyncio

from bus.interface import BusError, PeerState
from bus.keys import Identity
from bus.memory import MemoryBus
from bus.record import PAYLOAD_BYTES, Kind, NodeId
from bus.zeromq import ZeroMQBus
from tests.bus.ear import Ear, all_hear, eventually

AnyBus = MemoryBus | ZeroMQBus


def identity(number: int, incarnation: int = 1) -> Identity:
    return Identity(f"{number:016x}", incarnation)


class Mesh(abc.ABC):
    """Makes nodes of one engine and stops them all in the end."""

    def __init__(self) -> None:
        self.buses: list[AnyBus] = []

    @abc.abstractmethod
    def make(self, who: Identity, peers: Sequence[str]) -> AnyBus:
        """A bus that is not started."""

    async def add(self, *, peers: Sequence[str] = (), who: Identity | None = None) -> tuple[AnyBus, Ear]:
        """A started node with its listener."""
        bus = self.make(who or identity(len(self.buses) + 1), peers)
        ear = Ear()
        self.buses.append(bus)
        await bus.start(ear)
        return bus, ear

    async def joined(self, count: int) -> list[tuple[AnyBus, Ear]]:
        """That many nodes that all know the first one, and are up for each other."""
        nodes = [await self.add()]
        for _ in range(count - 1):
            nodes.append(await self.add(peers=[nodes[0][0].address]))
        await self.whole(nodes)
        return nodes

    async def whole(self, nodes: Sequence[tuple[AnyBus, Ear]]) -> None:
        """Wait until each of these sees all the others up."""
        ids = {bus.node for bus, _ in nodes}
        for bus, ear in nodes:
            await all_hear([ear], functools.partial(_sees, ids - {bus.node}))

    async def stop(self) -> None:
        for bus in self.buses:
            await bus.stop()


def _sees(others: set[NodeId], ear: Ear) -> bool:
    return ear.up() >= others


class BusContract(abc.ABC):
    """The suite. A subclass says how a mesh is made."""

    @abc.abstractmethod
    def make_mesh(self) -> Mesh:
        """An empty mesh."""

    @pytest_asyncio.fixture
    async def mesh(self) -> AsyncIterator[Mesh]:
        mesh = self.make_mesh()
        yield mesh
        await mesh.stop()

    # --- records --------------------------------------------------------------------------------------------

    async def test_every_node_gets_each_record_once_and_each_origin_in_order(self, mesh: Mesh) -> None:
        nodes = await mesh.joined(3)
        for number in range(100):
            for bus, _ in nodes:
                bus.append(Kind.TEXT, b"%d" % number, room="lobby", session="s", id=number)
            if number % 7 == 0:
                await asyncio.sleep(0)
        await all_hear((ear for _, ear in nodes), lambda ear: len(ear.records) >= 300)
        for _, ear in nodes:
            for bus, _ in nodes:
                assert ear.seqs(bus.origin) == list(range(1, 101))
                assert ear.payloads(bus.origin) == [b"%d" % number for number in range(100)]

    async def test_a_record_arrives_as_it_was_appended(self, mesh: Mesh) -> None:
        (a, _), (_, heard) = await mesh.joined(2)
        for id in ("1", 1, None):
            a.append(Kind.WHISPER, b"\x00psst", room="lobby", session="s-1", id=id)
        await heard.until(lambda: len(heard.records) == 3)
        assert [record.id for record, _ in heard.records] == ["1", 1, None]
        record = heard.records[0][0]
        assert (record.kind, record.room, record.session, record.payload) == (
            Kind.WHISPER,
            "lobby",
            "s-1",
            b"\x00psst",
        )
        assert (record.origin, record.seq) == (a.origin, 1)

    async def test_a_record_is_found_at_every_node_that_holds_it(self, mesh: Mesh) -> None:
        (a, _), (b, heard) = await mesh.joined(2)
        first = a.append(Kind.SESSION, b"one", session="s")
        text = a.append(Kind.WHISPER, b"psst", session="s", id=1)
        a.append(Kind.SESSION, b"two", session="s")
        await heard.until(lambda: heard.seqs(a.origin)[-1:] == [3])
        for bus in (a, b):
            assert bus.find(a.origin, text.seq) == text
            assert bus.find(a.origin, first.seq) is None, "another one took its place"
            assert bus.find(a.origin, 99) is None
            assert bus.find("f" * 16 + ".1", 1) is None

    async def test_a_text_is_known_by_its_session_and_id_at_every_place(self, mesh: Mesh) -> None:
        (a, ear_a), (b, ear_b) = await mesh.joined(2)
        first = a.append(Kind.TEXT, b"hi", room="lobby", session="s", id=1)
        await ear_b.until(lambda: ear_b.seqs(a.origin) == [1])
        second = b.append(Kind.TEXT, b"hi", room="lobby", session="s", id=1, after={a.origin: 1})
        await ear_a.until(lambda: ear_a.seqs(b.origin) == [1])
        for bus in (a, b):
            assert list(bus.places("s", 1)) == [first, second]
            assert list(bus.places("s", "1")) == []
            assert (bus.held(a.origin), bus.held("f" * 16 + ".1")) == (1, 0)
        assert a.copies(a.origin, 1) == 2
        assert a.copies(a.origin, 2) == 0, "a peer is up and does not hold it"

    async def test_who_waits_for_places_is_told_once_they_are_held(self, mesh: Mesh) -> None:
        (a, _), (b, _) = await mesh.joined(2)
        reached = asyncio.Event()
        b.when_held({a.origin: 2}, reached.set)
        a.append(Kind.TEXT, b"one")
        await asyncio.sleep(0)
        assert not reached.is_set()
        a.append(Kind.TEXT, b"two")
        await asyncio.wait_for(reached.wait(), 20)
        assert b.held(a.origin) == 2

    async def test_of_two_lives_of_one_node_the_newer_stays(self, mesh: Mesh) -> None:
        (a, _), (old, ear) = await mesh.joined(2)
        await mesh.add(peers=[a.address], who=identity(2, 2))
        await ear.until(lambda: bool(ear.fenced))
        assert ear.fenced == [f"{2:016x}.2"]
        assert old.node == f"{2:016x}"

    async def test_own_records_are_shown_too_but_never_from_inside_append(self, mesh: Mesh) -> None:
        bus, ear = await mesh.add()
        record = bus.append(Kind.TEXT, b"hi")
        assert ear.records == []
        await ear.until(lambda: bool(ear.records))
        assert ear.records == [(record, 1)]

    async def test_copies_count_the_nodes_that_hold_a_record(self, mesh: Mesh) -> None:
        (a, ear_a), (_, ear_b), (_, ear_c) = await mesh.joined(3)
        a.append(Kind.TEXT, b"hi")
        await all_hear((ear_a, ear_b, ear_c), lambda ear: ear.copies(a.origin) in ([2], [3]))

    async def test_a_later_clock_of_records_passes_all_that_were_seen(self, mesh: Mesh) -> None:
        (a, _), (b, ear_b) = await mesh.joined(2)
        for _ in range(5):
            a.append(Kind.TEXT, b"hi")
        await ear_b.until(lambda: len(ear_b.records) == 5)
        assert b.append(Kind.TEXT, b"after").lamport > ear_b.records[-1][0].lamport

    async def test_a_record_over_a_limit_is_refused_where_it_is_made(self, mesh: Mesh) -> None:
        bus, ear = await mesh.add()
        bus.append(Kind.TEXT, bytes(PAYLOAD_BYTES))
        with pytest.raises(ValueError, match="over"):
            bus.append(Kind.TEXT, bytes(PAYLOAD_BYTES + 1))
        with pytest.raises(ValueError, match="over"):
            bus.append(Kind.TEXT, b"", session="s" * 257)
        await ear.until(lambda: len(ear.records) == 1)

    async def test_what_comes_from_a_peer_is_counted(self, mesh: Mesh) -> None:
        (a, _), (b, ear) = await mesh.joined(2)
        b.subscribe("t")
        await eventually(lambda: a.wanted("t"))
        before = b.peers()[0].received
        for number in range(40):
            a.cast("t", b"%d" % number)
            a.append(Kind.TEXT, b"%d" % number)
        await ear.until(lambda: len(ear.records) == 40 and len(ear.frames("t")) == 40)
        assert b.peers()[0].received >= before + 80

    # --- joining --------------------------------------------------------------------------------------------

    async def test_a_late_joiner_gets_what_was_then_what_comes(self, mesh: Mesh) -> None:
        (a, _), (b, _) = await mesh.joined(2)
        for number in range(700):
            a.append(Kind.TEXT, b"%0200d" % number)
        c, ear = await mesh.add(peers=[a.address])
        await ear.until(lambda: ear.synced == 1)
        assert ear.synced_after >= 700
        b.append(Kind.TEXT, b"live")
        a.append(Kind.TEXT, b"live")
        await ear.until(lambda: len(ear.records) == 702)
        assert ear.seqs(a.origin) == list(range(1, 702))
        assert min(ear.copies(a.origin)) >= 2
        c.append(Kind.TEXT, b"mine")
        await ear.until(lambda: ear.seqs(c.origin) == [1])

    async def test_a_joiner_gets_the_newest_of_what_replaces_itself(self, mesh: Mesh) -> None:
        (a, _), _ = await mesh.joined(2)
        for number in range(50):
            a.append(Kind.SESSION, b"%d" % number, session=f"s{number % 2}")
            a.append(Kind.TEXT, b"text")
        _, ear = await mesh.add(peers=[a.address])
        await ear.until(lambda: ear.synced == 1)
        sessions = [record.payload for record, _ in ear.records if record.kind is Kind.SESSION]
        assert sessions == [b"48", b"49"]
        assert len(ear.records) == 52
        assert ear.seqs(a.origin) == sorted(ear.seqs(a.origin))

    async def test_a_joiner_gets_the_records_of_a_node_that_is_gone(self, mesh: Mesh) -> None:
        (a, _), (b, ear_b) = await mesh.joined(2)
        a.append(Kind.TEXT, b"remember me")
        await ear_b.until(lambda: bool(ear_b.records))
        await a.stop()
        _, ear = await mesh.add(peers=[b.address])
        await ear.until(lambda: ear.synced == 1)
        assert ear.payloads(a.origin) == [b"remember me"]

    async def test_a_node_that_knows_one_peer_learns_the_rest(self, mesh: Mesh) -> None:
        nodes = [await mesh.add()]
        for _ in range(3):
            nodes.append(await mesh.add(peers=[nodes[-1][0].address]))
        await mesh.whole(nodes)
        for bus, _ in nodes:
            others = {other.node: other.address for other, _ in nodes if other is not bus}
            assert {peer.node: peer.address for peer in bus.peers()} == others

    async def test_two_meshes_become_one_when_a_node_of_one_joins_the_other(self, mesh: Mesh) -> None:
        ours, theirs = await mesh.joined(2), [await mesh.add()]
        theirs.append(await mesh.add(peers=[theirs[0][0].address]))
        await mesh.whole(theirs)
        before, _ = ours[1]
        before.append(Kind.TEXT, b"said before")
        before.join(theirs[1][0].address)
        await mesh.whole([*ours, *theirs])
        theirs[0][0].append(Kind.TEXT, b"said after")
        after = theirs[0][0].origin

        def has_both(ear: Ear) -> bool:
            return (ear.payloads(before.origin), ear.payloads(after)) == ([b"said before"], [b"said after"])

        await all_hear([ear for _, ear in (*ours, *theirs)], has_both)

    async def test_joining_oneself_or_a_peer_again_changes_nothing(self, mesh: Mesh) -> None:
        (a, ear), (b, _) = await mesh.joined(2)
        a.join(a.address)
        a.join(b.address)
        b.append(Kind.TEXT, b"still here")
        await ear.until(lambda: ear.payloads(b.origin) == [b"still here"])
        assert [peer.node for peer in a.peers()] == [b.node]

    async def test_a_peer_that_was_found_stays_when_its_address_is_given_up(self, mesh: Mesh) -> None:
        a, b = await mesh.add(), await mesh.add()
        a[0].join(b[0].address)
        await mesh.whole([a, b])
        a[0].give_up(b[0].address)
        b[0].append(Kind.TEXT, b"still here")
        await a[1].until(lambda: a[1].payloads(b[0].origin) == [b"still here"])

    async def test_a_node_without_peers_is_synced_at_once_and_once(self, mesh: Mesh) -> None:
        bus, ear = await mesh.add()
        await ear.until(lambda: ear.synced == 1)
        await mesh.whole([(bus, ear), await mesh.add(peers=[bus.address])])
        assert ear.synced == 1

    async def test_a_restarted_node_begins_a_new_log_and_the_old_one_stays(self, mesh: Mesh) -> None:
        (a, _), (b, ear_b) = await mesh.joined(2)
        a.append(Kind.TEXT, b"first life")
        await ear_b.until(lambda: bool(ear_b.records))
        await a.stop()
        again, ear = await mesh.add(peers=[b.address], who=identity(1, incarnation=2))
        await ear.until(lambda: ear.synced == 1)
        assert ear.payloads(a.origin) == [b"first life"]
        again.append(Kind.TEXT, b"second life")
        await ear_b.until(lambda: ear_b.payloads(again.origin) == [b"second life"])
        assert ear_b.peers[a.node].origin == again.origin
        assert len(b.peers()) == 1

    # --- peers ----------------------------------------------------------------------------------------------

    async def test_a_card_reaches_every_peer(self, mesh: Mesh) -> None:
        (a, _), (_, ear_b), (_, ear_c) = await mesh.joined(3)
        a.announce(b"card of a")
        await all_hear((ear_b, ear_c), lambda ear: ear.peers[a.node].card == b"card of a")
        with pytest.raises(ValueError, match="over"):
            a.announce(bytes(1025))

    async def test_a_peer_is_reported_only_when_it_changes(self, mesh: Mesh) -> None:
        (a, ear_a), (_b, _) = await mesh.joined(2)
        await eventually(lambda: a.peers()[0].round_trip is not None)
        seen = [(peer.state, peer.card) for peer in ear_a.changes]
        assert all(before != after for before, after in itertools.pairwise(seen))
        assert ear_a.changes[-1].state is PeerState.UP

    async def test_a_node_that_stops_is_down_at_once(self, mesh: Mesh) -> None:
        (a, _), (b, ear_b), (_, ear_c) = await mesh.joined(3)
        await a.stop()
        await all_hear((ear_b, ear_c), lambda ear: ear.states()[a.node] is PeerState.DOWN)
        for ear in (ear_b, ear_c):
            states = [peer.state for peer in ear.changes if peer.node == a.node]
            assert PeerState.SUSPECT not in states[states.index(PeerState.UP) :]
        b.append(Kind.TEXT, b"we two")
        await ear_b.until(lambda: ear_b.copies(b.origin) == [2])

    async def test_stop_is_safe_twice_and_before_start(self, mesh: Mesh) -> None:
        bus, _ = await mesh.add()
        await bus.stop()
        await bus.stop()
        await mesh.make(identity(77), ()).stop()
        assert bus.peers() == []

    # --- casts ----------------------------------------------------------------------------------------------

    async def test_casts_reach_those_who_subscribed_and_nobody_else(self, mesh: Mesh) -> None:
        (a, ear_a), (b, ear_b), (c, ear_c) = await mesh.joined(3)
        b.subscribe("voice/lobby")
        c.subscribe("voice/lobby2")
        c.subscribe("voice/lob")
        a.subscribe("voice/lobby")
        await eventually(lambda: all(map(a.wanted, ("voice/lobby", "voice/lobby2", "voice/lob"))))
        a.cast("voice/lobby", b"one")
        a.cast("voice/lobby", b"two")
        a.cast("voice/lobby2", b"other")
        a.cast("voice/nobody", b"unheard")
        await ear_c.until(lambda: bool(ear_c.casts))
        await ear_b.until(lambda: bool(ear_b.casts))
        assert ear_b.casts == [("voice/lobby", [b"one", b"two"])]
        assert ear_c.casts == [("voice/lobby2", [b"other"])]
        assert ear_a.casts == []

    async def test_frames_come_in_order_and_as_they_were(self, mesh: Mesh) -> None:
        (a, _), (b, ear) = await mesh.joined(2)
        b.subscribe("t")
        await eventually(lambda: a.wanted("t"))
        frames = [bytes([number % 256]) * (number % 400 + 1) for number in range(1000)] + [b"", bytes(65535)]
        for number, frame in enumerate(frames):
            a.cast("t", frame)
            if number % 50 == 0:
                await asyncio.sleep(0)
        await ear.until(lambda: len(ear.frames("t")) == len(frames))
        assert ear.frames("t") == frames
        with pytest.raises(ValueError, match="over"):
            a.cast("t", bytes(65536))

    async def test_wanted_follows_subscriptions(self, mesh: Mesh) -> None:
        (a, _), (b, ear_b), (c, ear_c) = await mesh.joined(3)
        assert not a.wanted("t")
        b.subscribe("t")
        c.subscribe("t")
        c.subscribe("u")
        await eventually(lambda: a.wanted("t") and a.wanted("u") and b.wanted("t"))
        b.unsubscribe("t")
        await eventually(lambda: not c.wanted("t"))
        assert a.wanted("t")
        a.cast("t", b"for c")
        await ear_c.until(lambda: bool(ear_c.casts))
        assert ear_b.casts == []
        c.unsubscribe("t")
        await eventually(lambda: not a.wanted("t"))
        a.cast("t", b"for nobody")
        a.cast("u", b"for c")
        await ear_c.until(lambda: bool(ear_c.frames("u")))
        assert ear_c.frames("t") == [b"for c"]

    async def test_a_topic_subscribed_early_holds_for_peers_that_come_later(self, mesh: Mesh) -> None:
        a, ear = await mesh.add()
        a.subscribe("t")
        b, _ = await mesh.add(peers=[a.address])
        await eventually(lambda: b.wanted("t"))
        b.cast("t", b"hello")
        await ear.until(lambda: ear.frames("t") == [b"hello"])
        await a.stop()
        await eventually(lambda: not b.wanted("t"))

    # --- calls ----------------------------------------------------------------------------------------------

    async def test_a_call_is_answered_by_the_one_who_was_asked(self, mesh: Mesh) -> None:
        (a, _), (b, ear_b), (c, ear_c) = await mesh.joined(3)
        ear_b.answer = lambda caller, body: b"b:" + caller.encode() + b":" + body
        ear_c.answer = lambda caller, body: b"c:" + body
        answers = await asyncio.gather(*(a.call(node, b"%d" % n) for n in range(20) for node in (b.node, c.node)))
        assert answers[::2] == [b"b:%b:%d" % (a.node.encode(), n) for n in range(20)]
        assert answers[1::2] == [b"c:%d" % n for n in range(20)]
        assert await a.call(b.node, b"x" * 400_000) == b"b:%b:" % a.node.encode() + b"x" * 400_000
        ear_b.answer = lambda caller, body: b""
        assert await a.call(b.node, b"") == b""

    async def test_an_answer_may_take_its_time(self, mesh: Mesh) -> None:
        (a, ear_a), (b, ear_b) = await mesh.joined(2)

        async def ask_back(caller: str, body: bytes) -> bytes:
            return await b.call(caller, body + b"?")

        ear_b.answer = ask_back
        ear_a.answer = lambda caller, body: body + b"!"
        assert await a.call(b.node, b"well") == b"well?!"

    async def test_a_call_that_fails_names_the_node(self, mesh: Mesh) -> None:
        (a, _), (b, ear_b) = await mesh.joined(2)
        with pytest.raises(BusError, match="ffff"):
            await a.call("f" * 16, b"")
        with pytest.raises(BusError, match=a.node):
            await a.call(a.node, b"")
        never = asyncio.Event()

        async def forget(caller: str, body: bytes) -> bytes:
            await never.wait()
            return body

        ear_b.answer = forget
        with pytest.raises(BusError, match=rf"{b.node} did not answer within 0\.2 s"):
            await a.call(b.node, b"", timeout=0.2)
        with pytest.raises(BusError, match=b.node):
            await a.call(b.node, bytes(600_000))

    async def test_a_call_to_a_node_that_stops_ends_at_once(self, mesh: Mesh) -> None:
        (a, _ear_a), (b, ear_b) = await mesh.joined(2)
        asked, never = asyncio.Event(), asyncio.Event()

        async def forget(caller: str, body: bytes) -> bytes:
            asked.set()
            await never.wait()
            return body

        ear_b.answer = forget
        call = asyncio.ensure_future(a.call(b.node, b"", timeout=1000))
        await asked.wait()
        await b.stop()
        with pytest.raises(BusError, match=b.node):
            await call
        with pytest.raises(BusError, match=f"{b.node} is down"):
            await a.call(b.node, b"")
