"""What the window remembers from one run to the next, in a file beside the node's keys; never a secret."""

from __future__ import annotations

import base64
import binascii
import contextlib
import dataclasses
import json
import logging
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TypeVar

from PySide6.QtCore import QByteArray, QSettings
from PySide6.QtWidgets import QHeaderView, QMainWindow, QSplitter

from bus import private

log = logging.getLogger("switchboard.gui")

FILE = "window.ini"
Keeps = QSplitter | QHeaderView | QMainWindow
Value = TypeVar("Value", str, int, float, bool, list[str])


def _always() -> bool:
    return True


@dataclasses.dataclass(frozen=True, slots=True)
class _Kept:
    widget: Keeps
    reset: Callable[[], object]
    worth: Callable[[], bool]


class State:
    """Values and layouts by name, such as ``rooms/splitter``.

    A file that cannot be read is set aside and the window begins anew; one that cannot be written costs what would
    have been remembered, nothing else.
    """

    def __init__(self, folder: Path) -> None:
        """Open the state of the profile that has its data in `folder`."""
        self._path = folder / FILE
        self._kept: dict[str, _Kept] = {}
        self._remembered: dict[str, Callable[[], object]] = {}
        self._resets: list[Callable[[], object]] = []
        with contextlib.suppress(OSError):
            private.make_folder(folder)
            os.close(os.open(self._path, os.O_CREAT | os.O_WRONLY, 0o600))
            self._path.chmod(0o600)
        self._settings = self._open()

    def value(self, key: str, default: Value) -> Value:
        """What was put under this key, or `default` where there is nothing of its type."""
        try:
            found: Value = json.loads(str(self._settings.value(key, "")))
        except ValueError:
            return default
        if type(found) is not type(default):
            return default
        if isinstance(found, list):
            return default if any(type(each) is not str for each in found) else found
        return found

    def put(self, key: str, value: Value) -> None:
        """Remember a value."""
        self._settings.setValue(key, json.dumps(value))

    def remember(
        self,
        key: str,
        value: Callable[[], str | int | float | bool | list[str]],
        reset: Callable[[], object] | None = None,
    ) -> None:
        """Put what `value` gives when the window closes; `reset_layout` calls `reset`, where it is a layout."""
        self._remembered[key] = value
        if reset is not None:
            self._resets.append(reset)

    def keep(
        self,
        key: str,
        widget: Keeps,
        reset: Callable[[], None] | None = None,
        *,
        worth: Callable[[], bool] = _always,
    ) -> bool:
        """Give a splitter, a header or the window the layout that it had, and remember the one that it will have.

        Args:
            key: Its name.
            widget: As it is when nothing is remembered: that is what `reset_layout` goes back to.
            reset: Called instead of going back to that.
            worth: Whether the layout is one to remember; else what was remembered stays.

        Returns:
            Whether something was remembered.
        """
        self._kept[key] = _Kept(widget, reset or partial(_restore, widget, _layout(widget)), worth)
        try:
            data = base64.b64decode(self.value(f"layout/{key}", ""), validate=True)
        except (binascii.Error, ValueError):
            return False
        return bool(data) and _restore(widget, QByteArray(data))

    def reset_layout(self) -> None:
        """Put everything that was kept back to how it is in a new window."""
        for reset in (*(kept.reset for kept in self._kept.values()), *self._resets):
            reset()

    def save(self) -> None:
        """Write everything down; called when the window closes."""
        for key, value in self._remembered.items():
            self._settings.setValue(key, json.dumps(value()))
        for key, kept in self._kept.items():
            if kept.worth():
                self.put(f"layout/{key}", base64.b64encode(_layout(kept.widget).data()).decode())
        self._settings.sync()
        if self._settings.status() is not QSettings.Status.NoError:
            log.warning("the layout of the window cannot be kept in %s", self._path)

    def _open(self) -> QSettings:
        made = QSettings(str(self._path), QSettings.Format.IniFormat)
        made.allKeys()  # it reads the file now
        if made.status() is QSettings.Status.FormatError:
            aside = self._path.with_suffix(".broken")
            log.warning("%s cannot be read and is set aside as %s", self._path, aside.name)
            with contextlib.suppress(OSError):
                self._path.replace(aside)
            del made  # what it knows of the file would be shared with the next one
            made = QSettings(str(self._path), QSettings.Format.IniFormat)
        return made


def _layout(widget: Keeps) -> QByteArray:
    return widget.saveGeometry() if isinstance(widget, QMainWindow) else widget.saveState()


def _restore(widget: Keeps, layout: QByteArray) -> bool:
    return widget.restoreGeometry(layout) if isinstance(widget, QMainWindow) else widget.restoreState(layout)
