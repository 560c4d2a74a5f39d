"""The members of the open room: table, filter, and the card of who is selected."""

from __future__ import annotations

import time
from collections.abc import Sequence

from PySide6.QtCore import QItemSelectionModel, QPoint, Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QStackedLayout, QVBoxLayout, QWidget

from gui import wording
from gui.rooms.card import MemberCard
from gui.rooms.crowd import CrowdBar
from gui.rooms.events import LEFT_WORDS
from gui.rooms.history import History
from gui.rooms.member_acts import MemberActs
from gui.rooms.member_query import FIELDS, row_of, values_of
from gui.rooms.member_table import NARROW, MemberTable
from gui.rooms.members_model import AGE, NAME, STRIP, TOOLS, Gone, MembersModel
from gui.rooms.tools import Tool
from gui.tokens import Colour, Size, Span, Type
from gui.views import Context
from gui.widgets.buttons import Button, Kind
from gui.widgets.hold import Hold
from gui.widgets.labels import Label, describe
from gui.widgets.panes import Divider, EmptyState, PaneHeader
from gui.widgets.query_field import QueryField
from server.query import Query
from server.talk import Stretch
from server.views import MemberView

_SETTLE_SECONDS = 2.0
"""Between two sortings, so that the table can be read."""

_ADD = QItemSelectionModel.SelectionFlag.Select | QItemSelectionModel.SelectionFlag.Rows

_ALONE = QItemSelectionModel.SelectionFlag.ClearAndSelect | QItemSelectionModel.SelectionFlag.Rows

Members = Sequence[MemberView]


class MembersPane(QWidget):
    """Shows the members of one room at a time. Keys and buttons act on the sessions that are selected."""

    def __init__(self, context: Context, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._context = context
        self._room = ""
        self._members: dict[str, MemberView] = {}
        self._ghosts: dict[str, MemberView] = {}
        self._hidden: set[str] = set()
        """Those who were selected when the filter hid them, while nobody else is chosen."""
        self._following = False
        self._sorted_at = 0.0
        self._looked_at = float("-inf")
        """When it was last seen who is there."""
        self.model = MembersModel(context.moderation.pending, self._strip, self)
        self.table = MemberTable(self.model)
        self.filter = QueryField(
            "Filter members", FIELDS, lambda field: values_of(self._members.values(), field), example="Filter members"
        )
        self.problem = Label("", Type.SMALL, Colour.DANGER, wrap=True)
        self.header = PaneHeader("Members")
        self.changed = Button("Order changed", kind=Kind.LINK, icon="arrows-down-up")
        describe(self.changed, "Order changed", hint="Show the members in their new order")
        self.card = MemberCard(context.actions)
        self.crowd = CrowdBar(context.actions)
        self._history = History(context, self.card)
        self.acts = MemberActs(context, self)
        self._hold = Hold(self.table)
        clear = Button("Clear filter", kind=Kind.LINK)
        clear.clicked.connect(lambda: self.filter.put(""))
        self._none = EmptyState("No member fits this filter.", button=clear)
        self._lay_out()
        self._connect()

    @property
    def selection(self) -> list[MemberView]:
        """The members on whom keys and buttons act, from the top; who has left is none of them."""
        rows = sorted(index.row() for index in self.table.selectionModel().selectedRows())
        chosen = [self.model.at(row) for row in rows]
        return [self._members[member.session] for member in chosen if member.session in self._members]

    @property
    def selected(self) -> MemberView | None:
        """The one who is selected; None for nobody and for several."""
        chosen = self.selection
        return chosen[0] if len(chosen) == 1 else None

    @property
    def room(self) -> str:
        """The room that is open."""
        return self._room

    def __contains__(self, session: object) -> bool:
        return session in self._members

    def open(self, room: str) -> None:
        """Show another room."""
        self._room = room
        self._members = {}
        self._ghosts = {}
        self._hidden = set()
        self.model.gone.clear()
        self.filter.put("")
        self.table.selectionModel().clear()
        self.refresh()

    def select(self, session: str) -> None:
        """Select a member, and show it even where a filter hid it."""
        if session in self._members:
            if session not in self.model:
                self.filter.put("")
            self.table.selectionModel().setCurrentIndex(self.model.index_of(session), _ALONE)
            self.table.scrollTo(self.table.currentIndex())
            self.table.setFocus()

    def refresh(self) -> None:
        """Look at the node for who is there."""
        node = self._context.desk
        members = {member.session: member for member in node.members(self._room)}
        moved = members.keys() != self._members.keys()
        if moved:
            self._part(members)
        self._looked_at = time.monotonic()
        self._members = members
        self._context.moderation.seen(members)
        self.refresh_levels()
        self._follow(moved)
        room = node.room(self._room)
        self._say_counts(len(room.speaking) if room is not None else 0)
        self._show_card()

    def refresh_levels(self) -> None:
        """Look at the node for who speaks how loudly."""
        self.model.hear(self._context.desk.levels(self._room), *self.table.visible_range)

    def tick(self) -> None:
        """A second is over: everybody is older, what was said has moved on, who left may go."""
        self._forget_gone()
        leaving = [member.session for member in self._members.values() if member.leaves is not None]
        self.model.touch(leaving, NAME, TOOLS)
        self._follow(False)
        self.model.touch_all(STRIP, STRIP)
        self.model.touch_all(AGE, AGE)
        self._show_figures()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        narrow = event.size().width() < NARROW
        self.filter.setMaximumWidth(116 if narrow else 196)
        self.filter.line.setPlaceholderText("Filter" if narrow else "Filter members")

    def fold(self, folded: bool) -> None:
        """Make do with a low window."""
        self.card.fold(folded)

    def _strip(self, session: str) -> tuple[Stretch, ...]:
        return self._context.desk.strip(self._room, session)

    # Rows.

    def _part(self, members: dict[str, MemberView]) -> None:
        """Keep those who have left for a while, and say why they did; who left unseen is not news any more."""
        now = time.monotonic()
        if now - self._looked_at >= Span.LEFT / 1000:
            for session in list(self._ghosts):
                self._let_go(session)
            return
        left = [session for session in self._members if session not in members]
        reasons = self._reasons() if left else {}
        for session in left:
            self._ghosts[session] = self._members[session]
            words = LEFT_WORDS.get(reasons.get(session, ""), "left")
            self.model.gone[session] = Gone(words[0].upper() + words[1:], now)
        for session in [session for session in self._ghosts if session in members]:
            self._let_go(session)
        if left:
            self.model.touch(left, NAME, TOOLS)

    def _reasons(self) -> dict[str, str]:
        return {line.session: line.text for line in self._context.desk.chat(self._room) if line.kind == "left"}

    def _forget_gone(self) -> None:
        """Take rows of those away who left five seconds ago; the row under the pointer stays where it is."""
        now = time.monotonic()
        due = [session for session, gone in self.model.gone.items() if now - gone.since >= Span.LEFT / 1000]
        firm = self._hold.firm if due else -1
        for session in due:
            if self.model.index_of(session).row() > firm or session not in self.model:
                self._let_go(session)

    def _let_go(self, session: str) -> None:
        self._ghosts.pop(session, None)
        self.model.gone.pop(session, None)

    def _follow(self, moved: bool) -> None:
        """Show who is to be shown: in order, or, while a person is at the table, where they are."""
        everybody = {**self._members, **self._ghosts}
        query = self.filter.query
        shown = everybody if query.everything else {s: m for s, m in everybody.items() if self._fits(query, m)}
        now, held = time.monotonic(), self._hold.held
        due = moved or now - self._sorted_at >= _SETTLE_SECONDS
        known = [session for session in self.model.identities() if session in shown]
        if due or len(known) < len(shown):
            sort = self.table.sorting.sort
            order = [member.session for member in sort(shown.values(), self._strip, self.table.reverse)]
            if held:
                there = set(known)
                self.changed.setVisible(known != [session for session in order if session in there])
                order = [*known, *(session for session in order if session not in there)]
            else:
                self._sorted_at = now
                self.changed.hide()
        else:
            order = known
        self._show_rows([shown[session] for session in order])
        self._either.setCurrentIndex(0 if shown or query.everything else 1)

    def _show_rows(self, members: Members) -> None:
        """Show these; who was selected when a filter hid it is selected again when it comes back."""
        chosen = {member.session for member in self.selection}
        self._following = True
        self.model.follow(members)
        self._hidden |= {session for session in chosen if session not in self.model}
        self._hidden &= self._members.keys()
        for session in [session for session in self._hidden if session in self.model]:
            self._hidden.discard(session)
            index, selection = self.model.index_of(session), self.table.selectionModel()
            selection.select(index, _ADD)
            if not self.table.currentIndex().isValid():
                selection.setCurrentIndex(index, QItemSelectionModel.SelectionFlag.NoUpdate)
        self._following = False

    def _chosen(self) -> None:
        if not self._following:
            self._hidden.clear()
        self._show_card()

    def _fits(self, query: Query, member: MemberView) -> bool:
        speaking = self.model.level(member.session) is not None
        return query.matches(row_of(member, speaking=speaking, now=int(time.time() * 1000)))

    def _settle(self) -> None:
        self._hold.release()
        self._sorted_at = 0.0
        order = self.table.sorting.sort(
            (self.model.at(row) for row in range(self.model.rowCount())), self._strip, self.table.reverse
        )
        self.model.follow(order)
        self.changed.hide()

    def _say_counts(self, speaking: int) -> None:
        total = len(self._members)
        shown = sum(session in self.model for session in self._members)
        self.header.count.say(f"{shown} of {total}" if not self.filter.query.everything else wording.count(total))
        muted = sum(member.muted for member in self._members.values())
        parts = [f"{speaking} speaking" if speaking else "Quiet"]
        if muted:
            parts.append(f"{muted} muted")
        away = sum(member.state == "reconnecting" for member in self._members.values())
        if away:
            parts.append(f"{away} reconnecting")
        self.header.sentence.say("  ·  ".join(parts))

    def _narrow(self) -> None:
        self._sorted_at = 0.0
        self._follow(True)
        room = self._context.desk.room(self._room)
        self._say_counts(len(room.speaking) if room is not None else 0)

    def _judge(self, problem: str) -> None:
        self.problem.say(problem)
        self._blame.setVisible(bool(problem))

    # The selection.

    def _show_card(self) -> None:
        chosen = self.selection
        one = chosen[0] if len(chosen) == 1 else None
        self._card_holder.setVisible(bool(chosen))
        self.card.setVisible(one is not None)
        self.crowd.setVisible(len(chosen) > 1)
        self.acts.enable(chosen)
        if one is not None:
            fresh = self.card.member is None or self.card.member.session != one.session
            self.card.show_member(one, self.model.level(one.session), self.model.state(one))
            if fresh:
                self._show_figures()
                self._history.read(one.user)
        elif chosen:
            self.crowd.show_members(chosen)

    def _show_figures(self) -> None:
        member = self.card.member
        if member is not None and not self.card.isHidden():
            desk = self._context.desk
            talk, trips = desk.talk(self._room, member.session), desk.round_trips(member.session)
            self.card.show_figures(talk, trips, desk.refused(member.session))

    def _use(self, tool: Tool, session: str) -> None:
        member = self._members.get(session)
        if member is not None:
            self.acts.use(tool, member)

    def _show_menu(self, at: QPoint) -> None:
        chosen = self.selection
        if chosen and self.table.indexAt(at).isValid():
            menu = self.acts.menu(chosen)
            menu.aboutToHide.connect(menu.deleteLater)
            menu.popup(self.table.viewport().mapToGlobal(at))

    def _moved(self, sessions: list[str]) -> None:
        self._context.moderation.seen(self._members)
        self.model.touch(sessions, NAME, TOOLS)
        self._show_card()

    def _connect(self) -> None:
        for place in (self.table, self.card, self.crowd):
            self.acts.serve(place)
        self._context.moderation.moved.connect(self._moved)
        self.filter.applied.connect(self._narrow)
        self.filter.judged.connect(self._judge)
        self.filter.entered.connect(self.table.setFocus)
        self.changed.clicked.connect(self._settle)
        self.table.tool_used.connect(self._use)
        self.table.sorted_by.connect(lambda *_: self._settle())
        self.table.selectionModel().selectionChanged.connect(lambda *_: self._chosen())
        self.table.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.table.customContextMenuRequested.connect(self._show_menu)

    def _lay_out(self) -> None:
        self.changed.hide()
        self.header.controls.addWidget(self.changed)
        self.header.controls.addWidget(self.filter)
        holder = QWidget()
        self._either = QStackedLayout(holder)
        self._either.addWidget(self.table)
        self._either.addWidget(self._none)
        self._card_holder = QWidget()
        framed = QVBoxLayout()
        framed.setContentsMargins(Size.PADDING, Size.PADDING, Size.PADDING, Size.PADDING)
        framed.addWidget(self.card)
        framed.addWidget(self.crowd)
        under = QVBoxLayout(self._card_holder)
        under.addWidget(Divider())
        under.addLayout(framed)
        self._blame = QWidget()
        blamed = QVBoxLayout(self._blame)
        blamed.setContentsMargins(Size.PADDING, 0, Size.PADDING, 8)
        blamed.addWidget(self.problem)
        self._blame.hide()
        self.filter.setFixedHeight(28)
        column = QVBoxLayout(self)
        for part in (self.header, self._blame, Divider(), holder, self._card_holder):
            column.addWidget(part)
        column.setStretchFactor(holder, 1)
        for layout in (column, under):
            layout.setContentsMargins(0, 0, 0, 0)
            layout.setSpacing(0)
