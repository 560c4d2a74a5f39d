"""The table of the Nodes view: exact changes, acts bound to ids."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from PySide6.QtCore import QEvent, QModelIndex, QPoint, Qt
from PySide6.QtGui import QPixmap
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget

from gui import theme
from gui.nodes.model import Column, NodesModel
from gui.nodes.rows import NodeRow, merge
from gui.nodes.table import NodeTable, Tool, spots, tools
from gui.widgets.forms import broken
from server.child import Child, ChildState
from server.childlog import LogLine
from server.views import NodeView
from tests.gui.test_nodes_rows import NOW, child, node


@pytest.fixture(autouse=True)
def _look(qapp: QApplication) -> None:
    theme.apply(qapp)
    theme.dress(qapp)


@pytest.fixture
def table(qapp: QApplication) -> Iterator[NodeTable]:
    made = NodeTable(NodesModel())
    made.resize(1376, 400)
    made.show()
    yield made
    made.close()
    made.deleteLater()


def model_of(table: NodeTable) -> NodesModel:
    model = table.model()
    assert isinstance(model, NodesModel)
    return model


def rows(*nodes: NodeView, children: tuple[Child, ...] = ()) -> list[NodeRow]:
    return merge(nodes, children, NOW)


class Changes:
    """What a model told, as (row, first column, last column)."""

    def __init__(self, model: NodesModel) -> None:
        self.ranges: list[tuple[int, int, int]] = []
        self.moved = 0
        model.dataChanged.connect(self._changed)
        for other in (model.rowsInserted, model.rowsRemoved, model.modelReset, model.layoutChanged):
            other.connect(self._moved)

    def _changed(self, first: QModelIndex, last: QModelIndex) -> None:
        assert first.row() == last.row()
        self.ranges.append((first.row(), first.column(), last.column()))

    def _moved(self) -> None:
        self.moved += 1


# The table.


def test_only_what_reads_differently_is_painted_anew(table: NodeTable) -> None:
    model = model_of(table)
    model.follow(rows(node("a"), node("b")))
    told = Changes(model)
    model.follow(rows(node("a"), node("b")))
    model.follow(rows(node("a", cpu=0.2501, memory=100_400_000, sent_rate=200.2), node("b")))
    assert told.ranges == []
    model.follow(rows(node("a"), node("b", sessions=8)))
    assert told.ranges == [(1, Column.SESSIONS, Column.SESSIONS)]
    told.ranges.clear()
    model.follow(rows(node("a", cpu=0.4, sent_rate=900.0), node("b", sessions=8)))
    assert told.ranges == [(0, Column.CPU, Column.OUT)]
    told.ranges.clear()
    model.follow(rows(node("a", cpu=0.4, sent_rate=900.0), node("b", state="down")))
    assert told.ranges == [(1, 0, len(model.heads) - 1)]
    assert told.moved == 0


def test_the_selection_follows_the_node_and_not_the_place(table: NodeTable) -> None:
    model_of(table).follow(rows(node("b"), node("c")))
    table.select("id-c")
    model_of(table).follow(rows(node("a"), node("b"), node("c")))
    assert table.selected() == "id-c"
    assert table.currentIndex().row() == 2
    model_of(table).follow(rows(node("c"), node("z")))
    assert (table.selected(), table.currentIndex().row()) == ("id-c", 0)
    model_of(table).follow(rows(node("z")))
    assert table.selected() == ""


def test_the_selection_stays_while_a_launched_node_becomes_one_of_the_cluster(table: NodeTable) -> None:
    model_of(table).follow(rows(node("a"), children=(child("n2", ChildState.STARTING, ready=False),)))
    table.select("c-n2")
    model_of(table).follow(rows(node("a"), node("n2"), children=(child("n2"),)))
    assert table.selected() == "c-n2"


def tool_place(table: NodeTable, id: str, tool: Tool) -> QPoint:
    index = model_of(table).index_of(id, Column.TOOLS)
    found = dict(spots(table.visualRect(index), model_of(table).at(index)))
    return found[tool].center()


def test_a_tool_acts_on_the_node_that_was_under_the_pointer_at_press(table: NodeTable) -> None:
    used: list[tuple[str, Tool]] = []
    table.used.connect(lambda id, tool: used.append((id, tool)))
    children = (child("n2"), child("n3"))
    model_of(table).follow(rows(node("n2"), node("n3"), children=children))
    place = tool_place(table, "c-n3", Tool.STOP)
    QTest.mousePress(table.viewport(), Qt.MouseButton.LeftButton, pos=place)
    # Another node comes in above: n2 is under the pointer now.
    model_of(table).follow(rows(node("a"), node("n2"), node("n3"), children=children))
    assert table.tool_at(place) == ("c-n2", Tool.STOP)
    QTest.mouseRelease(table.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert used == [("c-n3", Tool.STOP)]


def test_a_press_on_one_tool_and_release_on_another_does_nothing(table: NodeTable) -> None:
    used: list[tuple[str, Tool]] = []
    table.used.connect(lambda id, tool: used.append((id, tool)))
    model_of(table).follow(rows(node("n2"), children=(child("n2"),)))
    QTest.mousePress(table.viewport(), Qt.MouseButton.LeftButton, pos=tool_place(table, "c-n2", Tool.STOP))
    QTest.mouseRelease(table.viewport(), Qt.MouseButton.LeftButton, pos=tool_place(table, "c-n2", Tool.RESTART))
    assert used == []


def test_a_row_offers_what_can_be_done(table: NodeTable) -> None:
    ended = child("n4", ChildState.EXITED, asked=True, code=0, ended=NOW)
    made = {
        row.name: tools(row)
        for row in rows(node("n1"), node("n2"), node("n3", state="down"), children=(child("n2"), ended))
    }
    assert made == {
        "n1": (Tool.COPY, Tool.DRAIN),
        "n2": (Tool.RESTART, Tool.STOP),
        "n3": (Tool.REMOVE,),
        "n4": (Tool.RESTART, Tool.REMOVE),
    }


@pytest.mark.parametrize(
    ("width", "hidden"),
    [
        (1376, set()),
        (830, {Column.MESH, Column.ROUND_TRIP}),
        (740, {Column.MESH, Column.ROUND_TRIP, Column.IN}),
        (660, {Column.MESH, Column.ROUND_TRIP, Column.IN, Column.MEMORY}),
        (560, {Column.MESH, Column.ROUND_TRIP, Column.IN, Column.MEMORY, Column.OUT}),
    ],
)
def test_a_narrow_table_lets_go_of_what_matters_least(table: NodeTable, width: int, hidden: set[int]) -> None:
    table.resize(width, 400)
    assert {column for column in range(len(NodesModel.heads)) if table.isColumnHidden(column)} == hidden


def test_markup_in_a_name_is_shown_as_it_is(table: NodeTable) -> None:
    def picture(name: str) -> QPixmap:
        model_of(table).follow(rows(node(name)))
        return table.viewport().grab()

    tagged, literal = picture("<b>n</b><img src=file:/x>"), picture("<i>n</i><img src=file:/x>")
    assert tagged.toImage() != literal.toImage()
    index = model_of(table).index(0, Column.NODE)
    assert index.data() == "<i>n</i><img src=file:/x>"


def test_a_message_is_its_own_tooltip_and_never_markup(table: NodeTable) -> None:
    made = child("n2", ChildState.EXITED, ready=False, code=3, ended=NOW)
    made.log.append(LogLine(NOW, "error", "<b>no</b>"))
    model_of(table).follow(rows(children=(made,)))
    tip = model_of(table).index(0, Column.MEMORY).data(Qt.ItemDataRole.ToolTipRole)
    assert "&lt;b&gt;no&lt;/b&gt;" in tip
    assert "Launch it again with other values (N)" in tip.replace("\xa0", " ")


# The parts of forms.


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("", []),
        ("short", ["short"]),
        ("one two three", ["one two", "three"]),
        ("one two three four five", ["one two", "three f…"]),
        ("wwwwwwwwwwwwwwwwwww", ["wwwwwwww", "wwwwwww…"]),
    ],
)
def test_a_command_is_broken_at_its_spaces(text: str, lines: list[str]) -> None:
    assert broken(text, 8, 2) == lines


def test_the_pointer_leaves_no_tool_behind(table: NodeTable) -> None:
    model_of(table).follow(rows(node("n2"), children=(child("n2"),)))
    QTest.mouseMove(table.viewport(), tool_place(table, "c-n2", Tool.STOP))
    assert (table.pointed, table.pointed_tool) == ("c-n2", Tool.STOP)
    viewport: QWidget = table.viewport()
    QApplication.sendEvent(viewport, QEvent(QEvent.Type.Leave))
    assert (table.pointed, table.pointed_tool) == ("", None)
