"""The last lines of a room's chat: words of a line for eyes and for ears."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import Qt

from gui import wording
from gui.rows import Index, Rows
from server.views import ChatView

LEFT_WORDS = {
    "left": "left",
    "kicked": "was kicked",
    "banned": "was banned",
    "moved": "was moved to another room",
    "lost": "lost the connection",
    "room_full": "was put out: the room is full",
}


class ChatModel(Rows[ChatView]):
    """Lines, oldest first."""

    def key(self, row: ChatView) -> str:
        return row.key

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        line = self.at(index)
        if role == Qt.ItemDataRole.DisplayRole:
            return wording.paragraph(line.text)
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return f"{wording.clock(line.at)}, {head_words(line)}: {body_words(line)}".rstrip(": ")
        return None


def head_words(line: ChatView) -> str:
    """Who says something to whom, or the whole event."""
    name = wording.within(line.name)
    if line.kind == "joined":
        return f"{name} joined"
    if line.kind == "left":
        return f"{name} {LEFT_WORDS.get(line.text, 'left')}"
    if line.kind == "whisper":
        return f"You to {wording.within(line.to)}"
    return wording.name(line.name)


def body_words(line: ChatView) -> str:
    """What is said; nothing for an event."""
    return "" if line.kind in ("joined", "left") else wording.paragraph(line.text)
