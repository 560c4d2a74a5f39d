"""The Flow view on real nodes: what clients send shows, stands still while it is read, and is found by filters."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QGuiApplication, QTextCursor
from PySide6.QtTest import QTest

from gui.flow.capture import Hold
from gui.flow.rows import Column
from gui.flow.series import Rates, Track
from gui.flow.sheets import ExportSheet, ReasonSheet
from gui.flow.view import FlowView
from gui.widgets.query_field import PASTED
from server.flow import FlowRow
from tests.gui.conftest import until

if TYPE_CHECKING:
    from gui.app import Console
    from tests.gui.conftest import Cluster


@pytest.fixture
def view(console: Console) -> FlowView:
    console.window.show_view(console.flow)
    return console.flow


def messages(view: FlowView, kind: str = "") -> list[FlowRow]:
    """The rows of the table, newest first."""
    found = [view.model.at(row) for row in range(view.model.rowCount())]
    return [row for row in found if not kind or row.kind == kind]


async def until_text(view: FlowView, *texts: str) -> None:
    """Wait until these texts, and no others, are in the table, newest first."""
    await until(
        lambda: [row.text for row in messages(view) if row.text] == list(texts),
        view.model.rowsInserted,
        view.model.rowsRemoved,
        view.model.modelReset,
    )


async def until_shown(view: FlowView, kind: str, count: int = 1) -> FlowRow:
    """Wait until so many messages of a kind are in the table; gives the newest."""
    await until(lambda: len(messages(view, kind)) >= count, view.model.rowsInserted, view.model.modelReset)
    return messages(view, kind)[0]


def select(view: FlowView, kind: str, column: int = Column.FROM) -> FlowRow:
    """Select the newest message of a kind as a click does."""
    row = next(row for row in range(view.model.rowCount()) if view.model.at(row).kind == kind)
    view.table.scrollTo(view.model.index(row, column))
    place = view.table.visualRect(view.model.index(row, column)).center()
    QTest.mouseClick(view.table.viewport(), Qt.MouseButton.LeftButton, pos=place)
    return view.model.at(row)


def write(view: FlowView, text: str) -> None:
    """Type a filter."""
    view.focus_filter()
    QTest.keyClicks(view.bar.filter.line, text)


def frame(ssrc: int, seq: int) -> bytes:
    return (
        struct.pack("!BBBBIHHI", 0x51, 1 if seq == 0 else 0, 0x80 | 20, 2, ssrc, seq, 0, seq * 960) + b"opus packet"
    )


async def test_an_open_view_shows_what_passes_at_every_node_and_a_hidden_one_costs_nothing(
    console: Console, cluster: Cluster
) -> None:
    beta = await cluster.node("beta")
    alpha = cluster.served[0]
    assert alpha.node.tap is None
    console.window.show_view(console.flow)
    ann = await cluster.client(cluster.served[0], "Ann")
    bob = await cluster.client(beta, "Bob")
    await ann.join("lobby")
    await bob.join("lobby")
    await bob.say("lobby", "hello from beta")
    row = await until_shown(console.flow, "chat")
    assert (row.node, row.sender, row.room, row.text) == ("beta", "Bob", "lobby", "hello from beta")
    assert alpha.node.tap is not None
    assert beta.node.tap is not None
    console.window.show_view(console.nodes)
    assert not console.flow.capture.open
    assert alpha.node.tap is None
    await ann.say("lobby", "unseen")
    assert [row.text for row in messages(console.flow, "chat")] == ["hello from beta"]


async def test_nothing_yet_says_so_and_a_filter_that_finds_nothing_can_be_cleared(
    view: FlowView, cluster: Cluster
) -> None:
    assert view.empty.isVisible()
    assert view.empty.title.text() == "Nothing has passed yet"
    assert not view.clear_filter.isVisible()
    (ann,) = await cluster.members("lobby", "Ann")
    await ann.say("lobby", "one")
    await until_text(view, "one")
    assert view.table.isVisible()
    view.bar.filter.put("room:attic")
    assert view.empty.isVisible()
    assert view.empty.title.text() == "No messages match"
    view.clear_filter.click()
    await until_text(view, "one")
    assert view.table.isVisible()


async def test_what_is_kept_is_found_by_a_new_filter_and_counted(view: FlowView, cluster: Cluster) -> None:
    ann, bob = await cluster.members("lobby", "Ann", "Bob")
    await ann.say("lobby", "from ann")
    await bob.say("lobby", "from bob")
    await until_text(view, "from bob", "from ann")
    before = view.capture.seen
    write(view, "kind:chat from:ann")
    QTest.keyClick(view.bar.filter.line, Qt.Key.Key_Return)
    await until_text(view, "from ann")
    assert view.table.hasFocus()
    assert view.bar.count.text() == f"1 of {before}"
    await ann.say("lobby", "again")
    await bob.say("lobby", "not this")
    await until_text(view, "again", "from ann")
    await until(lambda: view.capture.matched == 2 and view.capture.seen >= before + 2, view.capture.told)


async def test_a_filter_that_is_not_finished_says_why_and_the_last_one_stays(
    view: FlowView, cluster: Cluster
) -> None:
    ann, bob = await cluster.members("lobby", "Ann", "Bob")
    await ann.say("lobby", "from ann")
    await until_text(view, "from ann")
    view.bar.filter.put("kind:chat")
    await until_text(view, "from ann")
    write(view, "latency>20xy")
    assert view.bar.problem.isVisible()
    assert "xy is no unit of latency" in view.bar.problem.text()
    assert view.bar.filter.valid_text == "kind:chat"
    assert "unit" in view.bar.filter.line.accessibleDescription()
    await bob.say("lobby", "from bob")
    await until_text(view, "from bob", "from ann")
    for _ in "xy":
        QTest.keyClick(view.bar.filter.line, Qt.Key.Key_Backspace)
    assert not view.bar.problem.isVisible()


async def test_each_key_offers_fields_and_values_that_were_seen(view: FlowView, cluster: Cluster) -> None:
    await cluster.members("night shift", "Kestrel")
    await until_shown(view, "join")
    field = view.bar.filter
    write(view, "ro")
    assert field.offers[0].label == "room"
    QTest.keyClick(field.line, Qt.Key.Key_Tab)
    assert field.text == "room:"
    assert "night shift" in [one.label for one in field.offers]
    QTest.keyClick(field.line, Qt.Key.Key_Tab)
    assert field.text == 'room:"night shift"'
    QTest.keyClicks(field.line, " from:kes")
    QTest.keyClick(field.line, Qt.Key.Key_Escape)
    assert field.offers == []
    assert field.text == 'room:"night shift" from:kes'
    QTest.keyClick(field.line, Qt.Key.Key_Down)
    assert [one.label for one in field.offers] == ["Kestrel"]
    QTest.keyClick(field.line, Qt.Key.Key_Return)
    assert field.text == 'room:"night shift" from:kes'
    assert field.offers == []


async def test_a_cell_is_filtered_for_and_out_by_keys(view: FlowView, cluster: Cluster) -> None:
    ann, bob = await cluster.members("lobby", "Ann", "Bob")
    await ann.say("lobby", "from ann")
    await bob.say("lobby", "from bob")
    await until_text(view, "from bob", "from ann")
    select(view, "chat")
    QTest.keyClick(view.table, Qt.Key.Key_F)
    assert view.bar.filter.text == "from:Bob"
    assert {row.sender for row in messages(view)} == {"Bob"}
    # The message that was looked at is still the selected one.
    cell = view.table.cell
    assert cell is not None
    assert (cell[0].text, cell[1]) == ("from bob", Column.FROM)
    QTest.keyClick(view.table, Qt.Key.Key_Right)
    QTest.keyClick(view.table, Qt.Key.Key_Right)
    QTest.keyClick(view.table, Qt.Key.Key_F, Qt.KeyboardModifier.ShiftModifier)
    assert view.bar.filter.text == "from:Bob not kind:chat"
    assert "chat" not in {row.kind for row in messages(view)}


async def test_a_selected_message_stays_in_its_place_and_newer_ones_are_counted(
    view: FlowView, cluster: Cluster
) -> None:
    (ann,) = await cluster.members("lobby", "Ann")
    await ann.say("lobby", "one")
    await until_text(view, "one")
    select(view, "chat")
    place = view.table.visualRect(view.table.chosen)
    await ann.say("lobby", "two")
    await until(lambda: view.capture.newer, view.capture.told)
    assert view.table.visualRect(view.table.chosen) == place
    assert view.table.pill.isVisible()
    assert view.table.pill.text() == "1 newer"
    QTest.keyClick(view.table, Qt.Key.Key_Home)
    await until_text(view, "two", "one")
    assert not view.table.pill.isVisible()
    assert view.table.at_newest


async def test_a_pause_freezes_list_and_chart_and_leaving_it_jumps_to_now(view: FlowView, cluster: Cluster) -> None:
    (ann,) = await cluster.members("lobby", "Ann")
    await ann.say("lobby", "one")
    await until_text(view, "one")
    view.table.setFocus()
    QTest.keyClick(view.table, Qt.Key.Key_Space)
    assert view.capture.hold & Hold.PAUSED
    assert view.bar.pause.text() == "Resume"
    assert view.chart.held.isVisible()
    assert view.sentence().startswith("paused at ")
    await ann.say("lobby", "two")
    await until(lambda: view.capture.newer, view.capture.told)
    assert [row.text for row in messages(view, "chat")] == ["one"]
    view.table.pill.click()
    await until_text(view, "two", "one")
    assert view.sentence() == "live, all nodes"
    assert not view.chart.held.isVisible()


async def test_a_space_in_the_filter_is_a_space(view: FlowView) -> None:
    write(view, "from:ann kind:chat")
    assert view.bar.filter.text == "from:ann kind:chat"
    assert not view.capture.hold


async def test_a_message_is_shown_in_full_and_its_parts_light_each_other(view: FlowView, cluster: Cluster) -> None:
    ann, _ = await cluster.members("lobby", "Ann", "Bob")
    await ann.say("lobby", "just talk")
    await until_text(view, "just talk")
    row = select(view, "chat")
    details = view.details
    assert details.isVisible()
    assert details.title.text() == "chat"
    assert details.hex.data == row.data
    assert json.loads(details.json.text()) == json.loads(row.data)
    part = next(part for part in details.header.parts if part.name == "room")
    at = details.header.parts.index(part)
    QTest.mouseClick(details.header, Qt.MouseButton.LeftButton, pos=details.header._box(at).center())
    assert row.data[details.hex.lit.start : details.hex.lit.end] == b'"room":"lobby"'
    assert details.json.lit == details.hex.lit
    # The other way round: the first byte of the value lights the value, which is shorter than its member.
    value = row.data.index(b'"lobby"')
    line, column = divmod(value, details.hex._width)
    spot = QPoint(round(4 + details.hex._step * (6 + 3 * column)) + 2, 2 + 18 * line + 8)
    QTest.mouseClick(details.hex, Qt.MouseButton.LeftButton, pos=spot)
    assert row.data[details.json.lit.start : details.json.lit.end] == b'"lobby"'
    assert "lobby" in details.header.accessibleDescription()
    await until(lambda: any(hop.took_ms is not None for hop in details.path.hops), view.capture.told)
    assert [details.path.hops[0].place, details.path.hops[-1].place] == ["Ann", "room"]
    QTest.keyClick(view.table, Qt.Key.Key_Escape)
    assert not details.isVisible()
    assert not view.table.chosen.isValid()


async def test_a_voice_frame_shows_its_header(view: FlowView, cluster: Cluster) -> None:
    ann = await cluster.client(cluster.served[0], "Ann")
    bob = await cluster.client(cluster.served[0], "Bob")
    ssrc = (await ann.join("lobby"))["ssrc"]
    await bob.join("lobby")
    await ann.socket.send(frame(ssrc, 0))
    await until_shown(view, "voice")
    row = select(view, "voice")
    parts = {part.name: part.value for part in view.details.header.parts}
    assert parts["ssrc"] == f"{ssrc:#010x}"
    assert parts["flags"] == "0x01 first"
    assert row.data == frame(ssrc, 0)
    assert not view.details.json.isVisible()


async def test_a_whisper_shows_its_text_only_to_who_says_why(
    view: FlowView, cluster: Cluster, console: Console
) -> None:
    ann, bob = await cluster.members("lobby", "Ann", "Bob")
    await ann.ask("whisper", "sent", to={"session": bob.session}, text="psst")
    await until_shown(view, "whisper")
    row = select(view, "whisper")
    assert (row.sender, row.to, row.data) == ("Ann", "Bob", b"")
    assert not view.details.text.isVisible()
    view.details.read.click()
    (sheet,) = console.window.findChildren(ReasonSheet)
    sheet.confirm.click()
    assert sheet.field.problem.isVisible()
    QTest.keyClicks(sheet.reason, "report 7")
    sheet.confirm.click()
    await until(view.details.text.isVisible, view.capture.told)
    assert view.details.text.text() == "psst"
    assert "report 7" in view.details.secret.text()
    view.commands.newest.trigger()
    told = await until_shown(view, "reveal")
    assert told.sender == console.context.desk.operator.name


async def test_highlighted_messages_are_told_apart_and_all_stay(view: FlowView, cluster: Cluster) -> None:
    (ann,) = await cluster.members("lobby", "Ann")
    await ann.say("lobby", "one")
    await until_text(view, "one")
    count = view.model.rowCount()
    view.table.setFocus()
    QTest.keyClick(view.table, Qt.Key.Key_F, Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier)
    assert view.bar.highlight.line.hasFocus()
    view.bar.highlight.put("kind:chat")
    assert view.table.lit is not None
    assert [view.table.lit(row) for row in messages(view)].count(True) == 1
    assert view.model.rowCount() == count
    view.step_back()
    assert view.table.lit is None
    assert not view.bar.highlight.isVisible()


async def test_a_filter_is_saved_used_and_forgotten(view: FlowView, console: Console) -> None:
    view.bar.filter.put("kind:chat")
    view.commands.save_filter.trigger()
    view.bar.filter.put("")
    (chip,) = view.bar.saved.chips
    assert chip.isVisible()
    assert console.context.state.value("flow/filters", [""]) == ["kind:chat"]
    chip.click()
    assert view.bar.filter.text == "kind:chat"
    assert chip.isChecked()
    QTest.keyClick(chip, Qt.Key.Key_Delete)
    assert view.bar.saved.chips == []
    assert console.context.state.value("flow/filters", [""]) == []


async def test_cells_and_messages_are_copied(view: FlowView, cluster: Cluster) -> None:
    (ann,) = await cluster.members("lobby", "Ann")
    await ann.say("lobby", "one")
    await until_text(view, "one")
    select(view, "chat", Column.ROOM)
    QTest.keyClick(view.table, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert QGuiApplication.clipboard().text() == "lobby"
    view.commands.copy_json.trigger()
    assert json.loads(QGuiApplication.clipboard().text())["data"]["text"] == "one"


async def test_actions_of_the_view_rest_while_it_is_hidden(console: Console) -> None:
    flow = console.flow
    assert not flow.commands.export.isEnabled()
    console.window.show_view(flow)
    assert flow.commands.export.isEnabled()
    assert not flow.commands.filter_for.isEnabled()
    console.window.show_view(console.rooms)
    assert not flow.commands.export.isEnabled()


async def test_sampled_voice_is_said_with_its_ratio_and_every_frame_can_be_had(view: FlowView) -> None:
    assert not view.notice.isVisible()
    view.notice.say(sampling=8, every=False, lost=0, silent=())
    assert view.notice.isVisible()
    assert "1 frame in 8" in view.notice.sentence.text()
    view.notice.act.click()
    assert view.capture.every_voice
    view.notice.say(sampling=1, every=True, lost=0, silent=())
    assert view.notice.act.text() == "Sample voice"
    view.notice.act.click()
    assert not view.capture.every_voice
    view.notice.say(sampling=1, every=False, lost=0, silent=("beta",))
    assert not view.notice.isVisible()
    view.notice.say(sampling=1, every=False, lost=0, silent=("beta",))
    assert "beta" in view.notice.sentence.text()


async def test_what_is_shown_is_exported_for_its_owner_alone(
    view: FlowView, cluster: Cluster, console: Console, tmp_path: Path
) -> None:
    (ann,) = await cluster.members("lobby", "Ann")
    await ann.say("lobby", "one")
    await until_text(view, "one")
    view.bar.filter.put("kind:chat")
    view.commands.export.trigger()
    (sheet,) = console.window.findChildren(ExportSheet)
    path = tmp_path / "flow.jsonl"
    sheet.path.setText(str(path))
    QTest.keyClick(sheet.path, Qt.Key.Key_Return)
    await until(path.exists, console.context.toasts.shown)
    assert [json.loads(line)["data"]["text"] for line in path.read_text().splitlines()] == ["one"]
    assert path.stat().st_mode & 0o777 == 0o600
    assert console.context.toasts.text.startswith("1 message exported")


async def test_a_file_is_replaced_only_by_who_says_so_twice(view: FlowView, console: Console, tmp_path: Path) -> None:
    path = tmp_path / "flow.jsonl"
    path.write_text("before")
    view.commands.export.trigger()
    (sheet,) = console.window.findChildren(ExportSheet)
    sheet.path.setText(str(path))
    sheet.confirm.click()
    assert "There is a file" in sheet.field.problem.text()
    assert path.read_text() == "before"
    sheet.confirm.click()
    await until(lambda: path.read_text() == "", console.context.toasts.shown)


async def test_a_folder_that_is_missing_is_named_in_the_sheet(
    view: FlowView, console: Console, tmp_path: Path
) -> None:
    view.commands.export.trigger()
    (sheet,) = console.window.findChildren(ExportSheet)
    sheet.path.setText(str(tmp_path / "missing" / "flow.jsonl"))
    sheet.confirm.click()
    await until(lambda: sheet.field.problem.text(), view.capture.told)
    assert "There is no folder" in sheet.field.problem.text()
    assert sheet.confirm.isEnabled()


async def test_nobody_looks_at_a_window_put_away(view: FlowView, console: Console) -> None:
    console.window.showMinimized()
    assert not view.capture.open
    console.window.showNormal()
    assert view.capture.open


async def test_what_came_before_somebody_looked_again_is_told_apart(
    view: FlowView, cluster: Cluster, console: Console
) -> None:
    (ann,) = await cluster.members("lobby", "Ann")
    await ann.say("lobby", "one")
    await until_text(view, "one")
    assert view.table.watched_from == 1
    console.window.show_view(console.nodes)
    console.window.show_view(view)
    assert view.table.watched_from == view.capture.ring.next
    await ann.say("lobby", "two")
    await until_text(view, "two", "one")
    assert view.model.number(0) >= view.table.watched_from > view.model.number(view.model.rowCount() - 1)


async def test_a_cell_has_a_menu_of_what_its_keys_do(view: FlowView, cluster: Cluster) -> None:
    (ann,) = await cluster.members("lobby", "Ann")
    await ann.say("lobby", "one")
    await until_text(view, "one")
    select(view, "chat")
    menu = view.cell_menu()
    assert [action.text() for action in menu.actions()] == [
        "Filter for this",
        "Filter out",
        "Copy",
        "Copy the message as JSON",
    ]
    assert all(action.isEnabled() for action in menu.actions())
    menu.close()


async def test_the_palette_opens_from_the_filter_too(view: FlowView, console: Console) -> None:
    view.focus_filter()
    QTest.keyClick(view.bar.filter.line, Qt.Key.Key_K, Qt.KeyboardModifier.ControlModifier)
    assert console.overlays.palette.isVisible()


async def test_the_chart_says_what_passed_in_the_second_under_the_pointer(view: FlowView, console: Console) -> None:
    console.context.bridge.stop()  # moving the pointer lets timers run, and the view would show its own rates
    plot = view.chart.plot
    plot.show_rates(Rates(Track(1000, [4.0] * 300), Track(1000, [80.0] * 150 + [None] * 150)), 1300, 300)
    QTest.mouseMove(plot, QPoint(plot.field.left() + plot.field.width() // 4, 40))
    assert plot.cross is not None
    assert plot.cross[1:] == (4.0, 80.0)
    assert plot.cross[0] == pytest.approx(1075, abs=1)
    QTest.mouseMove(plot, QPoint(plot.field.right() - 10, 40))
    assert plot.cross[1:] == (4.0, None)
    QTest.keyClick(plot, Qt.Key.Key_Left)
    assert "out –, in 4" in plot.accessibleDescription()


async def test_a_small_window_puts_the_message_over_the_table(
    view: FlowView, cluster: Cluster, console: Console
) -> None:
    (ann,) = await cluster.members("lobby", "Ann")
    await ann.say("lobby", "one")
    await until_text(view, "one")
    select(view, "chat")
    console.window.resize(1440, 900)
    wide = view.table.width()
    assert view.details.x() >= wide
    console.window.resize(1024, 700)
    assert view.details.x() < view.table.width()
    assert view.details.isVisible()


async def test_pasted_lines_become_one(view: FlowView) -> None:
    QGuiApplication.clipboard().setText("kind:chat\nroom:lobby")
    view.focus_filter()
    view.bar.filter.line.paste()
    assert view.bar.filter.text == "kind:chat room:lobby"
    view.bar.filter.line.moveCursor(QTextCursor.MoveOperation.Start)


async def test_of_very_much_that_is_pasted_the_beginning_is_taken(view: FlowView) -> None:
    QGuiApplication.clipboard().setText("word " * 200_000)
    view.focus_filter()
    view.bar.filter.line.paste()
    assert len(view.bar.filter.text) <= PASTED
    assert "500 characters" in view.bar.filter.problem
