"""The mesh protocol, on networks that lose, delay, repeat and cut, under a clock set by hand."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bus import dead as dead_module
from bus.effects import Forgotten, Link, Send, Shown, Synced, Unlink
from bus.interface import Bounds, BusError, PeerState
from bus.keys import Identity, claim
from bus.links import LINKS
from bus.membership import DOWN_TICKS, TICK_SECONDS, UP_TICKS
from bus.memory import MemoryBus, MemoryNetwork, VirtualClock
from bus.packets import ORIGINS, PEERS, Ack, Ask, Digest, Fill, Packet, Records
from bus.record import Kind, Record
from bus.replica import Replica
from tests.bus.contract import identity
from tests.bus.ear import Ear

UP, SUSPECT, DOWN = PeerState.UP, PeerState.SUSPECT, PeerState.DOWN


class Witness(Ear):
    """Notes with every record whether as many nodes as told hold it in truth."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self._world = world
        self.lies: list[tuple[Record, int]] = []

    def on_record(self, record: Record, copies: int) -> None:
        super().on_record(record, copies)
        if self._world.holders(record) < copies:
            self.lies.append((record, copies))


class World:
    """Some nodes that share a network and a clock."""

    def __init__(
        self,
        count: int,
        fate: Callable[[str, str], Iterable[float]] | None = None,
        *,
        bounds: Bounds | None = None,
    ) -> None:
        self.bounds = bounds
        self.clock = VirtualClock()
        self.network = MemoryNetwork(clock=self.clock)
        self.whole = self.network.fate
        if fate is not None:
            self.network.fate = fate
        self.buses: list[MemoryBus] = []
        self.ears: list[Witness] = []
        for _ in range(count):
            self.add()

    def add(
        self,
        *,
        number: int | None = None,
        incarnation: int = 1,
        who: Identity | None = None,
        at: str = "",
        peer: int | None = 0,
    ) -> tuple[MemoryBus, Witness]:
        count = len(self.buses)
        bus = self.network.bus(
            who or identity(number or count + 1, incarnation),
            address=at or f"m:{count}",
            peers=[] if peer is None or not count else [f"m:{peer}"],
            bounds=self.bounds,
        )
        self.buses.append(bus)
        self.ears.append(Witness(self))
        bus.open(self.ears[-1])
        return bus, self.ears[-1]

    def holders(self, record: Record) -> int:
        return sum(
            replica is not None and record.origin in replica.logs and replica.logs[record.origin].high >= record.seq
            for replica in (bus._replica for bus in self.buses)
        )

    def cut(self, *sides: set[int]) -> None:
        """Let nothing pass between nodes that are not on one side."""

        def fate(source: str, target: str) -> Iterable[float]:
            a, b = int(source[2:]), int(target[2:])
            return (0.0,) if any(a in side and b in side for side in sides) else ()

        self.network.fate = fate

    def heal(self) -> None:
        self.network.fate = self.whole

    def same(self) -> bool:
        logs = [
            {origin: (log.high, list(log)) for origin, log in bus._running.logs.items() if log.high}
            for bus in self.buses
        ]
        return all(log == logs[0] for log in logs)


@settings(max_examples=40, deadline=None)
@given(st.integers(2, 5), st.integers(0, 1 << 32), st.floats(0, 0.4))
def test_whatever_the_network_does_all_end_with_all_in_order(count: int, seed: int, loss: float) -> None:
    rng = random.Random(seed)  # one number, so that a failure is short and can be run again

    def fate(source: str, target: str) -> Iterable[float]:
        if rng.random() < loss:
            return ()
        return [rng.choice((0.0, 0.001, 0.05, 0.4)) for _ in range(1 + (rng.random() < 0.1))]

    world = World(count, fate)
    appended = [0] * count
    for _ in range(40):
        world.clock.advance(rng.choice((0.0, 0.01, 0.2)))
        at = rng.randrange(count)
        for _ in range(rng.randrange(5)):
            appended[at] += 1
            kind = rng.choice((Kind.TEXT, Kind.SESSION))
            world.buses[at].append(kind, b"%d" % appended[at], session=f"s{rng.randrange(3)}")
    world.heal()
    world.clock.advance(20)
    assert [ear.lies for ear in world.ears] == [[] for _ in world.ears]
    assert world.same()
    for bus, number in zip(world.buses, appended, strict=True):
        assert bus._running.logs[bus.origin].high == number
        for ear, other in zip(world.ears, world.buses, strict=True):
            seqs = ear.seqs(bus.origin)
            assert seqs == sorted(set(seqs))
            texts = [r.seq for r in bus._running.logs[bus.origin] if r.kind is Kind.TEXT]
            assert set(texts) <= set(seqs)
            if other is bus:
                assert seqs == list(range(1, number + 1))


def test_a_record_is_shown_at_its_origin_when_a_peer_that_is_up_has_it() -> None:
    world = World(3)
    world.clock.advance(1)
    world.cut({0}, {1, 2})
    world.buses[0].append(Kind.TEXT, b"hi")
    world.clock.advance(1)
    assert world.ears[0].records == []
    world.heal()
    world.clock.advance(1)
    assert world.ears[0].copies(world.buses[0].origin) in ([2], [3])


def test_when_the_last_peer_is_suspect_what_waits_is_shown_with_the_copies_acknowledged() -> None:
    world = World(3)
    world.clock.advance(1)
    world.cut({0}, {1, 2})
    for _ in range(3):
        world.buses[0].append(Kind.TEXT, b"hi")
    world.clock.advance(3)
    assert world.ears[0].states() == {bus.node: SUSPECT for bus in world.buses[1:]}
    assert world.ears[0].copies(world.buses[0].origin) == [1, 1, 1]
    world.buses[1].append(Kind.TEXT, b"we are two")
    world.clock.advance(0)
    assert world.ears[1].copies(world.buses[1].origin) == [2]


def test_a_cut_longer_than_six_seconds_heals() -> None:
    world = World(4)
    world.clock.advance(1)
    world.cut({0, 1}, {2, 3})
    for bus in world.buses:
        bus.append(Kind.TEXT, bus.node.encode())
    world.clock.advance(10)
    for ear, others in zip(world.ears, ((2, 3), (2, 3), (0, 1), (0, 1)), strict=True):
        assert [ear.states()[world.buses[other].node] for other in others] == [DOWN, DOWN]
        assert len(ear.records) == 2
    world.heal()
    world.clock.advance(3)
    assert all(len(ear.records) == 4 and len(ear.up()) == 3 for ear in world.ears)
    assert world.same()


def test_a_peer_that_hears_nothing_is_suspect_though_it_is_heard() -> None:
    world = World(2)
    world.clock.advance(1)
    world.network.fate = lambda source, target: (0.0,) if source == "m:1" else ()
    world.clock.advance(20)
    assert world.ears[0].states() == {world.buses[1].node: SUSPECT}
    assert world.ears[1].states() == {world.buses[0].node: DOWN}


def test_a_cut_link_is_bridged_by_a_third_node() -> None:
    world = World(3)
    world.clock.advance(1)
    world.cut({0, 2}, {1, 2})
    world.buses[0].append(Kind.TEXT, b"round the corner")
    world.clock.advance(1.5)
    assert world.ears[1].payloads(world.buses[0].origin) == [b"round the corner"]


def test_a_killed_node_is_suspect_at_once_and_down_after_six_seconds() -> None:
    world = World(3)
    world.clock.advance(1)
    gone = world.buses[2].node
    world.buses[2].vanish()
    world.clock.advance(0.5)
    assert [ear.states()[gone] for ear in world.ears[:2]] == [SUSPECT, SUSPECT]
    world.clock.advance(5)
    assert [ear.states()[gone] for ear in world.ears[:2]] == [SUSPECT, SUSPECT]
    world.clock.advance(1.5)
    assert [ear.states()[gone] for ear in world.ears[:2]] == [DOWN, DOWN]


def test_a_node_with_a_configured_peer_that_is_not_there_shows_after_two_seconds() -> None:
    world = World(1)
    world.buses[0].vanish()
    bus, ear = world.add()
    bus.append(Kind.TEXT, b"anybody?")
    world.clock.advance(1.9)
    assert (ear.records, ear.synced) == ([], 0)
    world.clock.advance(0.5)
    assert (ear.copies(bus.origin), ear.synced) == ([1], 1)


def test_a_joiner_of_a_long_log_is_synced_only_when_it_holds_it() -> None:
    delayed = World(2, lambda source, target: (0.01,))
    delayed.clock.advance(1)
    for _ in range(3000):
        delayed.buses[0].append(Kind.TEXT, bytes(200))
    delayed.clock.advance(2)
    _, ear = delayed.add(peer=1)
    delayed.clock.advance(0.1)
    assert (ear.synced, 0 < len(ear.records) < 3000) == (0, True)
    delayed.clock.advance(1)
    assert (ear.synced, ear.synced_after) == (1, 3000)


def test_a_joiner_that_is_slow_keeps_its_own_pace_until_it_holds_what_was_there() -> None:
    """It counts as synced after 2 s; were it paced as any other from then on, this log would take it 6 s and more."""
    slow = World(1, lambda source, target: (0.004,))
    for _ in range(12_000):
        slow.buses[0].append(Kind.TEXT, bytes(2000))
    slow.clock.advance(1)
    bus, ear = slow.add()
    slow.clock.advance(2.5)
    assert (ear.synced, 0 < len(ear.records) < 12_000) == (1, True)
    slow.clock.advance(2)
    assert len(ear.records) == 12_000
    assert bus._replica is not None
    assert not bus._replica._arrival.joining


def test_a_joiner_whose_peer_dies_asks_another() -> None:
    world = World(3, lambda source, target: (0.01,))
    world.clock.advance(1)
    for _ in range(2000):
        world.buses[0].append(Kind.TEXT, bytes(200))
    world.clock.advance(2)
    _, ear = world.add(peer=1)
    world.clock.advance(0.15)
    assert 0 < len(ear.records) < 2000
    world.buses[0].vanish()
    world.clock.advance(3)
    assert ear.seqs(world.buses[0].origin) == list(range(1, 2001))


def test_a_node_that_moves_is_followed() -> None:
    world = World(2)
    world.clock.advance(1)
    world.buses[1].vanish()
    moved, _ = world.add(number=2, incarnation=2)
    world.clock.advance(1)
    assert [(peer.origin, peer.address, peer.state) for peer in world.buses[0].peers()] == [(moved.origin, "m:2", UP)]
    assert set(world.buses[0]._running.membership.links) == {"m:2"}


def test_a_seed_that_comes_back_knowing_nobody_is_found_again() -> None:
    world = World(2)
    world.clock.advance(1)
    world.buses[0].vanish()
    world.clock.advance(8)
    again = world.network.bus(identity(1, incarnation=2), address="m:0")
    ear = Witness(world)
    world.buses[0] = again
    again.open(ear)
    world.clock.advance(1)
    assert ear.up() == {world.buses[1].node}


def test_a_seed_that_comes_back_has_the_old_texts_before_it_is_synced(tmp_path: Path) -> None:
    world = World(0)
    with claim(tmp_path) as first:
        world.add(who=first)
        other, _ = world.add()
        for number in range(120):
            other.append(Kind.TEXT, b"%d" % number)
        world.clock.advance(2)
        world.buses[0].vanish()
    world.clock.advance(8)
    with claim(tmp_path) as second:
        again, ear = world.add(who=second, at="m:0", peer=None)
        world.clock.advance(1)
        assert (ear.synced, ear.synced_after, len(ear.seqs(other.origin))) == (1, 120, 120)
        assert ear.up() == {other.node}
        assert again.node == first.node


def test_a_node_that_is_alone_now_waits_for_those_of_its_life_before_once(tmp_path: Path) -> None:
    world = World(0)
    with claim(tmp_path) as first:
        first.remember(["m:7", "m:8"])
    for waits in (True, False):
        with claim(tmp_path) as life:
            bus, ear = world.add(who=life, peer=None)
            bus.append(Kind.TEXT, b"anybody?")
            world.clock.advance(1.9)
            assert (ear.synced, len(ear.records)) == ((0, 0) if waits else (1, 1))
            world.clock.advance(0.5)
            assert (ear.synced, ear.copies(bus.origin)) == (1, [1])
            bus.vanish()


def test_who_said_goodbye_is_not_waited_for_and_who_only_died_is(tmp_path: Path) -> None:
    world = World(0)
    with claim(tmp_path) as first:
        world.add(who=first, peer=None)
        (left, _), (died, _) = world.add(), world.add()
        world.clock.advance(1)
        left.close()
        died.vanish()
        world.clock.advance(10)
    with claim(tmp_path) as second:
        assert second.peers == (died.address,)


def test_that_peers_cannot_be_kept_disturbs_nobody(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    world = World(0)
    with claim(tmp_path) as first:
        (tmp_path / "identity-1.peers.json").mkdir()
        _, ear = world.add(who=first, peer=None)
        other, _ = world.add()
        world.clock.advance(1)
        assert ear.up() == {other.node}
    assert [record.levelname for record in caplog.records] == ["WARNING"]


@pytest.mark.parametrize("reaches", [True, False])
def test_a_joiner_is_synced_when_it_has_met_all_whom_its_peer_hears(reaches: bool) -> None:
    world = World(2)
    world.clock.advance(1)

    def fate(source: str, target: str) -> Iterable[float]:
        far = {source, target} == {"m:1", "m:2"}
        return (0.0,) if not far else (0.6,) if reaches else ()

    world.network.fate = fate
    _, ear = world.add()
    waited = 0.0
    while not ear.synced:
        world.clock.advance(0.1)
        waited += 0.1
    assert (world.buses[1].node in ear.peers) == reaches
    assert (0.5 < waited < 1.9) if reaches else (1.9 < waited < 2.3)


@pytest.mark.parametrize("heals", [True, False])
def test_who_was_only_named_by_a_peer_holds_what_is_waited_for_until_it_is_met_or_silent_for_six_seconds(
    heals: bool,
) -> None:
    world = World(2)
    world.clock.advance(3)
    asker, holder = world.buses
    world.cut({0, 2}, {1})
    holder.append(Kind.TEXT, b"only here")
    world.clock.advance(3)  # nobody hears the holder now, and for nobody it is down
    assert [peer.state for peer in asker.peers()] == [SUSPECT]
    joiner, _ = world.add()
    reached: list[int] = []
    joiner.when_held({holder.origin: 1}, lambda: reached.append(joiner.held(holder.origin)))
    world.clock.advance(3)
    assert reached == []
    if heals:
        world.heal()
    world.clock.advance(5)
    assert reached == [1 if heals else 0]


def test_a_log_below_the_floor_is_taken_from_the_floor() -> None:
    world = World(2, bounds=Bounds(records=10))
    world.clock.advance(1)
    for _ in range(30):
        world.buses[0].append(Kind.TEXT, b"")
    world.clock.advance(1)
    bus, ear = world.add()
    world.clock.advance(1)
    assert ear.seqs(world.buses[0].origin) == list(range(21, 31))
    assert bus._running.logs[world.buses[0].origin].floor == 20
    assert ear.gaps == [(world.buses[0].origin, 20)]


def test_calls_end_though_answers_are_lost() -> None:
    world = World(2)
    world.clock.advance(1)
    results: list[bytes | BusError] = []
    world.buses[0].ask(world.buses[1].node, b"hi", timeout=3, done=results.append)
    world.clock.advance(0)
    assert results == [b"hi"]
    world.cut({0}, {1})
    world.buses[0].ask(world.buses[1].node, b"hi", timeout=1, done=results.append)
    world.clock.advance(2)
    assert str(results[1]) == f"Node {world.buses[1].node} did not answer within 1 s."
    assert len(world.buses[0]._calls) == 0


# --- lives that ended ---------------------------------------------------------------------------------------


def test_who_is_dead_for_long_is_forgotten_by_all_and_taken_from_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dead_module, "DEAD_TICKS", 160)
    world = World(3)
    world.clock.advance(1)
    gone = world.buses[2]
    gone.append(Kind.TEXT, b"remember me")
    world.clock.advance(1)
    gone.vanish()
    world.clock.advance(20)
    late, _ = world.add()  # counts from now on, and holds the log for longest
    world.clock.advance(10)
    assert [ear.forgotten for ear in world.ears] == [[gone.origin], [gone.origin], [], []]
    assert [gone.node in {peer.node for peer in bus.peers()} for bus in world.buses[:2]] == [False, False]
    assert gone.origin in late._running.logs
    world.clock.advance(20)
    assert world.ears[3].forgotten == [gone.origin]
    for bus, ear in ((bus, ear) for bus, ear in zip(world.buses, world.ears, strict=True) if bus is not gone):
        assert gone.origin not in bus._running.logs
        assert ear.payloads(gone.origin) == [b"remember me"]


def test_a_life_that_was_forgotten_and_lives_after_all_is_known_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dead_module, "DEAD_TICKS", 160)
    world = World(2)
    (a, b), (ear, _) = world.buses, world.ears
    b.append(Kind.TEXT, b"before")
    b.append(Kind.SESSION, b"here", session="s")
    world.clock.advance(1)
    world.cut({0}, {1})
    world.clock.advance(1)
    b.append(Kind.TEXT, b"during")
    world.clock.advance(40)
    assert ear.forgotten == [b.origin]
    assert a.peers() == []
    world.heal()
    world.clock.advance(2)
    assert ear.up() == {b.node}
    assert ear.payloads(b.origin) == [b"before", b"here", b"here", b"during"]
    b.append(Kind.TEXT, b"after")
    world.clock.advance(1)
    assert ear.payloads(b.origin)[4:] == [b"after"]
    assert world.same()


# --- the state machine by itself -----------------------------------------------------------------------------

ME, PEER, OTHER = f"{1:016x}.1", f"{2:016x}.1", f"{3:016x}.1"


def replica() -> Replica:
    """One that sees PEER up."""
    made = Replica(ME, now=0.0, address="h:1")
    made.receive(hello(), 0.0)
    made.linked("h:2")
    made.turn(0.0)
    return made


def hello(held: dict[str, tuple[int, int]] | None = None) -> Digest:
    return Digest(PEER, "h:2", (), held or {}, [ME], {}, b"")


def text(origin: str, seq: int) -> Record:
    return Record(1, Kind.TEXT, origin, seq, seq, "", "", None, b"")


def said(effects: Iterable[object]) -> list[Packet]:
    return [effect.packet for effect in effects if isinstance(effect, Send)]


def test_an_append_is_one_packet_and_shown_with_the_acknowledgement() -> None:
    node = replica()
    records = [node.append(Kind.TEXT, b"a"), node.append(Kind.TEXT, b"b")]
    assert node.turn(1.0) == [Send(None, Records(ME, records))]
    node.receive(Ack(PEER, ME, 1), 1.0)
    assert node.turn(1.0) == [Shown(records[0], 2)]
    node.receive(hello({ME: (0, 2)}), 1.0)
    assert Shown(records[1], 2) in node.turn(1.0)


def test_records_are_acknowledged_up_to_the_first_hole_and_the_hole_is_asked_for() -> None:
    node = replica()
    node.receive(Records(PEER, [text(PEER, 1), text(PEER, 2), text(PEER, 4)]), 1.0)
    effects = node.turn(1.0)
    assert said(effects) == [Ack(ME, PEER, 2)]
    assert [effect.record.seq for effect in effects if isinstance(effect, Shown)] == [1, 2]
    node.tick(1.1)
    asks = [packet for packet in said(node.turn(1.1)) if not isinstance(packet, Digest)]
    assert [(type(packet).__name__, packet.sender) for packet in asks] == [("Ask", ME)]
    node.receive(Fill(PEER, PEER, 2, 4, 0, 4, [text(PEER, 3), text(PEER, 4)]), 1.2)
    assert Ack(ME, PEER, 4) in said(node.turn(1.2))


def test_a_node_that_was_stopped_does_not_think_that_all_are_dead() -> None:
    node = replica()
    record = node.append(Kind.TEXT, b"written before the stop")
    node.turn(1.0)
    node.tick(1000.0)
    assert [effect for effect in node.turn(1000.0) if isinstance(effect, Shown)] == []
    for _ in range(UP_TICKS + 1):
        node.tick(1001.0)
    assert Shown(record, 1) in node.turn(1001.0)
    assert node.peers()[0].state is SUSPECT
    for _ in range(DOWN_TICKS):
        node.tick(1001.0)
    assert node.peers()[0].state is DOWN


def test_what_contradicts_itself_is_refused_and_counted() -> None:
    node = replica()
    node.receive(Records(PEER, [text(OTHER, 1)]), 1.0)
    node.receive(Records(PEER, []), 1.0)
    node.receive(Fill(PEER, OTHER, 0, 1, 0, 1, [text(PEER, 1)]), 1.0)
    node.receive(Fill(PEER, ME, 0, 1, 0, 1, [text(ME, 1)]), 1.0)
    node.receive(Records(ME, [text(ME, 1)]), 1.0)
    assert node.turn(1.0) == []
    assert node.refused == 4


def test_a_peer_that_promises_what_it_does_not_give_costs_an_ask_each_300_ms() -> None:
    node = replica()
    node.receive(hello({OTHER: (0, 10**9)}), 0.0)
    asked = 0
    for step in range(80):
        now = step * TICK_SECONDS
        node.receive(hello({OTHER: (0, 10**9)}), now)
        node.tick(now)
        asked += sum(type(packet).__name__ == "Ask" for packet in said(node.turn(now)))
    assert 20 <= asked <= 34


def test_however_often_a_node_begins_again_its_newest_life_is_heard() -> None:
    node = replica()
    forgotten = []
    for number in range(2, ORIGINS + 50):
        life = f"{2:016x}.{number}"
        node.receive(Digest(life, "h:2", (), {life: (0, 1)}, [ME], {}, b""), 1.0)
        node.receive(Records(life, [text(life, 1)]), 1.0)
        effects = node.turn(1.0)
        assert Shown(text(life, 1), 2) in effects
        assert Ack(ME, life, 1) in said(effects)
        forgotten += [effect.origin for effect in effects if isinstance(effect, Forgotten)]
    assert len(node.logs) == ORIGINS
    assert forgotten == [f"{2:016x}.{number}" for number in range(2, 51)]
    assert node.refused == 0


def test_what_comes_late_of_a_forgotten_log_is_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dead_module, "DEAD_TICKS", 16)
    node = replica()
    late = Fill(PEER, OTHER, 0, 1, 0, 1, [text(OTHER, 1)])
    node.receive(late, 1.0)
    assert Shown(text(OTHER, 1), 2) in node.turn(1.0)
    for _ in range(40):
        node.receive(hello({OTHER: (0, 1)}), 1.0)
        node.tick(1.0)
    node.receive(late, 1.0)
    effects = node.turn(1.0)
    assert effects.count(Forgotten(OTHER)) == 1
    assert not any(isinstance(effect, Shown) for effect in effects)
    assert not any(isinstance(packet, Ask | Ack) for packet in said(effects))
    assert OTHER not in node.logs


def test_a_node_that_made_room_for_another_is_forgotten() -> None:
    node = replica()
    for number in range(PEERS + 10, 10, -1):
        life = f"{number:016x}.1"
        node.receive(Digest(life, f"h:{number}", (), {}, [ME], {}, b""), 1.0)
    for _ in range(DOWN_TICKS + 1):
        node.tick(1.0)
    node.turn(1.0)
    node.receive(Digest(f"{5000:016x}.1", "h:5000", (), {}, [ME], {}, b""), 1.0)
    assert [effect for effect in node.turn(1.0) if isinstance(effect, Forgotten)] == [Forgotten(PEER)]
    assert PEER not in {peer.origin for peer in node.peers()}


def test_large_turns_are_cut_into_packets() -> None:
    node = replica()
    for _ in range(20):
        node.append(Kind.TEXT, bytes(20_000))
    for _ in range(1200):
        node.append(Kind.TEXT, b"")
    packets = [packet for packet in said(node.turn(1.0)) if isinstance(packet, Records)]
    assert [record.seq for packet in packets for record in packet.records] == list(range(1, 1221))
    assert max(sum(len(record.payload) for record in packet.records) for packet in packets) <= 64 << 10
    assert max(len(packet.records) for packet in packets) <= 500


def test_addresses_that_never_answer_make_room_for_others() -> None:
    node = replica()
    for number in range(3 * LINKS // 100):
        known = {f"{at:016x}.1": f"h:{at}" for at in range(1000 + 100 * number, 1100 + 100 * number)}
        node.receive(Digest(PEER, "h:2", (), {}, [ME], known, b""), 1.0)
        node.tick(1.0)
    effects = node.turn(1.0)
    assert len(node.membership.links) == LINKS
    assert sum(isinstance(effect, Link) for effect in effects) > LINKS
    linked = {effect.address for effect in effects if isinstance(effect, Link)} | {"h:2"}
    assert linked - {effect.address for effect in effects if isinstance(effect, Unlink)} == set(node.membership.links)
    assert {"h:2", [*known.values()][-1]} <= set(node.membership.links)


def test_a_joiner_is_not_done_with_what_a_peer_that_is_behind_can_tell() -> None:
    joiner = Replica(ME, now=0.0, address="h:1", peers=["h:2"])
    joiner.receive(Digest(OTHER, "h:3", (), {PEER: (0, 1)}, [ME], {}, b""), 0.1)
    joiner.receive(Digest(PEER, "h:2", (), {PEER: (0, 2)}, [ME, OTHER], {}, b""), 0.1)
    joiner.receive(Fill(PEER, PEER, 0, 1, 0, 2, [text(PEER, 1)]), 0.2)
    assert Synced() not in joiner.turn(0.2)
    joiner.receive(Fill(PEER, PEER, 1, 2, 0, 2, [text(PEER, 2)]), 0.3)
    assert Synced() in joiner.turn(0.3)


def test_an_address_that_was_given_up_is_left_and_one_that_has_a_peer_is_kept() -> None:
    node = replica()
    node.links.join("h:8")
    node.links.join("h:2")
    assert {effect.address for effect in node.turn(1.0) if isinstance(effect, Link)} >= {"h:8"}
    node.receive(Digest(PEER, "h:2", (), {}, [ME], {}, b""), 1.0)
    node.links.give_up("h:8")
    node.links.give_up("h:2")
    assert [effect.address for effect in node.turn(1.0) if isinstance(effect, Unlink)] == ["h:8"]
    assert "h:2" in node.membership.links


def test_an_address_of_the_start_is_left_too_when_it_is_given_up() -> None:
    node = Replica(ME, now=0.0, address="h:1", peers=["h:7"])
    assert {effect.address for effect in node.turn(0.0) if isinstance(effect, Link)} == {"h:7"}
    node.links.give_up("h:7")
    assert [effect.address for effect in node.turn(1.0) if isinstance(effect, Unlink)] == ["h:7"]


def test_a_node_that_moved_tells_its_new_address_at_once_and_does_not_look_for_itself() -> None:
    node = replica()
    node.links.join("h:9")
    node.turn(1.0)
    node.move("h:9", ("h:10",))
    effects = node.turn(1.0)
    assert [effect.address for effect in effects if isinstance(effect, Unlink)] == ["h:9"]
    told = [effect.packet for effect in effects if isinstance(effect, Send) and effect.address is None]
    assert [(each.address, each.endpoints) for each in told if isinstance(each, Digest)] == [("h:9", ("h:10",))]


def test_who_is_told_alone_is_told_where_it_was_reached() -> None:
    node = replica()
    node.links.join("h:7")
    node.turn(1.0)
    node.linked("h:7")
    told = [effect.packet for effect in node.turn(1.0) if isinstance(effect, Send) and effect.address == "h:7"]
    assert [each.reached for each in told if isinstance(each, Digest)] == ["h:7"]
    assert node.reached == ""
    node.receive(Digest(PEER, "h:2", (), {}, [ME], {}, b"", reached="g:1"), 1.0)
    assert node.reached == "g:1"
