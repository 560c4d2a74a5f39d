"""Where the letters of a decoded message stand."""

from __future__ import annotations

from PySide6.QtCore import QRect
from PySide6.QtWidgets import QApplication

from gui.flow.blocks import JsonBlock
from gui.flow.frame import lines, pieces
from tests.gui.legibility import faults


def test_what_follows_wide_letters_is_not_on_them(qapp: QApplication) -> None:
    block = JsonBlock()
    block.setGeometry(QRect(0, 0, 400, 200))
    block.show_lines(
        lines(pieces(b'{"room":"\xe5\xa4\x9c\xe7\x8c\xab\xe5\xad\x90\xe8\xaf\xad\xe9\x9f\xb3","seq":66}'))
    )
    block.show()
    assert [fault for fault in faults(block) if fault.startswith("on each other")] == []
    block.close()
