"""The log of the Nodes view: several logs as one list, folded, narrowed, followed until one scrolls."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QAction, QGuiApplication, QKeySequence
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget

from gui import theme
from gui.nodes import lines
from gui.nodes.lines import LogModel, Source, folding, matching
from gui.nodes.log import ALL, LogPane
from gui.tokens import Size
from gui.widgets.buttons import Button
from server.child import Child
from server.childlog import Level, LogLine, LogRing
from server.query import QueryError
from tests.gui.test_nodes_rows import NOW, child


@pytest.fixture(autouse=True)
def _look(qapp: QApplication) -> None:
    theme.apply(qapp)
    theme.dress(qapp)


def make(text: str, key: str | QKeySequence.StandardKey, *, act: Callable[[], object], **_: Any) -> QAction:
    made = QAction(text, QApplication.instance())
    made.setShortcut(QKeySequence(key))
    made.setShortcutContext(Qt.ShortcutContext.WidgetShortcut)
    made.triggered.connect(lambda: act())
    return made


@pytest.fixture
def pane(qapp: QApplication) -> Iterator[LogPane]:
    host = QWidget()
    host.resize(900, 600)
    made = LogPane(Button("Launch node"), make)
    made.setParent(host)
    made.resize(900, Size.PANE_HEADER + 1 + 10 * Size.LOG_ROW)
    host.show()
    yield made
    host.close()
    host.deleteLater()


def texts(model: LogModel) -> list[str]:
    return [model.entry(row).line.text for row in range(model.rowCount())]


def line(number: int) -> LogLine:
    return LogLine(NOW + number, "info", f"line {number}")


def say(to: Child, *numbers: int) -> None:
    for number in numbers:
        to.log.append(line(number))


def test_a_log_model_takes_new_lines_and_drops_old_ones_exactly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "MOST", 4)
    ring, model = LogRing(), LogModel()
    for number in range(3):
        ring.append(line(number))
    model.show([Source("a", "a", ring)])
    told: list[tuple[str, int, int]] = []
    model.rowsInserted.connect(lambda _, first, last: told.append(("in", first, last)))
    model.rowsRemoved.connect(lambda _, first, last: told.append(("out", first, last)))
    assert model.sync() == 0
    for number in range(3, 6):
        ring.append(line(number))
    assert model.sync() == 2
    assert told == [("in", 3, 5), ("out", 0, 1)]
    assert texts(model) == [f"line {n}" for n in range(2, 6)]
    for number in range(6, 20):
        ring.append(line(number))
    assert model.sync() == 4
    assert texts(model) == [f"line {n}" for n in range(16, 20)]
    assert model.counts["info"] == 4


def test_lines_of_several_logs_stand_in_order_of_time_and_say_of_whom_they_are() -> None:
    one, two, model = LogRing(), LogRing(), LogModel()
    for number in (1, 4):
        one.append(line(number))
    for number in (2, 3):
        two.append(line(number))
    model.show([Source("a", "fra-1", one), Source("b", "fra-2", two)], several=True)
    assert texts(model) == ["line 1", "line 2", "line 3", "line 4"]
    assert [model.entry(row).node for row in range(4)] == ["fra-1", "fra-2", "fra-2", "fra-1"]
    assert "fra-2" in model.index(1).data()


def test_equal_neighbours_fold_and_count_on_while_they_come() -> None:
    ring, model = LogRing(), LogModel()
    for _ in range(3):
        ring.append(LogLine(NOW, "warning", "late"))
    ring.append(LogLine(NOW, "error", "late"))
    model.show([Source("a", "a", ring)])
    assert [(model.entry(row).line.level, model.entry(row).count) for row in range(model.rowCount())] == [
        ("warning", 3),
        ("error", 1),
    ]
    told: list[tuple[int, int]] = []
    model.dataChanged.connect(lambda first, last: told.append((first.row(), last.row())))
    for _ in range(45):
        ring.append(LogLine(NOW + 9, "error", "late"))
    model.sync()
    assert (model.rowCount(), model.entry(1).count, model.entry(1).line.at) == (2, 46, NOW + 9)
    assert told == [(1, 1)]
    assert model.index(1).data().endswith("late  × 46")
    assert model.counts == {"warning": 3, "error": 46}
    assert folding([]) == []


def test_a_log_is_narrowed_by_level_and_by_the_filter_language() -> None:
    ring, model = LogRing(), LogModel()
    levels: list[Level] = ["info", "warning", "error", "debug"]
    for number, level in enumerate(levels):
        ring.append(LogLine(NOW, level, f"peer fra-{number} said 50% (x)"))
    model.show([Source("a", "ams-1", ring)])

    def shown(text: str, *off: Level) -> list[str]:
        model.narrow(off, matching(text))
        return [model.entry(row).line.level for row in range(model.rowCount())]

    assert shown("") == ["info", "warning", "error", "debug"]
    assert shown("", "info", "debug") == ["warning", "error"]
    assert shown("FRA-1") == ["warning"]
    assert shown("level:warn,error") == ["warning", "error"]
    assert shown("node:ams-* not level:info", "debug") == ["warning", "error"]
    assert shown('"50% (x)"') == ["info", "warning", "error", "debug"]
    assert shown("node:fra-9") == []
    ring.append(LogLine(NOW, "info", "hidden"))
    model.sync()
    assert model.rowCount() == 0
    with pytest.raises(QueryError):
        matching("level:")


def test_a_filter_that_cannot_be_read_leaves_the_last_one_and_says_why(pane: LogPane) -> None:
    made = child("n2")
    say(made, 1, 2, 3)
    pane.refresh([made])
    pane.search.setText("text:2")
    assert texts(pane.model) == ["line 2"]
    pane.search.setText("text:")
    assert texts(pane.model) == ["line 2"]
    assert pane.reason.text()
    assert pane.search.property("state") == "wrong"
    pane.search.setText("text:9")
    assert pane.reason.text() == ""
    assert pane.stack.currentIndex() == 1, "it says that no line matches"
    pane.search.clear()
    assert texts(pane.model) == ["line 1", "line 2", "line 3"]


def test_levels_are_counted_and_can_be_hidden(pane: LogPane) -> None:
    made = child("n2")
    say(made, 1, 2)
    made.log.append(LogLine(NOW, "error", "no"))
    pane.refresh([made])
    errors, info = pane.levels[("error",)], pane.levels[("info", "debug")]
    assert errors.accessibleName() == "Errors: 1, shown"
    assert info.accessibleName() == "Info: 2, shown"
    QTest.mouseClick(info, Qt.MouseButton.LeftButton)
    assert texts(pane.model) == ["no"]
    assert info.accessibleName() == "Info: 2, hidden"


def test_a_pause_holds_the_list_and_counts_what_came(pane: LogPane) -> None:
    made, bar = child("n2"), pane.list.verticalScrollBar()
    say(made, *range(40))
    pane.refresh([made])
    pane.list.setFocus()
    QTest.keyClick(pane.list, Qt.Key.Key_Space)
    before = bar.value()
    say(made, *range(40, 45))
    pane.sync()
    assert (bar.value(), pane.follow.text()) == (before, "5 newer")
    QTest.keyClick(pane.list, Qt.Key.Key_Space)
    assert bar.value() == bar.maximum()


def test_tabs_without_room_are_in_a_menu_and_the_current_one_is_in_sight(pane: LogPane) -> None:
    children = [child(f"node-{number}") for number in range(30)]
    for made in children:
        say(made, 1)
    pane.refresh(children)
    assert not pane.strip.more.isHidden()
    pane.tabs.choose("c-node-29")
    place = pane.tabs.currentIndex()
    assert pane.tabs.isTabVisible(place)
    assert pane.tabs.tabRect(place).right() <= pane.strip.width()


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


def test_what_one_reads_stays_in_place_while_old_lines_fall_out(
    pane: LogPane, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lines, "MOST", 40)
    made, bar = child("n2"), pane.list.verticalScrollBar()
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
    pane.refresh([one])
    assert (pane.tabs.current(), pane.tabs.count()) == ("c-n2", 1)
    pane.refresh([one, two])
    assert (pane.tabs.current(), pane.tabs.count()) == ("c-n2", 3)
    pane.tabs.choose(ALL)
    assert texts(pane.model) == ["line 1", "line 2"]
    pane.tabs.choose("c-a & b")
    assert texts(pane.model) == ["line 2"]
    pane.refresh([two])
    assert (pane.tabs.current(), pane.tabs.count()) == ("c-a & b", 1)
    assert texts(pane.model) == ["line 2"]
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
