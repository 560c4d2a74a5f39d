"""Table and log of the Nodes view: exact changes, acts bound to ids, a log that follows until one scrolls."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from PySide6.QtCore import QEvent, QModelIndex, QPoint, Qt
from PySide6.QtGui import QGuiApplication, QPixmap
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget

from gui import theme
from gui.nodes.log import LogPane
from gui.nodes.model import Column, LogModel, NodesModel
from gui.nodes.rows import NodeRow, merge
from gui.nodes.table import NodeTable, Tool, spots, tools
from gui.tokens import Size
from gui.widgets.buttons import Button
from gui.widgets.forms import broken
from server.child import Child, ChildState
from server.childlog import LogLine, LogRing
from server.views import NodeView
from tests.gui.test_nodes_rows import NOW, child, node


@pytest.fixture(autouse=True)
def _look(qapp: QApplication) -> None:
    theme.apply(qapp)


@pytest.fixture
def table(qapp: QApplication) -> Iterator[NodeTable]:
    made = NodeTable(NodesModel())
    made.resize(1376, 400)
    made.show()
    yield made
    made.close()
    made.deleteLater()


@pytest.fixture
def pane(qapp: QApplication) -> Iterator[LogPane]:
    host = QWidget()
    host.resize(900, 600)
    made = LogPane(Button("Launch node"))
    made.setParent(host)
    made.resize(900, Size.PANE_HEADER + 1 + 10 * Size.LOG_ROW)
    host.show()
    yield made
    host.close()
    host.deleteLater()


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
    QTest.mouseRelease(table.viewport(), Qt.MouseButton.LeftButton, pos=tool_place(table, "c-n2", Tool.COPY))
    assert used == []


def test_a_row_offers_what_can_be_done(table: NodeTable) -> None:
    ended = child("n4", ChildState.EXITED, asked=True, code=0, ended=NOW)
    made = {
        row.name: tools(row)
        for row in rows(node("n1"), node("n2"), node("n3", state="down"), children=(child("n2"), ended))
    }
    assert made == {"n1": (Tool.COPY,), "n2": (Tool.COPY, Tool.STOP), "n3": (), "n4": (Tool.REMOVE,)}


@pytest.mark.parametrize(
    ("width", "hidden"),
    [(1376, set()), (1000, {Column.MESH, Column.ROUND_TRIP}), (900, {Column.MESH, Column.ROUND_TRIP, Column.IN})],
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


# The log.


def line(number: int) -> LogLine:
    return LogLine(NOW + number, "info", f"line {number}")


def say(to: Child, *numbers: int) -> None:
    for number in numbers:
        to.log.append(line(number))


def test_a_log_model_takes_new_lines_and_drops_old_ones_exactly() -> None:
    ring, model = LogRing(capacity=4), LogModel()
    for number in range(3):
        ring.append(line(number))
    model.show(ring)
    told: list[tuple[str, int, int]] = []
    model.rowsInserted.connect(lambda _, first, last: told.append(("in", first, last)))
    model.rowsRemoved.connect(lambda _, first, last: told.append(("out", first, last)))
    assert model.sync() == 0
    for number in range(3, 6):
        ring.append(line(number))
    assert model.sync() == 2
    assert told == [("out", 0, 1), ("in", 1, 3)]
    assert [model.line(row).text for row in range(model.rowCount())] == [f"line {n}" for n in range(2, 6)]
    told.clear()
    for number in range(6, 20):
        ring.append(line(number))
    assert model.sync() == 4
    assert told == [("out", 0, 3), ("in", 0, 3)]
    assert [model.line(row).text for row in range(model.rowCount())] == [f"line {n}" for n in range(16, 20)]


def test_a_log_follows_until_one_scrolls_and_follows_again_at_the_end(pane: LogPane) -> None:
    made, bar = child("n2"), pane.list.verticalScrollBar()
    say(made, *range(40))
    pane.refresh([made])
    assert bar.value() == bar.maximum() > 0
    say(made, *range(40, 50))
    pane.sync()
    assert bar.value() == bar.maximum()
    assert pane.follow.text() == "Following"

    bar.setValue(5 * Size.LOG_ROW)
    say(made, *range(50, 57))
    pane.sync()
    assert bar.value() == 5 * Size.LOG_ROW
    assert pane.follow.text() == "7 newer"

    pane.list.setFocus()
    QTest.keyClick(pane.list, Qt.Key.Key_End)
    assert bar.value() == bar.maximum()
    assert pane.follow.text() == "Following"


def test_what_one_reads_stays_in_place_while_old_lines_fall_out(pane: LogPane) -> None:
    made, bar = child("n2"), pane.list.verticalScrollBar()
    made.log = LogRing(capacity=40)
    say(made, *range(40))
    pane.refresh([made])
    bar.setValue(20 * Size.LOG_ROW)
    top = pane.list.indexAt(QPoint(0, 0)).data()
    say(made, *range(40, 50))
    pane.sync()
    assert pane.list.indexAt(QPoint(0, 0)).data() == top


def test_a_resized_pane_stays_at_the_end(pane: LogPane) -> None:
    made, bar = child("n2"), pane.list.verticalScrollBar()
    say(made, *range(40))
    pane.refresh([made])
    pane.resize(900, 150)
    assert bar.value() == bar.maximum()
    assert pane.follow.text() == "Following"


def test_each_launched_node_has_a_tab_and_the_chosen_one_stays_chosen(pane: LogPane) -> None:
    one, two = child("n2"), child("a & b")
    say(one, 1)
    say(two, 2)
    pane.refresh([one, two])
    assert pane.tabs.current() == "c-n2"
    pane.tabs.choose("c-a & b")
    assert pane.model.line(0).text == "line 2"
    pane.refresh([two])
    assert (pane.tabs.current(), pane.tabs.count()) == ("c-a & b", 1)
    assert pane.model.line(0).text == "line 2"
    pane.refresh([])
    assert pane.stack.currentIndex() == 0
    assert pane.model.rowCount() == 0


def test_a_silent_node_says_that_it_is(pane: LogPane) -> None:
    made = child("n2")
    pane.refresh([made])
    assert pane.stack.currentIndex() == 1
    say(made, 1)
    pane.sync()
    assert pane.stack.currentWidget() is pane.list


def test_lines_are_copied_as_text(pane: LogPane) -> None:
    made = child("n2")
    say(made, 1, 2, 3)
    pane.refresh([made])
    pane.list.setFocus()
    pane.list.setCurrentIndex(pane.model.index(0))
    QTest.keyClick(pane.list, Qt.Key.Key_Down, Qt.KeyboardModifier.ShiftModifier)
    QTest.keyClick(pane.list, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    copied = QGuiApplication.clipboard().text().splitlines()
    assert [text.split("  ")[-1].strip() for text in copied] == ["line 1", "line 2"]


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
