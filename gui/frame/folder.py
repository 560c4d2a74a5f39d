"""What the window says of the data folder of its node, while nothing can be kept there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gui import wording
from gui.tokens import Colour

if TYPE_CHECKING:
    from gui.frame.banner import Banners
    from server.desk import Desk

KEY = "data folder"


class FolderNews:
    """Keeps the notice true; the window has it look once a second."""

    def __init__(self, desk: Desk, banners: Banners) -> None:
        self._desk = desk
        self._banners = banners

    def look(self) -> None:
        """Bring the notice up to date."""
        folder = self._desk.folder
        if not folder.fault:
            self._banners.drop(KEY)
            return
        self._banners.show(
            KEY,
            f"Nothing can be kept in {wording.within(str(folder.path))}: {folder.fault}.",
            "Everybody is served on. Mend it before this console is started again, or it will not start.",
            tone=Colour.WARN,
        )
