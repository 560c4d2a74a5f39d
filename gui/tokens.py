"""The look as data: colours, type, sizes and times; no Qt here."""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Mapping


class Colour(enum.StrEnum):
    """What a colour is for; the only colours that exist."""

    BG0 = "bg0"
    """Rail, status bar, log."""
    BG1 = "bg1"
    """Panes."""
    BG2 = "bg2"
    """Cards, inputs."""
    BG3 = "bg3"
    """Hover, active tab, the track of a bar."""
    LINE = "line"
    """Dividers of 1 px."""
    LINE2 = "line2"
    """Outline of buttons and chips."""
    FIELD = "field"
    """Border of an input."""
    TEXT = "text"
    TEXT2 = "text2"
    TEXT3 = "text3"
    """Captions and column heads."""
    ACCENT = "accent"
    """Links, selection bar, focus, rates: you can act here, or you chose this."""
    ACCENT_FILL = "accentFill"
    """The one primary button."""
    ON_FILL = "onFill"
    ACCENT_SOFT = "accentSoft"
    """Selected row, own whisper."""
    LIVE = "live"
    """Live voice, and a node that is up; nothing else is green."""
    LIVE_SOFT = "liveSoft"
    WARN = "warn"
    WARN_SOFT = "warnSoft"
    DANGER = "danger"
    DANGER_SOFT = "dangerSoft"
    DANGER_FILL = "dangerFill"
    SCRIM = "scrim"
    """Under dialogs; with an alpha channel, as ``#AARRGGBB``."""
    SHADOW = "shadow"
    """Under what floats."""


DARK: Mapping[Colour, str] = {
    Colour.BG0: "#0D1014",
    Colour.BG1: "#12161B",
    Colour.BG2: "#191E25",
    Colour.BG3: "#212833",
    Colour.LINE: "#232A34",
    Colour.LINE2: "#3A4452",
    Colour.FIELD: "#6A778A",
    Colour.TEXT: "#E8EBF0",
    Colour.TEXT2: "#A9B2C0",
    Colour.TEXT3: "#8390A1",
    Colour.ACCENT: "#6FA8FF",
    Colour.ACCENT_FILL: "#2A68D8",
    Colour.ON_FILL: "#FFFFFF",
    Colour.ACCENT_SOFT: "#1A2940",
    Colour.LIVE: "#45C690",
    Colour.LIVE_SOFT: "#14302A",
    Colour.WARN: "#E6B557",
    Colour.WARN_SOFT: "#31291A",
    Colour.DANGER: "#F5827C",
    Colour.DANGER_SOFT: "#361E21",
    Colour.DANGER_FILL: "#C23C38",
    Colour.SCRIM: "#9E07090C",
    Colour.SHADOW: "#0D1014",
}


LIGHT: Mapping[Colour, str] = {
    Colour.BG0: "#EFF2F6",
    Colour.BG1: "#FFFFFF",
    Colour.BG2: "#F5F7FA",
    Colour.BG3: "#E9EDF3",
    Colour.LINE: "#E2E7EE",
    Colour.LINE2: "#C3CBD7",
    Colour.FIELD: "#818C9D",
    Colour.TEXT: "#151A22",
    Colour.TEXT2: "#465164",
    Colour.TEXT3: "#5F6B7E",
    Colour.ACCENT: "#1C5FCF",
    Colour.ACCENT_FILL: "#1C5FCF",
    Colour.ON_FILL: "#FFFFFF",
    Colour.ACCENT_SOFT: "#E4EEFD",
    Colour.LIVE: "#0B7A50",
    Colour.LIVE_SOFT: "#DDF3E9",
    Colour.WARN: "#855400",
    Colour.WARN_SOFT: "#FBF0D9",
    Colour.DANGER: "#BC2F2A",
    Colour.DANGER_SOFT: "#FCE9E7",
    Colour.DANGER_FILL: "#BC2F2A",
    Colour.SCRIM: "#661B2330",
    Colour.SHADOW: "#1B2330",
}


@dataclasses.dataclass(frozen=True, slots=True)
class Scheme:
    """A whole look: every colour, and what avatars are made of."""

    name: str
    colours: Mapping[Colour, str]
    avatar: tuple[int, int]
    """Saturation and lightness of an avatar's ground, of 255."""
    avatar_letters: Colour
    shadow: float
    """How dark each layer of a shadow is."""

    def contrasting(self) -> Scheme:
        """The same with stronger lines and captions, for people who ask their system for more contrast."""
        strong = dict(self.colours)
        strong[Colour.LINE] = strong[Colour.LINE2] = strong[Colour.FIELD]
        strong[Colour.TEXT3] = strong[Colour.TEXT2]
        return dataclasses.replace(self, name=f"{self.name} with high contrast", colours=strong)


DARK_SCHEME = Scheme("dark", DARK, (62, 72), Colour.TEXT, 0.10)
LIGHT_SCHEME = Scheme("light", LIGHT, (84, 214), Colour.TEXT2, 0.02)


@dataclasses.dataclass(frozen=True, slots=True)
class Face:
    """One text style."""

    pixels: int
    weight: int
    mono: bool = False


class Type(enum.Enum):
    """The type scale; nothing is smaller than 11 px."""

    EMPTY_TITLE = Face(22, 600)
    ROOM = Face(20, 600)
    TITLE = Face(18, 600)
    """View and dialog."""
    PALETTE = Face(17, 400)
    """What is typed into the palette."""
    SECTION = Face(15, 600)
    """Pane and card."""
    NAME = Face(13, 600)
    BODY = Face(13, 400)
    SMALL = Face(12, 400)
    """Secondary lines and cells."""
    SMALL_STRONG = Face(12, 600)
    CAPTION = Face(11, 500)
    """Column heads and captions."""
    CODE = Face(12, 400, True)
    """Addresses, frames, log."""
    CODE_LARGE = Face(15, 400, True)


class Size:
    """Lengths in device-independent pixels, on a grid of 8 with half steps of 4."""

    RAIL = 64
    TOP_BAR = 56
    STATUS_BAR = 32
    PANE_HEADER = 44
    COLUMN_HEADER = 28
    ROOM_LIST = 360
    WIDE = 1136
    """A view from here on has room for everything side by side."""
    ROOM_ROW = 56
    NODE_ROW = 56
    MEMBER_ROW = 40
    LOG_ROW = 23
    FLOW_ROW = 26
    PADDING = 16
    DIALOG_PADDING = 24
    BUTTON = 32
    AVATAR = 28
    ICON_TEXT = 14
    ICON_BUTTON = 18
    ICON_RAIL = 22
    RADIUS_BUTTON = 6
    RADIUS_INPUT = 8
    RADIUS_CARD = 10
    RADIUS_DIALOG = 14
    SELECTION_BAR = 3


class Rate:
    """How often things happen on screen, per second."""

    FLUSH = 4
    """Where nobody chose otherwise."""
    SLOWEST = 1
    FASTEST = 10
    CEILINGS = (10, 4, 2, 1)
    """What nothing is faster than: at full speed, and in each step below it."""


class Span:
    """How long things stay, in milliseconds."""

    TOAST = 5000
    COPIED = 1600
    UNCONFIRMED = 2000
    """After which an act without an answer is called unconfirmed."""
    LEFT = 5000
    """For which the row of one who has left stays."""
    REST = 2000
    """After the last key in a list, until it may be sorted anew."""


AVATAR_HUES = (212, 262, 300, 338, 18, 44, 168, 192)
"""Muted hues for avatars, none of them near the green of live voice or the amber and red of exceptions."""
