"""What must hold in a schedule, at every time and in the end."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from bus.log import WAITING_RECORDS
from bus.record import Origin

if TYPE_CHECKING:
    from tests.simulation.world import World

SETTLES_SECONDS = 30.0
"""After the last fault all is quiet and equal within this."""

FENCED_SECONDS = 5.0
"""Of two processes with one id, the older has stopped by then."""

INVARIANTS = {
    "I1": "a text answered by `sent` with two copies is never lost while one node at a time dies, and is shown to "
    "all for whom it is",
    "I2": "nobody is shown a text twice",
    "I3": "nobody is shown one sender's texts out of order, nor who has moved to another node",
    "I4": "on a connection the numbers of an origin rise; who was in a room has all its texts, or was told that some "
    "are missing",
    "I5": "all nodes end with equal logs",
    "I6": f"all is quiet and equal within {SETTLES_SECONDS:.0f} s of the last fault",
    "I7": "nobody is closed with 4409 on his newest connection",
    "I8": "nobody is shown what is not for him, or his own text",
    "I9": "memory stays within bounds",
    "I10": f"of two processes with one id the older has ended within {FENCED_SECONDS:.0f} s",
    "I11": "all nodes end with one opinion on who has which session, and one serves it",
    "I12": "a session that was put out or has left is served by nobody who knows of it, has ended at every node, and "
    "nobody else is told that he has",
    "I13": "all nodes end with one opinion on every ruling, none that two nodes held is lost, and nobody is served "
    "where it is known that he is banned",
}
"""What must hold; what is wrong is named by these."""


class Judge:
    """Looks at the nodes and clients of a schedule."""

    def __init__(self, world: World) -> None:
        self._world = world

    def look(self) -> None:
        """What must hold at every time."""
        world = self._world
        for node in world.running():
            replica, bounds = node.replica, world.bounds
            if replica.shelf.records > bounds.records or replica.shelf.bytes > bounds.size + 1000:
                world.bad("I9 more is kept than the bounds allow", node.name, replica.shelf.records)
            if len(node.feeds.timeline) > bounds.records or node.feeds.timeline.size > bounds.size + 1000:
                world.bad("I9 the list is longer than the bounds allow", node.name, len(node.feeds.timeline))
            if any(log.waiting > WAITING_RECORDS for log in replica.logs.values()):
                world.bad("I9 more waits behind a hole than may", node.name)
            if replica.admission.waiting > len(node.connections) + 1:
                world.bad("I9 waits that nobody has", node.name, replica.admission.waiting)
            for session in node.feeds.feeds:
                world.endings.served(node, session, node.hello_of(session))

    def is_settled(self) -> bool:
        """Whether nothing more is under way."""
        world = self._world
        running = world.running()
        if world.network.cuts or world.coming or any(node.clock.stands for node in running):
            return False
        for client in world.clients:
            live = client.connection is not None and client.connection.seen_live and not client.outbox
            if not live and not client.over:
                return False
        for node in running:
            replica = node.replica
            if replica.admission.blocked or replica.repair or len(replica.membership.present()) < len(running) - 1:
                return False
        if any(world.decisions.unsettled()):
            return False
        return all(len(set(highs)) == 1 for highs in self._highs().values())

    def in_the_end(self) -> None:
        """What must hold when all is over."""
        if self._world.settled_after is None:
            self._world.bad("I6 it does not settle", *self._unsettled())
        else:
            self._judge_equality()
            self._world.endings.judge()
            self._world.decisions.judge()
        self._judge_acknowledged()
        self._judge_readers()

    def _highs(self) -> dict[Origin, list[int]]:
        replicas = [node.replica for node in self._world.running()]
        origins = {origin for replica in replicas for origin, log in replica.logs.items() if log.high}
        origins -= self._world.forgotten
        return {origin: [replica.admission.held(origin) for replica in replicas] for origin in sorted(origins)}

    def _unsettled(self) -> Iterator[object]:
        for client in self._world.clients:
            connection = client.connection
            if not client.over and (connection is None or not connection.seen_live or client.outbox):
                where = "nowhere" if connection is None else connection.node.name
                yield f"{client.session} at {where}, waits for {list(client.outbox)[:3]}"
        for node in self._world.running():
            replica = node.replica
            up = len(replica.membership.present())
            yield f"{node.name}: {up} present, working {replica.admission.blocked}, repair {bool(replica.repair)}"
        yield from self._world.decisions.unsettled()

    def _judge_equality(self) -> None:
        world = self._world
        for origin in self._highs():
            logs = [node.replica.logs[origin] for node in world.running()]
            floor = max(log.floor for log in logs)
            held = [[record for record in log if record.seq > floor] for log in logs]
            if any(records != held[0] for records in held):
                world.bad("I5 logs differ", origin)
        for client in world.clients:
            owners = {node.presence.key(client.session) for node in world.running()}
            forgotten = any(key is not None and key[2] in world.forgotten for key in owners)
            if len(owners) > 1 and client.session not in world.endings and not forgotten:
                world.bad("I11 nodes differ on who has a session", client.session, *map(str, owners))
            serving = [node.name for node in world.running() if client.session in node.conversations]
            if len(serving) > 1:
                world.bad("I11 nodes serve a session at once", client.session, *serving)

    def _judge_acknowledged(self) -> None:
        world = self._world
        for text in world.acked:
            if not any(
                origin in world.forgotten or node.replica.admission.held(origin) >= seq
                for node in world.running()
                for origin, seq in world.places.get(text, ())
            ):
                world.bad("I1 acknowledged with two copies and lost", f"{text[0]}/{text[1]}")

    def _judge_readers(self) -> None:
        """Everybody has seen what was for him, or was told that something is missing."""
        world = self._world
        replicas = [node.replica for node in world.running()]
        senders = {client.session: client for client in world.clients}
        for (session, id), places in world.places.items():
            held = any(replica.admission.held(origin) >= seq for replica in replicas for origin, seq in places)
            if not held or not world.forgotten.isdisjoint(origin for origin, _ in places):
                continue
            to = senders[session].said[id]
            for reader in world.clients:
                if reader.session == session or (session, id) in reader.seen or not reader.begun or reader.over:
                    continue
                since = reader.inside.get(to[2:]) if to.startswith("r/") else reader.first
                if since is None or (to.startswith("s/") and to[2:] != reader.session):
                    continue
                if any(seq <= since.get(origin, 0) for origin, seq in places):
                    continue
                if reader.excused.get(to, -1.0) > 0:
                    continue
                what = "I1 acknowledged, never shown" if (session, id) in world.acked else "I4 never shown"
                where = ", ".join(f"{origin}:{seq}" for origin, seq in sorted(places))
                world.bad(what, f"{session}/{id} to {to} at {where} for {reader.session}")
