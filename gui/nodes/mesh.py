"""The drawing of the mesh: nodes on a ring in a fixed order, links between them; the table beside it is its twin."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFocusEvent, QHelpEvent, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from gui import theme, wording
from gui.nodes import drains, ring
from gui.nodes.ring import Circle, Line
from gui.nodes.rows import GONE, WRONG, NodeRow, Standing, describe
from gui.tokens import Colour, Type
from gui.widgets.labels import literal
from server.views import LinkView

BUSIEST = 5
"""So many links are labelled because of what goes through them."""
UNWELL = 12
"""So many of those that are late or slow; there is no room for more."""
SLOW_MS = 200.0
"""A round trip from which a link is an exception."""
MANY = 60
"""From so many links on they are drawn thinner."""
RING_WIDTH = 3.0
NEAR = 6.0
"""How close to a link the pointer has to be."""

UNSETTLED = frozenset({Standing.DRAINING, Standing.LATE})
"""Those at which somebody should look."""

_WORDS = {
    Standing.STARTING: "starting",
    Standing.JOINING: "joining",
    Standing.STOPPING: "stopping",
    Standing.LATE: "late",
    Standing.STOPPED: "stopped",
}


@dataclasses.dataclass(frozen=True, slots=True)
class Dot:
    """A node as it is drawn; equal ones look equal."""

    id: str
    node: str
    name: str
    sessions: int
    cpu: float | None
    standing: Standing
    here: bool
    word: str
    """What stands below its name."""


@dataclasses.dataclass(frozen=True, slots=True)
class Strand:
    """A link as it is drawn, between the dots of these numbers."""

    a: int
    b: int
    state: str
    rate: float | None
    label: str

    @property
    def slow(self) -> bool:
        """Whether it is an exception although it stands."""
        return self.state in ("late", "slow")


@dataclasses.dataclass(frozen=True, slots=True)
class Drawing:
    """All of it."""

    dots: tuple[Dot, ...] = ()
    strands: tuple[Strand, ...] = ()
    hidden: int = 0
    """Nodes that are not drawn because there are too many."""


def draw(rows: Sequence[NodeRow], links: Iterable[LinkView]) -> Drawing:
    """What is drawn of these rows and links: by name, of too many those that matter most."""
    shown = list(rows)
    if len(shown) > ring.MOST:
        weight = sorted(shown, key=lambda row: (not row.here, row.standing not in WRONG, -row.sessions, row.name))
        shown = weight[: ring.MOST]
    shown.sort(key=lambda row: (row.name.casefold(), row.id))
    dots = tuple(_dot(row) for row in shown)
    places = {dot.node: place for place, dot in enumerate(dots) if dot.node}
    strands = (_strand(link, dots, places) for link in links if link.a in places and link.b in places)
    return Drawing(dots, tuple(strands), len(rows) - len(shown))


def up(drawing: Drawing) -> str:
    """How many links stand: ``10 of 15 links up``."""
    standing = sum(strand.state in ("up", "slow") for strand in drawing.strands)
    whole = len(drawing.strands)
    words = (
        f"{standing} of {wording.plural(whole, 'link')} up"
        if standing < whole
        else f"{wording.plural(whole, 'link')} up"
    )
    if not whole:
        words = "no links"
    return f"{words}, {drawing.hidden} nodes not drawn" if drawing.hidden else words


def _dot(row: NodeRow) -> Dot:
    if row.standing in WRONG:
        ago = wording.minutes(row.span) if row.span < 3600 else wording.age(row.span * 1000)
        what = "lost" if row.standing is Standing.LOST else "crashed" if row.node else "failed"
        word = f"{what} {ago} ago"
    elif row.standing is Standing.DRAINING and row.drain is not None:
        word = drains.brief(row.drain)
    elif row.here:
        word = "this console"
    else:
        word = _WORDS.get(row.standing, "")
    cpu = None if row.cpu is None else round(row.cpu, 2)
    return Dot(row.id, row.node, wording.name(row.name), row.sessions, cpu, row.standing, row.here, word)


def _strand(link: LinkView, dots: Sequence[Dot], places: dict[str, int]) -> Strand:
    a, b = places[link.a], places[link.b]
    state: str = link.state
    if dots[a].standing in GONE or dots[b].standing in GONE:
        state = "lost"
    elif state == "up" and link.round_trip is not None and link.round_trip >= SLOW_MS:
        state = "slow"
    rate = "–" if link.rate is None else f"{wording.short(link.rate)}/s"
    label = {"lost": "lost"}.get(state, f"{rate}\t{wording.milliseconds(link.round_trip)}")
    return Strand(a, b, state, None if state == "lost" else link.rate, label)


class Mesh(QWidget):
    """The drawing; a click or an arrow key selects a node, whose links are all labelled then."""

    chosen = Signal(str)
    """The id of the row of a node that was selected here."""
    opened = Signal(str)
    """The same with a double click."""

    def __init__(self) -> None:
        """Make an empty one."""
        super().__init__()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(QSize(280, 140))
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.setAccessibleName("Mesh")
        self._drawing = Drawing()
        self._rows: dict[str, NodeRow] = {}
        self._circles: list[Circle] = []
        self._lines: list[Line] = []
        self._selected = ""
        self._pointed = -1
        self._near = -1

    @property
    def drawing(self) -> Drawing:
        """What is on the screen."""
        return self._drawing

    @property
    def circles(self) -> Sequence[Circle]:
        """Where its nodes are."""
        return self._circles

    @property
    def selected(self) -> str:
        """The id of the row of the selected node; empty where there is none."""
        return self._selected

    def follow(self, rows: Sequence[NodeRow], links: Iterable[LinkView]) -> None:
        """Show these; painted anew only where something looks different."""
        self._rows = {row.id: row for row in rows}
        drawing = draw(rows, links)
        if drawing == self._drawing:
            return
        before, self._drawing = self._drawing, drawing
        if [dot.id for dot in before.dots] != [dot.id for dot in drawing.dots]:
            self._pointed = self._near = -1
        self.arrange()
        self._describe()
        self.update()

    def select(self, id: str) -> None:
        """Select the node of a row, or none."""
        if id != self._selected:
            self._selected = id
            self._describe()
            self.update()

    def sizeHint(self) -> QSize:
        return QSize(560, 430)

    def resizeEvent(self, event: QEvent) -> None:
        self.arrange()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        dot = self._dot_at(event.position())
        if dot >= 0 and event.button() is Qt.MouseButton.LeftButton:
            self._choose(dot)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        if self._dot_at(event.position()) >= 0 and self._selected:
            self.opened.emit(self._selected)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self._point(event.position())

    def leaveEvent(self, event: QEvent) -> None:
        self._point(QPointF(-100, -100))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        keys, count = Qt.Key, len(self._drawing.dots)
        steps = {keys.Key_Right: 1, keys.Key_Down: 1, keys.Key_Left: -1, keys.Key_Up: -1}
        key = Qt.Key(event.key())
        at = next((place for place, dot in enumerate(self._drawing.dots) if dot.id == self._selected), -1)
        if key in steps and count:
            self._choose((at + steps[key]) % count if at >= 0 else 0 if steps[key] > 0 else count - 1)
        else:
            super().keyPressEvent(event)

    def focusInEvent(self, event: QFocusEvent) -> None:
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        self.update()

    def event(self, event: QEvent) -> bool:
        """As in Qt: a tooltip is the row of a node in words."""
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            dot = self._dot_at(QPointF(event.pos()))
            row = self._rows.get(self._drawing.dots[dot].id) if dot >= 0 else None
            if row is not None:
                QToolTip.showText(event.globalPos(), literal(describe(row)), self)
            else:
                QToolTip.hideText()
            return True
        return super().event(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        # Where there are many, each is thin and they are a texture; smoothing them would take most of the time.
        for well in (True, False):
            painter.setRenderHint(QPainter.RenderHint.Antialiasing, len(self._lines) <= MANY or not well)
            for strand, line in zip(self._drawing.strands, self._lines, strict=True):
                if (strand.state == "up") is well:
                    self._paint_strand(painter, strand, line)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for dot, circle in zip(self._drawing.dots, self._circles, strict=True):
            self._paint_dot(painter, dot, circle)
        for number, box in self.pills().items():
            self._paint_pill(painter, self._drawing.strands[number], box)
        painter.end()

    # What is where.

    def arrange(self) -> None:
        """Put everything in its place, as after a change of size."""
        dots, strands = self._drawing.dots, self._drawing.strands
        self._circles = ring.arrange([dot.sessions for dot in dots], self.width(), self.height())
        self._lines = [ring.between(self._circles[strand.a], self._circles[strand.b]) for strand in strands]

    def pills(self) -> dict[int, ring.Box]:
        """Which links are labelled, and where."""
        strands = self._drawing.strands
        chosen = {place for place, dot in enumerate(self._drawing.dots) if dot.id == self._selected}
        chosen |= {self._pointed} - {-1}
        asked = {at for at, strand in enumerate(strands) if strand.state != "lost" and chosen & {strand.a, strand.b}}
        asked |= {self._near} - {-1}
        unwell = [at for at, strand in enumerate(strands) if strand.slow][:UNWELL]
        busy = sorted(
            (at for at, strand in enumerate(strands) if strand.rate), key=lambda at: -(strands[at].rate or 0.0)
        )
        order = list(dict.fromkeys([*sorted(asked), *unwell, *busy[:BUSIEST]]))
        wanted = ((at, self._lines[at], _pill_width(strands[at].label)) for at in order)
        return ring.place_pills(wanted, self._circles, must=frozenset({self._near} - {-1}))

    def _dot_at(self, place: QPointF) -> int:
        for at, circle in enumerate(self._circles):
            if (place.x() - circle.x) ** 2 + (place.y() - circle.y) ** 2 <= (circle.radius + ring.RING) ** 2:
                return at
        return -1

    def _point(self, place: QPointF) -> None:
        dot = self._dot_at(place)
        near = -1
        if dot < 0 and self._lines:
            distance, at = min((line.distance(place.x(), place.y()), at) for at, line in enumerate(self._lines))
            near = at if distance <= NEAR else -1
        if (dot, near) != (self._pointed, self._near):
            self._pointed, self._near = dot, near
            self.setCursor(Qt.CursorShape.PointingHandCursor if dot >= 0 else Qt.CursorShape.ArrowCursor)
            self.update()

    def _choose(self, place: int) -> None:
        self.select(self._drawing.dots[place].id)
        self.chosen.emit(self._selected)

    def _describe(self) -> None:
        words = [wording.plural(len(self._drawing.dots), "node"), up(self._drawing)]
        row = self._rows.get(self._selected)
        if row is not None:
            words.append(f"selected: {describe(row)}")
        self.setAccessibleDescription(", ".join(words))

    # How it looks.

    def _paint_strand(self, painter: QPainter, strand: Strand, line: Line) -> None:
        if line.length < 1:
            return
        ends = {self._drawing.dots[strand.a].id, self._drawing.dots[strand.b].id}
        # Many lines together are loud, so that each has to be quiet.
        many = len(self._drawing.strands) > MANY
        token = Colour.LINE2 if strand.rate and strand.rate >= 1 and not many else Colour.LINE
        if strand.state == "lost":
            pen = QPen(theme.pen(Colour.DANGER))
            pen.setDashPattern([4, 5])
            painter.setOpacity(0.55)
        else:
            tone = Colour.WARN if strand.slow else Colour.ACCENT if self._selected in ends else token
            width = ring.line_width(strand.rate)
            pen = theme.pen(tone, width if not many else max(1.0, width / 2))
        painter.setPen(pen)
        painter.drawLine(QPointF(line.x1, line.y1), QPointF(line.x2, line.y2))
        painter.setOpacity(1.0)

    def _paint_dot(self, painter: QPainter, dot: Dot, circle: Circle) -> None:
        middle, radius = QPointF(circle.x, circle.y), circle.radius
        broken, chosen = dot.standing in WRONG, dot.id == self._selected
        ground = Colour.DANGER_SOFT if broken else Colour.ACCENT_SOFT if dot.here or chosen else Colour.BG3
        edge = Colour.DANGER if broken else Colour.WARN if dot.standing in UNSETTLED else Colour.LINE
        painter.setPen(theme.pen(edge, RING_WIDTH if not broken else 2.0))
        painter.setBrush(theme.colour(Colour.BG1))
        painter.drawEllipse(middle, radius + 2.5, radius + 2.5)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.colour(ground))
        inner = radius - (0 if broken else 1.5)
        painter.drawEllipse(middle, inner, inner)
        if dot.cpu is not None and dot.standing is Standing.UP:
            painter.setPen(theme.pen(Colour.WARN if dot.cpu >= 0.9 else Colour.ACCENT, RING_WIDTH))
            box = QRectF(circle.x - radius - 2.5, circle.y - radius - 2.5, 2 * radius + 5, 2 * radius + 5)
            painter.drawArc(box, 90 * 16, -round(min(1.0, max(0.01, dot.cpu)) * 360 * 16))
        if chosen:
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(theme.pen(Colour.ACCENT, 2 if self.hasFocus() else 1))
            painter.drawEllipse(middle, radius + ring.RING + 1, radius + ring.RING + 1)
        self._paint_inside(painter, dot, circle)
        self._paint_name(painter, dot, circle)

    def _paint_inside(self, painter: QPainter, dot: Dot, circle: Circle) -> None:
        icon = "desktop" if dot.here and not dot.sessions else "link-break" if dot.standing in WRONG else ""
        if icon:
            size = 18 if circle.radius >= 16 else 12
            tone = Colour.DANGER if dot.standing in WRONG else Colour.ACCENT
            drawn = theme.pixmap(icon, tone, size, self.devicePixelRatioF())
            painter.drawPixmap(QPointF(circle.x - size / 2, circle.y - size / 2), drawn)
            return
        words = wording.short(dot.sessions) if dot.sessions > 9999 else wording.count(dot.sessions)
        kind = next(
            (
                kind
                for kind in (Type.TITLE, Type.NAME, Type.CAPTION)
                if theme.metrics(kind).horizontalAdvance(words) <= 2 * circle.radius - 12
                and theme.metrics(kind).capHeight() <= circle.radius
            ),
            None,
        )
        if kind is not None:
            painter.setFont(theme.font(kind))
            painter.setPen(theme.colour(Colour.TEXT2 if dot.standing is not Standing.UP else Colour.TEXT))
            box = QRectF(circle.x - circle.radius, circle.y - circle.radius, 2 * circle.radius, 2 * circle.radius)
            painter.drawText(box, Qt.AlignmentFlag.AlignCenter, words)

    def _paint_name(self, painter: QPainter, dot: Dot, circle: Circle) -> None:
        label = circle.label
        if label.width < 1:
            return
        two = label.height > ring.LINE and bool(dot.word)
        kind = Type.NAME if label.height > ring.LINE else Type.CAPTION
        tone = Colour.TEXT2 if dot.standing is Standing.STOPPED else Colour.TEXT
        tone = Colour.DANGER if dot.standing in WRONG else Colour.WARN if dot.standing in UNSETTLED else tone
        # Names that begin alike differ at their ends.
        name = theme.metrics(kind).elidedText(dot.name, Qt.TextElideMode.ElideMiddle, int(label.width))
        first = QRectF(label.left, label.top, label.width, ring.LINE)
        if not two and circle.side == "above" and label.height > ring.LINE:
            first.moveTop(label.bottom - ring.LINE)
        align = {"left": Qt.AlignmentFlag.AlignRight, "right": Qt.AlignmentFlag.AlignLeft}.get(
            circle.side, Qt.AlignmentFlag.AlignHCenter
        )
        painter.setFont(theme.font(kind))
        painter.setPen(theme.colour(tone))
        painter.drawText(first, align | Qt.AlignmentFlag.AlignVCenter, name)
        if two:
            painter.setFont(theme.font(Type.CAPTION))
            painter.setPen(theme.colour(tone if tone is not Colour.TEXT else Colour.TEXT2))
            below = QRectF(label.left, label.top + ring.LINE, label.width, ring.LINE)
            word = theme.elided(dot.word, Type.CAPTION, int(label.width))
            painter.drawText(below, align | Qt.AlignmentFlag.AlignVCenter, word)

    def _paint_pill(self, painter: QPainter, strand: Strand, box: ring.Box) -> None:
        tone = Colour.DANGER if strand.state == "lost" else Colour.WARN if strand.slow else Colour.LINE2
        area = QRectF(box.left, box.top, box.width, box.height).adjusted(0.5, 0.5, -0.5, -0.5)
        painter.setPen(theme.pen(tone))
        painter.setBrush(theme.colour(Colour.BG1))
        painter.drawRoundedRect(area, area.height() / 2, area.height() / 2)
        left = area.left() + 10
        for words, kind, plain in zip(
            strand.label.split("\t"), (Type.SMALL_STRONG, Type.SMALL), (Colour.TEXT, Colour.TEXT2), strict=False
        ):
            painter.setFont(theme.font(kind))
            painter.setPen(theme.colour(plain if tone is Colour.LINE2 else tone))
            part = QRectF(left, area.top(), area.right() - left, area.height())
            painter.drawText(part, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, words)
            left += theme.metrics(kind).horizontalAdvance(words) + 6


def _pill_width(label: str) -> float:
    parts = list(zip(label.split("\t"), (Type.SMALL_STRONG, Type.SMALL), strict=False))
    return 21 + 6 * (len(parts) - 1) + sum(theme.metrics(kind).horizontalAdvance(words) for words, kind in parts)
