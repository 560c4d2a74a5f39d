"""The open room: header, members, chat with the composer."""

from __future__ import annotations

import asyncio
import urllib.parse
from collections.abc import Sequence

from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QSplitter, QVBoxLayout, QWidget

from gui import wording
from gui.rooms.chat import ChatPane
from gui.rooms.composer import Aim, Announcement, Composer, Whisper
from gui.rooms.members_pane import MembersPane
from gui.rooms.replay import Replaying
from gui.rooms.room_acts import RoomActs
from gui.rooms.room_header import RoomHeader
from gui.tokens import Size
from gui.views import Context
from gui.widgets.panes import Divider
from server.wire.native import Refused


class RoomPane(QWidget):
    """Shows one room at a time."""

    def __init__(self, context: Context, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._context = context
        self._room = ""
        self.header = RoomHeader(context.actions)
        self.members = MembersPane(context)
        self.chat = ChatPane()
        self.composer = Composer(context.actions.send)
        self.replaying = Replaying(context, self.chat.list, lambda: self._room)
        self._lay_out()
        self.members.acts.whispering.connect(self.composer.address)
        self.composer.sending.connect(self._send)
        context.actions.announce.triggered.connect(self.announce)
        self.acts = RoomActs(context, self, lambda: self._room)
        self.header.more.clicked.connect(self._show_menu)
        for place in (self.members.table, self.header, *self.chat.panes()):
            place.addActions([context.actions.announce, *self.acts.actions])

    @property
    def room(self) -> str:
        """The room that is open; empty for none."""
        return self._room

    def open(self, name: str) -> None:
        """Show another room."""
        if name == self._room:
            return
        self._room = name
        self.composer.show_room(name)
        if isinstance(self.composer.aim, Announcement):
            self.composer.address(None)
        self.members.open(name)
        self._show_header()
        self.refresh_chat(anew=True)

    def refresh(self, *, chat: bool) -> None:
        """Look at the node for everything that is shown of the room."""
        self._show_header()
        self.members.refresh()
        self._show_reach()
        if chat:
            self.refresh_chat()

    def refresh_chat(self, *, anew: bool = False) -> None:
        """Look at the node for new lines."""
        self.chat.show_lines(self._context.desk.chat(self._room), anew=anew)

    def announce(self) -> None:
        """Turn the composer to everybody in the room."""
        if self._room:
            self.composer.address(Announcement(self._room))
            self._show_reach()

    def _show_header(self) -> None:
        node = self._context.desk
        room = node.room(self._room)
        if room is not None:
            link = f"{node.http}#{urllib.parse.quote(room.name)}"
            self.header.show_room(room, link, has_password=node.has_password(room.name))
        self.acts.show(None if room is None else room.state)

    def _show_menu(self) -> None:
        menu = self.acts.menu(self)
        menu.aboutToHide.connect(menu.deleteLater)
        menu.popup(self.header.more.mapToGlobal(QPoint(0, self.header.more.height())))

    def _show_reach(self) -> None:
        aim, node = self.composer.aim, self._context.desk
        if isinstance(aim, Whisper):
            here = all(session in self.members for session in aim.sessions)
            self.composer.show_reach(here=here, people=len(aim.sessions))
        elif isinstance(aim, Announcement):
            room = node.room(aim.room) if aim.room is not None else None
            people = node.health().sessions if aim.room is None else room.members if room is not None else 0
            self.composer.show_reach(here=True, people=people)

    def _send(self, aim: Aim, text: str) -> None:
        if isinstance(aim, Announcement):
            self._context.tasks.start(self._announce(aim, text), "announce")
        else:
            self._context.tasks.start(self._whisper(aim, text), "send the whisper")

    async def _announce(self, aim: Announcement, text: str) -> None:
        node = self._context.desk
        await node.announce(node.operator, room=aim.room, text=text)
        self.composer.sent(aim)
        self._context.toasts.say(f"Announced to {wording.within(aim.name)}", icon="megaphone-simple")

    async def _whisper(self, aim: Whisper, text: str) -> None:
        """Whisper to one, who refuses with a sentence, or to several, of whom some may be gone."""
        if len(aim.sessions) == 1:
            await self._whisper_to(aim.sessions[0], text)
        else:
            results = await asyncio.gather(
                *(self._whisper_to(session, text) for session in aim.sessions), return_exceptions=True
            )
            self._tell(results)
        self.composer.sent(aim)

    async def _whisper_to(self, session: str, text: str) -> None:
        node = self._context.desk
        await node.whisper(node.operator, session=session, text=text)

    def _tell(self, results: Sequence[BaseException | None]) -> None:
        broken = [result for result in results if result is not None]
        for failure in broken:
            if not isinstance(failure, Refused):
                raise failure
        parts = [f"Whispered to {wording.count(len(results) - len(broken))}"]
        if broken:
            parts.append(f"{wording.count(len(broken))} not reached")
        self._context.toasts.say(", ".join(parts), icon="chat-circle-dots")

    def _lay_out(self) -> None:
        talk = QWidget()
        right = QVBoxLayout(talk)
        right.addWidget(self.chat, 1)
        right.addWidget(Divider())
        framed = QVBoxLayout()
        framed.setContentsMargins(Size.PADDING, Size.PADDING, Size.PADDING, Size.PADDING)
        framed.addWidget(self.composer)
        right.addLayout(framed)
        self.splitter = QSplitter(Qt.Orientation.Horizontal)
        self.splitter.setHandleWidth(1)
        self.splitter.setChildrenCollapsible(False)
        self.splitter.addWidget(self.members)
        self.splitter.addWidget(talk)
        self.splitter.setStretchFactor(0, 1)
        self.splitter.setSizes([640, 376])
        self.members.setMinimumWidth(400)
        talk.setMinimumWidth(260)
        column = QVBoxLayout(self)
        for part in (self.header, Divider(), self.splitter):
            column.addWidget(part)
        column.setStretchFactor(self.splitter, 1)
        for layout in (right, column):
            layout.setContentsMargins(0, 0, 0, 0)
            layout.setSpacing(0)
