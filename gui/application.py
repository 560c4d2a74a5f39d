"""Makes the Qt application: on a screen where one answers, else off screen; what Qt says goes to the log."""

from __future__ import annotations

import ctypes
import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QLibraryInfo, QMessageLogContext, QObject, QtMsgType, qInstallMessageHandler
from PySide6.QtWidgets import QApplication

from gui.screen import why_no_display
from server.config import StartError

logger = logging.getLogger("switchboard.gui")
_qt_logger = logging.getLogger("switchboard.qt")

_LEVELS = {
    QtMsgType.QtDebugMsg: logging.DEBUG,
    QtMsgType.QtInfoMsg: logging.INFO,
    QtMsgType.QtWarningMsg: logging.WARNING,
    QtMsgType.QtCriticalMsg: logging.ERROR,
    QtMsgType.QtFatalMsg: logging.CRITICAL,
}


def new_application(arguments: Sequence[str]) -> QApplication:
    """Make the one application of this process. Raises StartError where this Qt cannot be used.

    Without a display that answers the window is drawn off screen, and the node serves in full.
    """
    check_qt()
    qInstallMessageHandler(_log)
    if "QT_QPA_PLATFORM" not in os.environ and sys.platform.startswith("linux"):
        why = why_no_display(os.environ)
        if why is None and not os.environ.get("WAYLAND_DISPLAY"):
            check_platform_plugin()
        elif why is not None:
            logger.warning("%s: the console runs off screen, the node serves in full", why)
            os.environ["QT_QPA_PLATFORM"] = "offscreen"
    app = QApplication(list(arguments))
    app.setApplicationName("Switchboard")
    app.setQuitOnLastWindowClosed(False)  # the window says when it is closed, and the node ends in its own time
    return app


def check_qt() -> None:
    """Raise StartError where this PySide6 counts references to ``None`` wrongly, which aborts the process in time."""
    qobject, before = QObject(), sys.getrefcount(None)
    for _ in range(64):
        qobject.parent()
    if abs(sys.getrefcount(None) - before) >= 32:
        raise StartError("this PySide6 crashes on Python before 3.12: `make run` installs the version that does not")


def check_platform_plugin() -> None:
    """Load what Qt needs for X11, whose absence makes it print a page and abort. Raises StartError."""
    plugin = Path(QLibraryInfo.path(QLibraryInfo.LibraryPath.PluginsPath)) / "platforms" / "libqxcb.so"
    if plugin.exists():
        try:
            ctypes.CDLL(str(plugin))
        except OSError as error:
            raise StartError(f"Qt cannot open a window, {error}: `make run` installs what is missing") from None


def _log(kind: QtMsgType, context: QMessageLogContext, message: str) -> None:
    _qt_logger.log(_LEVELS.get(kind, logging.WARNING), "%s", message)
