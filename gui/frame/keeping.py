"""What the window says while its node cannot keep what it should: in its data folder, or in its store."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gui import wording
from gui.tokens import Colour

if TYPE_CHECKING:
    from gui.frame.banner import Banners
    from server.desk import Desk

FOLDER, STORE = "data folder", "store fails"
"""Keys of the notices."""

Said = tuple[str, str]
"""What is wrong, and what goes on, is refused or has to be done."""


class KeepingNews:
    """Keeps the notices true; the window has it look once a second."""

    def __init__(self, desk: Desk, banners: Banners) -> None:
        self._desk = desk
        self._banners = banners

    def look(self) -> None:
        """Bring the notices up to date."""
        self._show(FOLDER, self._folder(), Colour.WARN)
        self._show(STORE, self._store(), Colour.DANGER)

    def _show(self, key: str, said: Said | None, tone: Colour) -> None:
        if said is None:
            self._banners.drop(key)
        else:
            self._banners.show(key, *said, tone=tone)

    def _folder(self) -> Said | None:
        folder = self._desk.folder
        if not folder.fault:
            return None
        return (
            f"Nothing can be kept in {wording.within(str(folder.path))}: {folder.fault}.",
            "Everybody is served on. Mend it before this console is started again, or it will not start.",
        )

    def _store(self) -> Said | None:
        state = self._desk.store
        if state is None or not state.failing:
            return None
        since = "" if state.since is None else f" since {wording.clock(state.since)}"
        return (
            f"The store fails{since}: {state.failing}",
            "Rooms go on. Bans, mutes of users, room settings and closed reports are refused until it is back; what"
            " waits for it is written then.",
        )
