"""The open room: header, member table with its card, chat with the composer."""

from __future__ import annotations

import urllib.parse
from functools import partial

from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QHeaderView,
    QMenu,
    QSplitter,
    QStackedLayout,
    QVBoxLayout,
    QWidget,
)

from gui import wording
from gui.actions import Stage
from gui.rooms.card import MemberCard
from gui.rooms.chat import ChatPane
from gui.rooms.composer import Composer, Receiver
from gui.rooms.member_row import INDENT, RIGHT, MemberRow
from gui.rooms.members_model import AGE, LEVEL, NAME, NODE, RTT, MembersModel, matches, ordered
from gui.rooms.room_header import RoomHeader
from gui.tokens import Size
from gui.views import Context
from gui.widgets.buttons import Button, Kind
from gui.widgets.columns import ColumnHeader, Table
from gui.widgets.filter import FilterField
from gui.widgets.panes import Divider, EmptyState, PaneHeader
from server.views import MemberView, RoomView

COLUMNS = {LEVEL: 92, NODE: 104, AGE: 76, RTT: 84}
"""Widths; the name takes the rest."""
NARROW_COLUMNS = {LEVEL: 60, NODE: 76, RTT: 72}
NARROW = 520
"""A table below this width goes without the age."""


class MemberTable(Table):
    """The table of members, which makes do with little width."""

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        before, now = event.oldSize().width(), event.size().width()
        narrow = now < NARROW
        if before < 0 or (before < NARROW) is not narrow:
            self.setColumnHidden(AGE, narrow)
            for column, width in (NARROW_COLUMNS if narrow else COLUMNS).items():
                self.horizontalHeader().resizeSection(column, width)


class RoomPane(QWidget):
    """Shows one room at a time and acts on its members."""

    def __init__(self, context: Context, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._context = context
        self._room = ""
        self._wanted = ""
        self._members: dict[str, MemberView] = {}
        self.header = RoomHeader()
        self.model = MembersModel(context.actions.kicks, self)
        self.table = _member_table(self.model)
        self.filter = FilterField("Filter members")
        self.members_header = PaneHeader("Members")
        self.members_header.controls.addWidget(self.filter)
        self.card = MemberCard(context.actions)
        self.chat = ChatPane()
        self.composer = Composer(context.actions.send)
        clear = Button("Clear filter", kind=Kind.LINK)
        clear.clicked.connect(self.filter.clear)
        self._none = EmptyState("No member has these letters in name, user or node.", button=clear)
        self._lay_out()
        self._connect()

    @property
    def room(self) -> str:
        """The room that is open; empty for none."""
        return self._room

    @property
    def selected(self) -> MemberView | None:
        """The member on whom keys and buttons act."""
        index = self.table.chosen
        return self.model.at(index) if index.isValid() else None

    def select(self, session: str) -> None:
        """Select a member, and show it even where a filter hid it."""
        if session in self._members:
            if not self.model.index_of(session).isValid():
                self.filter.clear()
            self.table.setCurrentIndex(self.model.index_of(session))
            self.table.setFocus()

    def open(self, name: str) -> None:
        """Show another room."""
        if name == self._room:
            return
        self._room = name
        self.filter.clear()
        self.table.selectionModel().clear()
        self.refresh(anew=True)

    def refresh(self, *, anew: bool = False, chat: bool = True) -> None:
        """Look at the node for everything that is shown of the room."""
        node = self._context.desk
        room = node.room(self._room)
        if room is not None:
            self.header.show_room(room, f"{node.http}#{urllib.parse.quote(room.name)}")
        self._members = {member.session: member for member in ordered(node.members(self._room))}
        self.refresh_levels()
        self._follow(room)
        if chat or anew:
            self.refresh_chat(anew=anew)

    def refresh_chat(self, *, anew: bool = False) -> None:
        """Look at the node for new lines."""
        self.chat.show_lines(self._context.desk.chat(self._room), anew=anew)

    def refresh_levels(self) -> None:
        """Look at the node for who speaks how loudly."""
        self.model.hear(self._context.desk.levels(self._room))

    def refresh_ages(self) -> None:
        """A second is over: everybody is older."""
        self.model.touch_all(AGE, AGE)

    def fold(self, folded: bool) -> None:
        """Make do with a low window."""
        self.card.fold(folded)

    def whisper(self, member: MemberView) -> None:
        """Turn the composer to a member."""
        self.composer.address(Receiver(member.session, member.name))

    def _follow(self, room: RoomView | None) -> None:
        wanted = self._wanted
        shown = [member for member in self._members.values() if not wanted or matches(member, wanted)]
        for session in list(self._context.actions.kicks):
            self._forget_kick(session)
        self.model.follow(shown)
        self._either.setCurrentIndex(1 if wanted and not shown else 0)
        receiver = self.composer.receiver
        self.composer.show_presence(receiver is None or receiver.session in self._members)
        total = len(self._members)
        self.members_header.count.say(f"{len(shown)} of {total}" if wanted else wording.count(total))
        speaking = len(room.speaking) if room is not None else 0
        self.members_header.sentence.say(f"{speaking} speaking" if speaking else "Nobody speaks")
        self._show_card()

    def _show_card(self) -> None:
        member = self.selected
        self.card.setVisible(member is not None)
        self._card_holder.setVisible(member is not None)
        for action in (self._context.actions.kick, self._context.actions.whisper):
            action.setEnabled(member is not None)
        if member is not None:
            leaving = self.model.kick(member.session) is not None
            self.card.show_member(member, self.model.level(member.session), leaving=leaving)

    def _narrow_members(self, text: str) -> None:
        self._wanted = text.strip().casefold()
        self._follow(self._context.desk.room(self._room))

    def _on_member(self, act: str) -> None:
        member = self.selected
        if member is None:
            return
        if act == "kick":
            self._context.actions.kick_member(member)
        else:
            self.whisper(member)

    def _send(self, session: str, text: str) -> None:
        self._context.tasks.start(self._whisper(session, text), "send the whisper")

    async def _whisper(self, session: str, text: str) -> None:
        node = self._context.desk
        await node.whisper(node.operator, session=session, text=text)
        self.composer.sent(session)

    def _show_menu(self, at: QPoint) -> None:
        member = self.selected
        if member is None or not self.table.indexAt(at).isValid():
            return
        menu = QMenu(self)
        actions = self._context.actions
        for action, act in ((actions.whisper, self.whisper), (actions.kick, actions.kick_member)):
            entry = menu.addAction(f"{action.text()} {wording.name(member.name)}")
            entry.triggered.connect(partial(lambda act, _=False: act(member), act))
        menu.aboutToHide.connect(menu.deleteLater)
        menu.popup(self.table.viewport().mapToGlobal(at))

    def _connect(self) -> None:
        actions = self._context.actions
        actions.kick.triggered.connect(lambda: self._on_member("kick"))
        actions.whisper.triggered.connect(lambda: self._on_member("whisper"))
        for place in (self.table, self.card):
            place.addAction(actions.kick)
            place.addAction(actions.whisper)
        actions.for_members(actions.whisper, "Whisper to {name}", self.whisper, visit=True)
        actions.for_members(actions.kick, "Kick {name}", actions.kick_member)
        actions.kicked.connect(self._kick_changed)
        self.filter.textChanged.connect(self._narrow_members)
        self.composer.sending.connect(self._send)
        self.table.selectionModel().selectionChanged.connect(lambda *_: self._show_card())
        self.table.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.table.customContextMenuRequested.connect(self._show_menu)

    def _forget_kick(self, session: str) -> None:
        """Let go of a kick that is done, once the record has come that the member left."""
        kick = self._context.actions.kicks.get(session)
        if kick is not None and kick.stage is Stage.DONE and session not in self._members:
            self._context.actions.forget_kick(session)

    def _kick_changed(self, session: str) -> None:
        self._forget_kick(session)
        self.model.touch((session,), NAME, RTT)
        self._show_card()

    def _lay_out(self) -> None:
        holder = QWidget()
        self._either = QStackedLayout(holder)
        self._either.addWidget(self.table)
        self._either.addWidget(self._none)
        self._card_holder = QWidget()
        framed = QVBoxLayout()
        framed.setContentsMargins(Size.PADDING, Size.PADDING, Size.PADDING, Size.PADDING)
        framed.addWidget(self.card)
        under = QVBoxLayout(self._card_holder)
        under.addWidget(Divider())
        under.addLayout(framed)
        members = QWidget()
        left = QVBoxLayout(members)
        for part in (self.members_header, Divider(), holder, self._card_holder):
            left.addWidget(part)
        left.setStretchFactor(holder, 1)
        talk = QWidget()
        right = QVBoxLayout(talk)
        right.addWidget(self.chat, 1)
        right.addWidget(Divider())
        framed_composer = QVBoxLayout()
        framed_composer.setContentsMargins(Size.PADDING, Size.PADDING, Size.PADDING, Size.PADDING)
        framed_composer.addWidget(self.composer)
        right.addLayout(framed_composer)
        self.splitter = QSplitter(Qt.Orientation.Horizontal)
        self.splitter.setHandleWidth(1)
        self.splitter.setChildrenCollapsible(False)
        self.splitter.addWidget(members)
        self.splitter.addWidget(talk)
        self.splitter.setStretchFactor(0, 1)
        self.splitter.setSizes([640, 376])
        members.setMinimumWidth(400)
        talk.setMinimumWidth(260)
        column = QVBoxLayout(self)
        for part in (self.header, Divider(), self.splitter):
            column.addWidget(part)
        column.setStretchFactor(self.splitter, 1)
        for layout in (left, right, column, under):
            layout.setContentsMargins(0, 0, 0, 0)
            layout.setSpacing(0)


def _member_table(model: MembersModel) -> MemberTable:
    header = ColumnHeader(RIGHT, {NAME: INDENT, RTT: Size.PADDING})
    table = MemberTable("Members", header, Size.MEMBER_ROW)
    table.setModel(model)
    table.setItemDelegate(MemberRow(table))
    header.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
    header.setSectionResizeMode(NAME, QHeaderView.ResizeMode.Stretch)
    return table
