"""The actions of the Flow view, with their keys."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtGui import QAction, QKeySequence

from gui.actions import IN_LIST

if TYPE_CHECKING:
    from gui.actions import Actions

GROUP = "Flow"


class Commands:
    """Made once for the window; they can be triggered while the view is seen. What they do, the view connects."""

    def __init__(self, actions: Actions) -> None:
        def make(text: str, *keys: str | QKeySequence.StandardKey, icon: str = "") -> QAction:
            made = actions.make(text, *keys, group=GROUP, icon=icon, scope=IN_LIST)
            made.setEnabled(False)
            return made

        self.pause = make("Pause or resume the flow", "Space", icon="pause")
        self.newest = make("Go to the newest message", "Home", icon="arrow-up")
        self.filter_for = make("Filter for this", "F", icon="funnel")
        self.filter_out = make("Filter out", "Shift+F", icon="funnel")
        self.copy = make("Copy", QKeySequence.StandardKey.Copy, icon="copy")
        self.copy_json = make("Copy the message as JSON", "Ctrl+J", icon="copy")
        self.reveal = make("Read the whisper with a reason", "Ctrl+R", icon="eye")
        self.highlight = make("Highlight messages", "Ctrl+Shift+F", icon="highlighter")
        self.save_filter = make("Save this filter", "Ctrl+D", icon="bookmark-simple")
        self.clear_filter = make("Clear filter", "Ctrl+Backspace", icon="x")
        self.clear = make("Clear", "Ctrl+L", icon="trash")
        self.export = make("Export messages", "Ctrl+E", icon="export")
        self.every_voice = make("All voice, or sampled", "Ctrl+Shift+V", icon="microphone")

    @property
    def of_view(self) -> tuple[QAction, ...]:
        """Those whose keys work wherever the keyboard is in the view."""
        return (
            self.highlight,
            self.save_filter,
            self.clear_filter,
            self.clear,
            self.export,
            self.every_voice,
            self.reveal,
        )

    @property
    def of_table(self) -> tuple[QAction, ...]:
        """Those whose keys are for the table alone."""
        return (self.newest, self.filter_for, self.filter_out, self.copy, self.copy_json)

    @property
    def of_cell(self) -> tuple[QAction, ...]:
        """Those of the menu of a cell."""
        return (self.filter_for, self.filter_out, self.copy, self.copy_json)
