"""Decisions of moderators made here and learnt from others: appended, confirmed by every node, carried on."""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Literal

import msgspec

from bus.interface import BusError, Peer, PeerState
from bus.record import Kind, Origin, Record
from server import roles, rulings
from server.roles import Command
from server.rulings import BAN, MUTE, REPORT, ROOM, Change, Ruling, Standing
from server.session import Actor
from server.unreadable import UNREADABLE
from server.wire.moderation import Outcome
from server.wire.native import Code, Refused

if TYPE_CHECKING:
    from server.node import Node

logger = logging.getLogger(__name__)

CALL = b"\x00ruling"
"""What a call about this begins with; the ruling follows."""

CALL_SECONDS = 3.0
"""How long another node may take to confirm one (protocol.md section 7)."""

LOOSE_SECONDS = 2.0
"""For so long a ruling may be in no log that is held here, before it is appended again."""

TURN_SECONDS = 1.0
"""So much longer a node waits for each one before it in the order of ids, that not all append the same."""

CARRIED_AT_ONCE = 100
"""How many are appended again in one tick."""

COMMANDS = {BAN: Command.BAN, MUTE: Command.MUTE, ROOM: Command.SET_ROOM, REPORT: Command.REPORT}
"""What must be allowed to who decides on the keys of a family; on others nobody does."""

Follower = Callable[[Change], None]


class Unconfirmed(Refused):
    """Some node did not confirm a ruling in time. It stands all the same, and that node takes it when it can."""

    def __init__(self, message: str, outcomes: Sequence[Outcome]) -> None:
        super().__init__(Code.UNAVAILABLE, message)
        self.outcomes = list(outcomes)
        """Of those that did."""


class Orders:
    """Every ruling is in a log that each node holds, as long as any node knows it.

    It is carried by the log of who decided it. When all nodes were started anew, or that life is forgotten, whoever
    is first in the order of ids appends it again, unchanged but for the seconds that are left.
    """

    def __init__(self, node: Node) -> None:
        self._node = node
        self._rulings = node.rulings
        self._followers: defaultdict[str, list[Follower]] = defaultdict(list)
        self._carriers: dict[str, tuple[Origin, ...]] = {}
        """By key, the logs in which its last ruling stands."""
        self._told_over: set[str] = set()
        """Keys of which a log says that the time of the last ruling is over."""
        self._loose: dict[str, float] = {}
        """Keys whose last ruling stands in no log or whose end is to be told, and since when by this node's count."""
        self._carried = float("-inf")
        """When another node last appended one of those."""
        self._was_synced = False

    def follow(self, family: str, follower: Follower) -> None:
        """Tell `follower` each change of keys that begin so, or with ``""`` of all; also what `restore` brings."""
        self._followers[family].append(follower)

    @property
    def loose(self) -> int:
        """How many rulings are still to be appended, here or elsewhere, because no log has them as they stand."""
        return len(self._loose)

    # What is decided here.

    async def rule(
        self,
        by: Actor,
        key: str,
        value: object,
        *,
        reason: str = "",
        seconds: float | None = None,
        act: str = "",
    ) -> list[Outcome]:
        """Decide on a key, None to lift what is in force; returns what came of it on each live node.

        The same act again decides nothing new. Raises Unconfirmed, or Refused where the store did not take it.
        """
        outcomes = await self.confirm(self.decide(by, key, value, reason=reason, seconds=seconds, act=act))
        await self._node.kept()
        return outcomes

    def decide(
        self,
        by: Actor,
        key: str,
        value: object,
        *,
        reason: str = "",
        seconds: float | None = None,
        act: str = "",
    ) -> Ruling:
        """The same without asking the other nodes, who learn it from the log. Raises Refused forbidden."""
        node, known = self._node, self._rulings.last(key)
        if act and known is not None and known.act == act:
            return known
        at, by = node.clock.wall_ms(), msgspec.structs.replace(by, scope=None)
        ruling = Ruling(
            key=key,
            number=self._rulings.next_number(key),
            origin=node.bus.origin,
            value=b"" if value is None else msgspec.msgpack.encode(value),
            by=by,
            reason=reason,
            at=at,
            until=None if seconds is None else at + round(seconds * 1000),
            seconds=seconds,
            node=node.name,
            act=act,
        )
        if not self._may(ruling):
            raise Refused(Code.FORBIDDEN, "that is not for you to decide")
        logger.info("%s (%s) decides on %s: %s", by.name, by.user, key, reason)
        self._append(ruling)
        return ruling

    async def confirm(self, ruling: Ruling) -> list[Outcome]:
        """Have every live node take a ruling that this one has taken. Raises Unconfirmed."""
        node = self._node
        own = Outcome(node=node.name, outcome="done", ms=0.0)
        peers = [peer for peer in node.bus.peers() if peer.state is not PeerState.DOWN and not peer.left]
        told = await asyncio.gather(*(self._ask(peer, ruling) for peer in peers))
        outcomes = [own, *(outcome for outcome in told if outcome is not None)]
        silent = [node.cards.name_of(peer.node) for peer, outcome in zip(peers, told, strict=True) if outcome is None]
        if silent:
            what = f"node {silent[0]}" if len(silent) == 1 else f"nodes {', '.join(silent)}"
            raise Unconfirmed(
                f"{what} did not answer; it is decided, and holds there from when they hear it", outcomes
            )
        return outcomes

    async def _ask(self, peer: Peer, ruling: Ruling) -> Outcome | None:
        node, began = self._node, self._node.clock.now()
        try:
            answer = await node.bus.call(peer.node, CALL + rulings.pack(ruling), timeout=CALL_SECONDS)
            outcome = _outcome_decoder.decode(answer)
        except (BusError, *UNREADABLE):
            return None
        return msgspec.structs.replace(outcome, ms=round((node.clock.now() - began) * 1000, 1))

    # What comes from elsewhere.

    def answer(self, body: bytes) -> bytes:
        """Take what another node has decided. Raises one of `UNREADABLE` if it is no ruling."""
        ruling = rulings.unpack(body[len(CALL) :])
        outcome: Literal["done", "failed"] = "done" if self._may(ruling) else "failed"
        if outcome == "done":
            self._take(ruling)
        return msgspec.msgpack.encode(Outcome(node=self._node.name, outcome=outcome, ms=0.0))

    def read(self, record: Record) -> None:
        """Take a ruling that stands in a log, of this node or another. Raises one of `UNREADABLE`."""
        ruling = rulings.unpack(record.payload)
        if ruling.key != record.id:
            raise msgspec.ValidationError("a ruling of one key stands in the place of another")
        if not self._may(ruling):
            return
        if record.origin != self._node.bus.origin and ruling.key in self._loose:
            self._carried = self._node.clock.now()
        self._stands(ruling, record.origin)

    def restore(self, stored: Iterable[Ruling]) -> None:
        """Take what a store has kept, `seconds` being what is left of each, 0 for one that is over."""
        now = self._node.clock.now()
        for ruling in stored:
            doubtful = msgspec.structs.replace(ruling, doubtful=ruling.seconds is not None)
            self._settle(ruling.key, *self._rulings.take(doubtful, now))

    def forget(self, origin: Origin) -> None:
        """A life is known no more, nor what it wrote."""
        for key, carriers in self._carriers.items():
            if origin in carriers:
                self._carriers[key] = tuple(carrier for carrier in carriers if carrier != origin)
                self._look(key)

    def tick(self, now: float) -> None:
        """End what is over, and let what no log carries be carried; called ten times a second."""
        own = self._node.bus.origin
        for change in self._rulings.advance(now):
            self._tell(change)
            if own in self._carriers[change.key]:
                self._append(msgspec.structs.replace(change.last, seconds=0.0, doubtful=False))
            else:
                self._look(change.key)
        if not self._node.synced:
            return
        if not self._was_synced:  # from now on it counts what no log has
            self._was_synced, self._loose = True, dict.fromkeys(self._loose, now)
        if self._loose:
            self._carry(now)

    # What follows.

    def _may(self, ruling: Ruling) -> bool:
        """Whether who decided has a role for that, as every node looks for itself."""
        command = COMMANDS.get(ruling.key.partition("/")[0])
        if command is not None and roles.may(ruling.by, command, None):
            return True
        logger.warning("%s (%s) may not decide on %s", ruling.by.name, ruling.by.user, ruling.key)
        return False

    def _take(self, ruling: Ruling) -> Standing:
        key, was_doubtful = ruling.key, self._rulings.is_doubtful(ruling.key)
        standing, change = self._rulings.take(ruling, self._node.clock.now())
        if was_doubtful and not self._rulings.is_doubtful(key):
            self._stands_nowhere(key)  # where it does it may be over by the clock of a store
        self._settle(key, standing, change)
        return standing

    def _stands_nowhere(self, key: str) -> None:
        self._carriers[key] = ()
        self._told_over.discard(key)

    def _settle(self, key: str, standing: Standing, change: Change | None) -> None:
        if standing is Standing.LATER:
            self._stands_nowhere(key)
        self._look(key)
        if change is not None:
            self._tell(change)

    def _append(self, ruling: Ruling) -> None:
        """Let this node's log carry a ruling from now on."""
        self._node.bus.append(Kind.RULING, rulings.pack(ruling), id=ruling.key)
        self._stands(ruling, self._node.bus.origin)

    def _stands(self, ruling: Ruling, origin: Origin) -> None:
        """A ruling stands in a log, and no other one of its key does there."""
        key, standing = ruling.key, self._take(ruling)
        others = tuple(carrier for carrier in self._carriers[key] if carrier != origin)
        if standing is Standing.EARLIER or (ruling.doubtful and self._rulings.get(key) is not None):
            self._carriers[key] = others
            if not others:  # who knows only this one is to learn what is true
                self._loose.setdefault(key, self._node.clock.now())
            return
        self._carriers[key] = (*others, origin)
        if ruling.seconds == 0:
            self._told_over.add(key)
        self._look(key)

    def _look(self, key: str) -> None:
        """Note whether the last ruling for a key is to be appended by somebody."""
        is_untold = self._rulings.is_over(key) and key not in self._told_over
        if is_untold or not self._carriers.get(key):
            self._loose.setdefault(key, self._node.clock.now())
        else:
            self._loose.pop(key, None)

    def _carry(self, now: float) -> None:
        """Append what no log carries, and of what is over that it is, once it is this node's turn."""
        turn = LOOSE_SECONDS + TURN_SECONDS * self._place()
        if now - self._carried < turn:
            return
        for key, since in list(itertools.islice(self._loose.items(), CARRIED_AT_ONCE)):
            if now - since < turn:
                break  # those behind it have waited for less
            del self._loose[key]
            ruling = self._rulings.last(key)
            if ruling is not None:
                is_doubtful = self._rulings.is_over(key) and self._rulings.is_doubtful(key)
                left = self._rulings.left(key, now)
                self._append(msgspec.structs.replace(ruling, seconds=left, doubtful=is_doubtful))
            else:  # it was done with, and had to make room
                self._carriers.pop(key, None)
                self._told_over.discard(key)

    def _place(self) -> int:
        """How many live nodes come before this one in the order of ids."""
        bus = self._node.bus
        return sum(peer.node < bus.node for peer in bus.peers() if peer.state is PeerState.UP and not peer.left)

    def _tell(self, change: Change) -> None:
        family = change.key.partition("/")[0]
        for follower in (*self._followers[family], *self._followers[""]):
            try:
                follower(change)
            except Exception:
                logger.exception("what was decided on %s was not followed", change.key)


_outcome_decoder: msgspec.msgpack.Decoder[Outcome] = msgspec.msgpack.Decoder(Outcome)
