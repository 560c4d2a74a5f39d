"""The sheet that comes before a node with sessions is stopped or started again."""

from __future__ import annotations

from PySide6.QtWidgets import QWidget

from gui import wording
from gui.widgets.buttons import Button, Kind
from gui.widgets.sheet import Sheet


class StopSheet(Sheet):
    """Says what stopping costs; the safe button has the keyboard, and the other one is the verb."""

    DRAIN = 2
    """The result of who wants to drain the node first."""

    def __init__(
        self,
        window: QWidget,
        name: str,
        sessions: int,
        drain_seconds: float,
        *,
        again: bool = False,
        drainable: bool = False,
    ) -> None:
        """Make it for a node; `drain_seconds` is how long its clients have to move.

        `again` says that it is started again then, `drainable` offers to drain it first.
        """
        sentence = (
            f"Its clients go on at other nodes and have {drain_seconds:g} s for it. "
            "Drain it first if they are to have more time."
        )
        self._act = f"{'Restart' if again else 'Stop'} {wording.within(name)}"
        super().__init__(window, f"{self._act}?", sentence, width=440)
        self.cancel = Button(f"Keep {wording.within(name)} running")
        self.cancel.clicked.connect(self.reject)
        self.confirm = Button(kind=Kind.FINAL)
        self.confirm.clicked.connect(self.accept)
        self.drain = Button("Drain first")
        self.drain.clicked.connect(lambda: self.done(self.DRAIN))
        self.buttons.addWidget(self.drain)
        self.drain.setVisible(drainable)
        self.buttons.addWidget(self.cancel)
        self.buttons.addWidget(self.confirm)
        self.count(sessions)

    def count(self, sessions: int) -> None:
        """Name the number of sessions as it is now."""
        words = self._act
        if sessions:
            words += f", move {wording.plural(sessions, 'session')}"
        if words != self.confirm.text():
            self.confirm.setText(words)
            self.confirm.setAccessibleName(words)
            self.confirm.updateGeometry()

    def first_focus(self) -> QWidget:
        return self.cancel
