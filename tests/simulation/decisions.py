"""Bans and lifts of a schedule, decided on any node, also on both sides of a cut: in the end there is one opinion."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import TYPE_CHECKING

import msgspec

from bus.record import Origin
from server.bans import Ban, key_of_ban
from server.rulings import Ruling
from server.session import Actor, Role

if TYPE_CHECKING:
    from tests.simulation.node import Node
    from tests.simulation.world import World

MODERATOR = Actor("", "moderator", "Moderator", Role.MODERATOR)

CLOCKS = (0.0, 0.0, 3600.0, -3600.0)
"""By how much the clock of a store may be wrong when its node begins again."""


class Decisions:
    """What moderators decide about who may come in, and what stores keep of that."""

    def __init__(self, world: World, seed: int) -> None:
        self._world = world
        self._rng = rng = random.Random(f"decisions {seed}")
        self._stores: dict[str, list[Ruling]] = {}
        self._held: dict[str, tuple[int, Origin]] = {}
        """By key, the latest that two nodes held."""
        self.banned: set[str] = set()
        """Who ever was."""
        if rng.random() < 0.4:
            world.later(rng.uniform(0.5, 4), self._decide)

    def _decide(self) -> None:
        """Ban somebody, or lift that."""
        world, rng = self._world, self._rng
        if world.is_ending:
            return
        node, client = rng.choice(world.running()), rng.choice(world.clients)
        lifts = rng.random() < 0.5
        seconds = None if lifts or rng.random() < 0.5 else rng.uniform(0.5, 4)
        if not lifts:
            self.banned.add(client.session)
        value = None if lifts else Ban(user=client.session)
        what = "lifts the ban of" if lifts else "bans" if seconds is None else f"bans for {seconds:.1f} s"
        world.note(node.name, f"a moderator here {what} {client.session}")
        world.faults["lifted" if lifts else "ruled"] += 1
        node.decide(MODERATOR, key_of_ban(client.session), value, seconds)
        world.later(rng.choice((0.01, rng.uniform(0.1, 5))), self._decide)

    # --- stores ---------------------------------------------------------------------------------------------

    def keep(self, node: Node) -> None:
        """A node dies: its store has what it knew."""
        now, wrong = node.clock.now(), self._rng.choice(CLOCKS)
        self._stores[node.name] = []
        for key in sorted(node.rulings.keys()):
            ruling, left = node.rulings.last(key), node.rulings.left(key, now)
            assert ruling is not None, "what is known is known"
            if left is not None and ruling.seconds is not None:
                left = min(max(0.0, left + wrong), ruling.seconds)
            self._stores[node.name].append(msgspec.structs.replace(ruling, seconds=left))

    def kept(self, name: str) -> list[Ruling]:
        """What the store of a node that begins again has; nothing is lost from it by that."""
        return self._stores.get(name, [])

    # --- what must hold -------------------------------------------------------------------------------------

    def listed(self, ruling: Ruling, copies: int) -> None:
        """A ruling entered a node's list."""
        if copies >= 2:
            self._held[ruling.key] = max(ruling.rank, self._held.get(ruling.key, ruling.rank))

    def look(self, node: Node) -> None:
        """What must hold at every time: a node serves nobody of whom it knows that he is banned."""
        for session in node.conversations:
            if node.is_banned(session):
                self._world.bad("I13 somebody is served who is banned", node.name, session)

    def unsettled(self) -> Iterator[str]:
        """What is still under way."""
        running = self._world.running()
        for node in running:
            if node.orders.loose:
                yield f"{node.name}: {node.orders.loose} rulings that no log carries"
            now = node.clock.now()
            for key in node.rulings.of("ban"):
                if node.rulings.left(key, now) is not None:
                    yield f"{node.name}: {key} has time left"
            for client in self._world.clients:
                if node.is_banned(client.session) and node.presence.known(client.session) is not None:
                    yield f"{node.name}: {client.session} is banned and known"

    def judge(self) -> None:
        """What must hold in the end: one opinion, and none that is older than what two nodes held."""
        running = self._world.running()
        for key in sorted({key for node in running for key in node.rulings.keys()}):  # noqa: SIM118
            last = [node.rulings.last(key) for node in running]
            ranks = {None if ruling is None else ruling.rank for ruling in last}
            in_force = {node.rulings.get(key) is not None for node in running}
            if len(ranks) > 1 or len(in_force) > 1:
                self._world.bad("I13 nodes differ on a ruling", key, *map(str, ranks), *map(str, in_force))
            elif (held := self._held.get(key)) is not None and (last[0] is None or last[0].rank < held):
                self._world.bad("I13 a ruling is lost", key, held, *map(str, ranks))
