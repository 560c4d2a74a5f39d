"""A figure with its caption, as the pane of a node lists them; no Qt here."""

from __future__ import annotations

import dataclasses

from gui.tokens import Colour

UNKNOWN = "–"


@dataclasses.dataclass(frozen=True, slots=True)
class Fact:
    """A caption and its value."""

    caption: str
    value: str
    tone: Colour = Colour.TEXT
    inner: bool = False
    """It is a part of the one before."""

    @property
    def quiet(self) -> bool:
        """Nothing has to be said of it."""
        return self.value in ("none", "0", UNKNOWN) or self.value.endswith(", 0 in all")
