"""What the window says of nodes that are lost, late or back: banners, and the count on the button of the view."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QAction

from gui import wording
from gui.nodes import losses
from gui.tokens import Colour
from server.child import Child, ChildState
from server.views import OutageView

if TYPE_CHECKING:
    from gui.views import Context

MESH = "mesh"
"""The key of the notice that this console itself is cut off."""


class NodeNews(QObject):
    """Tells of outages while any view is open; the window has it look once a second and when nodes change."""

    restart = Signal(str)
    """`Child.id` of a node that somebody wants to be started again."""
    show_log = Signal(str)
    """`Child.id` of a node whose log somebody wants to see."""
    show_node = Signal(str)
    """The id of a node that somebody wants to see."""

    def __init__(self, context: Context) -> None:
        """Begin to listen to the launcher; `stop` ends that."""
        super().__init__()
        self._desk = context.desk
        self._launcher = context.launcher
        self._banners = context.banners
        self._acts: dict[str, tuple[QAction, ...]] = {}
        self._states: dict[str, str] = {}
        self.stop = self._launcher.watch(self._hear)

    def look(self) -> int:
        """Bring the banners up to date; returns how many nodes need a person."""
        now = int(time.time() * 1000)
        outages = self._desk.outages()
        if losses.has_lost_the_mesh(self._desk.nodes(), outages, now):
            since = wording.clock(max(outage.at for outage in outages), seconds=True)
            self._settle({MESH})
            self._banners.show(
                MESH,
                f"This console has not heard of any other node since {since}.",
                "What is shown of them is of that time; what you do reaches only this node.",
            )
            return len(outages)
        told = {}
        for outage in outages:
            if outage.state == "back" or losses.is_news(outage, now):
                told[outage.node] = outage
        self._settle({_key(node) for node in told})
        for outage in reversed(told.values()):
            self._tell(outage, now)
        return sum(outage.state != "back" for outage in told.values())

    def _settle(self, keys: set[str]) -> None:
        for key in [MESH, *self._states]:
            if key not in keys:
                self._banners.drop(key)
                self._states.pop(key, None)
                self._let_go(key)

    def _tell(self, outage: OutageView, now: int) -> None:
        key, child = _key(outage.node), self._child(outage.node, outage.name)
        if self._states.get(key) == "back" != outage.state:
            self._banners.drop(key)  # lost again: what was closed was the last time
        self._states[key] = outage.state
        details = [losses.account(outage), losses.speaking(outage.again)]
        if child is not None and outage.state != "back":
            details.append(losses.attempt(child, now))
        if outage.state == "back":
            self._let_go(key)
        tone = {"late": Colour.WARN, "lost": Colour.DANGER, "back": Colour.LIVE}[outage.state]
        self._banners.show(
            key,
            losses.headline(outage),
            " ".join(part for part in details if part),
            acts=() if outage.state == "back" else self._offers(key, outage, child),
            tone=tone,
        )

    def _offers(self, key: str, outage: OutageView, child: Child | None) -> tuple[QAction, ...]:
        """The next steps; the same actions as long as they are the same steps."""
        name = wording.within(outage.name)
        steps: list[tuple[str, Callable[[], object]]]
        if child is None:
            steps = [(f"Show {name}", lambda: self.show_node.emit(outage.node))]
        else:
            words = f"Restart {name} now" if child.again is not None else f"Restart {name}"
            steps = [("Show log", lambda: self.show_log.emit(child.id))]
            if child.state is ChildState.EXITED:
                steps.insert(0, (words, lambda: self.restart.emit(child.id)))
        had = self._acts.get(key, ())
        if [act.text() for act in had] != [text for text, _ in steps]:
            self._let_go(key)
            made = []
            for text, act in steps:
                action = QAction(text, self)
                action.triggered.connect(lambda _=False, act=act: act())
                made.append(action)
            had = self._acts[key] = tuple(made)
        return had

    def _let_go(self, key: str) -> None:
        for action in self._acts.pop(key, ()):
            action.deleteLater()  # what shows it has others by then, or nothing

    def _child(self, node: str, name: str) -> Child | None:
        """The launched node of this id; by its name while it starts anew and has not said its id yet."""
        children = self._launcher.children
        return next(
            (child for child in children if child.ready is not None and child.ready.node == node),
            next((child for child in children if child.ready is None and child.spec.name == name), None),
        )

    def _hear(self, what: str, id: str) -> None:
        """A process that ended is known here before the mesh can know."""
        child = next((child for child in self._launcher.children if child.id == id), None)
        if what != "child" or child is None or child.ready is None or child.state is not ChildState.EXITED:
            return
        if child.code is None:
            return  # nobody can tell whether it was stopped or crashed; the mesh will
        if child.crashed:
            self._desk.node_ended(child.ready.node, name=child.ready.name, at=child.ended or child.started)
        else:
            self._desk.excuse(child.ready.node)


def _key(node: str) -> str:
    return f"node {node}"
