"""Everything a person can do, as actions with their keys."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QWidget

from gui import wording

if TYPE_CHECKING:
    from server.views import MemberView

EVERYWHERE = "Everywhere"
"""The group of actions that work in every view; the others are named after their view."""

IN_LIST = Qt.ShortcutContext.WidgetWithChildrenShortcut
"""The scope of actions on what is selected: where their list, card or field has the keyboard."""


@dataclasses.dataclass(frozen=True, slots=True)
class Command:
    """An action as the palette and the list of keys show it."""

    action: QAction
    group: str
    """The view it belongs to, or `EVERYWHERE`."""
    icon: str
    """A file of resources/icons, or nothing."""
    danger: bool
    """Whether it hurts somebody."""

    @property
    def text(self) -> str:
        """What it does."""
        return self.action.text()

    @property
    def enabled(self) -> bool:
        """Whether it can be done now."""
        return self.action.isEnabled()

    @property
    def keys(self) -> tuple[str, ...]:
        """Its keys as people read them, the first one first."""
        return tuple(dict.fromkeys(wording.keys(key.toString()) for key in self.action.shortcuts()))


@dataclasses.dataclass(frozen=True, slots=True)
class MemberAct:
    """Something that can be done to one person, for the palette: act and person are found together."""

    action: QAction
    phrase: str
    """What it does, with ``{name}`` for whom, such as ``Mute {name} for 10 min``."""
    act: Callable[[MemberView], object]
    suits: Callable[[MemberView], bool]
    """Whether it makes sense for this one."""
    visit: bool
    """Whether the person is shown first."""


def _always(member: MemberView) -> bool:
    return True


class Actions(QObject):
    """The actions of the window, in the one register from which palette and list of keys are made.

    Those that need an object do not look for it: a view connects them and passes the id that was selected when the
    key or the button went down.
    """

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        self._window = window
        self._commands: dict[QAction, Command] = {}
        self.member_acts: list[MemberAct] = []
        """What can be done to a person, in the order in which it is offered."""
        self.mute = self.make("Mute for 10 min", "M", group="Rooms", icon="microphone-slash", scope=IN_LIST)
        self.mute_on = self.make(
            "Mute until unmuted", "Shift+M", group="Rooms", icon="microphone-slash-fill", scope=IN_LIST
        )
        self.unmute = self.make("Unmute", group="Rooms", icon="microphone", scope=IN_LIST)
        self.announce = self.make("Announce", "A", group="Rooms", icon="megaphone-simple", scope=IN_LIST)
        self.kick = self.make("Kick", "K", group="Rooms", icon="sign-out", scope=IN_LIST, danger=True)
        self.ban = self.make("Ban", "B", group="Rooms", icon="prohibit", scope=IN_LIST, danger=True)
        self.whisper = self.make("Whisper", "W", group="Rooms", icon="chat-circle-dots", scope=IN_LIST)
        self.lock = self.make("Lock", "L", group="Rooms", icon="lock-simple-fill", scope=IN_LIST)
        self.mute_room = self.make("Mute the room", group="Rooms", icon="speaker-slash", scope=IN_LIST)
        self.room_settings = self.make("Room settings", "S", group="Rooms", icon="gear-six", scope=IN_LIST)
        self.move = self.make("Move to another room", "V", group="Rooms", icon="arrow-right", scope=IN_LIST)
        self.send = self.make("Send", "Ctrl+Return", "Ctrl+Enter", group="Rooms", scope=IN_LIST)
        self.undo = self.make("Undo the last act", "Ctrl+Z", icon="arrow-counter-clockwise")
        self.search = self.make("Search", "Ctrl+K", icon="magnifying-glass")
        self.launch = self.make("Launch nodes", "N", icon="plus")
        self.join = self.make("Join a mesh", "J", icon="share-network")
        self.peers = self.make("Peers, add or remove", "Shift+J", icon="share-network")
        self.copy_address = self.make("Copy address", "Ctrl+Shift+C", icon="copy")
        self.open_client = self.make("Open the browser client", "Ctrl+Shift+O", icon="arrow-square-out")
        self.filter = self.make("Filter", "/", icon="funnel-simple")
        self.next_pane = self.make("Next pane", "F6", icon="caret-right")
        self.back = self.make("Step back", "Esc", icon="x")
        self.go_back = self.make("Go back", "Alt+Left", icon="arrow-left")
        self.go_forward = self.make("Go forward", "Alt+Right", icon="arrow-right")
        self.news = self.make("What was said", "Ctrl+Shift+N", icon="bell")
        self.keys = self.make("Keys", "F1", "?", icon="keyboard")
        self.settings = self.make("Settings", "Ctrl+,", icon="gear-six")
        self.looks = [
            self.make(words, icon=icon)
            for words, icon in (("Theme of the system", "desktop"), ("Dark theme", "moon"), ("Light theme", "sun"))
        ]
        """In the order of `gui.appearance.Look`."""
        self.reset_layout = self.make("Reset layout", icon="arrow-counter-clockwise")

    def make(
        self,
        text: str,
        *keys: str | QKeySequence.StandardKey,
        group: str = EVERYWHERE,
        icon: str = "",
        scope: Qt.ShortcutContext = Qt.ShortcutContext.WindowShortcut,
        act: Callable[[], object] | None = None,
        danger: bool = False,
    ) -> QAction:
        """Make an action and enter it into the register.

        Args:
            text: What it does, in a few words.
            keys: What does the same, such as ``Ctrl+K``.
            group: The view it belongs to.
            icon: A file of resources/icons.
            scope: Where its keys work. With the scope of a window they do so at once; an action with a smaller one
                is added to its widgets by who makes it.
            act: What is called when it is triggered.
            danger: Whether it hurts somebody; it is never offered first unless it was asked for.
        """
        made = QAction(text, self)
        made.setShortcuts([QKeySequence(key) for key in keys])
        made.setShortcutContext(scope)
        made.setAutoRepeat(False)
        if act is not None:
            made.triggered.connect(lambda: act())
        if scope is Qt.ShortcutContext.WindowShortcut:
            self._window.addAction(made)
        self.enter(made, group, icon, danger)
        return made

    def enter(self, action: QAction, group: str, icon: str = "", danger: bool = False) -> None:
        """Enter an action that a widget has made for itself; as for `make`."""
        self._commands[action] = Command(action, group, icon, danger)

    def for_members(
        self,
        action: QAction,
        phrase: str,
        act: Callable[[MemberView], object],
        *,
        suits: Callable[[MemberView], bool] = _always,
        visit: bool = False,
    ) -> None:
        """Offer in the palette what an action does, to any person of the cluster; see `MemberAct`."""
        self.member_acts.append(MemberAct(action, phrase, act, suits, visit))

    def command(self, action: QAction) -> Command:
        """What the register knows of an action."""
        return self._commands[action]

    def commands(self) -> Iterator[Command]:
        """Every action there is, in the order in which they were made."""
        yield from self._commands.values()

    def view(self, title: str, number: int, icon: str) -> QAction:
        """The action that shows the view with that place in the rail, counted from 1."""
        made = self.make(title, f"Ctrl+{number}", group="Views", icon=icon)
        made.setCheckable(True)
        return made
