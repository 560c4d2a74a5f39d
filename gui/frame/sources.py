"""The list of what this node was told: each option with its value, and who gave it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import QAbstractListModel, QModelIndex, QObject, QPersistentModelIndex, QRect, QSize, Qt
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QFrame, QListView, QStyledItemDelegate, QStyleOptionViewItem

from gui import theme
from gui.tokens import Colour, Type
from gui.widgets.columns import ALIGN_LEFT, ALIGN_RIGHT, prepare
from gui.widgets.labels import literal
from gui.widgets.painting import paint_divider
from server.settings import Setting

ROW = 46
SHOWN = 5
"""Rows that are seen at once."""

Index = QModelIndex | QPersistentModelIndex
_ROOT = QModelIndex()


class SourcesModel(QAbstractListModel):
    """The settings for a list; those that somebody gave come first."""

    def __init__(self, settings: Sequence[Setting], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._settings = sorted(settings, key=lambda setting: setting.source == "default" and not setting.note)

    def item(self, index: Index) -> Setting:
        """What stands there."""
        return self._settings[index.row()]

    def rowCount(self, parent: Index = _ROOT) -> int:
        return 0 if parent.isValid() else len(self._settings)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        setting = self.item(index)
        if role == Qt.ItemDataRole.DisplayRole:
            return setting.flag
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return ", ".join(filter(None, (setting.flag, setting.value, setting.source, setting.note)))
        if role == Qt.ItemDataRole.ToolTipRole:
            return literal("\n".join(filter(None, (setting.value, setting.note))))
        return None


class SourceRow(QStyledItemDelegate):
    """Paints a setting: option and value, below them who gave it and what else is known."""

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        return QSize(1, ROW)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        model = index.model()
        assert isinstance(model, SourcesModel)
        setting, box = model.item(index), QRect(option.rect).adjusted(2, 0, -10, 0)
        upper, lower = box.adjusted(0, 4, 0, -22), box.adjusted(0, 23, 0, -4)
        painter.setFont(theme.font(Type.NAME))
        painter.setPen(theme.colour(Colour.TEXT))
        painter.drawText(upper, ALIGN_LEFT, setting.flag)
        room = box.width() - theme.metrics(Type.NAME).horizontalAdvance(setting.flag) - 16
        painter.setFont(theme.font(Type.CODE))
        painter.drawText(upper, ALIGN_RIGHT, theme.elided(setting.value, Type.CODE, room))
        words = ", ".join(filter(None, (setting.source, setting.note)))
        painter.setFont(theme.font(Type.SMALL))
        painter.setPen(theme.colour(Colour.TEXT2))
        painter.drawText(lower, ALIGN_LEFT, theme.elided(words, Type.SMALL, box.width()))
        paint_divider(painter, option.rect, 0)


class SourcesList(QListView):
    """The list itself, to read only."""

    def __init__(self, settings: Sequence[Setting]) -> None:
        """Make it with these in it."""
        super().__init__()
        prepare(self, "What this node was told")
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setProperty("part", "palette")
        self.setSelectionMode(QListView.SelectionMode.NoSelection)
        self.setUniformItemSizes(True)
        self.setFixedHeight(SHOWN * ROW)
        self.setModel(SourcesModel(settings, self))
        self.setItemDelegate(SourceRow(self))
