"""The way of a message, from its sender to the room: each place it passed, and the time between."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QPointF, QRect, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from gui import theme, wording
from gui.flow.rows import latency
from gui.tokens import Colour, Type
from gui.widgets.labels import describe, literal
from server.flow import SLOW_MS
from server.trace import Hop

LINE = 26
"""Where the dots are, from above."""
HEIGHT = 86
EDGE = 6
MOST = 5
"""Places that are shown; of more, those between are left out that were quickest."""
LEAST = 56
"""Between two dots, however short the time was."""


class PathStrip(QWidget):
    """The places as dots on a line, the times above it. What is not known is a dash."""

    def __init__(self) -> None:
        super().__init__()
        self._hops: tuple[Hop, ...] = ()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setFixedHeight(HEIGHT)
        describe(self, "Path")

    @property
    def hops(self) -> tuple[Hop, ...]:
        """The places in order."""
        return self._hops

    def show_hops(self, hops: Sequence[Hop]) -> None:
        """Show a way."""
        self._hops = tuple(picked(hops))
        words = ", ".join(_words(place, hop) for place, hop in enumerate(self._hops))
        self.setAccessibleDescription(words)
        self.setToolTip(literal(words))
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(200, HEIGHT)

    def paintEvent(self, event: QPaintEvent) -> None:
        if not self._hops:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        places = self._places()
        slow = slowest(self._hops)
        for place in range(1, len(places)):
            late = place == slow
            left, right = places[place - 1], places[place]
            painter.setPen(theme.pen(Colour.WARN if late else Colour.LINE2, 2))
            painter.drawLine(QPointF(left, LINE), QPointF(right, LINE))
            painter.setFont(theme.font(Type.SMALL_STRONG if late else Type.SMALL))
            painter.setPen(theme.colour(Colour.WARN if late else Colour.TEXT2))
            box = QRect(round(left), 0, round(right - left), LINE - 5)
            painter.drawText(box, Qt.AlignmentFlag.AlignCenter, latency(self._hops[place].took_ms))
        for place, (x, hop) in enumerate(zip(places, self._hops, strict=True)):
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.colour(Colour.WARN if place == slow else Colour.TEXT2))
            painter.drawEllipse(QPointF(x, LINE), 4.5, 4.5)
            self._paint_label(painter, place, x, hop, places)
        painter.end()

    def _paint_label(self, painter: QPainter, place: int, x: float, hop: Hop, places: list[float]) -> None:
        before = x - places[place - 1] if place else 2 * x
        after = places[place + 1] - x if place + 1 < len(places) else 2 * (self.width() - x)
        room = max(24, round(min(before, after)) - 6)
        align = Qt.AlignmentFlag.AlignHCenter
        if place == 0:
            room, align = max(24, round(after * 0.6)), Qt.AlignmentFlag.AlignLeft
        elif place == len(places) - 1:
            room, align = max(24, round(before * 0.7)), Qt.AlignmentFlag.AlignRight
        left = 0 if place == 0 else self.width() - room if place == len(places) - 1 else round(x - room / 2)
        top = LINE + 9
        for words, kind, tone in (
            (wording.name(hop.place), Type.SMALL, Colour.TEXT),
            (hop.label, Type.CAPTION, Colour.TEXT3),
        ):
            painter.setFont(theme.font(kind))
            painter.setPen(theme.colour(tone))
            for line in _lines(words, kind, room) if kind is Type.CAPTION else [theme.elided(words, kind, room)]:
                painter.drawText(QRect(left, top, room, 16), align | Qt.AlignmentFlag.AlignVCenter, line)
                top += 15

    def _places(self) -> list[float]:
        """Where the dots are: further apart where it took longer."""
        legs = [max(0.0, hop.took_ms or 0.0) for hop in self._hops[1:]]
        width = self.width() - 2 * EDGE
        if not legs:
            return [float(EDGE)]
        spare = max(0.0, width - LEAST * len(legs))
        total = sum(legs)
        places = [float(EDGE)]
        for leg in legs:
            share = leg / total if total else 1 / len(legs)
            # Half of what is spare is shared alike, so that labels of quick legs have room.
            extra = spare * (0.5 * share + 0.5 / len(legs))
            places.append(places[-1] + min(LEAST, width / len(legs)) + extra)
        return places


def _lines(words: str, kind: Type, width: int) -> list[str]:
    """Words on one line or two; what does not fit on the second one ends in an ellipsis."""
    metrics, first, rest = theme.metrics(kind), "", words.split()
    while rest and metrics.horizontalAdvance(f"{first} {rest[0]}".strip()) <= width:
        first = f"{first} {rest.pop(0)}".strip()
    if not first:
        return [theme.elided(words, kind, width)]
    return [first, theme.elided(" ".join(rest), kind, width)] if rest else [first]


def _words(place: int, hop: Hop) -> str:
    """A hop for those who listen."""
    what = f" ({hop.label})" if hop.label else ""
    return wording.within(hop.place) + what + (f" after {latency(hop.took_ms)}" if place else "")


def slowest(hops: Sequence[Hop]) -> int:
    """The place of the hop that made a way slow; -1 where it was not."""
    legs = [hop.took_ms or 0.0 for hop in hops[1:]]
    if not legs or sum(legs) < SLOW_MS:
        return -1
    return legs.index(max(legs)) + 1


def picked(hops: Sequence[Hop]) -> list[Hop]:
    """The places of a long way that say most: its ends, and of the others those that took longest, in order."""
    hops = list(hops)
    while len(hops) > MOST:
        hops.remove(min(hops[2:-1], key=lambda hop: hop.took_ms or 0.0))
    return hops
