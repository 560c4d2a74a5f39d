"""The tools of a member's row: where they are, what they look like, what they are called."""

from __future__ import annotations

import enum
from collections.abc import Mapping

from PySide6.QtCore import QPoint, QRect

from gui import wording
from gui.tokens import Size
from server.views import MemberView

TOOL_SIZE = 28
UNDO_WIDTH = 52


class Tool(enum.Enum):
    """What can be done to a member with one click, from left to right."""

    MUTE = enum.auto()
    WHISPER = enum.auto()
    KICK = enum.auto()
    UNDO = enum.auto()
    """Undo the kick; it stands alone in the row of one who is being put out."""

    def icon(self, member: MemberView) -> str:
        """A file of resources/icons."""
        if self is Tool.MUTE:
            return "microphone" if member.muted else "microphone-slash"
        return "chat-circle-dots" if self is Tool.WHISPER else "sign-out"

    def words(self, member: MemberView) -> str:
        """What it does to whom, with the key that does the same."""
        name = wording.name(member.name)
        if self is Tool.UNDO:
            return f"Undo the kick of {name}"
        if self is Tool.MUTE:
            return f"Unmute {name}  (M)" if member.muted else f"Mute {name} for 10 min  (M)"
        return f"Whisper to {name}  (W)" if self is Tool.WHISPER else f"Kick {name}  (K)"


def tool_boxes(cell: QRect, *, leaving: bool = False) -> dict[Tool, QRect]:
    """Where the tools are in the last cell of a row; `leaving`: of one who is being put out."""
    if leaving:
        width = UNDO_WIDTH
        return {Tool.UNDO: QRect(cell.right() + 1 - (Size.PADDING - 6) - width, cell.top() + 6, width, TOOL_SIZE)}
    tools = (Tool.MUTE, Tool.WHISPER, Tool.KICK)
    left = cell.right() + 1 - (Size.PADDING - 6) - len(tools) * TOOL_SIZE
    top = cell.top() + (cell.height() - TOOL_SIZE) // 2
    return {tool: QRect(left + place * TOOL_SIZE, top, TOOL_SIZE, TOOL_SIZE) for place, tool in enumerate(tools)}


def tool_at(boxes: Mapping[Tool, QRect], at: QPoint) -> Tool | None:
    """Which tool is at a point."""
    return next((tool for tool, box in boxes.items() if box.contains(at)), None)
