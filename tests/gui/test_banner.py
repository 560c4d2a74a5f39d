"""The strip under the top bar: the worst notice first, closed ones stay closed, buttons are actions."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QAction
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget

from gui import theme
from gui.frame.banner import Banners
from gui.tokens import Colour
from gui.widgets.buttons import Button


@pytest.fixture
def banners(qapp: QApplication) -> Iterator[Banners]:
    theme.apply(qapp)
    theme.dress(qapp)
    host = QWidget()
    host.resize(900, 60)
    made = Banners(host)
    made.strip.setParent(host)
    made.strip.resize(900, 48)
    host.show()
    yield made
    host.close()
    host.deleteLater()


def test_nothing_to_say_takes_no_room(banners: Banners) -> None:
    assert banners.strip.isHidden()
    banners.drop("never shown")
    assert banners.strip.isHidden()


def test_the_worst_comes_first_and_the_others_are_counted(banners: Banners) -> None:
    banners.show("a", "A is late", tone=Colour.WARN)
    banners.show("b", "B is lost")
    banners.show("c", "C is back", tone=Colour.LIVE)
    assert banners.keys == ("b", "a", "c")
    assert banners.strip.title.text() == "B is lost"
    assert banners.strip.more.text() == "+2 more"
    QTest.mouseClick(banners.strip.more, Qt.MouseButton.LeftButton)
    assert banners.strip.title.text() == "A is late"
    banners.show("d", "D is lost")
    assert banners.strip.title.text() == "D is lost"


def test_a_closed_notice_stays_closed_while_it_changes_and_comes_again_as_a_new_one(banners: Banners) -> None:
    told: list[str] = []
    banners.closed.connect(told.append)
    banners.show("a", "A is lost", "3 sessions lost their connection")
    QTest.mouseClick(banners.strip.cross, Qt.MouseButton.LeftButton)
    assert told == ["a"]
    assert banners.strip.isHidden()
    banners.show("a", "A is lost", "3 sessions lost their connection, 2 are back")
    assert banners.strip.isHidden()
    banners.drop("a")
    banners.show("a", "A is lost")
    assert not banners.strip.isHidden()


def test_buttons_trigger_the_actions_of_the_notice_on_the_screen(banners: Banners) -> None:
    acts = [QAction("Restart a"), QAction("Show log")]
    used: list[str] = []
    for act in acts:
        act.triggered.connect(lambda _=False, act=act: used.append(act.text()))
    banners.show("a", "A is lost", acts=acts)
    shown = [button for button in banners.strip.findChildren(Button) if button.text() in ("Restart a", "Show log")]
    assert [button.text() for button in shown] == ["Restart a", "Show log"]
    for button in shown:
        QTest.mouseClick(button, Qt.MouseButton.LeftButton)
    assert used == ["Restart a", "Show log"]
    banners.show("b", "B is lost")
    assert all(button.isHidden() for button in shown)


def test_markup_in_a_notice_is_shown_as_it_is(banners: Banners) -> None:
    banners.show("a", "<b>n</b> is lost", "<img src=x>")
    assert banners.strip.title.text() == "<b>n</b> is lost"
    assert banners.strip.title.textFormat() is Qt.TextFormat.PlainText
