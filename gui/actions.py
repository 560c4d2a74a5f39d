"""Everything a person can do, as actions with their keys."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator

from PySide6.QtCore import QObject, Qt
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QWidget

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
        keys = (key.toString(QKeySequence.SequenceFormat.NativeText) for key in self.action.shortcuts())
        return tuple(key.replace("Return", "Enter") for key in keys)


class Actions(QObject):
    """The actions of the window, in the one register from which palette and list of keys are made.

    Those that need an object do not look for it: a view connects them and passes the id that was selected when the
    key or the button went down.
    """

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        self._window = window
        self._commands: dict[QAction, Command] = {}
        self.mute = self.make("Mute for 10 min", "M", group="Rooms", icon="microphone-slash", scope=IN_LIST)
        self.mute_on = self.make(
            "Mute until unmuted", "Shift+M", group="Rooms", icon="microphone-slash-fill", scope=IN_LIST
        )
        self.unmute = self.make("Unmute", group="Rooms", icon="microphone", scope=IN_LIST)
        self.announce = self.make("Announce", "A", group="Rooms", icon="megaphone-simple", scope=IN_LIST)
        self.kick = self.make("Kick", "K", group="Rooms", icon="sign-out", scope=IN_LIST, danger=True)
        self.whisper = self.make("Whisper", "W", group="Rooms", icon="chat-circle-dots", scope=IN_LIST)
        self.send = self.make("Send", "Ctrl+Return", "Ctrl+Enter", group="Rooms", scope=IN_LIST)
        self.launch = self.make("Launch node", "N", icon="plus")
        self.copy_address = self.make("Copy address", "Ctrl+Shift+C", icon="copy")
        self.open_client = self.make("Open the browser client", "Ctrl+Shift+O", icon="arrow-square-out")
        self.filter = self.make("Filter", "/", icon="funnel-simple")
        self.back = self.make("Back", "Esc")
        self.next_pane = self.make("Next pane", "F6")

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
        self._commands[made] = Command(made, group, icon, danger)
        return made

    def commands(self) -> Iterator[Command]:
        """Every action there is, in the order in which they were made."""
        yield from self._commands.values()

    def view(self, title: str, number: int, icon: str) -> QAction:
        """The action that shows the view with that place in the rail, counted from 1."""
        made = self.make(title, f"Ctrl+{number}", group="Views", icon=icon)
        made.setCheckable(True)
        return made
