"""What the window says of gaps that do not close and queues that grow: banners and a word in the status bar."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QAction

from gui import wording
from gui.nodes import copies

if TYPE_CHECKING:
    from gui.views import Context


class AlarmNews(QObject):
    """Tells of alarms while any view is open; the window has it look once a second and when nodes change."""

    show_node = Signal(str)
    """The id of a node whose details somebody wants to see."""

    def __init__(self, context: Context) -> None:
        super().__init__()
        self._desk = context.desk
        self._banners = context.banners
        self._acts: dict[str, QAction] = {}

    def look(self) -> str:
        """Bring the banners up to date; returns the worst of it in a few words, or nothing."""
        groups = copies.grouped(self._desk.alarms())
        told = {}
        for alarms in groups:
            first = alarms[0]
            told[f"{first.kind} {first.node}"] = alarms
        for key in self._acts.keys() - told.keys():
            self._banners.drop(key)
            self._acts.pop(key).deleteLater()
        for key, alarms in told.items():
            first = alarms[0]
            act = self._acts.get(key)
            if act is None:
                words = "this console" if first.here else wording.within(first.name)
                act = self._acts[key] = QAction(f"Details of {words}", self)
                act.triggered.connect(lambda _=False, node=first.node: self.show_node.emit(node))
            self._banners.show(
                key, copies.headline(alarms), copies.account(alarms), acts=(act,), tone=copies.tone(alarms)
            )
        return copies.brief(groups)
