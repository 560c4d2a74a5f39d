"""What the window says of nodes that drain: a banner with the live count, and the way back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject
from PySide6.QtGui import QAction

from gui import wording
from gui.nodes import drains
from gui.tokens import Colour

if TYPE_CHECKING:
    from gui.nodes.rolling import Rolling
    from gui.nodes.tending import Tending
    from gui.views import Context


class DrainNews(QObject):
    """Tells of drains while any view is open; the window has it look once a second and when nodes change."""

    def __init__(self, context: Context, tending: Tending, rolling: Rolling) -> None:
        """Make it; what `rolling` drains is told there."""
        super().__init__(tending)
        self._desk = context.desk
        self._banners = context.banners
        self._tending = tending
        self._rolling = rolling
        self._acts: dict[str, QAction] = {}

    def look(self) -> None:
        """Bring the banners up to date."""
        draining = {
            node.node: (node.name, node.draining)
            for node in self._desk.nodes()
            if node.state == "up" and node.draining is not None and not node.draining.ending
        }
        rolled = self._rolling.name
        told = {id: said for id, said in draining.items() if said[0] != rolled}
        for id in self._acts.keys() - told.keys():
            self._banners.drop(_key(id))
            self._acts.pop(id).deleteLater()
        for id, (name, drain) in told.items():
            act = self._acts.get(id)
            if act is None:
                act = self._acts[id] = QAction(f"Cancel the drain of {wording.within(name)}", self)
                act.triggered.connect(lambda _=False, id=id, name=name: self._tending.keep(id, name))
            if drain.left:
                detail = f"{drains.left(drain)}. The last one goes within {drains.time(drain)}."
            else:
                detail = "No sessions are left. It takes no new ones until it is stopped or the drain is cancelled."
            words = f"Node {wording.within(name)} {'drains' if drain.left else 'is drained'}."
            self._banners.show(_key(id), words, detail, acts=(act,), tone=Colour.WARN)


def _key(node: str) -> str:
    return f"drain {node}"
