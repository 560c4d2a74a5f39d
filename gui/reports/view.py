"""The Reports view: the inbox of the moderators, and the report that is looked at."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QStackedLayout, QVBoxLayout, QWidget

from gui import wording
from gui.actions import IN_LIST
from gui.bans.banning import Banning
from gui.reports import words
from gui.reports.details import ReportDetails
from gui.reports.list import ReportsModel, ReportTable
from gui.tokens import Size
from gui.views import Changes, Context, View
from gui.widgets.buttons import Button, Kind
from gui.widgets.panes import Divider, EmptyState, PaneHeader
from gui.widgets.sheet import Sheet
from server.inbox import Evidence, ReportView
from server.views import MemberView
from server.wire.native import Code, Refused

log = logging.getLogger("switchboard.gui")


class ReportsView(View):
    """Acts on the report that is selected; who works on one is seen by all."""

    title = "Reports"
    icon = "flag"

    def __init__(self, context: Context) -> None:
        super().__init__()
        self._context = context
        self._reports: list[ReportView] = []
        make = context.actions.make
        group = self.title
        self.take = make("Take report", "T", group=group, icon="flag", scope=IN_LIST, act=self._take)
        self.mute = make("Mute who is reported", "M", group=group, icon="microphone-slash", scope=IN_LIST)
        self.kick = make("Kick who is reported", "K", group=group, icon="sign-out", scope=IN_LIST, danger=True)
        self.ban = make("Ban who is reported", "B", group=group, icon="prohibit", scope=IN_LIST, danger=True)
        self.model = ReportsModel()
        self.table = ReportTable(self.model)
        self.header = PaneHeader("Inbox")
        self.details = ReportDetails(
            Button.of(self.mute, icon="microphone-slash", text="Mute 10 min"),
            Button.of(self.kick, icon="sign-out", text="Kick", kind=Kind.DANGER),
            Button.of(self.ban, icon="prohibit", text="Ban…", kind=Kind.DANGER),
        )
        self.empty = EmptyState(
            "What members report comes here, with what was said in the minute before.",
            title="No reports",
            icon="flag",
        )
        self.empty.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self._banning = Banning(context, self)
        self._lay_out()
        self._connect()

    # What the window asks.

    def place(self) -> str:
        return self.table.selected

    def go(self, place: str) -> None:
        """Select a report."""
        self.table.select(place)

    def sentence(self) -> str:
        return words.sentence(self._reports)

    def refresh(self, changes: Changes) -> None:
        if changes.all or changes.reports:
            self._look()
            self._show()
        elif changes.second or changes.rooms:
            self._enable()

    def focus_first(self) -> None:
        self._stage.setFocus(Qt.FocusReason.OtherFocusReason)

    def panes(self) -> Sequence[QWidget]:
        return (self._stage, self.details.note, self.details.sections)

    def step_back(self) -> None:
        self.focus_first()

    # What is shown.

    def _look(self) -> None:
        self._reports = words.sorted_for_work(self._context.desk.reports())
        self.model.follow(self._reports)
        self.header.count.say(wording.count(len(self._reports)) if self._reports else "")
        held = self._stage.hasFocus()
        self._pages.setCurrentIndex(0 if self._reports else 1)
        if self._reports and not self.table.selected:
            self.table.select(self._reports[0].report)
        if held:
            self._stage.setFocus()

    @property
    def _stage(self) -> QWidget:
        """The list, or what stands in its place while it is empty."""
        return self.table if self._pages.currentIndex() == 0 else self.empty

    def _show(self) -> None:
        report = self._selected()
        self.details.setVisible(report is not None)
        if report is not None:
            self.details.show_report(report, self._evidence(report), own=self._is_own(report))
        self._enable()

    def _evidence(self, report: ReportView) -> Evidence | None:
        try:
            return self._context.desk.evidence(report.report)
        except Refused as refused:
            log.info("the evidence of a report is gone: %s", refused.message)
            return None

    def _enable(self) -> None:
        report = self._selected()
        person = self._person(report)
        self.take.setEnabled(report is not None and report.state != "closed" and not self._is_own(report))
        self.ban.setEnabled(report is not None)
        self.kick.setEnabled(person is not None)
        self.mute.setEnabled(person is not None)

    def _selected(self) -> ReportView | None:
        return self.model.find(self.table.selected)

    def _is_own(self, report: ReportView) -> bool:
        operator = self._context.desk.operator
        return report.state == "taken" and report.worker is not None and report.worker.session == operator.session

    def _person(self, report: ReportView | None) -> MemberView | None:
        """Who is reported, while that session is in the room."""
        if report is None:
            return None
        members = self._context.desk.members(report.room)
        return next((each for each in members if each.session == report.target.session), None)

    # What is done.

    def _take(self) -> None:
        report = self._selected()
        if report is not None and self.take.isEnabled():
            self._context.tasks.start(self._take_it(report), "take the report")

    async def _take_it(self, report: ReportView) -> None:
        desk = self._context.desk
        try:
            await desk.take_report(desk.operator, report=report.report)
        except Refused as refused:
            if refused.code is not Code.ALREADY:
                raise
            self._ask_over(report, refused.message)

    def _ask_over(self, report: ReportView, why: str) -> None:
        """Somebody else works on it: say so, and ask."""
        sheet = Sheet(self.window(), "Take over this report?", f"{why[:1].upper()}{why[1:]}.", width=480)
        keep = Button("Leave it", key="Esc")
        keep.clicked.connect(sheet.reject)
        over = Button("Take over", kind=Kind.FINAL, key="Ctrl+Enter")
        over.clicked.connect(sheet.accept)
        sheet.buttons.addWidget(keep)
        sheet.buttons.addWidget(over)
        sheet.finished.connect(lambda agreed: self._take_over(report) if agreed else None)
        sheet.open()

    def _take_over(self, report: ReportView) -> None:
        desk = self._context.desk
        work = desk.take_report(desk.operator, report=report.report, over=True)
        self._context.tasks.start(work, "take the report over")

    def _close(self, note: str) -> None:
        report, desk = self._selected(), self._context.desk
        if report is not None and self._is_own(report):
            work = desk.close_report(desk.operator, report=report.report, note=note)
            self._context.tasks.start(work, "close the report")

    def _reopen(self) -> None:
        report, desk = self._selected(), self._context.desk
        if report is not None:
            self._context.tasks.start(desk.reopen_report(desk.operator, report=report.report), "reopen the report")

    def _mute(self) -> None:
        report = self._selected()
        person = self._person(report)
        if report is not None and person is not None:
            self._context.moderation.mute([person], report.room)

    def _kick(self) -> None:
        person = self._person(self._selected())
        if person is not None:
            self._context.moderation.kick([person])

    def _ban(self) -> None:
        report = self._selected()
        if report is not None:
            self._banning.ask(user=report.target.user, name=report.target.name, room=report.room)

    # How it is laid out.

    def _lay_out(self) -> None:
        stage = QWidget()
        self._pages = QStackedLayout(stage)
        self._pages.addWidget(self.table)
        self._pages.addWidget(self.empty)
        self._pages.setCurrentIndex(1)
        left = QWidget()
        left.setMinimumWidth(300)
        left.setMaximumWidth(Size.ROOM_LIST + 64)
        column = QVBoxLayout(left)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.header)
        column.addWidget(Divider())
        column.addWidget(stage, 1)
        whole = QHBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(0)
        whole.addWidget(left, 1)
        whole.addWidget(Divider(Qt.Orientation.Vertical))
        right = QWidget()
        column = QVBoxLayout(right)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.details)
        whole.addWidget(right, 2)
        self.details.hide()
        for action in (self.take, self.mute, self.kick, self.ban):
            self.table.addAction(action)

    def _connect(self) -> None:
        self.mute.triggered.connect(self._mute)
        self.kick.triggered.connect(self._kick)
        self.ban.triggered.connect(self._ban)
        self.details.take.clicked.connect(self._take)
        self.details.reopen.clicked.connect(self._reopen)
        self.details.closing.connect(self._close)
        self.table.selectionModel().selectionChanged.connect(lambda *_: self._show())
