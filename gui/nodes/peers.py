"""The sheet of the addresses where this console looks for other nodes: what each comes to, add and remove."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from gui import wording
from gui.nodes import strangers
from gui.tokens import Colour, Type
from gui.widgets.buttons import Button, Kind
from gui.widgets.labels import Label, describe
from gui.widgets.sheet import Sheet
from server.views import SoughtView

if TYPE_CHECKING:
    from gui.views import Context

LOOK_MS = 1000
STATE_WIDTH = 120


class PeersSheet(Sheet):
    """One line for each address. It follows what becomes of them while it is open."""

    def __init__(self, context: Context, window: QWidget) -> None:
        """Make a closed sheet."""
        super().__init__(
            window,
            "Peers",
            "Where this console looks for other nodes because it was told to. The others it has learned from them.",
            width=520,
        )
        self._context = context
        self._sought: Sequence[SoughtView] = ()
        self.removes: dict[str, Button] = {}
        """The button of each address, as it was given."""
        self._states: dict[str, Label] = {}
        self._rows = QVBoxLayout()
        self._rows.setSpacing(8)
        self.empty = Label("It was told of none.", Type.BODY, Colour.TEXT2)
        self.body.addWidget(self.empty)
        self.body.addLayout(self._rows)
        self.close_button = Button("Close")
        self.close_button.clicked.connect(self.reject)
        self.add = Button("Join a mesh", kind=Kind.PRIMARY, icon="share-network")
        self.add.clicked.connect(self._add)
        self.buttons.addWidget(self.close_button)
        self.buttons.addWidget(self.add)
        self._timer = QTimer(self)
        self._timer.timeout.connect(self.look)
        self.look()

    def first_focus(self) -> QWidget:
        """Where nothing is changed by accident."""
        return self.close_button

    def open(self) -> None:
        super().open()
        self._timer.start(LOOK_MS)

    def done(self, result: int) -> None:
        self._timer.stop()
        super().done(result)

    def look(self) -> None:
        """Bring the lines up to date."""
        sought = self._context.desk.mesh().sought
        if [each.given for each in sought] != [each.given for each in self._sought]:
            self._fill(sought)
        self._sought = sought
        for each in sought:
            self._states[each.given].say(strangers.standing(each), strangers.tone(each))

    def _fill(self, sought: Sequence[SoughtView]) -> None:
        while (item := self._rows.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.hide()
                widget.deleteLater()
        self.removes, self._states = {}, {}
        for each in sought:
            self._rows.addWidget(self._made(each.given))
        self.empty.setVisible(not sought)
        self.place()

    def _made(self, given: str) -> QWidget:
        line = QWidget()
        row = QHBoxLayout(line)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(12)
        state = self._states[given] = Label("", Type.SMALL, Colour.TEXT2)
        state.setFixedWidth(STATE_WIDTH)
        state.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        remove = self.removes[given] = Button("Remove", kind=Kind.QUIET)
        describe(remove, f"Remove peer {given}")
        remove.clicked.connect(lambda: self._remove(given))
        row.addWidget(Label(wording.within(given), Type.CODE, elide=True), 1)
        row.addWidget(state)
        row.addWidget(remove)
        return line

    def _remove(self, given: str) -> None:
        self._context.desk.give_up_peer(given)
        self.close_button.setFocus(Qt.FocusReason.OtherFocusReason)
        self.look()
        self._context.toasts.say(
            f"{wording.within(given)} is looked for no more",
            "A node that was found there stays in the mesh until it ends. What --peer says holds at the next start.",
            icon="share-network",
        )

    def _add(self) -> None:
        self.reject()
        self._context.actions.join.trigger()
