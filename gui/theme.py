"""Tokens become Qt: palette, style sheet, fonts, tinted icons; everything cached, because painting is loop time."""

from __future__ import annotations

import functools
import string
from collections.abc import Callable
from pathlib import Path
from typing import ParamSpec, TypeVar

from PySide6.QtCore import QByteArray, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFont, QFontDatabase, QFontMetrics, QIcon, QPainter, QPalette, QPen, QPixmap
from PySide6.QtSvg import QSvgRenderer
from PySide6.QtWidgets import QApplication, QSplitter, QWidget

from gui.tokens import DARK_SCHEME, Colour, Scheme, Size, Type

RESOURCES = Path(__file__).resolve().parent.parent / "resources"
FAMILIES = ["Inter", "Noto Sans CJK SC", "Noto Sans"]
MONO_FAMILIES = ["JetBrains Mono", "Noto Sans Mono CJK SC", "monospace"]


_scheme = DARK_SCHEME
_coloured: list[Callable[[], None]] = []
"""What empties the caches of everything that has a colour."""

_Role = QPalette.ColorRole
ROLES = {
    _Role.Window: Colour.BG1,
    _Role.WindowText: Colour.TEXT,
    _Role.Base: Colour.BG1,
    _Role.AlternateBase: Colour.ACCENT_SOFT,
    _Role.Text: Colour.TEXT,
    _Role.PlaceholderText: Colour.TEXT3,
    _Role.Button: Colour.BG2,
    _Role.ButtonText: Colour.TEXT,
    _Role.BrightText: Colour.DANGER,
    _Role.ToolTipBase: Colour.BG3,
    _Role.ToolTipText: Colour.TEXT,
    _Role.Highlight: Colour.ACCENT_FILL,
    _Role.HighlightedText: Colour.ON_FILL,
    _Role.Link: Colour.LIVE,
    _Role.LinkVisited: Colour.TEXT2,
    _Role.Light: Colour.LINE2,
    _Role.Midlight: Colour.FIELD,
    _Role.Mid: Colour.LINE,
    _Role.Dark: Colour.WARN,
    _Role.Shadow: Colour.BG0,
    _Role.Accent: Colour.ACCENT,
}
"""The palette: every colour that the style sheet or a label has, under a role of Qt's, whatever the role is called.

So another scheme is another palette. A style sheet with other colours would be worked out anew for each widget, once
for each of its ancestors, which held the loop for 200 ms.
"""

_TONES = {token: role for role, token in ROLES.items()}

P = ParamSpec("P")
T = TypeVar("T")


def apply(app: QApplication, scheme: Scheme = DARK_SCHEME) -> None:
    """Give the application its base style, fonts and palette, and have everything painted anew.

    It may be called again with another scheme while windows are open: they take it at once.
    """
    global _scheme
    again = app.property("scheme") is not None
    if again and scheme == _scheme:
        return
    _scheme = scheme
    app.setProperty("scheme", scheme.name)
    for empty in _coloured:
        empty()
    if not again:
        _load_fonts()
        app.setStyle("Fusion")
        app.setFont(font(Type.BODY))
    app.setPalette(_palette())
    for widget in app.allWidgets():
        if again and _has_rules(widget):
            restyle(widget)
        elif again:
            widget.setPalette(QPalette())  # under a style sheet Qt leaves it with the palette that it began with
        widget.update()


def dress(app: QApplication) -> None:
    """Give the application its style sheet, if it has none; to be called when a window is made and not yet shown.

    Under a style sheet each step of putting a window together works out anew how all within looks.
    """
    if not app.styleSheet():
        app.setStyleSheet(_style_sheet())


def restyle(widget: QWidget) -> None:
    """Have the style sheet worked out anew for a widget, after another scheme or another value of a property."""
    style = widget.style()
    style.unpolish(widget)
    style.polish(widget)


def _has_rules(widget: QWidget) -> bool:
    """Whether the style sheet says something of a widget or its parts."""
    return widget.testAttribute(Qt.WidgetAttribute.WA_StyleSheetTarget) or isinstance(widget, QSplitter)


def role(tone: Colour) -> QPalette.ColorRole:
    """The role of the palette that has this colour. Raises KeyError for one that no text has."""
    return _TONES[tone]


def scheme() -> Scheme:
    """The scheme in force."""
    return _scheme


def coloured(most: int | None = None) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """Cache what a function makes until the scheme changes; `most` is the size of its cache.

    Nothing else may keep a colour, a pen, a pixmap or an icon from one painting to the next.
    """

    def wrap(make: Callable[P, T]) -> Callable[P, T]:
        cached = functools.lru_cache(maxsize=most)(make)
        _coloured.append(cached.cache_clear)
        return cached  # type: ignore[return-value]  # it takes the same arguments

    return wrap


@coloured()
def colour(token: Colour) -> QColor:
    """The colour of a token; shared, so never change it."""
    return QColor(_scheme.colours[token])


@coloured(256)
def avatar_ground(hue: int) -> QColor:
    """The muted ground of an avatar on this hue."""
    return QColor.fromHsl(hue, *_scheme.avatar)


@coloured()
def pen(token: Colour, width: float = 1.0) -> QPen:
    """A pen; shared, so never change it."""
    made = QPen(colour(token), width)
    made.setCapStyle(Qt.PenCapStyle.RoundCap)
    return made


@functools.cache
def font(kind: Type, struck: bool = False) -> QFont:
    """A font of the type scale with tabular figures; shared, so never change it."""
    face = kind.value
    made = QFont(MONO_FAMILIES if face.mono else FAMILIES)
    made.setPixelSize(face.pixels)
    made.setWeight(QFont.Weight(face.weight))
    made.setHintingPreference(QFont.HintingPreference.PreferNoHinting)
    if not face.mono:
        made.setFeature(QFont.Tag("tnum"), 1)
    made.setStrikeOut(struck)
    return made


@functools.cache
def metrics(kind: Type) -> QFontMetrics:
    """The metrics of `font(kind)`."""
    return QFontMetrics(font(kind))


@functools.lru_cache(maxsize=4096)
def elided(text: str, kind: Type, width: int) -> str:
    """The text, shortened with an ellipsis where it is wider than `width`."""
    return metrics(kind).elidedText(text, Qt.TextElideMode.ElideRight, width)


@coloured(512)
def pixmap(name: str, token: Colour, size: int = Size.ICON_BUTTON, ratio: float = 1.0) -> QPixmap:
    """An icon of resources/icons, tinted.

    Args:
        name: File name without ``.svg``.
        token: Its colour.
        size: Edge in device-independent pixels.
        ratio: Device pixels for each of these.
    """
    made = QPixmap(QSize(round(size * ratio), round(size * ratio)))
    made.fill(Qt.GlobalColor.transparent)
    painter = QPainter(made)
    _renderer(name).render(painter, QRectF(0, 0, made.width(), made.height()))
    painter.setCompositionMode(QPainter.CompositionMode.CompositionMode_SourceIn)
    painter.fillRect(made.rect(), colour(token))
    painter.end()
    made.setDevicePixelRatio(ratio)
    return made


@coloured(256)
def icon(
    name: str, token: Colour = Colour.TEXT2, size: int = Size.ICON_BUTTON, on: tuple[str, Colour] | None = None
) -> QIcon:
    """An icon for buttons at 1 and 2 times; `on` is its name and colour when checked."""
    made = QIcon()
    for ratio in (1.0, 2.0):
        made.addPixmap(pixmap(name, token, size, ratio))
        made.addPixmap(pixmap(name, Colour.LINE2, size, ratio), QIcon.Mode.Disabled)
        if on is not None:
            made.addPixmap(pixmap(on[0], on[1], size, ratio), QIcon.Mode.Normal, QIcon.State.On)
    return made


@functools.cache
def _renderer(name: str) -> QSvgRenderer:
    return QSvgRenderer(QByteArray((RESOURCES / "icons" / f"{name}.svg").read_bytes()))


@functools.cache
def _load_fonts() -> None:
    for path in sorted((RESOURCES / "fonts").glob("*.[ot]tf")):
        QFontDatabase.addApplicationFont(str(path))


def _palette() -> QPalette:
    made = QPalette()
    for role, token in ROLES.items():
        made.setColor(role, colour(token))
    for role in (_Role.WindowText, _Role.Text, _Role.ButtonText):
        made.setColor(QPalette.ColorGroup.Disabled, role, colour(Colour.TEXT3))
    return made


def _style_sheet() -> str:
    sheet = string.Template((RESOURCES / "style" / "console.qss").read_text(encoding="utf-8"))
    return sheet.substitute(
        icons=(RESOURCES / "icons").as_posix(),
        radiusButton=f"{Size.RADIUS_BUTTON}px",
        radiusInput=f"{Size.RADIUS_INPUT}px",
        radiusCard=f"{Size.RADIUS_CARD}px",
        radiusDialog=f"{Size.RADIUS_DIALOG}px",
    )
