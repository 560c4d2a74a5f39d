"""Tries Qt in a process of its own, for the doctor: where Qt fails it ends the process."""

from __future__ import annotations

import os
import sys

from server.config import StartError

UNUSABLE = 3
"""The exit code where Qt cannot be loaded; stderr says why."""


def probe() -> None:
    """Make a window as the console does; print the version of Qt, then ``zh`` if a font has Chinese."""
    try:
        import PySide6.QtSvg
        from PySide6.QtGui import QFontDatabase
        from PySide6.QtWidgets import QWidget

        from gui.application import new_application

        os.write(1, f"{PySide6.__version__}\n".encode())
        app = new_application(["switchboard"])
    except (ImportError, StartError) as error:
        os.write(2, f"{str(error).splitlines()[0]}\n".encode())
        sys.exit(UNUSABLE)
    window = QWidget()
    window.show()
    if QFontDatabase.families(QFontDatabase.WritingSystem.SimplifiedChinese):
        os.write(1, b"zh\n")
    window.close()
    app.quit()
