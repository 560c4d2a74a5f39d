"""The palette: one field for people, rooms, nodes and commands, over the dimmed window."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import (
    QAbstractListModel,
    QEvent,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QPointF,
    QRect,
    QRectF,
    QSize,
    Qt,
)
from PySide6.QtGui import QKeyEvent, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLineEdit,
    QListView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from gui import theme
from gui.frame.finder import Entry, Finder
from gui.search import Marks
from gui.tokens import Colour, Size, Type
from gui.widgets.columns import ALIGN_LEFT, prepare
from gui.widgets.cover import Cover
from gui.widgets.labels import Label, Picture, describe
from gui.widgets.painting import avatar, initials, key_cap, key_width, ring
from gui.widgets.panes import Chip, Divider
from gui.widgets.sheet import MARGIN, paint_card

WIDTH = 688
TOP = 104
ROW, HEAD = 44, 32
MOST_HEIGHT = 452
INSET = 8
TEXT_LEFT = 56

HINTS = (("↑ ↓", "Choose"), ("Enter", "Run"), ("Esc", "Close"))
NOTHING = "Nothing is called that. People @, rooms #, nodes !"

Index = QModelIndex | QPersistentModelIndex
_ROOT = QModelIndex()
_CONTROL = Qt.KeyboardModifier.ControlModifier


class Entries(QAbstractListModel):
    """Entries with a head above each group; a head is a text, and no entry."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._rows: list[Entry | str] = []

    def show(self, entries: list[Entry]) -> None:
        """Become these entries."""
        self.beginResetModel()
        self._rows = []
        group = ""
        for entry in entries:
            if entry.group != group:
                group = entry.group
                self._rows.append(group)
            self._rows.append(entry)
        self.endResetModel()

    def row(self, index: Index | int) -> Entry | str:
        """What stands there."""
        return self._rows[index if isinstance(index, int) else index.row()]

    def rowCount(self, parent: Index = _ROOT) -> int:
        return 0 if parent.isValid() else len(self._rows)

    def flags(self, index: Index) -> Qt.ItemFlag:
        if isinstance(self.row(index), str):
            return Qt.ItemFlag.NoItemFlags
        return Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        row = self.row(index)
        if role == Qt.ItemDataRole.DisplayRole:
            return row if isinstance(row, str) else row.text
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return row if isinstance(row, str) else sentence(row)
        return None


def sentence(entry: Entry) -> str:
    """An entry for those who read."""
    return ", ".join(filter(None, (entry.text, entry.detail, entry.group, *entry.keys)))


class EntryRow(QStyledItemDelegate):
    """Paints an entry: icon or avatar, text with what was typed in bold, where it is, its key."""

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        model = index.model()
        assert isinstance(model, Entries)
        return QSize(1, HEAD if isinstance(model.row(index), str) else ROW)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        model = index.model()
        assert isinstance(model, Entries)
        row, box = model.row(index), QRect(option.rect)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if isinstance(row, str):
            painter.setFont(theme.font(Type.SMALL))
            painter.setPen(theme.colour(Colour.TEXT2))
            painter.drawText(box.adjusted(20, 4, -20, 0), ALIGN_LEFT, theme.elided(row, Type.SMALL, box.width() - 40))
            return
        chosen = bool(option.state & QStyle.StateFlag.State_Selected)
        if chosen or option.state & QStyle.StateFlag.State_MouseOver:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.colour(Colour.ACCENT_SOFT if chosen else Colour.BG2))
            painter.drawRoundedRect(box.adjusted(INSET, 1, -INSET, -1), Size.RADIUS_INPUT, Size.RADIUS_INPUT)
        self._paint_sign(painter, box, row, chosen)
        right = self._paint_keys(painter, box, row, chosen)
        self._paint_words(painter, QRect(TEXT_LEFT, box.top(), right - TEXT_LEFT, box.height()), row)

    def _paint_sign(self, painter: QPainter, box: QRect, entry: Entry, chosen: bool) -> None:
        ratio = painter.device().devicePixelRatioF()
        middle = box.top() + box.height() // 2
        if entry.user:
            painter.drawPixmap(20, middle - 11, avatar(entry.user, initials(entry.text), 22, ratio))
            if entry.speaking:
                ring(painter, QRectF(20, middle - 11, 22, 22))
            return
        tone = Colour.TEXT2
        if entry.danger:
            tone = Colour.DANGER
        elif entry.speaking:
            tone = Colour.LIVE
        elif chosen:
            tone = Colour.ACCENT
        painter.drawPixmap(22, middle - 9, theme.pixmap(entry.icon or "caret-right", tone, 18, ratio))

    def _paint_keys(self, painter: QPainter, box: QRect, entry: Entry, chosen: bool) -> int:
        """Paint the keys; returns where they begin."""
        right = box.right() - 20
        caps = [*((key, False) for key in entry.keys), *([("Enter", True)] if chosen else [])]
        for words, accent in reversed(caps):
            width = key_width(words)
            place = QRectF(right - width, box.top() + (box.height() - 18) / 2, width, 18)
            key_cap(painter, place, words, Colour.ACCENT if accent else Colour.TEXT3, filled=accent)
            right -= width + 6
        return right - 8

    def _paint_words(self, painter: QPainter, box: QRect, entry: Entry) -> None:
        left = box.left()
        for piece, bold in pieces(entry.text, entry.marks):
            kind = Type.NAME if bold else Type.BODY
            shown = theme.elided(piece, kind, box.right() - left)
            painter.setFont(theme.font(kind))
            painter.setPen(theme.colour(Colour.TEXT))
            painter.drawText(QRect(left, box.top(), box.right() - left + 4, box.height()), ALIGN_LEFT, shown)
            left += theme.metrics(kind).horizontalAdvance(shown)
            if shown != piece:
                return
        left += 12
        if entry.detail and box.right() - left > 24:
            painter.setFont(theme.font(Type.SMALL))
            painter.setPen(theme.colour(Colour.TEXT2))
            rest = QRect(left, box.top(), box.right() - left, box.height())
            painter.drawText(rest, ALIGN_LEFT, theme.elided(entry.detail, Type.SMALL, rest.width()))


def pieces(text: str, marks: Marks) -> list[tuple[str, bool]]:
    """The text in pieces, each with whether it was typed."""
    found: list[tuple[str, bool]] = []
    end = 0
    for start, length in marks:
        found += [(text[end:start], False), (text[start : start + length], True)]
        end = start + length
    found.append((text[end:], False))
    return [piece for piece in found if piece[0]]


class Palette(Cover):
    """One field, and what is found by it in a list that the arrows go through."""

    def __init__(self, window: QWidget, finder: Finder) -> None:
        """Make it, closed."""
        super().__init__(window, "Palette")
        self.finder = finder
        self.field = QLineEdit()
        self.field.setFont(theme.font(Type.PALETTE))
        self.field.setProperty("part", "palette")
        self.field.setFrame(False)
        self.field.setPlaceholderText("Search people, rooms, nodes or run a command")
        describe(self.field, "Search people, rooms, nodes or run a command", key="Ctrl+K")
        self._where = Chip()
        self.model = Entries(self)
        self.list = QListView()
        prepare(self.list, "Found")
        self.list.setFrameShape(QFrame.Shape.NoFrame)
        self.list.setProperty("part", "palette")
        self.list.setModel(self.model)
        self.list.setItemDelegate(EntryRow(self.list))
        self.list.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.nothing = Label(NOTHING, Type.BODY, Colour.TEXT2)
        self.nothing.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.nothing.setFixedHeight(72)
        self._lay_out()
        self.field.textChanged.connect(self._look)
        self.field.installEventFilter(self)
        self.list.clicked.connect(lambda index: self.run(index.row()))
        self.list.selectionModel().currentChanged.connect(lambda *_: self._tell())

    @property
    def chosen(self) -> Entry | None:
        """What Enter would run."""
        index = self.list.currentIndex()
        row = self.model.row(index) if index.isValid() else None
        return row if isinstance(row, Entry) else None

    def open(self, text: str = "", place: str = "") -> None:
        """Show it with the keyboard in its field; `place` says to what acts refer."""
        if self.isHidden():
            self.finder.open()
        self._where.setVisible(bool(place))
        self._where.say(f"in {place}")
        if self.field.text() == text:
            self._look(text)
        else:
            self.field.setText(text)
        self.cover()
        self.field.setFocus(Qt.FocusReason.PopupFocusReason)

    def close_up(self) -> None:
        """Hide it and give the keyboard back."""
        if not self.isHidden():
            self.uncover()

    def run(self, row: int) -> None:
        """Do what an entry says."""
        entry = self.model.row(row)
        if isinstance(entry, Entry):
            self.close_up()
            self.finder.ran(entry)
            entry.run()

    def place(self) -> None:
        """Cover the window as it is now."""
        self.setGeometry(self._window.rect())
        width = min(WIDTH, self.width() - 2 * MARGIN)
        top = min(TOP, max(MARGIN, self.height() // 8))
        rows = sum(HEAD if isinstance(self.model.row(row), str) else ROW for row in range(self.model.rowCount()))
        height = min(rows + 12, MOST_HEIGHT, self.height() - top - 2 * MARGIN - 100)
        self.list.setVisible(rows > 0)
        self.nothing.setVisible(rows == 0)
        self.list.setFixedHeight(max(ROW, height))
        self._column.activate()
        self.card.setGeometry((self.width() - width) // 2, top, width, self._column.totalSizeHint().height())
        self.update()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """As in Qt: the keys of the list work in the field, too."""
        if watched is self.field and isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress:
            return self._on_key(event)
        return super().eventFilter(watched, event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if not self.card.geometry().contains(event.position().toPoint()):
            self.close_up()

    def focusNextPrevChild(self, next: bool) -> bool:
        """As in Qt: the field keeps the keyboard."""
        return True

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        paint_card(painter, self.rect(), QRectF(self.card.geometry()))
        painter.end()

    def _on_key(self, event: QKeyEvent) -> bool:
        key = event.key()
        steps = {Qt.Key.Key_Down: 1, Qt.Key.Key_Up: -1, Qt.Key.Key_PageDown: 8, Qt.Key.Key_PageUp: -8}
        if key in steps:
            self._step(steps[Qt.Key(key)])
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            if self.chosen is not None:
                self.run(self.list.currentIndex().row())
        elif key == Qt.Key.Key_Escape or (key == Qt.Key.Key_K and event.modifiers() & _CONTROL):
            self.close_up()
        else:
            return key in (Qt.Key.Key_Tab, Qt.Key.Key_Backtab)
        return True

    def _step(self, step: int) -> None:
        """Go to another entry, around the ends when it is by one."""
        places = [row for row in range(self.model.rowCount()) if isinstance(self.model.row(row), Entry)]
        if not places:
            return
        current = self.list.currentIndex().row()
        at = places.index(current) if current in places else -1 if step > 0 else len(places)
        to = (at + step) % len(places) if abs(step) == 1 else max(0, min(len(places) - 1, at + step))
        self._choose(places[to])

    def _choose(self, row: int) -> None:
        self.list.setCurrentIndex(self.model.index(row))
        if row == 1:
            self.list.scrollToTop()

    def _look(self, text: str) -> None:
        self.model.show(self.finder.find(text))
        rows = (self.model.row(row) for row in range(self.model.rowCount()))
        first = next(
            (row for row, entry in enumerate(rows) if isinstance(entry, Entry) and (not entry.danger or entry.asked)),
            None,
        )
        if first is not None:
            self._choose(first)
        self._tell()
        if self.isVisible():
            self.place()

    def _tell(self) -> None:
        """What is chosen, for screen readers, as the keyboard stays in the field."""
        entry = self.chosen
        self.field.setAccessibleDescription(sentence(entry) if entry is not None else NOTHING)

    def _lay_out(self) -> None:
        head = QHBoxLayout()
        head.setContentsMargins(20, 0, 20, 0)
        head.setSpacing(10)
        head.addWidget(Picture("magnifying-glass", Colour.TEXT2, 18))
        head.addWidget(self.field, 1)
        head.addWidget(self._where)
        self._column = QVBoxLayout(self.card)
        self._column.setContentsMargins(1, 0, 1, 0)
        self._column.setSpacing(0)
        self._column.addLayout(head)
        self._column.addWidget(Divider())
        self._column.addWidget(self.list)
        self._column.addWidget(self.nothing)
        self._column.addWidget(Divider())
        self._column.addWidget(Foot())
        self.field.setFixedHeight(57)


class Foot(QWidget):
    """The keys of the palette."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFixedHeight(39)
        self.setAccessibleName("Arrows choose, Enter runs, Esc closes. People @, rooms #, nodes !")

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        left = 20.0
        middle = self.height() / 2
        for key, words in HINTS:
            width = key_width(key)
            key_cap(painter, QRectF(left, middle - 9, width, 18), key)
            left += width + 8
            painter.setFont(theme.font(Type.SMALL))
            painter.setPen(theme.colour(Colour.TEXT2))
            painter.drawText(QPointF(left, middle + 4), words)
            left += theme.metrics(Type.SMALL).horizontalAdvance(words) + 20
        box = self.rect().adjusted(0, 0, -20, 0)
        painter.drawText(
            box, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, "People @   Rooms #   Nodes !"
        )
        painter.end()
