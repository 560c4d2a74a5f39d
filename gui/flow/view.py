"""The Flow view: the rate of messages, the messages themselves as they pass, and one of them in full."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

from PySide6.QtCore import QEvent, QObject, Qt, QTimer
from PySide6.QtGui import QGuiApplication, QHideEvent, QResizeEvent, QShowEvent
from PySide6.QtWidgets import QMenu, QStackedLayout, QVBoxLayout, QWidget

from gui import exporting, wording
from gui.flow import rows, terms
from gui.flow.bar import FilterBar
from gui.flow.capture import Capture, Hold
from gui.flow.chart import ChartPane
from gui.flow.commands import Commands
from gui.flow.details import Details
from gui.flow.export import export
from gui.flow.floor import WIDTH, Floor
from gui.flow.model import FlowModel
from gui.flow.notice import Notice
from gui.flow.rates import chart_rates
from gui.flow.sheets import ExportSheet, ReasonSheet
from gui.flow.table import FlowTable
from gui.views import Changes, Context, View
from gui.widgets.buttons import Button
from gui.widgets.panes import Divider, EmptyState
from server.flow import KINDS, FlowRow, as_json

LOW = 640
"""Below this height the chart is smaller."""
REST = 120
"""Milliseconds that a message stays selected before its way is asked for."""
VALUES_OF = 4_000
"""Of so many of the last messages the values are offered."""


class FlowView(View):
    """Watch what goes through the cluster. While it is not seen, no node does anything for it."""

    title = "Flow"
    icon = "pulse"

    def __init__(self, context: Context) -> None:
        super().__init__()
        self._context = context
        self._ticks = 0
        self.commands = Commands(context.actions)
        self.model = FlowModel(self)
        self.capture = Capture(context.desk, self.model, self)
        self.chart = ChartPane()
        commands = self.commands
        self.bar = FilterBar(
            self._values,
            pause=commands.pause,
            clear=commands.clear,
            export=commands.export,
            save=commands.save_filter,
            highlight=commands.highlight,
        )
        self.notice = Notice()
        self.table = FlowTable(self.model)
        self.details = Details(commands.copy_json)
        self.clear_filter = Button.of(commands.clear_filter)
        self.empty = EmptyState("", title=" ", icon="pulse", button=self.clear_filter)
        self._ask_way = QTimer(self)
        self._ask_way.setSingleShot(True)
        self._ask_way.setInterval(REST)
        self._ask_way.timeout.connect(self._trace)
        self._lay_out()
        self._connect()
        self._show_state()

    # What the window asks.

    def sentence(self) -> str:
        if self.capture.hold & Hold.PAUSED:
            return f"paused at {wording.clock(self.capture.paused_at, seconds=True)}"
        return "live, all nodes"

    def refresh(self, changes: Changes) -> None:
        if (changes.second or changes.all) and not self.capture.hold & Hold.PAUSED:
            self._show_rates()
        if changes.second:
            self._show_notice()

    def refresh_levels(self) -> None:
        pace = self._context.bridge.pace
        self._ticks += 1
        if self._ticks % max(1, pace.levels // pace.flushes) == 0:
            self.capture.flush()

    def focus_first(self) -> None:
        self._stage.setFocus()

    def panes(self) -> Sequence[QWidget]:
        return (self.bar.filter.line, self._stage, *self.details.panes(), self.chart.plot)

    def focus_filter(self) -> None:
        self.bar.filter.setFocus()
        self.bar.filter.select_all()

    def step_back(self) -> None:
        if self.bar.highlight.line.hasFocus():
            self._toggle_highlight()
        elif self.bar.filter.line.hasFocus() and (self.bar.filter.problem or not self.details.isVisible()):
            self.bar.filter.put("")
            self._stage.setFocus()
        elif self.details.isVisible():
            self._close_details()
        elif self.capture.hold & Hold.PAUSED:
            self._toggle_pause()
        elif self.bar.filter.text:
            self.bar.filter.put("")

    # As in Qt.

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        if not event.spontaneous():
            self.window().installEventFilter(self)
            self._watch()
            self._enable()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        if not event.spontaneous():  # such as come with a window put away, which `_watch` asks about
            self.capture.stop()
            self._enable()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.chart.tighten(event.size().height() < LOW)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """As in Qt: nobody looks at a window put away."""
        if watched is self.window() and event.type() == QEvent.Type.WindowStateChange and self.isVisible():
            self._watch()
        return super().eventFilter(watched, event)

    def _watch(self) -> None:
        """Have the nodes send while somebody can look."""
        if self.window().isMinimized():
            self.capture.stop()
        elif not self.capture.open:
            self.table.watched_from = self.capture.ring.next
            self.capture.start()

    # What there is to see.

    def _show_rates(self) -> None:
        rates = self._context.desk.rates()
        self.chart.show_rates(chart_rates(rates), int(time.time()))

    def _show_notice(self) -> None:
        capture = self.capture
        self.notice.say(
            sampling=capture.sampling, every=capture.every_voice, lost=capture.lost, silent=capture.silent
        )

    def _show_state(self) -> None:
        """Bring figures, pill, buttons and the empty state up to date; each costs nothing when it is the same."""
        capture = self.capture
        paused = bool(capture.hold & Hold.PAUSED)
        self.table.pill.say(capture.newer)
        self.table.place_pill()
        filtered = not capture.query.everything
        seen = wording.count(capture.seen)
        if filtered:
            self.bar.count.say(f"{wording.count(capture.matched)} of {seen}")
        else:
            self.bar.count.say(wording.plural(capture.seen, "message"))
        self.bar.show_paused(paused)
        self.chart.hold(wording.clock(capture.paused_at, seconds=True) if paused else "")
        some = self.model.rowCount() > 0
        if not some:
            self._say_empty(filtered=filtered, paused=paused)
        if self._pages.currentIndex() != (0 if some else 1):
            held = self._stage.hasFocus()
            self._pages.setCurrentIndex(0 if some else 1)
            if held:
                self._stage.setFocus()

    def _say_empty(self, *, filtered: bool, paused: bool) -> None:
        capture = self.capture
        if capture.searching:
            title, sentence = "Looking through what is kept", ""
        elif filtered:
            title = "No messages match"
            sentence = f"None of {wording.plural(capture.seen, 'message')} that passed fits this filter."
            if not capture.seen:
                sentence = "Nothing has passed that this filter could be held against."
        else:
            title, sentence = "Nothing has passed yet", "What goes through any node shows here as it passes."
        if paused and not capture.searching:
            sentence += f" Paused at {wording.clock(capture.paused_at, seconds=True)}; Space resumes."
        self.empty.title.say(title)
        self.empty.say(sentence.strip())
        self.empty.sentence.setVisible(bool(sentence))
        self.clear_filter.setVisible(filtered)

    @property
    def _stage(self) -> QWidget:
        """The table, or what stands in its place while it is empty."""
        return self.table if self._pages.currentIndex() == 0 else self.empty

    def _enable(self) -> None:
        """Let actions be triggered that have something to act on."""
        seen, cell = self.isVisible(), self.table.cell
        term = terms.term(*cell) if cell is not None else ""
        row = self.details.row
        commands = self.commands
        for always in (*commands.of_view, commands.pause, commands.newest):
            always.setEnabled(seen)
        for action in (commands.filter_for, commands.filter_out):
            action.setEnabled(seen and bool(term))
        commands.copy.setEnabled(seen and cell is not None)
        commands.copy_json.setEnabled(seen and row is not None)
        commands.reveal.setEnabled(seen and row is not None and row.kind == "whisper")
        commands.save_filter.setEnabled(seen and bool(self.bar.filter.valid_text))
        commands.clear_filter.setEnabled(seen and bool(self.bar.filter.text))

    def _values(self, field: str) -> Iterable[str]:
        """Values of a field that were seen lately, and those that the cluster has."""
        if field == "kind":
            return KINDS
        desk = self._context.desk
        known: list[str] = []
        if field == "node":
            known = [node.name for node in desk.nodes()]
        elif field == "room":
            known = [room.name for room in desk.rooms()]
        lately = itertools.islice(self.capture.ring.backwards(), VALUES_OF)
        found = (value for _, row in lately if isinstance(value := row.get(field), str) and value)
        return dict.fromkeys(itertools.chain(known, found))

    # Reading.

    def _selected(self) -> None:
        number = self.table.chosen_number
        self.capture.read(bool(number) or not self.table.at_newest)
        cell = self.table.cell
        if cell is not None and number != self.details.number:
            self.details.show_row(number, cell[0])
            self._open_details()
            self._ask_way.start()
        self._enable()

    def _scrolled(self) -> None:
        self.capture.read(bool(self.table.chosen_number) or not self.table.at_newest)

    def _begun(self) -> None:
        """The table has begun anew: what was looked at is selected again where it still fits the filter."""
        chosen = self.details.number if self.details.isVisible() and self._keeps else 0
        self.table.scrollToTop()
        if chosen:
            self.table.choose(chosen, self._column)

    def _go_newest(self) -> None:
        self.table.clearSelection()
        self.table.setCurrentIndex(self.model.index(-1, 0))
        self.table.scrollToTop()
        self.capture.resume()
        self.capture.read(False)
        self.table.scrollToTop()

    def _toggle_pause(self) -> None:
        if self.capture.hold & Hold.PAUSED:
            self._go_newest()
        else:
            self.capture.pause(int(time.time() * 1000))

    # The message.

    def _open_details(self) -> None:
        self.details.show()
        self.floor.place()

    def _close_details(self) -> None:
        self._ask_way.stop()
        self.details.forget()
        self.details.hide()
        self.floor.place()
        self.table.clearSelection()
        self.table.setCurrentIndex(self.model.index(-1, 0))
        self._scrolled()
        self._stage.setFocus()
        self._enable()

    def _trace(self) -> None:
        row, number = self.details.row, self.details.number
        if row is not None and row.origin:
            self._context.tasks.start(self._show_way(number, row), "follow the message")

    async def _show_way(self, number: int, row: FlowRow) -> None:
        trace = await self._context.desk.trace(row.origin, row.seq, ssrc=row.ssrc)
        if self.details.number == number:
            self.details.show_trace(trace)

    def _ask_reason(self) -> None:
        row, number = self.details.row, self.details.number
        if row is None or row.kind != "whisper":
            return
        sheet = ReasonSheet(self.window(), row.sender, row.to)
        sheet.wanted.connect(
            lambda reason: self._context.tasks.start(self._reveal(number, row, reason), "read the whisper")
        )
        sheet.open()

    async def _reveal(self, number: int, row: FlowRow, reason: str) -> None:
        desk = self._context.desk
        text = await desk.reveal(desk.operator, row.origin, row.seq, reason)
        if self.details.number == number:
            now = wording.clock(int(time.time() * 1000), seconds=True)
            self.details.show_text(text, f"You read it at {now}: {wording.name(reason)}")

    # Acts.

    def _filter_by(self, *, out: bool) -> None:
        cell = self.table.cell
        if cell is None:
            return
        term = terms.term(*cell)
        if term:
            self.bar.filter.put(terms.narrowed(self.bar.filter.valid_text, term, out=out))

    def _apply_filter(self) -> None:
        field = self.bar.filter
        self._keeps, self._column = True, max(0, self.table.currentIndex().column())
        self.capture.filter(field.query, field.valid_text)
        self._keeps = False
        self.bar.saved.mark(field.valid_text)
        self._enable()

    def _apply_highlight(self) -> None:
        field = self.bar.highlight
        query = field.query
        lit = field.isVisibleTo(self) and not query.everything
        self.table.lit = (lambda row: query.matches(row.get)) if lit else None
        self.table.viewport().update()

    def _toggle_highlight(self) -> None:
        shown = not self.bar.highlight.isVisibleTo(self.bar)
        self.bar.show_highlight(shown)
        self._apply_highlight()
        (self.bar.highlight if shown else self._stage).setFocus()

    def _copy(self) -> None:
        cell = self.table.cell
        if cell is not None:
            QGuiApplication.clipboard().setText(rows.value(*cell))

    def _copy_json(self) -> None:
        if self.details.row is not None:
            QGuiApplication.clipboard().setText(as_json(self.details.row).decode())

    def cell_menu(self) -> QMenu:
        """What can be done with the current cell."""
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.addActions(self.commands.of_cell)
        return menu

    # Export.

    def _ask_export(self) -> None:
        shown, kept = self.model.rowCount(), len(self.capture.ring)
        sheet = ExportSheet(self.window(), shown=shown, kept=kept, path=exporting.proposed("flow", "jsonl"))
        exporting.ask(self._context, sheet, lambda path: self._export(path, all_kept=sheet.kept.isChecked()))

    async def _export(self, path: Path, *, all_kept: bool) -> str:
        entries = self.capture.ring.copy().since(0) if all_kept else self.model.entries()
        count = await export((row for _, row in entries), path)
        return f"{wording.plural(count, 'message')} exported"

    # How it is made.

    def _connect(self) -> None:
        commands, table, bar = self.commands, self.table, self.bar
        for action, act in (
            (commands.pause, self._toggle_pause),
            (commands.newest, self._go_newest),
            (commands.filter_for, lambda: self._filter_by(out=False)),
            (commands.filter_out, lambda: self._filter_by(out=True)),
            (commands.copy, self._copy),
            (commands.copy_json, self._copy_json),
            (commands.reveal, self._ask_reason),
            (commands.highlight, self._toggle_highlight),
            (commands.save_filter, lambda: bar.saved.save(bar.filter.valid_text)),
            (commands.clear_filter, lambda: bar.filter.put("")),
            (commands.clear, self.capture.clear),
            (commands.export, self._ask_export),
            (commands.every_voice, lambda: self.capture.show_every_voice(not self.capture.every_voice)),
        ):
            action.triggered.connect(act)
        self.addActions(commands.of_view)
        self.table.addActions((*commands.of_table, commands.pause))
        for widget in (self.chart.plot, self.details, self.empty):
            widget.addAction(commands.pause)
        self.capture.told.connect(self._show_state)
        self.capture.begun.connect(self._begun)
        table.selectionModel().selectionChanged.connect(lambda *_: self._selected())
        table.selectionModel().currentChanged.connect(lambda *_: self._enable())
        table.verticalScrollBar().valueChanged.connect(lambda _: self._scrolled())
        table.returned.connect(self._go_newest)
        table.asked.connect(lambda place: self.cell_menu().popup(place))
        table.opened.connect(lambda: self.details.header.setFocus())
        bar.filter.applied.connect(self._apply_filter)
        bar.filter.entered.connect(lambda: self._stage.setFocus())
        bar.filter.judged.connect(lambda _: self._enable())
        bar.highlight.applied.connect(self._apply_highlight)
        bar.highlight.entered.connect(lambda: self._stage.setFocus())
        bar.saved.changed.connect(lambda: self._context.state.put("flow/filters", bar.saved.filters))
        self.notice.wanted.connect(self.capture.show_every_voice)
        self.details.wants_text.connect(commands.reveal.trigger)
        self.details.closed.connect(self._close_details)
        self._remember()

    def _remember(self) -> None:
        """Take what was kept of an earlier window, and keep what this one has at its end."""
        state, nothing = self._context.state, list[str]()
        self.bar.saved.offer(state.value("flow/filters", nothing))
        self.floor.widen(state.value("flow/details", WIDTH))
        state.remember("flow/details", lambda: self.floor.wanted, lambda: self.floor.widen(WIDTH))
        self.table.restore(state.value("flow/columns", nothing))
        state.remember("flow/columns", self.table.kept, lambda: self.table.restore(nothing))

    def _lay_out(self) -> None:
        self._keeps, self._column = False, 0
        beside = QWidget()
        self._pages = QStackedLayout()
        self._pages.addWidget(self.table)
        self._pages.addWidget(self.empty)
        left = QVBoxLayout(beside)
        left.setContentsMargins(0, 0, 0, 0)
        left.setSpacing(0)
        left.addWidget(self.notice)
        left.addLayout(self._pages, 1)
        self.empty.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.details.hide()
        self.floor = Floor(beside, self.details)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        for part in (self.chart, Divider(), self.bar, Divider()):
            column.addWidget(part)
        column.addWidget(self.floor, 1)
