"""Models follow snapshots by identity: the fewest changes, exact ranges, selection on its row."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PySide6.QtCore import QPersistentModelIndex, Qt
from PySide6.QtTest import QAbstractItemModelTester

from gui.rows import Index, Rows


@dataclasses.dataclass(frozen=True, slots=True)
class Pair:
    key: str
    value: int = 0


class Pairs(Rows[Pair]):
    heads = ("Key", "Value")

    def key(self, row: Pair) -> str:
        return row.key

    def changed_columns(self, old: Pair, new: Pair) -> tuple[int, int] | None:
        return 1, 1

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        row = self.at(index)
        return (row.key, str(row.value))[index.column()] if role == Qt.ItemDataRole.DisplayRole else None


class Heard:
    """What a model told its views."""

    def __init__(self, model: Pairs) -> None:
        self.events: list[tuple[str, int, int]] = []
        model.rowsInserted.connect(lambda _, first, last: self.events.append(("in", first, last)))
        model.rowsRemoved.connect(lambda _, first, last: self.events.append(("out", first, last)))
        model.layoutChanged.connect(lambda: self.events.append(("sorted", 0, 0)))
        model.modelReset.connect(lambda: self.events.append(("reset", 0, 0)))
        model.dataChanged.connect(self._changed)

    def _changed(self, first: Index, last: Index) -> None:
        assert (first.column(), last.column()) == (1, 1)
        self.events.append(("changed", first.row(), last.row()))


@pytest.fixture
def model(qapp: object) -> Pairs:
    made = Pairs()
    QAbstractItemModelTester(made, QAbstractItemModelTester.FailureReportingMode.Fatal, made)
    return made


def test_the_same_rows_change_nothing(model: Pairs) -> None:
    model.follow([Pair("a"), Pair("b")])
    heard = Heard(model)
    model.follow([Pair("a"), Pair("b")])
    assert heard.events == []


def test_neighbours_come_and_go_together(model: Pairs) -> None:
    model.follow([Pair(key) for key in "abcdef"])
    heard = Heard(model)
    model.follow([Pair(key) for key in "axyzf"])
    assert heard.events == [("out", 1, 4), ("in", 1, 3)]


def test_a_changed_value_is_told_for_its_column_alone(model: Pairs) -> None:
    model.follow([Pair("a"), Pair("b"), Pair("c")])
    heard = Heard(model)
    model.change([Pair("b", 7), Pair("c"), Pair("not here", 1)])
    assert heard.events == [("changed", 1, 1)]
    assert model.find("b") == Pair("b", 7)


ORDERS = st.lists(st.sampled_from("abcdefgh"), unique=True)


@settings(deadline=None)
@given(orders=st.lists(ORDERS, min_size=2, max_size=6), held=st.sampled_from("abcdefgh"))
def test_any_snapshot_is_reached_and_what_is_held_stays_on_its_row(
    qapp: object, orders: list[list[str]], held: str
) -> None:
    model = Pairs()
    QAbstractItemModelTester(model, QAbstractItemModelTester.FailureReportingMode.Fatal, model)
    heard = Heard(model)
    for turn, order in enumerate(orders):
        mark = QPersistentModelIndex(model.index_of(held))
        model.follow([Pair(key, turn) for key in order])
        assert model.identities() == order
        assert [model.at(row) for row in range(model.rowCount())] == [Pair(key, turn) for key in order]
        if mark.isValid():
            assert model.at(mark).key == held
        for place, key in enumerate(order):
            assert model.index_of(key).row() == place
    assert ("reset", 0, 0) not in heard.events
