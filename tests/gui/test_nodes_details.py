"""The details of a node: how the copying of the logs to and from it goes; the lag in the table; alarms."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from gui.app import Console
from gui.nodes import copies
from gui.nodes.rows import NodeRow
from gui.tokens import Colour
from server.views import AlarmView, CopyView, LogView, WantView
from tests.gui.conftest import Cluster, Served
from tests.gui.legibility import faults
from tests.gui.looks import save
from tests.gui.test_nodes_losses import plain
from tests.gui.test_nodes_news import said, told
from tests.nodes import deaf

LOOKS = os.environ.get("SWITCHBOARD_LOOKS")
"""A folder in which pictures are left for who works on the look."""


def copy(**changes: Any) -> CopyView:
    values: dict[str, Any] = {
        "node": "b" * 16,
        "name": "fra-1",
        "state": "up",
        "round_trip": 3.4,
        "lag": 0,
        "logs": (),
        "open_for": 0.0,
        "behind": 0,
        "queue": 0,
        "oldest": 0.0,
        "repaired": 0,
        "repairs": None,
        "given": 0,
        "gifts": None,
        "refused": 0,
    }
    return CopyView(**(values | changes))


def alarm(**changes: Any) -> AlarmView:
    values: dict[str, Any] = {
        "kind": "gap",
        "node": "b" * 16,
        "name": "fra-1",
        "here": False,
        "origin": "c.1",
        "log": "sgp-1",
        "missing": 12,
        "since": 1_700_000_000_000,
        "holders": ("ams-1", "sgp-1"),
        "silent": (),
    }
    return AlarmView(**(values | changes))


def fact(console: Console, caption: str) -> str:
    return plain(next(each.value for each in console.nodes.details.facts.facts if each.caption == caption))


def row(console: Console, name: str) -> NodeRow:
    model = console.nodes.model
    return next(found for place in range(model.rowCount()) if (found := model.at(place)).name == name)


def press(console: Console, key: Qt.Key) -> None:
    QTest.keyClick(console.nodes.table, key)


async def opened(console: Console, cluster: Cluster, *names: str) -> list[Served]:
    made = [await cluster.node(name) for name in names]
    console.window.show_view(console.nodes)
    await told(console, lambda: sum(view.state == "up" for view in console.context.desk.nodes()) == 1 + len(names))
    return made


async def test_the_details_follow_the_selection_and_tell_what_the_node_says_itself(
    console: Console, cluster: Cluster
) -> None:
    bravo, _ = await opened(console, cluster, "bravo", "coda")
    await cluster.members("den", "Bob", at=bravo)
    console.nodes.table.setFocus()
    console.nodes.show_row(bravo.node.node_id)
    press(console, Qt.Key.Key_I)
    details = console.nodes.details
    assert details.isVisible()
    assert details.rooms.text() == "Not told."
    await told(console, lambda: [peer.name for peer in details.grid.peers] == ["alpha", "coda"])
    assert plain(details.rooms.text()) == "den"
    assert details.sections["wants"].note.text() == "1"
    await told(console, lambda: fact(console, "Lag") == "none" and fact(console, "Round trip") != "–")
    assert fact(console, "Packets refused") == "0"

    console.nodes.show_row(console.context.desk.node_id)
    assert details.name.text() == "alpha"
    assert [peer.name for peer in details.grid.peers] == ["bravo", "coda"]
    assert details.sections["facts"].isHidden()
    press(console, Qt.Key.Key_I)
    assert details.isHidden()


async def test_nodes_tell_their_part_only_while_the_details_can_be_seen(console: Console, cluster: Cluster) -> None:
    (bravo,) = await opened(console, cluster, "bravo")
    assert not bravo.node.bus.wanted("copying")
    press(console, Qt.Key.Key_I)
    assert bravo.node.bus.wanted("copying")
    console.window.show_view(console.rooms)
    assert not bravo.node.bus.wanted("copying")
    console.window.show_view(console.nodes)
    assert bravo.node.bus.wanted("copying")
    QTest.keyClick(console.window, Qt.Key.Key_Escape)
    assert not bravo.node.bus.wanted("copying")


async def test_a_gap_that_stays_is_a_lag_in_the_table_a_banner_and_a_word_below_until_it_closes(
    console: Console, cluster: Cluster, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    bravo, _ = await opened(console, cluster, "bravo", "coda")
    deaf(bravo.node, monkeypatch)
    (ann,) = await cluster.members("lobby", "Ann")
    await ann.say("lobby", "is anybody there?")
    await told(console, lambda: row(console, "bravo").lag > 2)
    missing = row(console, "bravo").lag
    await told(console, lambda: said(console)[0])
    title, detail = said(console)
    assert title.startswith(f"Node bravo lacks {missing} records since ")
    assert detail == (
        "They stand in the log of alpha. All who hold them answer and are asked again and again. "
        "If it stays so, restart bravo."
    )
    assert plain(console.window.status_bar.alarm.text()) == f"Node bravo lacks {missing} records"
    (act,) = console.context.banners.strip._buttons
    console.window.show_view(console.rooms)
    QTest.mouseClick(act, Qt.MouseButton.LeftButton)
    details = console.nodes.details
    assert console.window.view is console.nodes
    assert details.name.text() == "bravo"
    assert fact(console, "Lag").startswith(f"{missing} records")
    log = cluster.served[0].node.bus.origin
    held, high = bravo.node.bus.held(log), cluster.served[0].node.bus.held(log)
    assert fact(console, "Log of \u2068alpha\u2069") == f"{held} of {high}"
    assert "bravo lacks" in plain(details.alarm.text())
    await save(console, Path(LOOKS or tmp_path) / "seen-gap.png")
    assert faults(console.window) == []

    monkeypatch.undo()
    await told(console, lambda: not said(console)[0])
    await told(console, lambda: row(console, "bravo").lag == 0)
    assert console.window.status_bar.alarm.isHidden()
    await told(console, details.sections["alarm"].isHidden)
    await told(console, lambda: fact(console, "Lag") == "none")
    assert int(fact(console, "Given to it for repair").split(", ")[1].split(" ")[0]) >= missing
    await save(console, Path(LOOKS or tmp_path) / "seen-healed.png")


def test_what_is_not_known_is_a_dash() -> None:
    found = {each.caption: each.value for each in copies.facts(copy(round_trip=None))}
    assert found["Round trip"] == "–"
    assert found["Gaps repaired from it"] == "–, 0 in all"
    assert found["Lag"] == found["Queue, unacknowledged"] == found["Oldest of them"] == "none"
    assert {each.caption: each.value for each in copies.facts(copy(state="lost"))}["Round trip"] == "–"
    assert copies.wanted(None) == ("–", "Not told.")


def test_a_lag_is_told_with_its_logs_and_warns_when_it_lasts() -> None:
    logs = (LogView("a.1", "ams-1", 1_764, 1_752),)
    brief, lasting = copy(lag=12, logs=logs), copy(lag=12, logs=logs, open_for=6.2, queue=12, oldest=620.0)
    assert [each.tone for each in copies.facts(brief)][1] is Colour.TEXT
    told_ = {plain(each.caption): plain(each.value) for each in copies.facts(lasting)}
    assert told_["Lag"] == "12 records, 6 s"
    assert told_["Log of ams-1"] == "1,752 of 1,764"
    assert (told_["Queue, unacknowledged"], told_["Oldest of them"]) == ("12 records", "620 ms")
    assert [each.tone for each in copies.facts(lasting)][1] is Colour.WARN


def test_many_rooms_are_counted() -> None:
    rooms = tuple(f"room {number:02}" for number in range(20))
    count, names = copies.wanted(WantView(rooms, 30))
    assert count == "50"
    assert plain(names).endswith("room 11 and 38 more")
    assert copies.wanted(WantView((), 0)) == ("0", "Nobody listens there.")


def test_a_banner_tells_all_logs_of_a_node_and_who_does_not_answer() -> None:
    two = [alarm(), alarm(origin="d.1", log="iad-1", missing=3, silent=("sgp-1",))]
    assert plain(copies.headline(two)).startswith("Node fra-1 lacks 15 records since ")
    assert plain(copies.account(two)) == (
        "They stand in the logs of sgp-1, iad-1. sgp-1 does not answer; others who hold them are asked."
    )
    only = [alarm(holders=("sgp-1",), silent=("sgp-1",))]
    assert plain(copies.account(only)).endswith(
        "Only sgp-1 holds them and does not answer; they come when it is back."
    )
    assert (copies.tone(two), copies.tone(only)) == (Colour.DANGER, Colour.WARN)


def test_a_queue_and_this_console_have_words_of_their_own() -> None:
    queue = [alarm(kind="queue", missing=1_204)]
    assert plain(copies.headline(queue)).startswith("1,204 records wait for node fra-1, ever more since ")
    assert copies.tone(queue) is Colour.WARN
    here = [alarm(here=True)]
    assert copies.headline(here).startswith("This console lacks 12 records since ")
    assert plain(copies.brief([queue, here])) == "1,204 records wait for node fra-1, 1 more"
    assert copies.brief([]) == ""
    assert len(copies.grouped([*queue, *here])) == 2
