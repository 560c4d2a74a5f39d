"""The sheet that joins a cluster that runs already: one address, checked while it is written."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QLineEdit, QWidget

from gui import theme, wording
from gui.tokens import Type
from gui.widgets.buttons import Button, Kind
from gui.widgets.forms import Field
from gui.widgets.sheet import Sheet
from server.wire.native import Refused

if TYPE_CHECKING:
    from gui.views import Context


class JoinSheet(Sheet):
    """It stays open until a node has answered, and says in place why none did."""

    failed = Signal()
    """Nobody has answered; the field says so."""

    def __init__(self, context: Context, window: QWidget) -> None:
        """Make a closed sheet."""
        super().__init__(
            window,
            "Join a mesh",
            "This console and the cluster become one: each sees the rooms and people of both.",
            width=480,
        )
        self._context = context
        self._looking: asyncio.Task[None] | None = None
        self.address = QLineEdit()
        self.address.setFont(theme.font(Type.CODE))
        self.address.setPlaceholderText("127.0.0.1:8766")
        self.field = Field("Mesh address of any of its nodes", self.address, "bus in its ready line")
        self.confirm = Button("Join", kind=Kind.PRIMARY, key="Ctrl ↵")
        cancel = Button("Cancel")
        self.body.addWidget(self.field)
        self.buttons.addWidget(cancel)
        self.buttons.addWidget(self.confirm)
        cancel.clicked.connect(self.reject)
        self.confirm.clicked.connect(self.accept)
        self.address.textChanged.connect(lambda _: self._check())
        self.address.returnPressed.connect(self.accept)
        self._check()

    def first_focus(self) -> QWidget:
        """The address."""
        return self.address

    def accept(self) -> None:
        """Look for the cluster; the sheet closes when it was found."""
        if self._check() and self._looking is None:
            self._set_busy(True)
            self._looking = self._context.tasks.start(self._join(self.address.text()), "join the mesh")

    def done(self, result: int) -> None:
        """Close it; a search that is under way is given up."""
        if self._looking is not None and not result:
            self._looking.cancel()
        super().done(result)

    async def _join(self, address: str) -> None:
        try:
            name = await self._context.desk.join(address)
        except Refused as refused:
            self._looking = None
            self._set_busy(False)
            self.field.blame(refused.message)
            self.address.setFocus()
            self.failed.emit()
            return
        self.done(1)
        nodes = len(self._context.desk.nodes())
        self._context.toasts.say(
            f"Joined through {wording.within(name)}",
            f"The mesh has {wording.plural(nodes, 'node')} now",
            icon="share-network",
        )

    def _check(self) -> bool:
        text = self.address.text().strip()
        problem = self._context.desk.problem_of(text)
        self.field.blame(problem if text else "")
        self.confirm.setEnabled(not problem)
        return not problem

    def _set_busy(self, busy: bool) -> None:
        self.address.setReadOnly(busy)
        self.confirm.setEnabled(not busy)
        self.confirm.restyle("Looking for it" if busy else "Join", "")
        self.confirm.updateGeometry()
