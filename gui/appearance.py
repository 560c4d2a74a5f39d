"""Which look the window has: that of the system, followed live, or the one that a person chose."""

from __future__ import annotations

import enum
import functools

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QAccessibilityHints, QStyleHints
from PySide6.QtWidgets import QApplication

from gui import theme
from gui.tokens import DARK_SCHEME, LIGHT_SCHEME, Scheme


@functools.cache
def _system(app: QApplication) -> tuple[QStyleHints, QAccessibilityHints]:
    """What tells of the system's look. PySide forgets the second with the first, so both are kept."""
    hints = app.styleHints()
    return hints, hints.accessibility()


class Look(enum.StrEnum):
    """What a person can choose."""

    SYSTEM = "system"
    DARK = "dark"
    LIGHT = "light"


class Appearance(QObject):
    """Applies the look, and again whenever the choice or what the system asks for changes.

    Where the system does not say, it is dark. Stronger lines come when the system asks for contrast.
    """

    changed = Signal()
    """Another scheme or another choice is in force."""

    def __init__(self, app: QApplication, look: Look = Look.SYSTEM) -> None:
        """Apply the look and begin to follow the system."""
        super().__init__(app)
        self._app = app
        self._look = look
        self._hints, self._accessibility = _system(app)
        self._hints.colorSchemeChanged.connect(self.follow)
        self._accessibility.contrastPreferenceChanged.connect(self.follow)
        self._ask()
        self.follow()

    @property
    def look(self) -> Look:
        """What was chosen."""
        return self._look

    @property
    def wanted(self) -> Scheme:
        """The scheme that follows from the choice and the system."""
        light = self._look is Look.LIGHT if self._look is not Look.SYSTEM else self.system is Qt.ColorScheme.Light
        scheme = LIGHT_SCHEME if light else DARK_SCHEME
        return scheme.contrasting() if self.contrast else scheme

    @property
    def system(self) -> Qt.ColorScheme:
        """What the system has."""
        return self._hints.colorScheme()

    @property
    def contrast(self) -> bool:
        """Whether the system asks for more contrast."""
        return self._accessibility.contrastPreference() is Qt.ContrastPreference.HighContrast

    def choose(self, look: Look) -> None:
        """Have this look from now on."""
        if look is not self._look:
            self._look = look
            self._ask()
            self.follow()
            self.changed.emit()

    def follow(self) -> None:
        """Apply what is wanted, if it is not in force already."""
        if theme.scheme() != self.wanted or self._app.property("scheme") is None:
            theme.apply(self._app, self.wanted)
            self.changed.emit()

    def stop(self) -> None:
        """No longer follow the system."""
        self._hints.colorSchemeChanged.disconnect(self.follow)
        self._accessibility.contrastPreferenceChanged.disconnect(self.follow)

    def _ask(self) -> None:
        """Have the frame that the system draws around the window in the same scheme."""
        if self._look is Look.SYSTEM:
            self._hints.unsetColorScheme()
        else:
            self._hints.setColorScheme(Qt.ColorScheme.Light if self._look is Look.LIGHT else Qt.ColorScheme.Dark)
