"""One schedule: nodes, clients, faults and invariants, all from one seed."""

from __future__ import annotations

import collections
import dataclasses
import random
from collections.abc import Callable, Sequence
from typing import Any

from bus.interface import Bounds
from bus.keys import Identity
from bus.membership import TICK_SECONDS
from bus.record import Kind, Origin, Record, incarnation_of
from bus.replica import Replica
from server.closing import RESTARTING
from server.rulings import Ruling
from tests.simulation.client import Client
from tests.simulation.decisions import Decisions
from tests.simulation.endings import Endings
from tests.simulation.judge import FENCED_SECONDS, SETTLES_SECONDS, Judge
from tests.simulation.network import Network
from tests.simulation.node import Node, Patience

CLIENTS = 9
"""There are so many at most, with those who are gone."""

TEXTS = (Kind.TEXT, Kind.WHISPER)


@dataclasses.dataclass(frozen=True, slots=True)
class Line:
    """Something that happened."""

    at: float
    who: str
    what: str

    def __str__(self) -> str:
        return f"{self.at:9.3f}  {self.who:8} {self.what}"


class World:
    """Runs a schedule and judges it. `bad` things are in `wrong`, what happened in `lines` if it is to be told."""

    def __init__(self, seed: int, *, told: bool = False) -> None:
        self.rng = rng = random.Random(seed)
        self.network = Network(rng)
        self.lines: list[Line] | None = [] if told else None
        self.wrong: collections.Counter[str] = collections.Counter()
        self.first_wrong: dict[str, str] = {}
        self.acked: dict[tuple[str, int], float] = {}
        self.sent = 0
        self.endings = Endings(self)
        self._judge = Judge(self)
        self.faults: collections.Counter[str] = collections.Counter()
        self.settled_after: float | None = None
        self.places: dict[tuple[str, int], set[tuple[Origin, int]]] = {}
        self._listed: dict[tuple[str, int], float] = {}
        self._given_up: dict[Origin, int] = {}
        self._alone: dict[Origin, int] = {}  # how far an origin showed its own log when no peer was up
        self._gaps: dict[Origin, int] = {}
        self._incarnations: dict[str, int] = {}
        self._had: dict[Origin, int] = {}
        """How far logs must have two running copies before the next fault: one node dies at a time."""
        self.forgotten: set[Origin] = set()
        self.coming = 0
        self._replaced: set[Client] = set()
        self._copied: list[tuple[float, Node]] = []
        self.cuts = rng.choice((0, 0, 0, 1, 1, 2))
        """0: none, 1: up to 4 s, 2: up to 14 s; only in the last may texts come late or twice for them."""
        small = rng.random() < 0.3
        records, size, seconds = rng.choice((20, 60)), rng.choice((8_000, 64 << 20)), rng.choice((3.0, 3600.0))
        self.bounds = Bounds(records=records, size=size, seconds=seconds) if small else Bounds()
        self.goes = rng.choice((0.0, 0.0, 0.03))
        """How likely a client that has nothing to say leaves instead."""
        self.buried_after = rng.choice((None, None, None, 14.0))
        """Seconds after which a dead life is forgotten, longer than any wait; None for the product's hours."""
        self.patience = rng.choice((Patience(), Patience(), Patience(2.0), Patience(2.0, 6)))
        self.end_at = rng.uniform(6, 14) * (2 if self.cuts == 2 or self.buried_after else 1)
        count = rng.choice((2, 3, 3, 3, 4, 5, 7))
        self.names = [f"n{number}" for number in range(1, count + 1)]
        self.nodes: dict[str, Node] = {}
        for number, name in enumerate(self.names):
            if number == 0 or rng.random() < 0.9:
                self._start(name, self._identity(name))
            else:
                self.later(rng.uniform(1, self.end_at * 0.7), self._join, name)
        self.clients: list[Client] = []
        self.decisions = Decisions(self, seed)
        for number in range(rng.randint(2, 5)):
            self.clients.append(Client(self, f"s{number}"))
        self.later(rng.uniform(0.5, 3), self._fault)
        self.later(0.3, self._look)
        if self.cuts:
            self.later(rng.uniform(0.5, 4), self._cut)
        if rng.random() < 0.4:
            self.later(rng.uniform(1, 4), self._kick)

    # --- time and notes -------------------------------------------------------------------------------------

    @property
    def now(self) -> float:
        return self.network.clock.time()

    @property
    def is_ending(self) -> bool:
        return self.now > self.end_at

    def later(self, delay: float, act: Callable[..., object], *args: Any) -> None:
        self.network.clock.call_later(delay, act, *args)

    def note(self, who: str, what: str) -> None:
        if self.lines is not None:
            self.lines.append(Line(self.now, who, what))

    def bad(self, what: str, *details: object, late: bool = False, told: bool = False) -> None:
        """Note a violation, unless it may be.

        `late`: its text was given up by a node that could not reach a holder for long; `told`: its reader was told of
        a gap.
        """
        if told or late:
            return
        self.wrong[what] += 1
        detail = f"{self.now:.3f}: {what}: {' '.join(map(str, details))}"
        self.first_wrong.setdefault(what, detail)
        self.note("!", detail)

    # --- nodes ----------------------------------------------------------------------------------------------

    def running(self) -> list[Node]:
        return [node for node in self.nodes.values() if node.alive]

    def some_node(self) -> Node:
        """Where a client goes next; it may be dead."""
        return self.nodes[self.rng.choice(sorted(self.nodes))]

    def _identity(self, name: str, *, fresh: bool = False) -> Identity:
        number = self._incarnations.get(name, 0) + 1
        self._incarnations[name] = number
        place = self.names.index(name) + 1 if name in self.names else 99
        return Identity(f"{place + (1000 * number if fresh else 0):016x}", number)

    def _start(self, name: str, identity: Identity, *, stored: Sequence[Ruling] = ()) -> Node:
        others = [other for other in self.names if other != name]
        running = [node.name for node in self.running() if node.name != name]
        peers = others if self.rng.random() < 0.5 else self.rng.sample(running, min(len(running), 1)) or others[:1]
        node = Node(self, name, identity, peers, self.bounds, stored=stored)
        self._watch_waits(node)
        if self.buried_after is not None:
            replica_of(node)._dead.ticks = round(self.buried_after / TICK_SECONDS)
        self.nodes[name] = node
        self.note(name, f"starts as {node.bus.origin}, told of {', '.join(peers)}")
        return node

    def _watch_waits(self, node: Node) -> None:
        """Note which places are given up though somebody alive holds them, where that may be.

        That is where cuts are long; at a node that knows the address of no holder, which is cut off from it too; and
        where all holders are copies that are outlived, whom nobody asks any more.
        """
        admission = replica_of(node).admission
        judge = admission._is_given_up

        def is_given_up(origin: Origin, seq: int) -> bool:
            if not judge(origin, seq):
                return False
            holders = [other for other in self.running() if replica_of(other).admission.held(origin) >= seq]
            asked = {other.name for other in holders if not self._is_outlived(other)}
            apart = asked.isdisjoint(replica_of(node).membership.links)
            if holders and (apart or self.cuts == 2):
                self._given_up[origin] = max(seq, self._given_up.get(origin, 0))
            return True

        admission._is_given_up = is_given_up  # type: ignore[method-assign]

    def gap(self, node: Node, origin: Origin, upto: int) -> None:
        """A node will never hold what stood in a log up to there."""
        self.note(node.name, f"misses what stood in {origin} up to {upto}")
        self._gaps[origin] = max(upto, self._gaps.get(origin, 0))

    def is_in_gap(self, session: str, id: int) -> bool:
        return any(seq <= self._gaps.get(origin, 0) for origin, seq in self.places.get((session, id), ()))

    def was_given_up(self, session: str, id: int) -> bool:
        return any(seq <= self._given_up.get(origin, 0) for origin, seq in self.places.get((session, id), ()))

    def first_listed(self, session: str, id: int) -> float:
        """When a text first entered any node's list."""
        return self._listed[session, id]

    def was_refused(self, session: str, id: int) -> bool:
        """Whether its sender was told that it may not say it, after it had been taken elsewhere."""
        return any(id in client.refused for client in self.clients if client.session == session)

    def worked(self, node: Node, record: Record, copies: int) -> None:
        """A record entered a node's list."""
        if record.kind in TEXTS and isinstance(record.id, int):
            self.places.setdefault((record.session, record.id), set()).add((record.origin, record.seq))
            self._listed.setdefault((record.session, record.id), self.now)
            if self.lines is not None:
                text = f"{record.session}/{record.id} at {record.origin}:{record.seq}"
                self.note(node.name, f"lists {text} ({copies} copies)")
        if copies == 1 and record.origin == node.bus.origin:
            self._had[record.origin] = max(record.seq, self._had.get(record.origin, 0))
            self._alone[record.origin] = record.seq

    def fenced(self, node: Node, by: Origin) -> None:
        """A node ends because it was copied; it takes with it what it has shown alone since."""
        origin = node.bus.origin
        self.note(node.name, f"{origin} fences itself: {by} is newer")
        alone = self._alone.get(origin, 0)
        if all(replica_of(other).admission.held(origin) < alone for other in self.running() if other is not node):
            self._given_up[origin] = max(alone, self._given_up.get(origin, 0))
        for connection in list(node.connections):
            node.gone(connection)
            connection.close(RESTARTING)
        self._risk(node)
        node.crash(told=True)

    def forgot(self, node: Node, origin: Origin) -> None:
        """A node knows a dead life no more."""
        self.note(node.name, f"forgets {origin}")
        if origin not in self.forgotten:
            self.forgotten.add(origin)
            self.faults["forgotten"] += 1

    # --- sessions that end ----------------------------------------------------------------------------------

    def replace(self, client: Client) -> None:
        """Somebody else comes in place of one whose session is over."""
        if not self.is_ending and client not in self._replaced and len(self.clients) < CLIENTS:
            self._replaced.add(client)
            self.clients.append(Client(self, f"s{len(self.clients)}"))

    def _kick(self) -> None:
        if self.is_ending:
            return
        node, client = self.rng.choice(self.running()), self.rng.choice(self.clients)
        self.note(node.name, f"a moderator here puts out {client.session}")
        node.kick(client.session)
        self.later(self.rng.uniform(1, 6), self._kick)

    # --- faults ---------------------------------------------------------------------------------------------

    def _is_safe(self) -> bool:
        """Whether all that the last fault put at risk has two running copies again."""
        running = [node for node in self.running() if not node.clock.stands]
        if self._copied:
            return False  # a node is about to be lost: it has to fence itself
        if len(running) < 2 or len(running) < len(self.running()):
            return False
        for origin, high in self._had.items():
            if origin in self.forgotten:
                continue
            held = sorted((replica_of(node).admission.held(origin) for node in running), reverse=True)
            if held[1] < min(high, held[0]):
                return False
        return True

    def _fault(self) -> None:
        rng = self.rng
        if self.is_ending:
            return
        if not self._is_safe():
            self.later(0.05, self._fault)
            return
        node = self.nodes[rng.choice(sorted(self.nodes))]
        if node.alive:
            how = rng.random()
            if how < 0.2:
                self._stop(node)
            elif how < 0.28:
                self._jump(node)
            elif how < 0.36:
                self._slow(node)
            elif how < 0.42:
                self._copy(node)
            else:
                self._crash(node)
        self.later(rng.uniform(0.05, 3), self._fault)

    def _stop(self, node: Node) -> None:
        seconds = self.rng.uniform(0.2, 4)
        node.clock.stand(seconds)
        self.faults["stop"] += 1
        self.note(node.name, f"stands still for {seconds:.2f} s")

    def _jump(self, node: Node) -> None:
        node.clock.ahead += self.rng.choice((5.0, 3600.0, 86_400.0))
        self.faults["clock"] += 1
        self.note(node.name, "its clock jumps")

    def _slow(self, node: Node) -> None:
        self.network.slow[node.name] = self.rng.uniform(0.1, 0.6)
        self.faults["slow"] += 1
        self.note(node.name, "is slow")
        self.later(self.rng.uniform(0.5, 3), self.network.slow.pop, node.name, None)

    def _copy(self, node: Node) -> None:
        """Start a second process from a copy of a node's data folder."""
        if node.name not in self.names or len(self.nodes) > len(self.names):
            return
        name = f"{node.name}c{self._incarnations[node.name]}"
        self._incarnations[node.name] += 1
        self.faults["copy"] += 1
        self.note(name, f"is started from a copy of the state of {node.name}")
        node_id = node.bus.node
        copy = self._start(name, Identity(node_id, self._incarnations[node.name], peers=tuple(self.names)))
        self._copied.append((self.now, node))
        self._risk(node)
        assert copy.bus.node == node_id

    def _crash(self, node: Node) -> None:
        rng = self.rng
        told = rng.random() < 0.7
        self._risk(node)
        self.faults["crash"] += 1
        self.note(node.name, "dies" if told else "loses its power")
        node.crash(told=told)
        if len(self.running()) < 2 or rng.random() < 0.85 or self._is_parted():
            self.coming += 1
            self.later(rng.choice((0.05, 1, 4, 9)) * rng.uniform(0.5, 1), self._restart, node)

    def _is_parted(self) -> bool:
        """Whether of those who run some know nobody of the others, so that nothing but a node to come joins them."""
        running = {node.name: replica_of(node).membership.links for node in self.running()}
        parts = [{name} for name in running]
        for name, links in running.items():
            joined = [part for part in parts if name in part or not part.isdisjoint(links)]
            parts = [part for part in parts if part not in joined] + [set[str]().union(*joined)]
        return len(parts) > 1

    def _risk(self, node: Node) -> None:
        for origin, log in replica_of(node).logs.items():
            self._had[origin] = max(log.high, self._had.get(origin, 0))

    def _restart(self, node: Node) -> None:
        self.coming -= 1
        name = node.name
        keeps = self.rng.random() < 0.7 and name in self.names
        self.faults["with state" if keeps else "without state"] += 1
        if name not in self.names:  # a copy that died: its node is started from its own folder again
            del self.nodes[name]
            node = self.nodes[name.partition("c")[0]]
            if node.alive:
                return
            name, keeps = node.name, True
        identity = self._identity(name, fresh=not keeps)
        if keeps:
            identity = Identity(node.bus.node, identity.incarnation, peers=tuple(n for n in self.names if n != name))
        self._start(name, identity, stored=self.decisions.kept(name) if keeps else ())

    def _join(self, name: str) -> None:
        self.faults["join"] += 1
        self._start(name, self._identity(name))

    def _cut(self) -> None:
        rng = self.rng
        if self.is_ending:
            self.network.cuts = set()
            return
        names = sorted(self.nodes)
        side = {name for name in names if rng.random() < 0.5}
        pairs = {(a, b) for a in names for b in names if (a in side) != (b in side)}
        how = rng.random()
        if how < 0.3:
            pairs = {(a, b) for a, b in pairs if a in side}  # one way
        elif how < 0.5 and pairs:
            pairs = {rng.choice(sorted(pairs))}  # one direction of one link
        elif how < 0.65:
            alone = rng.choice(names)  # isolated
            pairs = {(a, b) for a in names for b in names if a != b and alone in (a, b)}
        self.network.cuts = pairs
        self.faults["cut"] += 1
        self.note("network", "cut " + ", ".join(f"{a}>{b}" for a, b in sorted(pairs)))
        self.later(rng.uniform(0.3, 4) if self.cuts == 1 else rng.uniform(2, 14), self._heal)

    def _heal(self) -> None:
        self.network.cuts = set()
        self.note("network", "heals")
        self.later(self.rng.uniform(0.2, 3), self._cut)

    # --- its course -----------------------------------------------------------------------------------------

    def _look(self) -> None:
        """What must hold at every time."""
        self.later(0.3, self._look)
        self._judge.look()
        for at, node in list(self._copied):
            if not node.alive or not self._is_outlived(node):
                self._copied.remove((at, node))
            elif self.network.cuts or node.clock.stands:
                self._copied[self._copied.index((at, node))] = (self.now, node)
            elif self.now - at > FENCED_SECONDS + self.network.loss * 10:
                self.bad("I10 a copied identity is not fenced", node.name)
                self._copied.remove((at, node))

    def _is_outlived(self, node: Node) -> bool:
        """Whether a newer process of this node's id lives."""
        mine = incarnation_of(node.bus.origin)
        return any(
            other.bus.node == node.bus.node and incarnation_of(other.bus.origin) > mine for other in self.running()
        )

    def run(self) -> collections.Counter[str]:
        """Play it to its end; what was wrong."""
        clock = self.network.clock
        clock.advance(self.end_at)
        while self.now < self.end_at + SETTLES_SECONDS and self.settled_after is None:
            clock.advance(0.5)
            if self.network.cuts:
                self.network.cuts = set()
            if self._judge.is_settled():
                after = self.now - self.end_at
                clock.advance(0.5)
                if self._judge.is_settled():  # nothing was begun meanwhile, such as the end of a session that is lost
                    self.settled_after = after
        self._judge.in_the_end()
        return self.wrong


def replica_of(node: Node) -> Replica:
    """Its part in the mesh; of a node that has stopped, what it was."""
    return node.replica
