"""What the frame and a view know of each other.

A view is a `View`: the rail shows its `icon` and `title`, the top bar `title` and `sentence()`. The bridge hands
what changed to the visible view and to no other, so a hidden view costs nothing; when it is shown it gets
`Changes.whole()`.
A view reads snapshots from `context.desk`, acts through `context.actions`, and starts work through `context.tasks`.

Each view is made as ``RoomsView(context)`` (gui/rooms/view.py) or ``NodesView(context)`` (gui/nodes/view.py) by
gui/app.py. The dialog that launches nodes is ``LaunchDialog(context, window)`` (gui/nodes/launch.py); the window
makes it when `actions.launch` is triggered, calls ``open()`` and lets it go when it has ``finished``.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

if TYPE_CHECKING:
    from gui.actions import Actions
    from gui.appearance import Appearance
    from gui.bridge import Bridge
    from gui.frame.banner import Banners
    from gui.moderation import Moderation
    from gui.state import State
    from gui.tasks import Tasks
    from gui.undo import Undo
    from gui.widgets.toast import Toasts
    from server.config import Config
    from server.desk import Desk
    from server.launcher import Launcher
    from server.views import MemberView


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What has changed since the last look, by key."""

    rooms: frozenset[str] = frozenset()
    """Rooms whose members, settings or speakers changed, opened or closed."""
    chats: frozenset[str] = frozenset()
    """Rooms with new lines."""
    nodes: frozenset[str] = frozenset()
    """Node ids."""
    children: frozenset[str] = frozenset()
    """Launched nodes (`Child.id`) that began, went on a state or ended."""
    logs: frozenset[str] = frozenset()
    """Launched nodes that said something."""
    audit: frozenset[str] = frozenset()
    """``acts`` when more is known of who did what, ``bans`` when other bans are in force."""
    reports: frozenset[str] = frozenset()
    """Reports that came, or on which somebody works otherwise than before."""
    second: bool = False
    """A second of the clock is over: ages and other figures may be written anew."""
    all: bool = False
    """Look at everything: the view was hidden until now."""

    @classmethod
    def whole(cls) -> Changes:
        """For a view that has just been shown."""
        return cls(second=True, all=True)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What a view is given."""

    desk: Desk
    launcher: Launcher
    config: Config
    bridge: Bridge
    tasks: Tasks
    actions: Actions
    moderation: Moderation
    undo: Undo
    """What was done and can be undone; who does something that can be says so there."""
    toasts: Toasts
    banners: Banners
    appearance: Appearance
    state: State
    """For layouts (`State.keep`) and choices that outlive the window."""


class View(QWidget):
    """One of the views of the rail."""

    title = ""
    """Its name in rail and top bar."""
    icon = ""
    """A file of resources/icons, which also has a ``-fill`` twin for the view that is open."""

    moved = Signal()
    """It shows another place, such as another room, because a person wanted it."""

    def place(self) -> str:
        """Which of its objects it shows, by id, so that one can come back; empty where there is but one place."""
        return ""

    def go(self, place: str) -> None:
        """Show an object of its own: what `place` gave, if that is still there."""

    def subject(self) -> MemberView | None:
        """The person on whom keys act now."""
        return None

    def sentence(self) -> str:
        """The state of what it shows in one sentence, for the top bar; asked after each `refresh`."""
        raise NotImplementedError

    def refresh(self, changes: Changes) -> None:
        """Bring models up to date with the node; at most 4 times a second, and only while visible."""
        raise NotImplementedError

    def refresh_levels(self) -> None:
        """Show who speaks how loudly; at most 8 times a second, and only while visible."""

    def focus_first(self) -> None:
        """Take the keyboard when the view is shown."""

    def panes(self) -> Sequence[QWidget]:
        """The lists and fields between which ``F6`` moves the keyboard, in order."""
        return ()

    def focus_filter(self) -> None:
        """Put the cursor into the filter of its list, for ``/``."""

    def step_back(self) -> None:
        """Undo the last narrowing (filter, selection), for ``Esc``."""
