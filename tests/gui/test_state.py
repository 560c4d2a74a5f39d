"""What the window remembers: read back, safe when the file is not, and for nobody else's eyes."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication, QMainWindow, QSplitter, QWidget

from gui.state import FILE, State


@pytest.fixture(autouse=True)
def _application(qapp: QApplication) -> None:
    """Layouts need one."""


def test_values_come_back_with_their_type(tmp_path: Path) -> None:
    state = State(tmp_path)
    state.put("look", "light")
    state.put("rate", 7)
    state.put("filters", ["kind:chat", 'room:Düne, "x"'])
    state.put("wide", True)
    state.save()
    again = State(tmp_path)
    assert again.value("look", "system") == "light"
    assert again.value("rate", 4) == 7
    assert again.value("filters", ["none"]) == ["kind:chat", 'room:Düne, "x"']
    assert again.value("wide", False) is True


def test_what_has_another_type_or_is_not_there_is_the_default(tmp_path: Path) -> None:
    state = State(tmp_path)
    state.put("rate", "fast")
    assert state.value("rate", 4) == 4
    assert state.value("nothing", 4) == 4
    assert state.value("rate", ["a"]) == ["a"]


@pytest.mark.parametrize(
    "text", ["\x00\x01 no settings [[[", "[layout]\nsplit=%%%\n[General]\nrate=@Variant(\\0\\0)"]
)
def test_a_broken_file_costs_what_it_held_and_nothing_else(tmp_path: Path, text: str) -> None:
    (tmp_path / FILE).write_text(text)
    state = State(tmp_path)
    splitter = _splitter()
    assert not state.keep("split", splitter)
    assert state.value("rate", 4) == 4
    state.put("rate", 2)
    state.save()
    assert State(tmp_path).value("rate", 4) == 2


def test_only_its_owner_can_read_the_file(tmp_path: Path) -> None:
    state = State(tmp_path)
    state.put("rate", 2)
    state.save()
    assert stat.S_IMODE((tmp_path / FILE).stat().st_mode) == 0o600


def test_a_layout_comes_back_and_can_be_reset(tmp_path: Path) -> None:
    state, splitter = State(tmp_path), _splitter()
    first = splitter.sizes()
    assert not state.keep("split", splitter)
    splitter.setSizes([50, 350])
    moved = splitter.sizes()
    state.save()
    again, other = State(tmp_path), _splitter()
    assert again.keep("split", other)
    assert other.sizes() == moved
    again.reset_layout()
    assert other.sizes() == first


def test_the_window_comes_back_where_it_was(tmp_path: Path) -> None:
    state, window = State(tmp_path), QMainWindow()
    state.keep("window", window)
    window.setGeometry(30, 40, 500, 400)
    state.save()
    other = QMainWindow()
    assert State(tmp_path).keep("window", other)
    assert other.size() == window.size()


def test_what_is_not_worth_it_is_not_remembered(tmp_path: Path) -> None:
    state = State(tmp_path)
    state.keep("split", _splitter(), worth=lambda: False)
    state.remember("order", lambda: "by name")
    state.save()
    again = State(tmp_path)
    assert not again.keep("split", _splitter())
    assert again.value("order", "") == "by name"


def test_a_folder_that_cannot_be_written_is_no_obstacle(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    state = State(tmp_path / "file" / "below")
    state.put("rate", 3)
    assert state.value("rate", 4) == 3
    state.save()


def _splitter() -> QSplitter:
    splitter = QSplitter()
    splitter.resize(400, 100)
    for _ in range(2):
        splitter.addWidget(QWidget())
    splitter.setSizes([200, 200])
    splitter.grab()
    return splitter
