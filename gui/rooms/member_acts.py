"""What is done to members of the open room: by key, button, tool, menu and palette, to one or to many."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QMenu, QWidget

from gui import wording
from gui.bans.banning import Banning
from gui.moderation import BLOCK_SECONDS, GRACE_SECONDS, MUTE_SECONDS, Deed
from gui.rooms.composer import Whisper
from gui.rooms.crowd import CONFIRMED, CrowdSheet, people
from gui.rooms.move import MoveSheet
from gui.rooms.tools import Tool
from gui.widgets.labels import entry

if TYPE_CHECKING:
    from gui.rooms.members_pane import MembersPane
    from gui.views import Context
    from server.views import MemberView

Members = Sequence["MemberView"]


class MemberActs(QObject):
    """Asks where it must, and has it done; it acts on whom it is given, and the keys on who is selected."""

    whispering = Signal(object)
    """A `Whisper` that somebody wants to write."""

    def __init__(self, context: Context, pane: MembersPane) -> None:
        super().__init__(pane)
        self._context = context
        self._pane = pane
        self._banning = Banning(context, pane)
        self._connect()
        self._offer()

    def serve(self, place: QWidget) -> None:
        """Let the keys work there."""
        actions = self._context.actions
        for action in (
            actions.kick,
            actions.mute,
            actions.mute_on,
            actions.unmute,
            actions.whisper,
            actions.move,
            actions.ban,
        ):
            place.addAction(action)

    def enable(self, chosen: Members) -> None:
        """Let those keys work that make sense for who is selected."""
        actions = self._context.actions
        free = [member for member in chosen if self._is_free(member)]
        actions.whisper.setEnabled(bool(chosen))
        actions.ban.setEnabled(len(chosen) == 1)
        for action in (actions.kick, actions.mute, actions.mute_on, actions.move):
            action.setEnabled(bool(free))
        actions.unmute.setEnabled(any(member.muted for member in free))
        unmute = bool(chosen) and all(member.muted for member in chosen)
        actions.mute.setText("Unmute" if unmute else "Mute for 10 min")

    def act(self, deed: Deed, members: Members, seconds: float | None = MUTE_SECONDS, to: str = "") -> None:
        """Do something to members of the open room; to more than ten after a question."""
        members = [member for member in members if self._is_free(member)]
        if not members:
            return
        moderation, room = self._context.moderation, self._pane.room
        acts: dict[Deed, Callable[[], None]] = {
            Deed.KICK: partial(moderation.kick, members),
            Deed.MUTE: partial(moderation.mute, members, room, seconds),
            Deed.UNMUTE: partial(moderation.unmute, members, room),
            Deed.MOVE: partial(moderation.move, members, room, to),
        }
        if len(members) <= CONFIRMED:
            acts[deed]()
            return
        sheet = CrowdSheet(self._pane.window(), deed.name.capitalize(), members, _consequence(deed, seconds, to))
        sheet.finished.connect(lambda agreed: acts[deed]() if agreed else None)
        sheet.open()

    def toggle_mute(self, members: Members, seconds: float | None = MUTE_SECONDS) -> None:
        """Mute those who are not muted; where all of them are, let them be heard again."""
        free = [member for member in members if not member.muted]
        if free:
            self.act(Deed.MUTE, free, seconds)
        else:
            self.act(Deed.UNMUTE, members)

    def whisper(self, members: Members) -> None:
        """Write to these members."""
        if members:
            name = members[0].name if len(members) == 1 else people(len(members))
            self.whispering.emit(Whisper(tuple(member.session for member in members), name))

    def move(self, members: Members) -> None:
        """Ask where to, and move these members there."""
        members = [member for member in members if self._is_free(member)]
        if not members:
            return
        whom = wording.within(members[0].name) if len(members) == 1 else people(len(members))
        rooms = [room for room in self._context.desk.rooms() if room.name != self._pane.room]
        sheet = MoveSheet(self._pane.window(), whom, self._pane.room, rooms)
        sheet.chosen.connect(lambda to: self.act(Deed.MOVE, members, to=to))
        sheet.open()

    def ban(self, members: Members) -> None:
        """Ask for how long and why this one member is to be kept out."""
        if len(members) == 1:
            self._banning.ask(user=members[0].user, name=members[0].name, room=self._pane.room)

    def use(self, tool: Tool, member: MemberView) -> None:
        """Do what a tool of a row does."""
        if tool is Tool.UNDO:
            self._context.moderation.unkick(member)
        elif tool is Tool.MUTE:
            self.toggle_mute([member])
        elif tool is Tool.WHISPER:
            self.whisper([member])
        else:
            self.act(Deed.KICK, [member])

    def menu(self, chosen: Members) -> QMenu:
        """What can be done to these members; at least one."""
        menu = QMenu(self._pane)
        actions = self._context.actions
        whom = wording.name(chosen[0].name) if len(chosen) == 1 else people(len(chosen))
        entries: list[tuple[str, Callable[[Members], None]]] = [(actions.whisper.text(), self.whisper)]
        leaving = [member for member in chosen if member.leaves is not None]
        if len(leaving) == len(chosen):
            entries.append(("Undo the kick:", self._unkick))
        elif all(member.muted for member in chosen):
            entries.append(("Unmute", partial(self.act, Deed.UNMUTE)))
        else:
            entries.append(("Mute for 10 min:", self.toggle_mute))
            entries.append(("Mute until unmuted:", partial(self.toggle_mute, seconds=None)))
        if not leaving:
            entries.append(("Move to another room:", self.move))
            entries.append((actions.kick.text(), partial(self.act, Deed.KICK)))
        if len(chosen) == 1:
            entries.append((actions.ban.text(), self.ban))
        for words, act in entries:
            menu.addAction(entry(f"{words} {whom}")).triggered.connect(lambda _=False, act=act: act(chosen))
        return menu

    def _unkick(self, members: Members) -> None:
        for member in members:
            self._context.moderation.unkick(member)

    def _is_free(self, member: MemberView) -> bool:
        return member.leaves is None and member.session not in self._context.moderation.pending

    def _connect(self) -> None:
        actions, pane = self._context.actions, self._pane
        actions.kick.triggered.connect(lambda: self.act(Deed.KICK, pane.selection))
        actions.mute.triggered.connect(lambda: self.toggle_mute(pane.selection))
        actions.mute_on.triggered.connect(lambda: self.toggle_mute(pane.selection, None))
        actions.unmute.triggered.connect(lambda: self.act(Deed.UNMUTE, pane.selection))
        actions.whisper.triggered.connect(lambda: self.whisper(pane.selection))
        actions.move.triggered.connect(lambda: self.move(pane.selection))
        actions.ban.triggered.connect(lambda: self.ban(pane.selection))

    def _offer(self) -> None:
        """Have the palette offer it for anybody."""
        actions = self._context.actions
        actions.for_members(actions.whisper, "Whisper to {name}", lambda member: self.whisper([member]), visit=True)
        actions.for_members(
            actions.mute,
            "Mute {name} for 10 min",
            lambda member: self.act(Deed.MUTE, [member]),
            suits=_heard,
            visit=True,
        )
        actions.for_members(
            actions.mute_on,
            "Mute {name} until unmuted",
            lambda member: self.act(Deed.MUTE, [member], None),
            suits=_heard,
            visit=True,
        )
        actions.for_members(
            actions.unmute,
            "Unmute {name}",
            lambda member: self.act(Deed.UNMUTE, [member]),
            suits=_muted,
            visit=True,
        )
        actions.for_members(
            actions.move, "Move {name} to another room", lambda member: self.move([member]), suits=_stays, visit=True
        )
        actions.for_members(actions.kick, "Kick {name}", lambda member: self.act(Deed.KICK, [member]), suits=_stays)


def _stays(member: MemberView) -> bool:
    return member.leaves is None


def _muted(member: MemberView) -> bool:
    return member.muted and _stays(member)


def _heard(member: MemberView) -> bool:
    return not member.muted and _stays(member)


def _consequence(deed: Deed, seconds: float | None, to: str) -> str:
    if deed is Deed.KICK:
        block = wording.span(BLOCK_SECONDS * 1000)
        return (
            f"They are silent at once. Their connections are closed in {GRACE_SECONDS} s, and for {block} they may"
            " not come back."
        )
    if deed is Deed.MOVE:
        return f"They leave this room and are in {wording.within(to)} at once."
    if deed is Deed.UNMUTE:
        return "They may be heard again everywhere."
    span = "until they are unmuted" if seconds is None else f"for {wording.span(int(seconds * 1000))}"
    return f"Nobody in this room hears them {span}."
