"""The Audit view: acts of moderators and operators, the newest first, beside the bans in force."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QStackedLayout, QVBoxLayout, QWidget

from gui import exporting
from gui.actions import IN_LIST
from gui.audit import words
from gui.audit.bans import BansPane
from gui.audit.bar import AuditBar
from gui.audit.model import ActsModel
from gui.audit.selected import SelectedAct
from gui.audit.table import ActTable
from gui.audit.undoing import Way, ways
from gui.bans.banning import Banning
from gui.files import write
from gui.tokens import Size
from gui.undo import banned, kicked, muted
from gui.views import Changes, Context, View
from gui.widgets.buttons import Button
from gui.widgets.file_sheet import FileSheet
from gui.widgets.panes import Divider, EmptyState
from server.ledger import Wanted
from server.views import ActView, BanView
from server.wire.moderation import Whom
from server.wire.native import Refused

PAGE = 100
"""Acts fetched at once."""

SIDE, NARROW = 408, 288
"""Width of the bans, in a wide window and in a small one."""


class AuditView(View):
    """Reads the audit as far as somebody scrolls; nothing while it is hidden."""

    title = "Audit"
    icon = "shield-check"

    read = Signal()
    """What is shown is what the node has, or it could not be read."""

    def __init__(self, context: Context) -> None:
        super().__init__()
        self._context = context
        self._next: tuple[int, str, int] | None = None
        self._fetching: asyncio.Task[None] | None = None
        self._again = False
        """The acts changed while they were fetched."""
        self._further = False
        """Somebody came to the end of the list meanwhile."""
        self._ways: dict[str, Way] = {}
        self._bans: list[BanView] = []
        self._wanted = Wanted()
        self.banning = Banning(context, self)
        make = context.actions.make
        self.export = make("Export the audit", group=self.title, icon="export", act=self._ask_export)
        self.export.setEnabled(False)
        self.add_ban = make("Add ban", group=self.title, icon="prohibit", act=lambda: self.banning.ask(), danger=True)
        self.undo = make("Undo act", "U", group=self.title, icon="arrow-counter-clockwise", scope=IN_LIST)
        self.lift = make("Lift ban", "Del", group=self.title, icon="shield-check", scope=IN_LIST)
        self.model = ActsModel()
        self.table = ActTable(self.model)
        self.bar = AuditBar(self.export)
        self.bans = BansPane(self.add_ban)
        self.card = SelectedAct()
        clear = Button("Clear filter")
        clear.clicked.connect(self.bar.clear)
        self._clear = clear
        self.empty = EmptyState("", title=" ", icon="shield-check", button=clear)
        self.empty.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self._lay_out()
        self._connect()

    # What the window asks.

    def sentence(self) -> str:
        return words.sentence(self._context.desk.audit_since(words.day_of(words.now_ms())))

    def refresh(self, changes: Changes) -> None:
        if changes.all or "acts" in changes.audit:
            self._look()
        if changes.all or changes.audit or changes.second:
            self._bans = self._context.desk.bans()
            self.bans.follow(self._bans)
            self._find_ways()
        if changes.second:
            self.bans.table.age()

    def focus_first(self) -> None:
        self._stage.setFocus(Qt.FocusReason.OtherFocusReason)

    def panes(self) -> Sequence[QWidget]:
        return (self.bar.text, self._stage, self.bans.table)

    def focus_filter(self) -> None:
        self.bar.text.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.bar.text.selectAll()

    def step_back(self) -> None:
        if self.bar.narrowed:
            self.bar.clear()
        else:
            self.table.clearSelection()
            self.card.show_act(None, None)
        self.focus_first()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._side.setMaximumWidth(SIDE if event.size().width() >= Size.WIDE else NARROW)

    # Acts.

    def _look(self) -> None:
        """Fetch the newest again, as many as are shown."""
        if self._fetching is not None:
            self._again = True
            return
        self._wanted = self.bar.wanted(words.now_ms())
        self.bar.offer_moderators(self._context.desk.moderators())
        self._fetch(max(PAGE, self.model.rowCount()), older=False)

    def _look_further(self) -> None:
        self._further = self._fetching is not None
        if self._fetching is None and self._next is not None:
            self._fetch(PAGE, older=True)

    def _fetch(self, limit: int, *, older: bool) -> None:
        self._fetching = self._context.tasks.start(self._load(limit, older=older), "read the audit")

    async def _load(self, limit: int, *, older: bool) -> None:
        try:
            after = self._next if older else None
            page = await self._context.desk.audit_page(self._wanted, limit=limit, after=after)
        except Refused as refused:
            self.model.more = False
            self._say_empty(refused.message)
            self.read.emit()
            return
        finally:
            self._fetching = None
        known = [self.model.at(row) for row in range(self.model.rowCount())] if older else []
        self._next, self.model.more = page.next, page.next is not None
        self.model.follow([*known, *page.acts])
        self._say_empty()
        self._find_ways()
        if self._again:
            self._again = False
            self._look()
        elif self._further:
            self._look_further()
        self.read.emit()

    def _find_ways(self) -> None:
        """See what can be undone."""
        acts = [self.model.at(row) for row in range(self.model.rowCount())]
        before, desk = self._ways, self._context.desk
        self._ways = ways(acts, self._bans, desk.mutes(), words.now_ms())
        self.model.undoable = {act: way.word for act, way in self._ways.items()}
        self.model.touch(before.keys() ^ self._ways.keys(), 0, len(self.model.heads) - 1)
        self._show_selected()

    def _say_empty(self, problem: str = "") -> None:
        some = self.model.rowCount() > 0
        self.export.setEnabled(some)
        if not some:
            narrowed = self.bar.narrowed
            title = "No acts match" if narrowed else "Nothing was done"
            sentence = problem or (
                "None of the acts of this time fits." if narrowed else "What moderators and operators do stands here."
            )
            self.empty.title.say("The audit cannot be read" if problem else title)
            self.empty.say(sentence)
            self._clear.setVisible(narrowed)
        if self._pages.currentIndex() != (0 if some else 1):
            held = self._stage.hasFocus()
            self._pages.setCurrentIndex(0 if some else 1)
            if held:
                self._stage.setFocus()

    @property
    def _stage(self) -> QWidget:
        """The table, or what stands in its place while it is empty."""
        return self.table if self._pages.currentIndex() == 0 else self.empty

    def _selected(self) -> ActView | None:
        return self.model.find(self.table.selected)

    def _show_selected(self) -> None:
        act = self._selected()
        self.card.show_act(act, self._ways.get(act.act) if act else None)
        self.undo.setEnabled(act is not None and act.act in self._ways)

    # What can be done.

    def _undo(self, act: str) -> None:
        way = self._ways.get(act)
        if way is not None:
            self._context.tasks.start(self._go_back(act, way), "undo")

    async def _go_back(self, act: str, way: Way) -> None:
        desk, toasts, undo = self._context.desk, self._context.toasts, self._context.undo
        if way.ban:
            await self._lift(way.ban)
            return
        if way.kick:
            outcomes = await desk.unkick(desk.operator, Whom.of(sessions=way.sessions), room=way.room)
            undo.undone(kicked(str(outcome.session)) for outcome in outcomes if outcome.outcome == "done")
            toasts.say("Kick undone", icon="arrow-counter-clockwise")
        else:
            people = found.people if (found := self.model.find(act)) is not None else ()
            await desk.unmute(desk.operator, Whom.of(sessions=way.sessions), room=way.room)
            undo.undone(muted(way.room, session) for session, _, _ in people)
            toasts.say("Unmuted", icon="microphone")

    async def _lift(self, ban: str) -> None:
        desk = self._context.desk
        whom = next((words.whom(each) for each in self._bans if each.ban == ban), "")
        await desk.unban(desk.operator, ban=ban)
        self._context.undo.undone([banned(ban)])
        self._context.toasts.say(f"Ban of {whom} lifted", "They may come in again", icon="shield-check")

    def _lift_ban(self, ban: str) -> None:
        if ban:
            self._context.tasks.start(self._lift(ban), "lift the ban")

    def _ban_again(self, act: str) -> None:
        found = self.model.find(act)
        if found is not None and found.people:
            _, user, name = found.people[0]
            self.banning.ask(user=user, name=name, room=found.room or "")

    def _ask_export(self) -> None:
        sentence = "What the filter lets through, newest first. A name that ends in .json gives JSON, any other CSV."
        sheet = FileSheet(self.window(), "Export the audit", sentence, path=exporting.proposed("audit", "csv"))
        exporting.ask(self._context, sheet, self._write)

    async def _write(self, path: Path) -> str:
        pieces = self._context.desk.audit_text(self._wanted, "json" if path.suffix == ".json" else "csv")
        await write((piece.encode() async for piece in pieces), path)
        return "Audit exported"

    # How it is laid out.

    def _lay_out(self) -> None:
        stage = QWidget()
        self._pages = QStackedLayout(stage)
        self._pages.addWidget(self.table)
        self._pages.addWidget(self.empty)
        left = QVBoxLayout()
        left.setContentsMargins(0, 0, 0, 0)
        left.setSpacing(0)
        left.addWidget(self.bar)
        left.addWidget(Divider())
        left.addWidget(stage, 1)
        self._side = QWidget()
        self._side.setMinimumWidth(NARROW)
        self._side.setMaximumWidth(NARROW)
        right = QVBoxLayout(self._side)
        right.setContentsMargins(0, 0, 0, 0)
        right.setSpacing(0)
        right.addWidget(self.bans, 1)
        right.addWidget(self.card)
        whole = QHBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(0)
        whole.addLayout(left, 2)
        whole.addWidget(Divider(Qt.Orientation.Vertical))
        whole.addWidget(self._side, 1)
        self.table.addAction(self.undo)
        self.bans.table.addAction(self.lift)
        self._pages.setCurrentIndex(1)

    def _connect(self) -> None:
        self.bar.changed.connect(self._narrow)
        self.model.wanted.connect(self._look_further)
        self.table.undone.connect(self._undo)
        self.card.undone.connect(self._undo)
        self.card.banned.connect(self._ban_again)
        self.table.selectionModel().selectionChanged.connect(lambda *_: self._show_selected())
        self.undo.triggered.connect(lambda: self._undo(self.table.selected))
        self.lift.triggered.connect(lambda: self._lift_ban(self.bans.table.selected))
        self.bans.table.lifted.connect(self._lift_ban)

    def _narrow(self) -> None:
        self.model.follow([])
        self._next = None
        self._look()
