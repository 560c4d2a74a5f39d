"""That what reads a window for us sees what is wrong with one: the check is checked with windows made badly."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QRect, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QApplication, QLabel, QLineEdit, QListWidget, QPushButton, QWidget

from tests.gui.legibility import contrast, faults, read


class Paper(QWidget):
    """White, with texts painted on it: rectangle, text, colour, opacity."""

    def __init__(self, *texts: tuple[QRect, str, str, float]) -> None:
        super().__init__()
        self._texts = texts
        self.resize(300, 200)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), QColor("white"))
        for box, text, colour, opacity in self._texts:
            painter.setOpacity(opacity)
            painter.setPen(QColor(colour))
            painter.drawText(box, Qt.AlignmentFlag.AlignVCenter, text)
        painter.end()


WIDE = QRect(10, 10, 280, 24)


@pytest.fixture(autouse=True)
def _application(qapp: QApplication) -> None:
    """Widgets need one."""


def paper(*texts: tuple[QRect, str, str, float]) -> Paper:
    made = Paper(*texts)
    made.show()
    return made


def test_text_that_is_whole_and_dark_has_no_fault() -> None:
    window = paper((WIDE, "whole", "black", 1.0))
    assert [writing.text for writing in read(window)] == ["whole"]
    assert faults(window) == []


def test_text_wider_than_its_place_is_cut_off() -> None:
    found = faults(paper((QRect(10, 10, 40, 24), "much wider than forty pixels", "black", 1.0)))
    assert len(found) == 1
    assert found[0].startswith("cut off: 'much wider")


def test_texts_in_one_place_are_on_each_other() -> None:
    found = faults(paper((WIDE, "one", "black", 1.0), (WIDE.translated(6, 3), "other", "black", 1.0)))
    assert len(found) == 1
    assert found[0].startswith("on each other: 'one'")


@pytest.mark.parametrize(("colour", "opacity"), [("#999999", 1.0), ("#000000", 0.4)])
def test_faint_text_is_found(colour: str, opacity: float) -> None:
    found = faults(paper((WIDE, "faint", colour, opacity)))
    assert len(found) == 1
    assert found[0].startswith("too faint: 'faint'")


def test_what_a_label_and_a_button_say_is_read_in_its_place() -> None:
    window = paper()
    label, button = QLabel("a label", window), QPushButton("push", window)
    label.move(20, 30)
    button.setGeometry(20, 100, 100, 30)
    label.show()
    button.show()
    assert {writing.text for writing in read(window)} == {"a label", "push"}
    assert next(w for w in read(window) if w.text == "a label").box.left() == pytest.approx(20, abs=1)


def test_a_label_that_its_parent_cuts_is_found() -> None:
    window = paper()
    label = QLabel("at the edge of the window", window)
    label.setStyleSheet("color: black")
    label.move(260, 30)
    label.show()
    assert [fault.partition(":")[0] for fault in faults(window)] == ["cut off"]


def test_a_row_half_scrolled_away_is_no_fault() -> None:
    window = paper()
    rows = QListWidget(window)
    rows.setStyleSheet("color: black; background: white")
    rows.addItems([f"row {number}" for number in range(30)])
    rows.setGeometry(10, 10, 200, 103)
    rows.show()
    assert faults(window) == []


def test_what_something_covers_is_not_read() -> None:
    window = paper((WIDE, "below", "#999999", 1.0))
    cover = Paper((WIDE, "above", "black", 1.0))
    cover.setParent(window)
    cover.show()
    assert [writing.text for writing in read(window)] == ["above"]
    assert faults(window) == []


def test_what_lies_over_a_part_of_a_text_is_not_on_it() -> None:
    window = paper((WIDE, "a long text below, of which the rest is seen", "black", 1.0))
    cover = Paper((QRect(4, 0, 60, 24), "above", "black", 1.0))
    cover.setParent(window)
    cover.setGeometry(20, 10, 80, 24)
    cover.show()
    assert {writing.text.partition(" ")[0] for writing in read(window)} == {"a", "above"}
    assert faults(window) == []


def test_contrast_is_that_of_wcag() -> None:
    assert contrast(QColor("black"), QColor("white")) == pytest.approx(21)
    assert contrast(QColor("#777777"), QColor("white")) == pytest.approx(4.48, abs=0.01)
    assert contrast(QColor("#767676"), QColor("white")) == pytest.approx(4.54, abs=0.01)


def test_selected_text_is_read_on_its_own_ground() -> None:
    window = paper()
    field = QLineEdit("chosen", window)
    field.setStyleSheet(
        "color: #999999; background: white; selection-color: black; selection-background-color: #99ff99"
    )
    field.setGeometry(20, 100, 200, 30)
    field.show()
    assert [fault.partition(":")[0] for fault in faults(window)] == ["too faint"]
    field.selectAll()
    assert faults(window) == []
