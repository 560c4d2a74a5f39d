"""Rulings in a cluster under virtual time: parted, healed, restarted, forgotten, over."""

from __future__ import annotations

from collections.abc import Awaitable, Iterable, Sequence
from typing import cast

import msgspec
import pytest

from bus.interface import BusError, Peer
from bus.keys import Identity
from bus.membership import TICK_SECONDS
from bus.memory import MemoryNetwork, VirtualClock
from bus.record import Kind, NodeId, Origin, Record
from server import orders, rulings
from server.node import Node
from server.orders import Orders
from server.rulings import Change, Ruling, Rulings
from server.session import Actor, Role
from server.wire.moderation import Outcome
from server.wire.native import Refused
from tests.bus.ear import eventually
from tests.nodes import Served, Serving, deaf

MODERATOR = Actor("s1", "mod", "Mod", Role.MODERATOR)
OTHER = Actor("s2", "other", "Other", Role.MODERATOR)

MEETS_SECONDS = 3.0
"""By then nodes know each other and have told each other all that they know."""

CARRIED_SECONDS = 10.0
"""By then what no log carried is carried, whoever's turn it is."""


class Clock:
    """A node's clocks, each with an error of its own."""

    def __init__(self, world: VirtualClock, *, ahead: float, wall: float) -> None:
        self._world, self.ahead, self._wall = world, ahead, wall

    def now(self) -> float:
        return self._world.time() + self.ahead

    def wall_ms(self) -> int:
        return round((self._world.time() + self._wall) * 1000)


class One:
    """As much of a node as rulings need."""

    def __init__(self, cluster: Together, name: str, identity: Identity, *, ahead: float, wall: float) -> None:
        self.name, self.clock, self.synced, self.alive = (
            name,
            Clock(cluster.clock, ahead=ahead, wall=wall),
            False,
            True,
        )
        self.bus = cluster.network.bus(identity, address=name, peers=[n for n in cluster.names if n != name])
        self.rulings = Rulings(now=self.clock.now())
        self.orders = Orders(cast(Node, self))
        self.changes: list[Change] = []
        self.orders.follow("ban", self.changes.append)
        self.bus.open(self, clock=cluster.clock)

    def value(self, key: str = "ban/x") -> object:
        """What is in force for a key."""
        ruling = self.rulings.get(key)
        return None if ruling is None else ruling.read(object)

    def kept(self) -> list[Ruling]:
        """What a store would give back if the node began again now."""
        found = [self.rulings.last(key) for key in self.rulings.keys()]  # noqa: SIM118
        left = self.rulings.left
        return [msgspec.structs.replace(r, seconds=left(r.key, self.clock.now())) for r in found if r is not None]

    def carried(self, key: str = "ban/x") -> list[Origin]:
        """In which of the logs that this node holds the key stands."""
        logs = self.bus._running.logs
        return sorted(o for o, log in logs.items() for r in log if r.kind is Kind.RULING and r.id == key)

    def on_record(self, record: Record, copies: int) -> None:
        self.orders.read(record)

    def on_call(self, caller: NodeId, body: bytes) -> bytes | Awaitable[bytes]:
        raise BusError("nobody calls here")

    def on_forgotten(self, origin: Origin) -> None:
        self.orders.forget(origin)

    def on_synced(self) -> None:
        self.synced = True

    def on_peer(self, peer: Peer) -> None:
        """Of no matter here."""

    def on_gap(self, origin: Origin, upto: int) -> None:
        """Of no matter here."""

    def on_fenced(self, origin: Origin) -> None:
        raise AssertionError("nobody is copied here")

    def on_cast(self, topic: str, frames: Sequence[bytes]) -> None:
        raise AssertionError("nobody casts here")


class Together:
    """Nodes of one cluster, of which links can be cut."""

    names = ("a", "b", "c", "d")

    def __init__(self) -> None:
        self.clock = VirtualClock()
        self.network = MemoryNetwork(clock=self.clock, fate=self._fate)
        self.apart: set[str] = set()
        """Those on one side of a cut."""
        self.nodes: list[One] = []
        self._lives = dict.fromkeys(self.names, 0)

    def _fate(self, source: str, target: str) -> Iterable[float]:
        return (0.002,) if (source in self.apart) == (target in self.apart) else ()

    def start(self, name: str, *, ahead: float = 0.0, wall: float = 0.0, stored: Iterable[Ruling] = ()) -> One:
        """A node; `ahead` and `wall` are what its clocks are wrong by, `stored` what its store has kept."""
        self._lives[name] += 1
        identity = Identity(f"{self.names.index(name) + 1:016x}", self._lives[name])
        node = One(self, name, identity, ahead=ahead, wall=wall)
        node.orders.restore(stored)
        self.nodes.append(node)
        return node

    def all(self, count: int = 3) -> list[One]:
        """So many nodes that know each other."""
        nodes = [self.start(name) for name in self.names[:count]]
        self.advance(MEETS_SECONDS)
        return nodes

    def stop(self, *nodes: One) -> None:
        """They die at once."""
        for node in nodes:
            node.alive = False
            node.bus.vanish()

    def advance(self, seconds: float) -> None:
        """Let so much time pass."""
        for _ in range(round(seconds * 10)):
            self.clock.advance(0.1)
            for node in self.nodes:
                if node.alive:
                    node.orders.tick(node.clock.now())


@pytest.fixture
def together() -> Together:
    return Together()


def test_what_one_decides_holds_on_all(together: Together) -> None:
    nodes = together.all()
    nodes[0].orders.decide(MODERATOR, "ban/x", "spam", reason="why")
    together.advance(0.5)
    assert [node.value() for node in nodes] == ["spam"] * 3
    nodes[2].orders.decide(OTHER, "ban/x", None)
    together.advance(0.5)
    assert [node.value() for node in nodes] == [None] * 3
    assert {node.rulings.last("ban/x") for node in nodes} == {nodes[0].rulings.last("ban/x")}


def test_who_follows_a_family_hears_of_its_changes_alone_and_once(together: Together) -> None:
    a, b, c = together.all()
    every: list[Change] = []
    c.orders.follow("", every.append)
    a.orders.decide(MODERATOR, "ban/x", "spam")
    b.orders.decide(MODERATOR, "mute/ann/", True)
    together.advance(0.5)
    assert [change.key for change in c.changes] == ["ban/x"]
    assert sorted(change.key for change in every) == ["ban/x", "mute/ann/"]


def test_a_follower_that_fails_keeps_nothing_from_the_others(together: Together) -> None:
    a, b, _ = together.all()

    def fails(change: Change) -> None:
        raise RuntimeError("a mistake")

    b.orders.follow("ban", fails)
    heard: list[Change] = []
    b.orders.follow("ban", heard.append)
    a.orders.decide(MODERATOR, "ban/x", "spam")
    together.advance(0.5)
    assert len(heard) == 1


def test_of_two_decisions_on_both_sides_of_a_cut_one_holds_everywhere(together: Together) -> None:
    nodes = together.all()
    nodes[0].orders.decide(MODERATOR, "ban/x", "first")
    together.advance(0.5)
    together.apart = {"c"}
    nodes[0].orders.decide(MODERATOR, "ban/x", "here")
    nodes[2].orders.decide(OTHER, "ban/x", "there")
    together.advance(2.0)
    assert [node.value() for node in nodes] == ["here", "here", "there"]
    together.apart = set()
    together.advance(15.0)
    assert [node.value() for node in nodes] == ["there"] * 3  # of one number the higher origin


def test_the_longer_line_of_decisions_wins_whatever_the_clocks_say(together: Together) -> None:
    a, b = together.start("a", wall=0.0), together.start("b", wall=3600.0)
    together.advance(MEETS_SECONDS)
    together.apart = {"b"}
    for value in ("one", "two"):
        a.orders.decide(MODERATOR, "ban/x", value)
    together.advance(1.0)
    b.orders.decide(OTHER, "ban/x", "an hour later by its clock")
    together.apart = set()
    together.advance(15.0)
    assert (a.value(), b.value()) == ("two", "two")


def test_the_same_act_again_decides_nothing_new(together: Together) -> None:
    a, b, _ = together.all()
    first = a.orders.decide(MODERATOR, "ban/x", "spam", act="act-1")
    together.advance(0.5)
    assert b.orders.decide(MODERATOR, "ban/x", "spam", act="act-1") == first
    assert b.carried() == [a.bus.origin]
    assert b.orders.decide(MODERATOR, "ban/x", "more", act="act-2").number == 2


# Restarts.


def test_after_a_restart_of_all_nodes_what_one_of_them_kept_holds_on_all(together: Together) -> None:
    nodes = together.all()
    nodes[1].orders.decide(MODERATOR, "ban/x", "spam", reason="why")
    together.advance(0.5)
    kept = nodes[0].kept()
    together.stop(*nodes)
    nodes = [together.start(name, stored=kept if name == "c" else ()) for name in "abc"]
    together.advance(MEETS_SECONDS + CARRIED_SECONDS)
    assert [node.value() for node in nodes] == ["spam"] * 3
    assert [node.rulings.last("ban/x") for node in nodes] == kept * 3


def test_what_all_of_them_kept_is_appended_once(together: Together, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(orders, "CARRIED_AT_ONCE", 2)  # so that it takes the first longer than a turn
    nodes = together.all()
    for number in range(60):
        nodes[1].orders.decide(MODERATOR, f"ban/{number}", "spam")
    together.advance(0.5)
    kept = nodes[1].kept()
    together.stop(*nodes)
    nodes = [together.start(name, stored=kept) for name in "abc"]
    together.advance(MEETS_SECONDS + CARRIED_SECONDS)
    assert [len(node.rulings.of("ban")) for node in nodes] == [60] * 3
    assert all(nodes[2].carried(f"ban/{number}") == [nodes[0].bus.origin] for number in range(60))


def test_a_restored_one_is_followed(together: Together) -> None:
    nodes = together.all(1)
    nodes[0].orders.decide(MODERATOR, "ban/x", "spam")
    kept = nodes[0].kept()
    together.stop(*nodes)
    again = together.start("a", stored=kept)
    assert [change.now for change in again.changes] == kept


@pytest.mark.parametrize("newer", ["a", "b"])
def test_of_what_two_stores_kept_the_later_one_holds(together: Together, newer: str) -> None:
    """A lift outlives the restart as well: it has to win over a ban in a store that never heard of it."""
    nodes = together.all(2)
    nodes[0].orders.decide(MODERATOR, "ban/x", "spam")
    together.advance(0.5)
    older = nodes[0].kept()
    nodes[1].orders.decide(OTHER, "ban/x", None)
    together.advance(0.5)
    later = nodes[0].kept()
    together.stop(*nodes)
    nodes = [together.start(name, stored=later if name == newer else older) for name in "ab"]
    together.advance(MEETS_SECONDS + CARRIED_SECONDS)
    assert [node.rulings.last("ban/x") for node in nodes] == later * 2


def test_who_learns_of_an_older_one_tells_the_later_one(together: Together) -> None:
    nodes = together.all(2)
    nodes[0].orders.decide(MODERATOR, "ban/x", "spam")
    together.advance(0.5)
    lifted = msgspec.structs.replace(nodes[0].kept()[0], number=2, value=b"")
    late = together.start("c", stored=[lifted])
    together.advance(MEETS_SECONDS + CARRIED_SECONDS)
    assert [node.value() for node in (*nodes, late)] == [None] * 3


def test_a_node_that_comes_later_learns_all(together: Together) -> None:
    a, b, _ = together.all()
    for number in range(300):
        a.orders.decide(MODERATOR, f"ban/{number}", "spam")
    b.orders.decide(MODERATOR, "ban/0", None)
    together.advance(1.0)
    late = together.start("d")
    together.advance(MEETS_SECONDS)
    assert late.rulings.of("ban") == a.rulings.of("ban")
    assert len(late.rulings.of("ban")) == 299


# A life that is forgotten.


def test_what_a_forgotten_life_decided_is_carried_on_by_another(together: Together) -> None:
    a, b, c = together.all()
    for node in (a, b):
        node.bus._running._dead.ticks = round(20 / TICK_SECONDS)
    c.orders.decide(MODERATOR, "ban/x", "spam")
    together.advance(0.5)
    assert a.carried() == [c.bus.origin]
    together.stop(c)
    together.advance(45.0)
    assert (a.carried(), b.carried()) == ([a.bus.origin], [a.bus.origin])
    late = together.start("d")
    together.advance(MEETS_SECONDS)
    assert late.rulings.last("ban/x") == c.rulings.last("ban/x")


# Time.


def test_it_ends_everywhere_though_clocks_are_an_hour_apart(together: Together) -> None:
    nodes = [together.start("a"), together.start("b", ahead=3600.0, wall=3600.0), together.start("c", ahead=-50.0)]
    together.advance(MEETS_SECONDS)
    nodes[0].orders.decide(MODERATOR, "ban/x", "spam", seconds=5.0)
    together.advance(4.5)
    assert [node.value() for node in nodes] == ["spam"] * 3
    together.advance(1.0)
    assert [node.value() for node in nodes] == [None] * 3
    assert all(node.changes[-1].now is None for node in nodes)


def test_who_came_later_ends_it_with_the_others(together: Together) -> None:
    a, b, _ = together.all()
    a.orders.decide(MODERATOR, "ban/x", "spam", seconds=30.0)
    together.advance(25.0)
    late = together.start("d")
    together.advance(MEETS_SECONDS)
    assert late.value() == "spam"
    together.advance(3.0)
    assert [node.value() for node in (a, b, late)] == [None] * 3


def test_who_came_later_is_told_also_when_the_one_who_decided_is_gone(together: Together) -> None:
    a, b, c = together.all()
    a.orders.decide(MODERATOR, "ban/x", "spam", seconds=30.0)
    together.advance(25.0)
    late = together.start("d")
    together.advance(MEETS_SECONDS)
    together.stop(a)
    together.advance(2.5)
    assert [node.value() for node in (b, c, late)] == [None, None, "spam"]  # each by its own count
    together.advance(CARRIED_SECONDS)
    assert late.value() is None
    assert together.start("a").value() is None


def test_a_store_whose_clock_was_wrong_does_not_end_what_another_kept(together: Together) -> None:
    nodes = together.all(2)
    nodes[0].orders.decide(MODERATOR, "ban/x", "spam", seconds=600.0)
    together.advance(0.5)
    kept = nodes[0].kept()
    together.stop(*nodes)
    over = [msgspec.structs.replace(kept[0], seconds=0.0)]
    nodes = [together.start("a", stored=over), together.start("b", stored=kept)]
    together.advance(MEETS_SECONDS + CARRIED_SECONDS)
    assert [node.value() for node in nodes] == ["spam"] * 2
    left = [node.rulings.left("ban/x", node.clock.now()) for node in nodes]
    assert all(seconds is not None and 570 < seconds < 600 for seconds in left)


@pytest.mark.parametrize("first", ["a", "b"])
def test_a_store_whose_clock_was_wrong_ends_nothing_for_a_node_that_begins_much_later(
    together: Together, first: str
) -> None:
    nodes = together.all(2)
    nodes[0].orders.decide(MODERATOR, "ban/x", "spam", seconds=600.0)
    together.advance(0.5)
    kept = nodes[0].kept()
    together.stop(*nodes)
    over = [msgspec.structs.replace(kept[0], seconds=0.0)]
    early = together.start(first, stored=over)
    together.advance(60.0)
    assert (early.value(), early.carried()) == (None, [early.bus.origin])
    late = together.start("c", stored=kept)
    together.advance(MEETS_SECONDS + CARRIED_SECONDS)
    assert (early.value(), late.value()) == ("spam", "spam")
    newcomer = together.start("d")
    together.advance(MEETS_SECONDS)
    assert newcomer.value() == "spam"
    together.advance(600.0)
    assert [node.value() for node in (early, late, newcomer)] == [None] * 3
    assert together.start("a" if first == "b" else "b").value() is None


def test_what_was_over_when_all_began_again_is_known_as_such_to_all(together: Together) -> None:
    """Else somebody decided anew under a number that is taken, and that would be over as well."""
    nodes = together.all(2)
    nodes[0].orders.decide(MODERATOR, "mute/ann/", True, seconds=1.0)
    together.advance(2.0)
    kept = nodes[0].kept()
    together.stop(*nodes)
    nodes = [together.start("a"), together.start("b", stored=kept)]
    together.advance(MEETS_SECONDS + CARRIED_SECONDS)
    assert [node.value("mute/ann/") for node in nodes] == [None, None]
    assert nodes[0].orders.decide(OTHER, "mute/ann/", True).number == 2
    together.advance(0.5)
    assert [node.value("mute/ann/") for node in nodes] == [True, True]


# Between real nodes.


async def trio(serve: Serving) -> list[Served]:
    """Three nodes that know each other."""
    nodes = [await serve(address="a"), await serve("a", address="b"), await serve("a", address="c")]
    await eventually(lambda: all(s.node.synced and len(s.node.cards.urls_of_others()) == 2 for s in nodes))
    return nodes


async def test_every_live_node_confirms_with_its_time(serve: Serving) -> None:
    nodes = await trio(serve)
    outcomes = await nodes[1].node.orders.rule(MODERATOR, "ban/x", "spam")
    assert [(outcome.node, outcome.outcome) for outcome in outcomes] == [
        ("n2", "done"),
        ("n1", "done"),
        ("n3", "done"),
    ]
    assert all(outcome.ms >= 0 for outcome in outcomes)
    assert all(served.node.rulings.get("ban/x") for served in nodes)


async def test_a_node_that_does_not_answer_is_named_and_the_others_have_it(
    serve: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    nodes = await trio(serve)
    deaf(nodes[2].node, monkeypatch)
    monkeypatch.setitem(nodes[2].node.answers, orders.CALL, _refuse)
    with pytest.raises(orders.Unconfirmed, match="node n3 did not answer") as refused:
        await nodes[0].node.orders.rule(MODERATOR, "ban/x", "spam")
    assert [outcome.node for outcome in refused.value.outcomes] == ["n1", "n2"]
    assert nodes[1].node.rulings.get("ban/x") is not None


def _refuse(caller: NodeId, body: bytes) -> bytes:
    raise BusError("no")


async def test_what_somebody_decides_who_may_not_is_taken_nowhere(serve: Serving) -> None:
    """Where it enters, and at each node for itself, should another one have let it enter."""
    a, b, _ = await trio(serve)
    user = msgspec.structs.replace(MODERATOR, role=Role.USER)
    with pytest.raises(Refused, match="not for you"):
        a.node.orders.decide(user, "ban/x", "spam")
    with pytest.raises(Refused, match="not for you"):
        a.node.orders.decide(MODERATOR, "something else/x", "spam")
    forged = msgspec.structs.replace(a.node.orders.decide(MODERATOR, "ban/y", "spam"), key="ban/x", by=user)
    answer = b.node.orders.answer(orders.CALL + rulings.pack(forged))
    assert msgspec.msgpack.decode(answer, type=Outcome).outcome == "failed"
    a.node.bus.append(Kind.RULING, rulings.pack(forged), id=forged.key)
    await eventually(lambda: b.node.rulings.get("ban/y") is not None)
    later = a.node.orders.decide(MODERATOR, "ban/z", "spam")
    await eventually(lambda: b.node.rulings.last("ban/z") == later)
    assert b.node.rulings.last("ban/x") is None
