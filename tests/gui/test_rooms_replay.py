"""A room replayed from one of its lines on: by key, by menu, and what is said of what is no longer held."""

from __future__ import annotations

import os
from pathlib import Path

from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from gui.app import Console
from gui.rooms.replay import ReplaySheet, missing, place_of, sentence
from gui.widgets.sheet import Sheet
from server.views import ReplayedView, ReplayView
from tests.gui.conftest import Cluster, until
from tests.gui.legibility import faults
from tests.gui.looks import save
from tests.gui.test_nodes_losses import plain

LOOKS = os.environ.get("SWITCHBOARD_LOOKS")


def text(seq: int = 7, words: str = "hello") -> ReplayedView:
    return ReplayedView("a.1", seq, "fra-1", "message", 1_700_000_000_000, "s1", "ann", "Ann", words)


async def sheet(console: Console) -> ReplaySheet:
    def found() -> list[ReplaySheet]:
        return [each for each in console.window.findChildren(ReplaySheet) if each.isVisible()]

    await until(found, console.window.looked)
    (made,) = found()
    return made


async def talking(console: Console, cluster: Cluster, *words: str) -> None:
    """A room in whose chat Ann, at another node, and Bob, at this one, have said these words in turn."""
    bravo = await cluster.node("bravo")
    chat = console.rooms.pane.chat
    (bob,) = await cluster.members("lobby", "Bob")
    (ann,) = await cluster.members("lobby", "Ann", at=bravo)
    for number, each in enumerate(words):
        await (ann, bob)[number % 2].say("lobby", each)
    await until(lambda: _texts(console) == list(words), chat.model.rowsInserted)


def _texts(console: Console) -> list[str]:
    model = console.rooms.pane.chat.model
    return [model.at(place).text for place in range(model.rowCount()) if model.at(place).kind == "message"]


async def test_the_key_replays_the_room_from_the_line_that_has_the_keyboard(
    console: Console, cluster: Cluster, tmp_path: Path
) -> None:
    await talking(console, cluster, "one", "two", "three", "four")
    chat = console.rooms.pane.chat.list
    chat.setFocus()
    assert chat.currentIndex().row() == chat.model().rowCount() - 1
    QTest.keyClick(chat, Qt.Key.Key_Up)
    QTest.keyClick(chat, Qt.Key.Key_Up)
    QTest.keyClick(chat, Qt.Key.Key_P)
    made = await sheet(console)
    rows = [made.model.at(place) for place in range(made.model.rowCount())]
    assert [row.text for row in rows] == ["two", "three", "four"]
    assert [row.node for row in rows] == ["alpha", "bravo", "alpha"]
    assert plain(made.sentence.text()).startswith("3 texts, in the order in which alpha works them")
    assert made.missing.isHidden()
    await save(console, Path(LOOKS or tmp_path) / "seen-replay.png")
    assert faults(console.window) == []
    QTest.mouseClick(made.copy, Qt.MouseButton.LeftButton)
    assert QApplication.clipboard().text().splitlines()[0] == f"{rows[0].origin}:{rows[0].seq}\tBob\ttwo"
    QTest.keyClick(made, Qt.Key.Key_Escape)
    assert chat.hasFocus()


async def test_the_menu_of_a_line_replays_from_there_and_an_event_from_the_next_text(
    console: Console, cluster: Cluster
) -> None:
    await talking(console, cluster, "one", "two")
    chat = console.rooms.pane.chat.list
    menu = console.rooms.pane.replaying.menu(chat.visualRect(chat.model().index(0, 0)).center())
    assert menu is not None
    (action,) = menu.actions()
    assert action.text() == "Replay room from this line"
    action.trigger()
    made = await sheet(console)
    assert [made.model.at(place).text for place in range(made.model.rowCount())] == ["one", "two"]


async def test_a_chat_without_texts_has_nothing_to_replay(console: Console, cluster: Cluster) -> None:
    await cluster.members("lobby", "Bob")
    chat = console.rooms.pane.chat
    await until(lambda: chat.model.rowCount(), chat.model.rowsInserted)
    console.rooms.pane.replaying.action.trigger()
    assert [each for each in console.window.findChildren(Sheet) if each.isVisible()] == []
    assert console.rooms.pane.replaying.menu(QPoint(5, chat.list.height() - 5)) is None


def test_what_is_no_longer_held_is_said() -> None:
    whole = ReplayView("lobby", "fra-1", (text(),), False, True, ())
    assert missing(whole) == ""
    assert plain(missing(ReplayView("lobby", "fra-1", (text(),), False, True, (("ams-1", 1_204),)))) == (
        "Of what came before, some is no longer held: ams-1 up to 1,204."
    )
    gone = missing(ReplayView("lobby", "fra-1", (text(),), False, False, (("ams-1", 9),)))
    assert gone.startswith("The list begins at ")
    assert gone.endswith(": the line itself is no longer held.")
    assert missing(ReplayView("lobby", "fra-1", (), False, False, ())) == "The line itself is no longer held."


def test_a_long_replay_says_that_there_is_more() -> None:
    long = ReplayView("lobby", "fra-1", (text(), text(8)), True, True, ())
    assert plain(sentence(long, 0)).startswith("The first 2 texts, in the order in which fra-1 works them")
    assert place_of(text(1_764)) == "fra-1:1,764"
