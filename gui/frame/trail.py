"""Where a person has been in the window, and the way back."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtGui import QAction

from gui.views import View

MOST = 50


class Trail:
    """Places in the order in which they were seen, like the pages of a browser."""

    def __init__(self, show: Callable[[View], None], back: QAction, forward: QAction) -> None:
        """Begin with no place; `show` brings a view to the front."""
        self._show = show
        self._actions = back, forward
        self._places: list[tuple[View, str]] = []
        self._here = -1
        self._walking = False
        back.triggered.connect(lambda: self._walk(-1))
        forward.triggered.connect(lambda: self._walk(1))
        self._enable()

    def note(self, view: View) -> None:
        """A person looks at this view, at the place that it says."""
        if self._walking:
            return
        before = self._places[self._here] if self._places else None
        place = (view, view.place())
        if place == before:
            return
        if before is not None and before[0] is view and not before[1]:
            self._places[self._here] = place  # the view had nothing to show yet
        else:
            self._places = [*self._places[: self._here + 1], place][-MOST:]
            self._here = len(self._places) - 1
        self._enable()

    def _walk(self, step: int) -> None:
        place = self._here + step
        if not 0 <= place < len(self._places):
            return
        view, where = self._places[place]
        self._here, self._walking = place, True
        try:
            self._show(view)
            view.go(where)
        finally:
            self._walking = False
        self._enable()

    def _enable(self) -> None:
        back, forward = self._actions
        back.setEnabled(self._here > 0)
        forward.setEnabled(self._here < len(self._places) - 1)
