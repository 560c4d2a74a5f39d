"""The sheet of settings: the look, how often the window is brought up to date, the layout; what the node was told."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from gui.appearance import Appearance, Look
from gui.bridge import Bridge
from gui.frame.sources import SourcesList
from gui.tokens import Colour, Rate, Type
from gui.widgets.buttons import Button, Kind
from gui.widgets.forms import Stepper
from gui.widgets.labels import Label
from gui.widgets.panes import Divider
from gui.widgets.segments import Segments
from gui.widgets.sheet import Sheet
from server.settings import Setting

LOOKS = ((Look.SYSTEM, "System"), (Look.DARK, "Dark"), (Look.LIGHT, "Light"))


class SettingsSheet(Sheet):
    """Everything takes effect at once, so there is nothing to confirm."""

    def __init__(
        self, window: QWidget, appearance: Appearance, bridge: Bridge, reset: Button, told: Sequence[Setting]
    ) -> None:
        """Make a closed sheet; `reset` is the button that puts the layout back, `told` what the node was told."""
        super().__init__(window, "Settings", "They are kept on this machine, for this console.", width=560)
        self.look = Segments("Theme", LOOKS)
        self.look.show_choice(appearance.look)
        self.look.chosen.connect(lambda id: appearance.choose(Look(id)))
        self._appearance = appearance
        appearance.changed.connect(self._show_look)
        rate = Stepper(Rate.SLOWEST, Rate.FASTEST)
        rate.setFixedWidth(152)
        self.rate = rate.box
        self.rate.setSuffix(" Hz")
        self.rate.setValue(bridge.pace.rate)
        self.rate.setAccessibleName("Refresh rate")
        self.rate.valueChanged.connect(bridge.set_rate)
        for part in (
            _row("Theme", "System follows what your desktop says, while it changes too.", self.look),
            Divider(),
            _row(
                "Refresh",
                "How often lists and figures change. While the node has no time for it, the console goes slower by "
                "itself.",
                rate,
            ),
            Divider(),
            _row("Layout", "Panes, columns and the size of the window as they are at the first start.", reset),
        ):
            self.body.addWidget(part)
        self.told = SourcesList(told)
        for part in (Divider(), _head("This node", "What it was told at its start, and by whom."), self.told):
            self.body.addWidget(part)
        done = Button("Done", kind=Kind.PRIMARY)
        done.clicked.connect(self.accept)
        self.buttons.addWidget(done)

    def _show_look(self) -> None:
        self.look.show_choice(self._appearance.look)

    def first_focus(self) -> QWidget:
        """The look."""
        return self.look


def _head(title: str, sentence: str) -> QWidget:
    made = QWidget()
    words = QVBoxLayout(made)
    words.setContentsMargins(0, 0, 0, 0)
    words.setSpacing(2)
    words.addWidget(Label(title, Type.NAME))
    words.addWidget(Label(sentence, Type.SMALL, Colour.TEXT2, wrap=True))
    return made


def _row(title: str, sentence: str, control: QWidget) -> QWidget:
    made = QWidget()
    row = QHBoxLayout(made)
    row.setContentsMargins(0, 0, 0, 0)
    row.setSpacing(24)
    row.addWidget(_head(title, sentence), 1)
    row.addWidget(control)
    return made
