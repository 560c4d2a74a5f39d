"""What the window says of a store that fails: what goes on, what is refused, and what waits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gui import wording
from gui.tokens import Colour

if TYPE_CHECKING:
    from gui.frame.banner import Banners
    from server.desk import Desk

FAILING = "store fails"
"""Key of its notice."""


class StoreNews:
    """Keeps the notice true; the window has it look once a second."""

    def __init__(self, desk: Desk, banners: Banners) -> None:
        self._desk = desk
        self._banners = banners

    def look(self) -> None:
        """Bring the notice up to date."""
        state = self._desk.store
        if state is None or not state.failing:
            self._banners.drop(FAILING)
            return
        since = "" if state.since is None else f" since {wording.clock(state.since)}"
        self._banners.show(
            FAILING,
            f"The store fails{since}: {state.failing}",
            "Rooms go on. Bans, mutes of users, room settings and closed reports are refused until it is back; what"
            " waits for it is written then.",
            tone=Colour.DANGER,
        )
