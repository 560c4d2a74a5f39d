"""The last lines of a room's chat: words of a line for eyes and for ears."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import Qt

from gui import wording
from gui.rooms.events import EVENTS, Entry, Fold, event_words
from gui.rows import Index, Rows


class ChatModel(Rows[Entry]):
    """Lines, oldest first."""

    def key(self, row: Entry) -> str:
        return row.key

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        line = self.at(index)
        if role == Qt.ItemDataRole.DisplayRole:
            return wording.paragraph(line.text)
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return f"{wording.clock(line.at)}, {head_words(line)}: {body_words(line)}".rstrip(": ")
        return None


def head_words(line: Entry) -> str:
    """Who says something to whom, or the whole event."""
    if isinstance(line, Fold) or line.kind in EVENTS:
        return event_words(line)
    if line.kind == "whisper":
        return f"You to {wording.within(line.to)}"
    if line.kind == "announcement":
        whom = "everybody" if line.everywhere else "the room"
        return f"{wording.within(line.name)} to {whom}"
    return wording.name(line.name)


def body_words(line: Entry) -> str:
    """What is said; nothing for an event."""
    return "" if line.kind in EVENTS else wording.paragraph(line.text)
