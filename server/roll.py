"""A rolling restart: launched nodes are emptied, ended and started again one by one, while people talk on."""

from __future__ import annotations

import asyncio
import dataclasses
import enum
from collections.abc import Callable, Mapping, Sequence

from bus.record import NodeId, Origin
from server.child import Child, ChildState
from server.desk import Desk
from server.launcher import Launcher
from server.views import NodeView

SLACK_SECONDS = 5.0
"""How long after its time a node may still be emptying itself before it is ended all the same."""
START_SECONDS = 30.0
"""How long a node may take to be ready."""
RETURN_SECONDS = 60.0
"""How long it may then take to hold what the others hold."""


class Step(enum.Enum):
    """What is done to the node whose turn it is."""

    DRAINING = enum.auto()
    """Its clients go to other nodes."""
    ENDING = enum.auto()
    STARTING = enum.auto()
    CATCHING_UP = enum.auto()
    """It is ready, and not yet up for this node or without all that the others hold."""


@dataclasses.dataclass(frozen=True, slots=True)
class Progress:
    """How far a roll is."""

    place: int
    """Of the node whose turn it is, counted from 1; beyond `of` when all had theirs."""
    of: int
    name: str
    step: Step
    left: int
    """Clients that it still has."""
    stopping: bool
    """Nobody else has a turn after this node."""


class NotBack(Exception):
    """A roll cannot go on; the text is what is the matter with the node, such as ``did not start again.``"""

    def __init__(self, name: str, what: str) -> None:
        super().__init__(what)
        self.name = name


class Roll:
    """One rolling restart; `run` does it, once."""

    def __init__(self, desk: Desk, launcher: Launcher, children: Sequence[Child], *, seconds: float) -> None:
        """Plan it for launched nodes, each of which has `seconds` to hand its clients on."""
        self._desk = desk
        self._launcher = launcher
        self._children = children
        self._seconds = seconds
        self._changed = asyncio.Event()
        self._stopping = False
        self._place = 0
        self._step = Step.DRAINING
        self._left = 0

    @property
    def progress(self) -> Progress:
        """How far it is now."""
        child = self._children[min(max(1, self._place), len(self._children)) - 1]
        name = child.spec.name
        return Progress(self._place, len(self._children), name, self._step, self._left, self._stopping)

    def stop(self) -> None:
        """Go no further: a node that only drains stays as it is, one that has ended is brought back first."""
        self._stopping = True
        self._changed.set()

    async def run(self) -> int:
        """Do it; returns how many were restarted. Raises NotBack, Refused, LaunchError."""
        unwatch = [self._desk.watch(self._note), self._launcher.watch(self._note)]
        done = 0
        try:
            for place, child in enumerate(self._children, start=1):
                if self._stopping:
                    break
                self._place, self._step, self._left = place, Step.DRAINING, 0
                done += child.state is ChildState.RUNNING and await self._renew(child)
            else:
                self._place += 1
        finally:
            for end in unwatch:
                end()
        return done

    async def _renew(self, child: Child) -> bool:
        """Empty a node, restart it and wait until it is back; whether that was done."""
        assert child.ready is not None, "who runs has said that it is ready"
        node = child.ready.node
        try:
            await self._empty(node)
        except asyncio.CancelledError:
            await self._keep(node)
            raise
        if self._stopping:
            await self._keep(node)
            return False
        self._step = Step.ENDING
        with self._desk.acting(self._desk.operator, "restart", child.spec.name):
            await self._launcher.restart(child)
        self._step = Step.STARTING
        name = child.spec.name
        if not await self._until(lambda: child.state is not ChildState.STARTING, START_SECONDS):
            raise NotBack(name, f"was started and is not ready after {START_SECONDS:.0f} s.")
        if child.state is not ChildState.RUNNING:
            raise NotBack(
                name,
                "was stopped meanwhile."
                if child.asked
                else f"did not start again: {child.said.removeprefix('switchboard: ')}",
            )
        self._step = Step.CATCHING_UP
        places = self._desk.places()
        if not await self._until(lambda: self._is_back(child, places), RETURN_SECONDS):
            raise NotBack(name, f"runs again, and after {RETURN_SECONDS:.0f} s does not hold what the others hold.")
        if child.state is not ChildState.RUNNING:
            raise NotBack(name, "ended again.")
        return True

    async def _empty(self, node: NodeId) -> None:
        await self._desk.drain(self._desk.operator, node=node, seconds=self._seconds)
        view = self._view(node)
        self._left = view.sessions if view is not None else 0

        def empty() -> bool:
            view = self._view(node)
            if view is not None and view.draining is not None:
                self._left = view.draining.left
            return self._stopping or view is None or (view.draining is not None and not view.draining.left)

        await self._until(empty, self._seconds + SLACK_SECONDS)

    async def _keep(self, node: NodeId) -> None:
        """Let a node take sessions again that was not ended after all."""
        await self._desk.cancel_drain(self._desk.operator, node=node)

    def _is_back(self, child: Child, places: Mapping[Origin, int]) -> bool:
        if child.state is not ChildState.RUNNING or child.ready is None:
            return True  # it has ended again, which is said
        view = self._view(child.ready.node)
        return (
            view is not None
            and view.state == "up"
            and view.pid == child.pid
            and self._desk.has_caught_up(view.node, places)
        )

    def _view(self, node: NodeId) -> NodeView | None:
        return next((view for view in self._desk.nodes() if view.node == node), None)

    async def _until(self, holds: Callable[[], bool], seconds: float) -> bool:
        """Look again whenever a node or a process changes; whether it became true in time."""
        try:
            async with asyncio.timeout(seconds):
                while not holds():
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            return False
        return True

    def _note(self, what: str, key: str) -> None:
        if what in ("node", "child"):
            self._changed.set()
