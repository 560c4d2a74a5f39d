"""The sheet that comes before a node with sessions is stopped or started again."""

from __future__ import annotations

from PySide6.QtWidgets import QWidget

from gui import wording
from gui.widgets.buttons import Button, Kind
from gui.widgets.sheet import Sheet


class StopSheet(Sheet):
    """Says what stopping costs; the safe button has the keyboard, and the other one is the verb."""

    def __init__(
        self, window: QWidget, name: str, sessions: int, drain_seconds: float, *, again: bool = False
    ) -> None:
        """Make it for a node; `drain_seconds` is how long its clients have to move.

        `again` says that it is started again then.
        """
        sentence = (
            f"Its clients are asked to move to another node and have {drain_seconds:g} s for it. "
            "Who has not moved by then is dropped and can connect elsewhere."
        )
        self._act = f"{'Restart' if again else 'Stop'} {wording.within(name)}"
        super().__init__(window, f"{self._act}?", sentence, width=440)
        self.cancel = Button(f"Keep {wording.within(name)} running")
        self.cancel.clicked.connect(self.reject)
        self.confirm = Button(kind=Kind.FINAL)
        self.confirm.clicked.connect(self.accept)
        self.buttons.addWidget(self.cancel)
        self.buttons.addWidget(self.confirm)
        self.count(sessions)

    def count(self, sessions: int) -> None:
        """Name the number of sessions as it is now."""
        words = self._act
        if sessions:
            words += f", drop {wording.plural(sessions, 'session')}"
        if words != self.confirm.text():
            self.confirm.setText(words)
            self.confirm.setAccessibleName(words)
            self.confirm.updateGeometry()

    def first_focus(self) -> QWidget:
        return self.cancel
