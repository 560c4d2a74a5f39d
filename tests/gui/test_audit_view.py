"""The Audit view on real nodes: what was done shows there, can be looked through, undone and written to a file."""

from __future__ import annotations

import asyncio
import csv
import json
import stat
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest

from gui.app import Console
from gui.audit.model import Column
from gui.audit.view import PAGE, AuditView
from gui.bans.sheet import BanSheet
from gui.widgets.file_sheet import FileSheet
from server.inspection import Format
from server.intent import Intent
from server.ledger import Wanted
from server.wire.moderation import Whom
from server.wire.native import Code, Refused
from tests.gui.conftest import Cluster, until
from tests.gui.test_rooms import select, until_members


def shown(view: AuditView) -> list[tuple[str, str]]:
    """Action and whom, from the newest on."""
    model = view.model
    return [
        (model.cell(model.at(row), Column.ACTION), model.cell(model.at(row), Column.ON))
        for row in range(model.rowCount())
    ]


def _has_more_than(view: AuditView, rows: int) -> bool:
    return view.model.rowCount() > rows


async def until_shown(view: AuditView, *acts: tuple[str, str]) -> None:
    await until(lambda: shown(view) == list(acts), view.read)


def open_audit(console: Console) -> AuditView:
    console.window.show_view(console.audit)
    return console.audit


async def until_bans(view: AuditView, *whom: str) -> None:
    model = view.bans.model
    await until(
        lambda: [model.at(row).user or model.at(row).ip for row in range(model.rowCount())] == list(whom),
        model.rowsInserted,
        model.rowsRemoved,
    )


async def test_it_is_empty_and_says_so(console: Console) -> None:
    view = open_audit(console)
    await until(lambda: view.empty.title.text() == "Nothing was done", view.read)
    assert view.bans.empty.sentence.text() == "No bans in force."
    assert console.window.top_bar.sentence.text() == "nothing was done today"


async def test_acts_of_any_node_show_the_newest_first_with_what_came_of_them(
    console: Console, cluster: Cluster
) -> None:
    other = await cluster.node("beta")
    (ann,) = await cluster.members("lobby", "Ann", at=other)
    await until_members(console, "Ann")
    desk, view = console.context.desk, open_audit(console)
    await desk.mute(desk.operator, Whom.of(session=ann.session), room="lobby", seconds=600, reason="noise")
    await desk.kick(desk.operator, Whom.of(session=ann.session), reason="enough")
    await until_shown(view, ("Kick", "Ann"), ("Mute 10\N{NO-BREAK SPACE}min", "Ann"))
    view.table.selectRow(0)
    await until(lambda: "beta: done" in view.card.results.text(), view.read)
    assert view.card.title.text() == "Kick Ann"
    assert "“enough”" in view.card.what.text()
    assert "All rooms" in view.card.what.text()


async def test_a_mute_is_undone_from_its_row_while_it_holds(console: Console, cluster: Cluster) -> None:
    (ann,) = await cluster.members("lobby", "Ann")
    await until_members(console, "Ann")
    desk, view = console.context.desk, open_audit(console)
    console.context.moderation.mute(desk.members("lobby"), "lobby", None)
    await until(lambda: view.model.undoable, view.read, view.model.dataChanged)
    await until(console.context.actions.undo.isEnabled, console.context.actions.undo.enabledChanged)
    box = view.table.visualRect(view.model.index(0, Column.UNDO))
    QTest.mouseClick(view.table.viewport(), Qt.MouseButton.LeftButton, pos=box.center())
    await until(lambda: not desk.members("lobby")[0].muted, view.read)
    await until(lambda: not view.model.undoable, view.read, view.model.dataChanged)
    assert shown(view)[0] == ("Unmute", "Ann")
    await asyncio.gather(*console.context.tasks._running)
    assert not console.context.actions.undo.isEnabled()  # it is undone already


async def test_a_ban_is_three_keys_away_and_is_lifted_with_one_click(console: Console, cluster: Cluster) -> None:
    (ann,) = await cluster.members("lobby", "Ann")
    await until_members(console, "Ann")
    select(console, ann)
    QTest.keyClick(console.rooms.pane.members.table, Qt.Key.Key_B)
    (sheet,) = console.window.findChildren(BanSheet)
    assert (sheet.title.text(), sheet.whom.text()) == ("Ban \u2068Ann\u2069", "ann")
    assert sheet.reason.hasFocus()
    QTest.keyClicks(sheet.reason, "spam")
    QTest.keyClick(sheet.reason, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    moderated = await ann.next("moderated")
    assert (moderated["action"], moderated["reason"], moderated["by"]) == ("ban", "spam", "Lena")
    await ann.rest()
    assert ann.socket.close_code == 4403
    view = open_audit(console)
    await until_bans(view, "ann")
    assert view.bans.header.count.text() == "1"
    line = view.bans.table.visualRect(view.bans.model.index(0, 0))
    QTest.mouseClick(
        view.bans.table.viewport(), Qt.MouseButton.LeftButton, pos=QPoint(line.right() - 24, line.top() + 38)
    )
    await until_bans(view)
    await (await cluster.client(cluster.served[0], "Ann")).join("lobby")


async def test_a_ban_without_an_end_is_said_once_more_before_it_is_given(console: Console) -> None:
    view = open_audit(console)
    view.add_ban.trigger()
    (sheet,) = console.window.findChildren(BanSheet)
    assert sheet.whom.hasFocus()
    sheet.accept()
    assert "Give a user" in sheet.whom_field.problem.text()
    QTest.keyClicks(sheet.whom, "192.0.2.0/24")
    sheet.span.show_choice("")
    sheet.accept()
    assert "until somebody lifts this" in sheet.warning.text()
    assert len(view.bans.model.identities()) == 0
    sheet.accept()
    await until_bans(view, "192.0.2.0/24")
    assert console.context.desk.bans()[0].until is None


async def test_words_an_action_and_a_moderator_narrow_the_list(console: Console, cluster: Cluster) -> None:
    ann, bob = await cluster.members("lobby", "Ann", "Bob")
    await until_members(console, "Ann", "Bob")
    desk, view = console.context.desk, open_audit(console)
    await desk.mute(desk.operator, Whom.of(session=ann.session), reason="whistling")
    await desk.kick(desk.operator, Whom.of(session=bob.session), reason="shouting")
    await until_shown(view, ("Kick", "Bob"), ("Mute", "Ann"))
    view.bar.text.setText("whist")
    await until_shown(view, ("Mute", "Ann"))
    view.step_back()
    await until_shown(view, ("Kick", "Bob"), ("Mute", "Ann"))
    view.bar.action.choose("kick")
    await until_shown(view, ("Kick", "Bob"))
    view.bar.text.setText("nothing has this")
    await until(lambda: view.empty.title.text() == "No acts match", view.read)


async def test_more_is_read_as_somebody_scrolls_down(console: Console) -> None:
    audit = console.context.desk._node.audit
    for number in range(3 * PAGE):
        audit.happened(Intent("node_lost", target=f"n-{number}"))
    view = open_audit(console)
    await until(lambda: view.model.rowCount() > 0, view.read)
    assert view.model.rowCount() <= PAGE
    while (rows := view.model.rowCount()) < 3 * PAGE:
        view.table.scrollToBottom()
        await until(partial(_has_more_than, view, rows), view.read)
    assert shown(view)[-1] == ("Node lost", "n-0")
    assert not view.model.more


async def test_it_is_written_as_csv_or_json_for_its_owner_alone(console: Console, tmp_path: Path) -> None:
    console.context.desk._node.audit.happened(Intent("node_lost", target="=1+1"))
    view = open_audit(console)
    await until_shown(view, ("Node lost", "=1+1"))
    for ending in ("csv", "json"):
        path = tmp_path / f"audit.{ending}"
        view.export.trigger()
        sheet = console.window.findChildren(FileSheet)[-1]
        sheet.path.setText(str(path))
        sheet.accept()
        await until(path.exists, console.context.toasts.shown)
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    lines = list(csv.reader((tmp_path / "audit.csv").read_text().splitlines()))
    assert lines[1][lines[0].index("target")] == "'=1+1"
    assert json.loads((tmp_path / "audit.json").read_text())[0]["target"] == "=1+1"


async def test_why_it_cannot_be_written_stands_in_the_sheet_and_without_it_below(
    console: Console, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refused(wanted: Wanted, format: Format) -> AsyncIterator[str]:
        yield "seq"
        raise Refused(Code.UNAVAILABLE, "The store fails")

    console.context.desk._node.audit.happened(Intent("node_lost", target="n-1"))
    view = open_audit(console)
    await until_shown(view, ("Node lost", "n-1"))
    monkeypatch.setattr(console.context.desk, "audit_text", refused)
    for closed in (False, True):
        view.export.trigger()
        sheet = console.window.findChildren(FileSheet)[-1]
        sheet.path.setText(str(tmp_path / "audit.csv"))
        sheet.accept()
        assert not sheet.confirm.isEnabled()
        if closed:
            sheet.reject()
        await asyncio.gather(*console.context.tasks._running)
        assert ("The store fails" in console.context.toasts.text) is closed
        if not closed:
            assert (sheet.field.problem.text(), sheet.confirm.isEnabled()) == ("The store fails", True)
            sheet.reject()
    assert list(tmp_path.glob("audit*")) == []


async def test_nothing_is_read_while_it_is_hidden(console: Console) -> None:
    view = open_audit(console)
    console.window.show_view(console.rooms)
    await until(lambda: view._fetching is None, view.read)
    console.context.desk._node.audit.happened(Intent("node_lost", target="n-1"))
    console.context.bridge.tick()
    assert view._fetching is None
    assert shown(view) == []
