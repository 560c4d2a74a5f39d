"""A sheet that asks for the file to which something is written."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QLineEdit, QWidget

from gui import theme
from gui.tokens import Type
from gui.widgets.buttons import Button, Kind
from gui.widgets.forms import Field
from gui.widgets.labels import describe
from gui.widgets.sheet import Sheet


class FileSheet(Sheet):
    """Checks the path before it tells it; it stays open until `done` says that all is written."""

    chosen = Signal(str)
    """The path."""

    def __init__(self, window: QWidget, title: str, sentence: str, *, path: Path) -> None:
        """Make it; `path` is proposed."""
        super().__init__(window, title, sentence, width=560)
        self.path = QLineEdit(str(path))
        self.path.setFont(theme.font(Type.CODE))
        self.field = Field("File", self.path, hint="only you can read it")
        self._example = path.name
        self.body.addWidget(self.field)
        self.cancel = Button("Cancel", key="Esc")
        self.cancel.clicked.connect(self.reject)
        self.confirm = Button("Export", kind=Kind.PRIMARY, key="Ctrl+Enter")
        self.confirm.clicked.connect(self.accept)
        self.buttons.addWidget(self.cancel)
        self.buttons.addWidget(self.confirm)
        self.path.textEdited.connect(lambda _: self.field.blame(""))
        self.path.returnPressed.connect(self.accept)

    def first_focus(self) -> QWidget:
        return self.path

    def accept(self) -> None:
        """Check the path; an existing file is replaced only by who says so twice."""
        text = self.path.text().strip()
        path = Path(text).expanduser()
        if not text:
            self.blame("Give the name of a file.")
        elif not path.is_absolute():
            self.blame(f"Give the whole path, such as /tmp/{self._example} or ~/{self._example}.")
        elif path.is_dir():
            self.blame("This is a folder. Give the name of a file in it.")
        elif path.exists() and self.confirm.text() != "Replace the file":
            self.blame("There is a file of this name. Press once more to replace it.")
            self._name("Replace the file")
        else:
            self.chosen.emit(str(path))

    def blame(self, problem: str) -> None:
        """Say what is wrong with the path."""
        self.field.blame(problem)
        self._name("Export")
        self.confirm.setEnabled(True)

    def work(self) -> None:
        """It is being written."""
        self.confirm.setEnabled(False)

    def _name(self, words: str) -> None:
        self.confirm.setText(words)
        describe(self.confirm, words, key="Ctrl+Enter")
        self.confirm.updateGeometry()
