"""What toasts and banners have said so far, in a list under the bell."""

from __future__ import annotations

import collections
import dataclasses
import time
from typing import Any

from PySide6.QtCore import (
    QAbstractListModel,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QRect,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import QKeyEvent, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import (
    QFrame,
    QListView,
    QStackedLayout,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from gui import theme, wording
from gui.tokens import Colour, Size, Type
from gui.widgets.columns import ALIGN_LEFT, ALIGN_RIGHT, prepare
from gui.widgets.cover import Cover
from gui.widgets.painting import paint_divider
from gui.widgets.panes import Divider, EmptyState, PaneHeader
from gui.widgets.sheet import paint_floating

KEPT = 100
WIDTH = 400
HEIGHT = 420
ROW = 52

Index = QModelIndex | QPersistentModelIndex
_ROOT = QModelIndex()


@dataclasses.dataclass(frozen=True, slots=True)
class Item:
    """One thing that was said."""

    at: int
    """ms since 1970."""
    title: str
    detail: str
    icon: str
    tone: Colour
    key: str = ""
    """Identity of what goes on being said: what is said of it later takes the place of this."""


class News(QObject):
    """The last things that were said, and how many of those that matter nobody has looked at."""

    came = Signal()
    """Something was said, or everything was looked at."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.items: collections.deque[Item] = collections.deque(maxlen=KEPT)
        """The newest first."""
        self.unseen = 0

    def note(self, title: str, detail: str, icon: str, tone: Colour, key: str = "") -> None:
        """Keep what is being said; one thing that goes on is one item, until `close` or until it is well again."""
        item = Item(int(time.time() * 1000), title, detail, icon, tone, key)
        place = next((place for place, old in enumerate(self.items) if key and old.key == key), -1)
        if place >= 0 and (tone is self.items[place].tone or tone is not Colour.LIVE):
            self.items[place] = dataclasses.replace(item, at=self.items[place].at)
        else:
            self.close(key)
            self.items.appendleft(item)
            if tone in (Colour.WARN, Colour.DANGER):
                self.unseen += 1
        self.came.emit()

    def close(self, key: str) -> None:
        """Nothing more is said of it: what comes under this key later is another thing."""
        for place, item in enumerate(self.items):
            if key and item.key == key:
                self.items[place] = dataclasses.replace(item, key="")

    def see(self) -> None:
        """Everything was looked at."""
        if self.unseen:
            self.unseen = 0
            self.came.emit()


class NewsModel(QAbstractListModel):
    """The items for a list."""

    def __init__(self, news: News, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._news = news

    def again(self) -> None:
        """Look at the items anew."""
        self.beginResetModel()
        self.endResetModel()

    def item(self, index: Index) -> Item:
        """What stands there."""
        return self._news.items[index.row()]

    def rowCount(self, parent: Index = _ROOT) -> int:
        return 0 if parent.isValid() else len(self._news.items)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        item = self.item(index)
        if role == Qt.ItemDataRole.DisplayRole:
            return item.title
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return ", ".join(filter(None, (wording.clock(item.at), item.title, item.detail)))
        return None


class NewsRow(QStyledItemDelegate):
    """Paints an item: icon, two lines, time."""

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        return QSize(1, ROW)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        model = index.model()
        assert isinstance(model, NewsModel)
        item, box = model.item(index), QRect(option.rect)
        painter.drawPixmap(
            box.left() + 16,
            box.top() + (ROW - 18) // 2,
            theme.pixmap(item.icon, item.tone, 18, painter.device().devicePixelRatioF()),
        )
        time_width = theme.metrics(Type.CAPTION).horizontalAdvance("00:00") + 8
        words = box.adjusted(46, 0, -16 - time_width, 0)
        upper = words if not item.detail else words.adjusted(0, 7, 0, -25)
        painter.setFont(theme.font(Type.NAME))
        painter.setPen(theme.colour(Colour.TEXT))
        painter.drawText(upper, ALIGN_LEFT, theme.elided(item.title, Type.NAME, words.width()))
        painter.setFont(theme.font(Type.CAPTION))
        painter.setPen(theme.colour(Colour.TEXT3))
        painter.drawText(upper.adjusted(0, 0, time_width, 0), ALIGN_RIGHT, wording.clock(item.at))
        if item.detail:
            painter.setFont(theme.font(Type.SMALL))
            painter.setPen(theme.colour(Colour.TEXT2))
            lower = words.adjusted(0, 26, time_width, -7)
            painter.drawText(lower, ALIGN_LEFT, theme.elided(item.detail, Type.SMALL, lower.width()))
        paint_divider(painter, box, 46)


class NewsPanel(Cover):
    """The list, floating under the bell; it closes with Esc, or when one clicks beside it."""

    def __init__(self, window: QWidget, news: News) -> None:
        """Make it, closed."""
        super().__init__(window, "What was said")
        self._news = news
        self.model = NewsModel(news, self)
        self.list = QListView()
        prepare(self.list, "What was said")
        self.list.setFrameShape(QFrame.Shape.NoFrame)
        self.list.setProperty("part", "palette")
        self.list.setSelectionMode(QListView.SelectionMode.NoSelection)
        self.list.setModel(self.model)
        self.list.setItemDelegate(NewsRow(self.list))
        empty = EmptyState("What this console says at the bottom left, and in strips at the top, is kept here.")
        holder = QWidget()
        self._either = QStackedLayout(holder)
        self._either.addWidget(empty)
        self._either.addWidget(self.list)
        column = QVBoxLayout(self.card)
        column.setContentsMargins(1, 1, 1, 6)
        column.setSpacing(0)
        self.header = PaneHeader("What was said")
        for part in (self.header, Divider(), holder):
            column.addWidget(part)
        news.came.connect(self._again)

    def open(self) -> None:
        """Show it, or hide it where it is shown."""
        if self.isVisible():
            self.close_up()
            return
        self._fill()
        self._news.see()
        self.cover()
        self.list.setFocus(Qt.FocusReason.PopupFocusReason)

    def close_up(self) -> None:
        """Hide it and give the keyboard back."""
        if not self.isHidden():
            self.uncover()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.close_up()
        event.accept()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if not self.card.geometry().contains(event.position().toPoint()):
            self.close_up()

    def focusNextPrevChild(self, next: bool) -> bool:
        """As in Qt: the list keeps the keyboard."""
        return True

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        paint_floating(painter, self.card.geometry().toRectF(), Size.RADIUS_CARD)
        painter.end()

    def _again(self) -> None:
        if self.isVisible():
            self._fill()
            self.place()
            self._news.see()

    def _fill(self) -> None:
        self.model.again()
        self._either.setCurrentIndex(1 if self._news.items else 0)
        self.header.count.say(wording.count(len(self._news.items)) if self._news.items else "")

    def place(self) -> None:
        """Cover the window, with the card under the bell."""
        self.setGeometry(self._window.rect())
        rows = max(2, self.model.rowCount()) * ROW + Size.PANE_HEADER + 9
        height = min(rows, HEIGHT, self.height() - Size.TOP_BAR - Size.STATUS_BAR - 16)
        self.card.setGeometry(self.width() - WIDTH - 12, Size.TOP_BAR - 2, WIDTH, height)
        self.update()
