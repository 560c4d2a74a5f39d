"""What stands in the Rooms view while no room is open: the address, and the next steps."""

from __future__ import annotations

from PySide6.QtCore import QRectF, Qt, QTimer
from PySide6.QtGui import QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLineEdit, QScrollArea, QVBoxLayout, QWidget

from gui import theme
from gui.actions import Actions
from gui.tokens import Colour, Size, Span, Type
from gui.widgets.buttons import Button, Kind
from gui.widgets.labels import Label, describe
from gui.widgets.mark import Emblem
from gui.widgets.panes import Card

WIDTH = 704
LOW = 640
"""Below this height the steps stand closer."""


class Step(QWidget):
    """The number of a step in a disc; filled for the one to begin with."""

    def __init__(self, number: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._number = number
        self.setFixedSize(32, 32)

    def paintEvent(self, event: QPaintEvent) -> None:
        first = self._number == 1
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen if first else theme.pen(Colour.LINE2))
        painter.setBrush(theme.colour(Colour.ACCENT_FILL if first else Colour.BG2))
        painter.drawEllipse(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5))
        painter.setFont(theme.font(Type.NAME))
        painter.setPen(theme.colour(Colour.ON_FILL if first else Colour.TEXT2))
        painter.drawText(self.rect(), Qt.AlignmentFlag.AlignCenter, str(self._number))
        painter.end()


class FirstRun(QScrollArea):
    """The first screen; it leaves by itself when somebody joins a room."""

    def __init__(self, address: str, actions: Actions, *, local: bool, parent: QWidget | None = None) -> None:
        """Make it.

        Args:
            address: For clients.
            actions: What its buttons do.
            local: Whether clients of this machine alone reach the node.
            parent: As in Qt.
        """
        super().__init__(parent)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setWidgetResizable(True)
        self.copy = Button.of(actions.copy_address, kind=Kind.PRIMARY, icon="copy", show_key=False)
        actions.copy_address.triggered.connect(self._confirm)
        self._restore = QTimer(self)
        self._restore.setSingleShot(True)
        self._restore.timeout.connect(lambda: self.copy.restyle("Copy address", "copy"))
        self._column = column = QVBoxLayout()
        column.setSpacing(Size.PADDING)
        column.addStretch(2)
        column.addWidget(Emblem(), 0, Qt.AlignmentFlag.AlignHCenter)
        column.addSpacing(12)
        title = Label("This console is ready for its first client", Type.EMPTY_TITLE)
        self._under = Label("", Type.BODY, Colour.TEXT2, wrap=True)
        self.show_nodes(1)
        reach = "Nothing is sent outside this machine." if local else "Other machines reach it at this address."
        hint = Label(f"Ctrl K finds every command.  F1 shows the keys.  {reach}", Type.SMALL, Colour.TEXT3, wrap=True)
        for label in (title, self._under, hint):
            label.setAlignment(Qt.AlignmentFlag.AlignCenter)
        column.addWidget(title)
        column.addWidget(self._under)
        column.addSpacing(12)
        column.addWidget(self._connect_step(address, actions))
        column.addWidget(self._launch_step(actions))
        if actions.join.isEnabled():
            column.addWidget(self._join_step(actions))
        column.addSpacing(4)
        column.addWidget(hint)
        column.addStretch(3)
        page = QWidget()
        row = QHBoxLayout(page)
        row.setContentsMargins(Size.DIALOG_PADDING, Size.PADDING, Size.DIALOG_PADDING, Size.PADDING)
        row.addStretch(1)
        middle = QWidget()
        middle.setLayout(column)
        middle.setMaximumWidth(WIDTH)
        row.addWidget(middle, 100)
        row.addStretch(1)
        self.setWidget(page)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._column.setSpacing(Size.PADDING if event.size().height() >= LOW else 10)

    def show_nodes(self, nodes: int) -> None:
        """Say how many nodes there are."""
        runs = "It runs one node." if nodes == 1 else f"It sees {nodes} nodes."
        self._under.say(f"{runs} Rooms appear here as soon as someone joins one.")

    def _connect_step(self, address: str, actions: Actions) -> Card:
        card, words, _ = _step_card(1, "Connect a client", "Give this address to a client, or open the test client.")
        field = QLineEdit(address)
        field.setReadOnly(True)
        field.setFont(theme.font(Type.CODE_LARGE))
        field.setFixedHeight(44)
        field.setCursorPosition(0)
        describe(field, "Address for clients")
        self.copy.setFixedHeight(44)
        client = Button.of(actions.open_client, icon="arrow-square-out", text="Test client", show_key=False)
        client.setFixedHeight(44)
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(field, 1)
        row.addWidget(self.copy)
        row.addWidget(client)
        words.addSpacing(12)
        words.addLayout(row)
        return card

    def _launch_step(self, actions: Actions) -> Card:
        card, _, row = _step_card(2, "Add nodes", "Launch more nodes on this machine to share the load.")
        launch = Button.of(actions.launch, text="Launch nodes", show_key=False)
        row.addWidget(launch, 0, Qt.AlignmentFlag.AlignVCenter)
        return card

    def _join_step(self, actions: Actions) -> Card:
        card, _, row = _step_card(3, "Join a mesh", "Point this console at a node of a cluster that already runs.")
        join = Button.of(actions.join, text="Join…", show_key=False)
        row.addWidget(join, 0, Qt.AlignmentFlag.AlignVCenter)
        return card

    def _confirm(self) -> None:
        self.copy.setMinimumWidth(self.copy.width())
        self.copy.restyle("Copied", "check")
        self._restore.start(Span.COPIED)


def _step_card(number: int, title: str, sentence: str) -> tuple[Card, QVBoxLayout, QHBoxLayout]:
    """A card with its number and words; more goes below the words or beside them."""
    card = Card()
    words = QVBoxLayout()
    words.setSpacing(4)
    words.addWidget(Label(title, Type.SECTION))
    words.addWidget(Label(sentence, Type.BODY, Colour.TEXT2))
    row = QHBoxLayout()
    row.setContentsMargins(8, 8, 8, 8)
    row.setSpacing(20)
    row.addWidget(Step(number), 0, Qt.AlignmentFlag.AlignTop)
    row.addLayout(words, 1)
    card.body.addLayout(row)
    return card, words, row
