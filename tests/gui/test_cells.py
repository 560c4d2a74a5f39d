"""What is under the cells of a table, whatever stands in them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import QPoint, QRect
from PySide6.QtGui import QColor, QPainter
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from gui import theme
from gui.tokens import Colour, Size
from gui.widgets.cells import Cell
from gui.widgets.columns import Table
from tests.gui.test_rows import Pair, Pairs

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

ROW, INDENT = 40, 20


class Keys(Table):
    """A table that says itself whether it has the keyboard."""

    focused = False

    def hasFocus(self) -> bool:
        return self.focused


class Bare(Cell[Pair, Keys]):
    """Nothing stands in it."""

    indent = INDENT

    def paint_cell(self, painter: QPainter, box: QRect, pair: Pair, column: int, *, selected: bool) -> None:
        pass


@pytest.fixture
def table(qapp: QApplication, qtbot: QtBot) -> Keys:
    theme.apply(qapp)
    theme.dress(qapp)
    model = Pairs()
    made = Keys("Pairs", None, ROW)
    qtbot.addWidget(made)
    model.setParent(made)
    made.setModel(model)
    made.setItemDelegate(Bare(made, model))
    model.follow([Pair("a"), Pair("b"), Pair("c")])
    made.resize(400, 3 * ROW)
    made.show()
    return made


def drawn(table: Keys, x: int, y: int) -> QColor:
    return table.viewport().grab().toImage().pixelColor(x, y)


def test_a_selected_row_has_a_ground_in_every_cell_and_a_bar_in_the_first(table: Keys) -> None:
    table.selectRow(1)
    half = table.columnWidth(0)
    for x in (Size.SELECTION_BAR, half, half + 10):
        assert drawn(table, x, ROW + 10) == theme.colour(Colour.ACCENT_SOFT)
    assert drawn(table, Size.SELECTION_BAR - 1, ROW + 10) == theme.colour(Colour.ACCENT)


def test_the_bar_is_wider_while_the_table_has_the_keyboard(table: Keys) -> None:
    table.selectRow(1)
    table.focused = True
    assert drawn(table, Size.SELECTION_BAR, ROW + 10) == theme.colour(Colour.ACCENT)


def test_between_rows_that_are_not_selected_is_a_line_from_the_indent_on(table: Keys) -> None:
    table.selectRow(1)
    line = theme.colour(Colour.LINE)
    assert drawn(table, INDENT, ROW - 1) == drawn(table, table.columnWidth(0), ROW - 1) == line
    assert drawn(table, INDENT - 1, ROW - 1) != line
    assert drawn(table, INDENT, 2 * ROW - 1) != line


def test_the_row_under_the_pointer_is_told_from_the_others(table: Keys) -> None:
    before = drawn(table, 60, 10)
    QTest.mouseMove(table.viewport(), QPoint(60, 10))
    assert drawn(table, 60, 10) == theme.colour(Colour.BG2) != before
    assert drawn(table, 60, ROW + 10) == before
