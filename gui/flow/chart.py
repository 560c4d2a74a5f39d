"""The chart of messages per second: in and out, gaps where nothing is known, marks where a node came or went."""

from __future__ import annotations

import datetime

from PySide6.QtCore import QEvent, QPointF, QRect, QRectF, QSize, Qt
from PySide6.QtGui import (
    QColor,
    QKeyEvent,
    QLinearGradient,
    QMouseEvent,
    QPainter,
    QPainterPath,
    QPaintEvent,
    QPen,
    QResizeEvent,
)
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from gui import theme, wording
from gui.flow.series import Rates, Track, Value, ceiling, columns, stretches, ticks
from gui.tokens import Colour, Size, Type
from gui.widgets.columns import ALIGN_RIGHT
from gui.widgets.labels import Label
from gui.widgets.segments import Segments

SPANS = (("300", "5 min"), ("900", "15 min"), ("3600", "1 h"))
"""How far back the chart goes, in seconds, and how that is called."""
AXIS = 40
"""Width of the figures at the left."""
FOOT = 20
"""Height of the times below."""
HEAD = 6
TIGHT = 84
"""Height of the plot in a low window."""
TALL = 108
LEGEND_BAR = 12


class Plot(QWidget):
    """The lines. Their paths are made once for each second and size; painting them anew costs little."""

    def __init__(self) -> None:
        super().__init__()
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setMouseTracking(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName("Messages per second")
        self._rates = Rates()
        self._start = 0
        self._span = 300
        self._top = 4
        self._received: list[Value] = []
        self._sent: list[Value] = []
        self._paths: tuple[QPainterPath, QPainterPath, QPainterPath] = (QPainterPath(),) * 3
        self._cross: int | None = None
        """The column of the cross-hair."""

    @property
    def field(self) -> QRect:
        """Where the lines are."""
        return QRect(AXIS, HEAD, max(1, self.width() - AXIS), max(1, self.height() - HEAD - FOOT))

    @property
    def cross(self) -> tuple[int, Value, Value] | None:
        """What the cross-hair names: a second since 1970, and what went in and out then."""
        if self._cross is None or self._cross >= len(self._sent):
            return None
        second = self._start + self._cross * self._span // max(1, len(self._sent))
        return second, self._received[self._cross], self._sent[self._cross]

    def show_rates(self, rates: Rates, end: int, span: int) -> None:
        """Show the `span` seconds before `end`."""
        self._rates, self._start, self._span = rates, end - span, span
        self._trace()

    def sizeHint(self) -> QSize:
        return QSize(400, HEAD + TALL + FOOT)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._trace()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self._point(event.position().x())

    def leaveEvent(self, event: QEvent) -> None:
        self._cross = None
        self.update()
        super().leaveEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        step = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}.get(Qt.Key(event.key()))
        if step is None or not self._sent:
            super().keyPressEvent(event)
            return
        last = len(self._sent) - 1
        self._cross = last if self._cross is None else max(0, min(last, self._cross + step))
        self._tell()
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        field = self.field
        self._paint_grid(painter, field)
        self._paint_lines(painter, field)
        self._paint_marks(painter, field)
        self._paint_cross(painter, field)
        if self.hasFocus():
            painter.setPen(theme.pen(Colour.ACCENT, 2))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(QRectF(self.rect()).adjusted(1, 1, -1, -1), 4, 4)
        painter.end()

    def _trace(self) -> None:
        """Make the paths of what there is."""
        field = self.field
        count = max(1, field.width() // 2)
        self._received = columns(self._rates.received, self._start, self._span, count)
        self._sent = columns(self._rates.sent, self._start, self._span, count)
        self._top = ceiling([*self._received, *self._sent])
        sent, ground = self._path(self._sent, field)
        self._paths = (self._path(self._received, field)[0], sent, ground)
        self._tell()
        self.update()

    def _path(self, values: list[Value], field: QRect) -> tuple[QPainterPath, QPainterPath]:
        """A line through these values, broken at gaps, and the area below it."""
        line, ground = QPainterPath(), QPainterPath()
        step = field.width() / max(1, len(values))
        scale, floor = field.height() / self._top, field.bottom() + 1.0
        for place, stretch in stretches(values):
            left = field.left() + (place + 0.5) * step
            line.moveTo(left, floor - stretch[0] * scale)
            ground.moveTo(left, floor)
            ground.lineTo(left, floor - stretch[0] * scale)
            if len(stretch) == 1:
                line.lineTo(left + min(1.0, step), floor - stretch[0] * scale)
            for value in stretch[1:]:
                left += step
                line.lineTo(left, floor - value * scale)
                ground.lineTo(left, floor - value * scale)
            ground.lineTo(left, floor)
            ground.closeSubpath()
        return line, ground

    def _paint_grid(self, painter: QPainter, field: QRect) -> None:
        painter.setFont(theme.font(Type.CAPTION))
        for share in (0.0, 0.5, 1.0):
            y = round(field.bottom() - (field.height() - 1) * share)
            painter.fillRect(QRect(field.left(), y, field.width(), 1), theme.colour(Colour.LINE))
            painter.setPen(theme.colour(Colour.TEXT3))
            painter.drawText(QRect(0, y - 8, AXIS - 8, 16), ALIGN_RIGHT, _figure(self._top * share))
        shift = datetime.datetime.now(datetime.UTC).astimezone().utcoffset()
        for second in ticks(self._start, self._span, round(shift.total_seconds()) if shift else 0):
            x = field.left() + (second - self._start) / self._span * field.width()
            box = QRect(round(x) - 24, field.bottom() + 4, 48, 16)
            if box.left() >= 0 and box.right() <= self.width():
                painter.drawText(box, Qt.AlignmentFlag.AlignCenter, wording.clock(second * 1000))

    def _paint_lines(self, painter: QPainter, field: QRect) -> None:
        received, sent, ground = self._paths
        shade = QLinearGradient(QPointF(0, field.top()), QPointF(0, field.bottom()))
        for place, alpha in ((0.0, 56), (1.0, 6)):
            tone = QColor(theme.colour(Colour.ACCENT))
            tone.setAlpha(alpha)
            shade.setColorAt(place, tone)
        painter.fillPath(ground, shade)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(theme.pen(Colour.TEXT2, 1.5))
        painter.drawPath(received)
        painter.setPen(theme.pen(Colour.ACCENT, 1.5))
        painter.drawPath(sent)

    def _paint_marks(self, painter: QPainter, field: QRect) -> None:
        """Lines for all marks, and words where they do not cover each other; what is bad is named first."""
        painter.setFont(theme.font(Type.CAPTION))
        taken: list[QRectF] = []
        for mark in sorted(self._rates.marks, key=lambda mark: (not mark.bad, -mark.at)):
            x = field.left() + (mark.at / 1000 - self._start) / self._span * field.width()
            if not field.left() <= x <= field.right():
                continue
            tone = Colour.DANGER if mark.bad else Colour.TEXT3
            dashed = QPen(theme.pen(tone))
            dashed.setStyle(Qt.PenStyle.DashLine)
            painter.setPen(dashed)
            painter.drawLine(QPointF(x, field.top()), QPointF(x, field.bottom()))
            words = f"{mark.text} {wording.clock(mark.at, seconds=True)}"
            width = theme.metrics(Type.CAPTION).horizontalAdvance(words) + 14
            left = x + 6 if x + 6 + width <= field.right() else x - 6 - width
            box = QRectF(left, field.top() - HEAD + 1, width, 18)
            if any(box.intersects(other) for other in taken):
                continue
            taken.append(box)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.colour(Colour.DANGER_SOFT if mark.bad else Colour.BG3))
            painter.drawRoundedRect(box, 4, 4)
            painter.setPen(theme.colour(tone))
            painter.drawText(box, Qt.AlignmentFlag.AlignCenter, words)

    def _paint_cross(self, painter: QPainter, field: QRect) -> None:
        cross = self.cross
        if cross is None or self._cross is None:
            return
        second, received, sent = cross
        x = field.left() + (self._cross + 0.5) * field.width() / max(1, len(self._sent))
        painter.setPen(theme.pen(Colour.FIELD))
        painter.drawLine(QPointF(x, field.top()), QPointF(x, field.bottom()))
        for value, tone in ((received, Colour.TEXT2), (sent, Colour.ACCENT)):
            if value is not None:
                y = field.bottom() + 1.0 - value * field.height() / self._top
                painter.setPen(theme.pen(Colour.BG1, 2))
                painter.setBrush(theme.colour(tone))
                painter.drawEllipse(QPointF(x, y), 4, 4)
        words = f"{wording.clock(second * 1000, seconds=True)}   Out {rate(sent)}   In {rate(received)}"
        width = theme.metrics(Type.SMALL).horizontalAdvance(words) + 20
        left = x + 10 if x + 10 + width <= field.right() else x - 10 - width
        box = QRectF(left, field.center().y() - 13, width, 26)
        painter.setPen(theme.pen(Colour.LINE2))
        painter.setBrush(theme.colour(Colour.BG3))
        painter.drawRoundedRect(box, Size.RADIUS_BUTTON, Size.RADIUS_BUTTON)
        painter.setFont(theme.font(Type.SMALL))
        painter.setPen(theme.colour(Colour.TEXT))
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, words)

    def _point(self, x: float) -> None:
        field = self.field
        inside = field.left() <= x <= field.right() and bool(self._sent)
        self._cross = int((x - field.left()) / field.width() * len(self._sent)) if inside else None
        self.update()

    def _tell(self) -> None:
        cross = self.cross
        if cross is not None:
            second, received, sent = cross
            words = f"{wording.clock(second * 1000, seconds=True)}: out {rate(sent)}, in {rate(received)}"
        else:
            words = f"last {self._span // 60} minutes"
        self.setAccessibleDescription(words)


class Legend(QWidget):
    """A line's colour, its name and its figure of now."""

    def __init__(self, name: str, tone: Colour) -> None:
        super().__init__()
        self._tone = tone
        self.figure = Label("–", Type.SMALL_STRONG)
        self.figure.setMinimumWidth(theme.metrics(Type.SMALL_STRONG).horizontalAdvance("88.8k"))
        row = QHBoxLayout(self)
        row.setContentsMargins(LEGEND_BAR + 6, 0, 0, 0)
        row.setSpacing(6)
        row.addWidget(Label(name, Type.SMALL, Colour.TEXT2))
        row.addWidget(self.figure)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.colour(self._tone))
        painter.drawRoundedRect(QRectF(0, self.height() / 2 - 1, LEGEND_BAR, 3), 1.5, 1.5)
        painter.end()


class ChartPane(QWidget):
    """The chart with its head: what the lines are, and how far back they go."""

    def __init__(self) -> None:
        super().__init__()
        self.plot = Plot()
        self.sent = Legend("Out", Colour.ACCENT)
        self.received = Legend("In", Colour.TEXT2)
        self.held = Label("", Type.SMALL, Colour.WARN)
        self.held.hide()
        self.spans = Segments("Time shown", SPANS)
        self._rates = Rates()
        self._end = 0
        head = QHBoxLayout()
        head.setContentsMargins(0, 0, 0, 0)
        head.setSpacing(16)
        head.addWidget(Label("Messages per second", Type.NAME))
        head.addWidget(self.sent)
        head.addWidget(self.received)
        head.addWidget(self.held)
        head.addStretch(1)
        head.addWidget(self.spans)
        column = QVBoxLayout(self)
        column.setContentsMargins(Size.PADDING, 8, Size.PADDING, 8)
        column.setSpacing(0)
        column.addLayout(head)
        column.addWidget(self.plot)
        self.spans.chosen.connect(lambda _: self._choose())

    @property
    def span(self) -> int:
        """How many seconds it shows."""
        return int(self.spans.current)

    def show_rates(self, rates: Rates, end: int) -> None:
        """Show what there is up to the second `end`."""
        self._rates, self._end = rates, end
        self.sent.figure.say(rate(_last(rates.sent, end)))
        self.received.figure.say(rate(_last(rates.received, end)))
        self.plot.show_rates(rates, end, self.span)

    def hold(self, since: str) -> None:
        """Say that it stands still since that time; an empty text lets it go on."""
        self.held.say(f"Standing still since {since}" if since else "")
        self.held.setVisible(bool(since))

    def tighten(self, low: bool) -> None:
        """Take less height, in a low window."""
        self.plot.setFixedHeight(HEAD + (TIGHT if low else TALL) + FOOT)

    def _choose(self) -> None:
        self.plot.show_rates(self._rates, self._end, self.span)


def rate(value: Value) -> str:
    """A rate as people read it; a dash where it is not known."""
    return "–" if value is None else wording.short(value)


def _figure(value: float) -> str:
    """A round figure of the axis, without digits that say nothing."""
    return wording.short(value).replace(".0k", "k").replace(".00M", "M")


def _last(track: Track, end: int) -> Value:
    """The figure of the last whole second."""
    return next((value for second in (end - 1, end - 2) if (value := track.at(second)) is not None), None)
