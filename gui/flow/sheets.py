"""The sheets of the Flow view: where an export goes, and why somebody reads a whisper."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QButtonGroup, QLineEdit, QRadioButton, QVBoxLayout, QWidget

from gui import theme, wording
from gui.tokens import Type
from gui.widgets.buttons import Button, Kind
from gui.widgets.file_sheet import FileSheet
from gui.widgets.forms import Field
from gui.widgets.sheet import Sheet

REASON_CHARS = 200


class ExportSheet(FileSheet):
    """Asks what is written, and where."""

    def __init__(self, window: QWidget, *, shown: int, kept: int, path: Path) -> None:
        """Make it; of `kept` messages `shown` fit the filter, and `path` is proposed."""
        what = "" if shown != kept else f"{wording.plural(kept, 'message')}: "
        sentence = f"{what}one line of JSON for each, oldest first."
        super().__init__(window, "Export messages", sentence[0].upper() + sentence[1:], path=path)
        self.shown = QRadioButton(f"What is shown: {wording.plural(shown, 'message')}")
        self.kept = QRadioButton(f"All that is kept: {wording.plural(kept, 'message')}")
        self._group = QButtonGroup(self)
        self.shown.setChecked(True)
        choice = QVBoxLayout()
        choice.setSpacing(8)
        for button in (self.shown, self.kept):
            button.setFont(theme.font(Type.BODY))
            self._group.addButton(button)
            button.setVisible(kept != shown)
            choice.addWidget(button)
        if kept != shown:
            self.body.insertLayout(0, choice)


class ReasonSheet(Sheet):
    """Asks why the text of a whisper is to be read."""

    wanted = Signal(str)
    """The reason."""

    def __init__(self, window: QWidget, sender: str, to: str) -> None:
        """Make it for a whisper of `sender` to `to`."""
        sentence = (
            "The reading, your name and the reason are logged and shown in the flow of every console. "
            "A whisper that is not kept any more cannot be read."
        )
        title = f"Read what {wording.within(sender)} whispered to {wording.within(to)}?"
        super().__init__(window, title, sentence, width=480)
        self.reason = QLineEdit()
        self.reason.setMaxLength(REASON_CHARS)
        self.reason.setFont(theme.font(Type.BODY))
        self.field = Field("Reason", self.reason)
        self.body.addWidget(self.field)
        self.cancel = Button("Do not read it", key="Esc")
        self.cancel.clicked.connect(self.reject)
        self.confirm = Button("Read the whisper", kind=Kind.PRIMARY, key="Ctrl+Enter")
        self.confirm.clicked.connect(self.accept)
        self.buttons.addWidget(self.cancel)
        self.buttons.addWidget(self.confirm)
        self.reason.textEdited.connect(lambda _: self.field.blame(""))
        self.reason.returnPressed.connect(self.accept)

    def first_focus(self) -> QWidget:
        return self.reason

    def accept(self) -> None:
        """Take the reason, if there is one."""
        reason = self.reason.text().strip()
        if not reason:
            self.field.blame("Say why, in a few words.")
            return
        self.wanted.emit(reason)
        super().accept()
