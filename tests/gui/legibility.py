"""Reads what a window says as a reader would: every piece of text with its place, what cuts it, what is behind it.

A window is painted once more, onto a device that keeps no pixels but notes each piece of text, whoever draws it: a
delegate, a label, Qt's own style. So no widget has to take part, and none can be forgotten.
"""

from __future__ import annotations

import collections
import dataclasses
import functools
import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from PySide6.QtCore import QPoint, QRect, QRectF, QSize, Qt
from PySide6.QtGui import (
    QColor,
    QFont,
    QImage,
    QPaintDevice,
    QPaintEngine,
    QPaintEngineState,
    QPainter,
    QPainterPath,
    QTextItem,
)
from PySide6.QtWidgets import QAbstractScrollArea, QWidget

SLACK = 1.5
"""Pixels by which text may reach over its edge: what a letter's own shape leaves free."""
SMALL_TEXT, LARGE_TEXT = 4.5, 3.0
"""Least contrast (WCAG 2.2, 1.4.3, level AA)."""
LARGE_PIXELS, LARGE_BOLD_PIXELS = 24.0, 18.66


@dataclasses.dataclass(frozen=True, slots=True)
class Writing:
    """One piece of text in one font, in the pixels of the window."""

    text: str
    box: QRectF
    """From its first letter to its last, from the top of capitals to the baseline."""
    clip: QRectF
    """What of the window its painter may touch."""
    ink: QColor
    """Its colour, with what the painter's opacity leaves of it."""
    large: bool
    """Large by WCAG: 18 pt, or 14 pt and bold."""
    order: int
    """What is painted later has a higher number."""
    covers: tuple[QRectF, ...] = ()
    """What was painted later over a part of it, as a toast is."""

    @property
    def seen(self) -> QRectF:
        """What of the box is not cut off."""
        return self.box.intersected(self.clip)

    def __str__(self) -> str:
        box = self.box
        return f"{self.text!r} at {box.x():.0f},{box.y():.0f} ({box.width():.0f}×{box.height():.0f})"


class _Engine(QPaintEngine):
    """Notes text and what is painted over it."""

    def __init__(self) -> None:
        super().__init__(QPaintEngine.PaintEngineFeature.AllFeatures)
        self.writings: list[Writing] = []
        self.grounds: list[tuple[int, QRectF]] = []
        self._order = itertools.count()

    def begin(self, device: QPaintDevice) -> bool:
        self.setActive(True)
        return True

    def end(self) -> bool:
        return True

    def type(self) -> QPaintEngine.Type:
        return QPaintEngine.Type.User

    def updateState(self, state: QPaintEngineState) -> None:
        pass

    def drawTextItem(self, at: Any, item: QTextItem) -> None:
        painter = self.painter()
        if not item.text().strip():
            return
        ink = QColor(painter.pen().color())
        ink.setAlphaF(ink.alphaF() * painter.opacity())
        height = item.ascent() * 0.75  # of capitals; the rest is room for accents
        place = QRectF(at.x(), at.y() - height, item.width(), height)
        if painter.hasClipping() and not painter.clipRegion().intersects(place.toAlignedRect()):
            return  # as of selected text the part that is not
        box = painter.deviceTransform().mapRect(place)
        self.writings.append(Writing(item.text(), box, self._clip(), ink, _is_large(item.font()), next(self._order)))

    def drawPath(self, path: QPainterPath) -> None:
        self._note_ground(path.boundingRect())

    def drawRects(self, rects: Iterable[QRect | QRectF]) -> None:
        for rect in rects:
            self._note_ground(QRectF(rect))

    def drawPolygon(self, points: Iterable[Any], mode: QPaintEngine.PolygonDrawMode) -> None:
        pass

    def drawPixmap(self, rect: Any, pixmap: Any, source: Any) -> None:
        pass

    def drawImage(self, rect: Any, image: Any, source: Any, flags: Any = None) -> None:
        pass

    def drawTiledPixmap(self, rect: Any, pixmap: Any, start: Any) -> None:
        pass

    def drawLines(self, lines: Iterable[Any]) -> None:
        pass

    def drawEllipse(self, rect: Any) -> None:
        pass

    def drawPoints(self, points: Iterable[Any]) -> None:
        pass

    def _note_ground(self, rect: QRectF) -> None:
        painter = self.painter()
        if painter.brush().style() != Qt.BrushStyle.NoBrush and painter.brush().color().alphaF() > 0.3:
            self.grounds.append(
                (next(self._order), painter.deviceTransform().mapRect(rect).intersected(self._clip()))
            )

    def _clip(self) -> QRectF:
        painter = self.painter()
        clip = QRectF(self.systemClip().boundingRect())
        if painter.hasClipping():
            clip = clip.intersected(painter.deviceTransform().mapRect(painter.clipBoundingRect()))
        return clip


class _Page(QPaintDevice):
    """A device of a size, with that engine."""

    def __init__(self, size: QSize) -> None:
        super().__init__()
        self.engine = _Engine()
        metric = QPaintDevice.PaintDeviceMetric
        self._metrics = {
            metric.PdmWidth: size.width(),
            metric.PdmHeight: size.height(),
            metric.PdmDpiX: 96,
            metric.PdmDpiY: 96,
            metric.PdmPhysicalDpiX: 96,
            metric.PdmPhysicalDpiY: 96,
            metric.PdmDepth: 32,
            metric.PdmNumColors: 1 << 24,
            metric.PdmDevicePixelRatio: 1,
            metric.PdmDevicePixelRatioScaled: 65536,
        }

    def paintEngine(self) -> QPaintEngine:
        return self.engine

    def metric(self, metric: QPaintDevice.PaintDeviceMetric) -> int:
        return self._metrics.get(metric, 1)


def read(window: QWidget) -> list[Writing]:
    """Every piece of text that can be seen in the window, as it is now; what is painted over is left out."""
    page = _Page(window.size())
    painter = QPainter()
    painter.begin(page)
    window.render(painter, QPoint(0, 0))
    painter.end()
    engine = page.engine
    return list(_uncovered(_joined(engine.writings), engine.grounds))


def _uncovered(writings: Iterable[Writing], grounds: Sequence[tuple[int, QRectF]]) -> Iterator[Writing]:
    """Those of which something can be seen, each with what lies over the rest."""
    for writing in writings:
        seen = writing.seen
        covers = tuple(ground for order, ground in grounds if order > writing.order and ground.intersects(seen))
        if not seen.isEmpty() and not any(cover.contains(seen) for cover in covers):
            yield dataclasses.replace(writing, covers=covers)


def _joined(writings: Sequence[Writing]) -> Iterator[Writing]:
    """Text that was painted in pieces, each cell of a table its own, as the one that a reader sees."""
    for _, pieces in itertools.groupby(sorted(writings, key=_place), key=_place):
        kept = [piece for piece in pieces if not piece.seen.isEmpty()]
        if kept:
            clip = functools.reduce(QRectF.united, (piece.clip for piece in kept))
            yield dataclasses.replace(kept[-1], clip=clip)


def _place(writing: Writing) -> tuple[float, float, str]:
    return round(writing.box.top()), round(writing.box.left()), writing.text


def faults(window: QWidget) -> list[str]:
    """What a reader would stumble over, a sentence each: text cut off, on other text, or too faint."""
    writings = read(window)
    image = window.grab().toImage().convertToFormat(QImage.Format.Format_RGB32)
    return [*_cut(window, writings), *_overlaps(writings), *_faint(image, writings)]


def _cut(window: QWidget, writings: Sequence[Writing]) -> Iterator[str]:
    for writing in writings:
        box, seen = writing.box, writing.seen
        if box.width() - seen.width() > SLACK:
            yield f"cut off: {writing}, {seen.width():.0f} px of its width are seen"
        elif box.height() - seen.height() > SLACK and not _scrolls(window, seen.toAlignedRect().center()):
            yield f"cut off: {writing}, {seen.height():.0f} px of its height are seen"


def _scrolls(window: QWidget, place: QPoint) -> bool:
    """Whether what is there can be scrolled, so that its first and last row may be seen in part."""
    return any(
        area.isVisible() and area.viewport().rect().contains(area.viewport().mapFrom(window, place))
        for area in window.findChildren(QAbstractScrollArea)
    )


def _overlaps(writings: Sequence[Writing]) -> Iterator[str]:
    for (one, seen), (other, another) in itertools.combinations([(each, each.seen) for each in writings], 2):
        if not seen.intersects(another):
            continue
        common = seen.intersected(another)
        covered = any(cover.contains(common) for cover in (*one.covers, *other.covers))
        if common.width() > SLACK and common.height() > SLACK and not covered:
            yield f"on each other: {one} and {other}"


def _faint(image: QImage, writings: Sequence[Writing]) -> Iterator[str]:
    for writing in writings:
        ground = _ground(image, writing.seen.toAlignedRect())
        if ground is None:
            continue
        found = contrast(_over(writing.ink, ground), ground)
        if found < (LARGE_TEXT if writing.large else SMALL_TEXT):
            yield f"too faint: {writing}, {writing.ink.name()} on {ground.name()} has a contrast of {found:.2f}"


def _ground(image: QImage, box: QRect) -> QColor | None:
    """The colour that is most around a place, just outside of its letters; the image has 32 bits for a pixel."""
    ratio, width, height = image.devicePixelRatio(), image.width(), image.height()
    left, right = round((box.left() - 2) * ratio), round((box.right() + 2) * ratio)
    top, bottom = round((box.top() - 2) * ratio), round((box.bottom() + 2) * ratio)
    pixels, row = memoryview(image.constBits()).cast("I"), image.bytesPerLine() // 4
    counted = collections.Counter[int]()
    for y in {top, bottom} & {*range(height)}:
        counted.update(pixels[y * row + max(left, 0) : y * row + min(right + 1, width)])
    for x in {left, right} & {*range(width)}:
        counted.update(pixels[max(top, 0) * row + x : min(bottom + 1, height) * row : row])
    return QColor(counted.most_common(1)[0][0]) if counted else None


def _over(ink: QColor, ground: QColor) -> QColor:
    alpha = ink.alphaF()
    red, green, blue = (a * alpha + b * (1 - alpha) for a, b in zip(_parts(ink), _parts(ground), strict=True))
    return QColor.fromRgbF(red, green, blue)


def contrast(one: QColor, other: QColor) -> float:
    """The contrast ratio of two colours, 1 to 21 (WCAG 2.2, relative luminance)."""
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: QColor) -> float:
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in _parts(colour)
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _parts(colour: QColor) -> tuple[float, float, float]:
    return colour.redF(), colour.greenF(), colour.blueF()


def _is_large(font: QFont) -> bool:
    pixels = font.pixelSize() if font.pixelSize() > 0 else font.pointSizeF() * 96 / 72
    return pixels >= LARGE_PIXELS or (font.bold() and pixels >= LARGE_BOLD_PIXELS)
