"""The inbox of reports on real nodes: one comes, is taken, acted upon, closed; two do not work on one unknowingly."""

from __future__ import annotations

import asyncio

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from gui.app import Console
from gui.bans.sheet import BanSheet
from gui.reports import words
from gui.reports.view import ReportsView
from gui.widgets.sheet import Sheet
from server.inbox import Party, ReportView
from server.session import Role
from tests.gui.conftest import Client, Cluster, until
from tests.gui.test_rooms import until_members

ANN, BOB = Party("s_ann", "ann", "Ann"), Party("s_bob", "bob", "Bob")


async def until_states(view: ReportsView, *states: str) -> None:
    model = view.model
    await until(
        lambda: [model.at(row).state for row in range(model.rowCount())] == list(states),
        model.rowsInserted,
        model.rowsRemoved,
        model.dataChanged,
        model.layoutChanged,
    )


async def report(client: Client, target: Client, text: str) -> None:
    await client.ask("report", "ok", session=target.session, room="lobby", text=text)


async def test_the_inbox_is_empty_and_says_what_comes_there(console: Console) -> None:
    console.window.show_view(console.reports)
    assert console.window.top_bar.sentence.text() == "nothing was reported"
    assert console.reports.empty.title.text() == "No reports"
    assert not console.reports.take.isEnabled()


async def test_a_report_is_counted_on_the_rail_and_brings_the_last_minute_along(
    console: Console, cluster: Cluster
) -> None:
    other = await cluster.node("beta")
    ann, bob = await cluster.members("lobby", "Ann", "Bob", at=other)
    await until_members(console, "Ann", "Bob")
    await bob.say("lobby", "you are all <b>fools</b>")
    await report(ann, bob, "he insults everybody")
    await until(lambda: "was reported" in console.context.toasts.text, console.context.toasts.shown)
    assert console.window.button(console.reports).accessibleDescription() == "1 report waiting"
    console.window.show_view(console.reports)
    view = console.reports
    assert view.details.text.text() == "he insults everybody"
    assert "you are all <b>fools</b>" in view.details.talk.text()
    assert "beta" in view.details.facts.text()
    assert view.details.field.isHidden()
    assert console.window.top_bar.sentence.text() == "1 waiting"


async def test_it_is_taken_with_a_key_acted_upon_and_closed_with_a_note(console: Console, cluster: Cluster) -> None:
    ann, bob = await cluster.members("lobby", "Ann", "Bob")
    await until_members(console, "Ann", "Bob")
    await report(ann, bob, "spam")
    console.window.show_view(console.reports)
    view = console.reports
    await until_states(view, "open")
    QTest.keyClick(view.table, Qt.Key.Key_T)
    await until_states(view, "taken")
    assert not view.details.field.isHidden()
    QTest.keyClick(view.table, Qt.Key.Key_M)
    muted = await bob.next("moderated")
    assert (muted["action"], muted["room"]) == ("mute", "lobby")
    QTest.keyClick(view.table, Qt.Key.Key_B)
    (sheet,) = console.window.findChildren(BanSheet)
    assert sheet.whom.text() == "bob"
    sheet.reject()
    view.details.note.setText("warned, and muted for a while")
    view.details.close_it.click()
    await until_states(view, "closed")
    assert "warned, and muted for a while" in view.details.outcome.text()
    assert console.window.button(console.reports).accessibleDescription() == ""
    view.details.reopen.click()
    await until_states(view, "open")


async def test_who_takes_what_another_works_on_is_told_and_asked(console: Console, cluster: Cluster) -> None:
    ann, bob = await cluster.members("lobby", "Ann", "Bob")
    mod = await cluster.client(cluster.served[0], "Mod", role=Role.MODERATOR)
    await until_members(console, "Ann", "Bob")
    await report(ann, bob, "spam")
    told = await mod.next("reported")
    await mod.ask("report_take", "done", report=told["report"])
    console.window.show_view(console.reports)
    view = console.reports
    await until_states(view, "taken")
    assert words.standing(view.model.at(0))[0] == "taken by Mod"
    assert view.details.take.text() == "Take over"
    view.details.take.click()
    await asyncio.gather(*console.context.tasks._running)
    (sheet,) = [each for each in console.window.findChildren(Sheet) if each.isVisible()]
    assert "Mod" in sheet.sentence.text()
    sheet.accept()
    await until(lambda: not view.details.field.isHidden(), view.model.dataChanged)


@pytest.mark.parametrize(
    ("states", "said"),
    [((), "nothing was reported"), (("open", "open", "closed"), "2 waiting, 1 closed"), (("taken",), "1 in work")],
)
def test_the_top_bar_says_how_it_stands(states: tuple[str, ...], said: str) -> None:
    assert words.sentence([made(number, state) for number, state in enumerate(states)]) == said


def test_those_that_wait_come_first_the_oldest_on_top() -> None:
    reports = [made(1, "closed"), made(2, "open"), made(3, "taken"), made(4, "open"), made(5, "closed")]
    assert [each.at for each in words.sorted_for_work(reports)] == [2, 4, 3, 5, 1]


def made(at: int, state: str) -> ReportView:
    return ReportView(
        report=f"r{at}",
        at=at,
        reporter=ANN,
        target=BOB,
        room="lobby",
        text="",
        message=None,
        state=state,  # type: ignore[arg-type]
        worker=ANN if state != "open" else None,
        worked=at if state != "open" else None,
        note="",
    )
