"""The sheet that comes before a node is drained: how long its clients have to go elsewhere."""

from __future__ import annotations

from PySide6.QtWidgets import QWidget

from gui import wording
from gui.widgets.buttons import Button, Kind
from gui.widgets.forms import Field, Stepper
from gui.widgets.sheet import Sheet
from server.drain import LONGEST_SECONDS

SECONDS = 30
"""What is proposed."""
STEP = 5


def seconds_field(seconds: int, hint: str) -> tuple[Field, Stepper]:
    """A field for the time in which a node hands its clients on."""
    stepper = Stepper(0, int(LONGEST_SECONDS), step=STEP)
    stepper.box.setValue(seconds)
    return Field("Seconds", stepper.box, hint, around=stepper), stepper


class DrainSheet(Sheet):
    """Asks for the seconds; the verb names how many sessions move."""

    def __init__(self, window: QWidget, name: str, sessions: int) -> None:
        """Make it for a node."""
        self._act = f"Drain {wording.within(name)}"
        super().__init__(
            window,
            f"{self._act}?",
            "Its clients go on at other nodes, one after the other, and it takes no new ones. It runs until it is"
            " stopped, or until the drain is cancelled.",
            width=440,
        )
        field, self._stepper = seconds_field(SECONDS, "within which all have gone")
        self.seconds = self._stepper.box
        self.body.addWidget(field)
        self.cancel = Button("Not now")
        self.cancel.clicked.connect(self.reject)
        self.confirm = Button(kind=Kind.PRIMARY, key="Ctrl ↵")
        self.confirm.clicked.connect(self.accept)
        self.buttons.addWidget(self.cancel)
        self.buttons.addWidget(self.confirm)
        self.count(sessions)

    def count(self, sessions: int) -> None:
        """Name the number of sessions as it is now."""
        words = f"{self._act}, move {wording.plural(sessions, 'session')}" if sessions else self._act
        if words != self.confirm.text():
            self.confirm.setText(words)
            self.confirm.setAccessibleName(words)
            self.confirm.updateGeometry()

    def open(self) -> None:
        super().open()
        self.seconds.selectAll()

    def first_focus(self) -> QWidget:
        return self.seconds
