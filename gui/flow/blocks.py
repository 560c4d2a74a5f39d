"""A message looked at in three ways, as fields, as JSON and as bytes, of which each lights what the others mean."""

from __future__ import annotations

import bisect
from collections.abc import Iterator, Sequence

from PySide6.QtCore import QPoint, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFocusEvent, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from gui import theme, wording
from gui.flow.frame import NOWHERE, Ink, Line, Part, Piece, Span, hex_lines
from gui.tokens import Colour, Type
from gui.widgets.columns import ALIGN_LEFT

LINE = 18
LETTERS = 64
"""Over so many letters the width of one is measured: it is no whole number of pixels."""
INKS = {
    Ink.MARK: Colour.TEXT3,
    Ink.KEY: Colour.ACCENT,
    Ink.TEXT: Colour.TEXT,
    Ink.NUMBER: Colour.LIVE,
    Ink.WORD: Colour.WARN,
}


class Block(QWidget):
    """One way to look at a message. Arrows go from part to part; what is chosen is chosen in all of them."""

    chosen = Signal(Span)
    """Bytes that were pointed out."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self._name = name
        self._lit = NOWHERE
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName(name)

    @property
    def lit(self) -> Span:
        """The bytes that are lit."""
        return self._lit

    def light(self, span: Span) -> None:
        """Light these bytes."""
        if span != self._lit:
            self._lit = span
            self._tell()
            self.update()

    def spans(self) -> Sequence[Span]:
        """What the arrows go through, in order."""
        raise NotImplementedError

    def span_at(self, place: QPoint) -> Span:
        """What is at a point; nothing where nothing is."""
        raise NotImplementedError

    def words(self, span: Span) -> str:
        """What a span says, for those who listen."""
        raise NotImplementedError

    def mousePressEvent(self, event: QMouseEvent) -> None:
        super().mousePressEvent(event)
        self.chosen.emit(self.span_at(event.position().toPoint()))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        step = {
            Qt.Key.Key_Down: 1,
            Qt.Key.Key_Right: 1,
            Qt.Key.Key_Up: -1,
            Qt.Key.Key_Left: -1,
        }.get(Qt.Key(event.key()))
        spans = self.spans()
        if step is None or not spans:
            super().keyPressEvent(event)
            return
        here = next((place for place, span in enumerate(spans) if span.meets(self._lit)), -1 if step > 0 else 0)
        self.chosen.emit(spans[max(0, min(len(spans) - 1, here + step))])

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self.update()

    @property
    def _step(self) -> float:
        """The width of a letter."""
        return max(1.0, theme.metrics(Type.CODE).horizontalAdvance("0" * LETTERS) / LETTERS)

    def _tell(self) -> None:
        self.setAccessibleDescription(self.words(self._lit) if self._lit else "")

    def _paint_focus(self, painter: QPainter) -> None:
        if self.hasFocus():
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(theme.pen(Colour.ACCENT, 2))
            painter.drawRoundedRect(QRectF(self.rect()).adjusted(1, 1, -1, -1), 4, 4)

    def _paint_lit(self, painter: QPainter, box: QRectF) -> None:
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.colour(Colour.ACCENT_SOFT))
        painter.drawRoundedRect(box, 3, 3)


class FieldGrid(Block):
    """Names and values in two columns."""

    ROW = 22
    GAP = 12

    def __init__(self) -> None:
        super().__init__("Header")
        self._parts: list[Part] = []

    @property
    def parts(self) -> list[Part]:
        """What is shown."""
        return self._parts

    def show_parts(self, parts: Sequence[Part]) -> None:
        """Show these fields."""
        self._parts = list(parts)
        self._lit = NOWHERE
        self.setFixedHeight(max(1, self._lines) * self.ROW + 4)
        self.setAccessibleDescription(", ".join(f"{part.name} {part.value}" for part in parts))
        self.update()

    def spans(self) -> Sequence[Span]:
        return [part.span for part in self._parts if part.span]

    def span_at(self, place: QPoint) -> Span:
        for at, part in enumerate(self._parts):
            if self._box(at).contains(place):
                return part.span
        return NOWHERE

    def words(self, span: Span) -> str:
        return ", ".join(f"{part.name} {part.value}" for part in self._parts if part.span.meets(span))

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(theme.font(Type.CODE))
        for at, part in enumerate(self._parts):
            box = self._box(at)
            if self._lit and part.span.meets(self._lit):
                self._paint_lit(painter, QRectF(box.adjusted(-4, 1, -2, -1)))
            painter.setPen(theme.colour(Colour.TEXT3))
            painter.drawText(box, ALIGN_LEFT, part.name)
            left = self._name_width(at)
            room = box.width() - left - self.GAP
            painter.setPen(theme.colour(Colour.TEXT))
            value = theme.elided(wording.name(part.value) if part.value else "–", Type.CODE, room)
            painter.drawText(box.adjusted(left, 0, 0, 0), ALIGN_LEFT, value)
        self._paint_focus(painter)
        painter.end()

    @property
    def _lines(self) -> int:
        return (len(self._parts) + 1) // 2

    def _box(self, at: int) -> QRect:
        """Fields go down the first column, then down the second."""
        column, line = divmod(at, max(1, self._lines))
        width = (self.width() - 8) // 2
        return QRect(4 + column * width, 2 + line * self.ROW, width, self.ROW)

    def _name_width(self, at: int) -> int:
        lines = max(1, self._lines)
        column = at // lines
        names = [part.name for part in self._parts[column * lines : (column + 1) * lines]]
        return max(theme.metrics(Type.CODE).horizontalAdvance(name) for name in names) + self.GAP


class JsonBlock(Block):
    """JSON, a member to a line; long texts go on below."""

    def __init__(self) -> None:
        super().__init__("Payload")
        self._lines: list[Line] = []
        self._laid: list[list[tuple[int, Piece, str]]] = []
        """On each line of the screen: column, piece, and the letters of it that stand there."""
        self._columns = 0

    def show_lines(self, lines: Sequence[Line]) -> None:
        """Show these lines."""
        self._lines = list(lines)
        self._lit = NOWHERE
        self._columns = 0
        self._lay()
        self.setAccessibleDescription("")
        self.update()

    def text(self) -> str:
        """All of it as text."""
        return "\n".join(" " * line.indent + "".join(_spaced(line.pieces)) for line in self._lines)

    def spans(self) -> Sequence[Span]:
        return [piece.span for line in self._lines for piece in line.pieces if piece.ink is not Ink.MARK]

    def span_at(self, place: QPoint) -> Span:
        line = (place.y() - 2) // LINE
        if not 0 <= line < len(self._laid):
            return NOWHERE
        return next(
            (piece.span for box, piece, _ in self._boxes(line) if box.left() <= place.x() < box.right()), NOWHERE
        )

    def words(self, span: Span) -> str:
        return " ".join(
            piece.text
            for line in self._lines
            for piece in line.pieces
            if piece.ink is not Ink.MARK and piece.span.meets(span)
        )

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._lay()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(theme.font(Type.CODE))
        exposed = event.rect()
        first = max(0, (exposed.top() - 2) // LINE)
        last = min(len(self._laid), (exposed.bottom() - 2) // LINE + 1)
        for at in range(first, last):
            for box, piece, text in self._boxes(at):
                if self._lit and piece.ink is not Ink.MARK and piece.span.meets(self._lit):
                    self._paint_lit(painter, box.adjusted(-1, 1, 1, -1))
                painter.setPen(theme.colour(INKS[piece.ink]))
                painter.drawText(box.adjusted(0, 0, 400, 0), ALIGN_LEFT, text)
        self._paint_focus(painter)
        painter.end()

    def _boxes(self, line: int) -> Iterator[tuple[QRectF, Piece, str]]:
        """Where each piece of a line stands: in its column, or behind letters before it that are wider than one."""
        step, end = self._step, 0.0
        for left, piece, text in self._laid[line]:
            width = len(text) * step
            if not text.isascii():
                width = max(width, theme.metrics(Type.CODE).horizontalAdvance(text))
            box = QRectF(max(4 + left * step, end), 2 + line * LINE, width, LINE)
            end = box.right()
            yield box, piece, text

    def _lay(self) -> None:
        columns = max(16, int((self.width() - 8) / self._step))
        if columns == self._columns:
            return
        self._columns = columns
        self._laid = [row for line in self._lines for row in _wrapped(line, columns)]
        self.setFixedHeight(max(1, len(self._laid)) * LINE + 4)


def _spaced(pieces: Sequence[Piece]) -> list[str]:
    """The texts of a line, a space behind each colon."""
    return [f"{piece.text} " if piece.text == ":" and piece.ink is Ink.MARK else _readable(piece) for piece in pieces]


def _readable(piece: Piece) -> str:
    """What cannot be seen in a text of somebody is shown as a mark."""
    return wording.paragraph(piece.text) if piece.ink in (Ink.TEXT, Ink.KEY) else piece.text


def _wrapped(line: Line, columns: int) -> list[list[tuple[int, Piece, str]]]:
    """A line as lines of the screen: pieces that are too long go on below, a little to the right."""
    rows: list[list[tuple[int, Piece, str]]] = [[]]
    left, start = line.indent, min(line.indent + 4, columns // 2)
    for piece, text in zip(line.pieces, _spaced(line.pieces), strict=True):
        while text:
            room = columns - left
            if room <= 0 or (len(text) > room and len(text) <= columns - start and left > start):
                rows.append([])
                left = start
                continue
            rows[-1].append((left, piece, text[:room]))
            left += len(text[:room])
            text = text[room:]
    return rows


class HexBlock(Block):
    """Bytes as digits and as letters. Only what is seen is painted."""

    def __init__(self) -> None:
        super().__init__("Bytes")
        self._data = b""
        self._parts: list[Span] = []
        self._laid: list[tuple[str, list[str], str]] = []
        self._width = 0

    @property
    def data(self) -> bytes:
        """What is shown."""
        return self._data

    def show_bytes(self, data: bytes, parts: Sequence[Span]) -> None:
        """Show a message whose parts are these."""
        self._data = data
        self._parts = sorted((span for span in parts if span), key=lambda span: (span.start, -span.length))
        self._lit = NOWHERE
        self._width = 0
        self._lay()
        self.update()

    def spans(self) -> Sequence[Span]:
        return self._parts

    def span_at(self, place: QPoint) -> Span:
        line = (place.y() - 2) // LINE
        column = (place.x() - 4) / self._step
        digits = 6 + 3 * self._width
        if 6 <= column < digits:
            at = int((column - 6) / 3)
        elif digits + 1 <= column < digits + 1 + self._width:
            at = int(column - digits - 1)
        else:
            return NOWHERE
        at += line * self._width
        return Span(at, 1) if 0 <= at < len(self._data) else NOWHERE

    def words(self, span: Span) -> str:
        some = self._data[span.start : min(span.end, span.start + 32)]
        return f"bytes {span.start} to {span.end - 1}: {some.hex(' ')}"

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._lay()

    def place_of(self, span: Span) -> QRect:
        """Where the first byte of a span is."""
        line = span.start // max(1, self._width)
        return QRect(0, 2 + line * LINE, self.width(), LINE)

    def sizeHint(self) -> QSize:
        return QSize(200, self.height())

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(theme.font(Type.CODE))
        step, exposed = self._step, event.rect()
        first = max(0, (exposed.top() - 2) // LINE)
        last = min(len(self._laid), (exposed.bottom() - 2) // LINE + 1)
        for at in range(first, last):
            offset, digits, letters = self._laid[at]
            top = 2 + at * LINE
            lit = self._lit_on(at, len(digits))
            if lit is not None:
                low, high = lit
                left, right = 4 + step * (6 + 3 * low), 4 + step * (6 + 3 * high - 1)
                self._paint_lit(painter, QRectF(left - 3, top + 1, right - left + 6, LINE - 2))
                left = 4 + step * (7 + 3 * self._width + low)
                self._paint_lit(painter, QRectF(left - 1, top + 1, step * (high - low) + 2, LINE - 2))
            painter.setPen(theme.colour(Colour.TEXT3))
            painter.drawText(QRectF(4, top, step * 5, LINE), ALIGN_LEFT, offset)
            self._paint_runs(painter, top, step, digits, letters, lit)
        self._paint_focus(painter)
        painter.end()

    def _paint_runs(
        self,
        painter: QPainter,
        top: int,
        step: float,
        digits: list[str],
        letters: str,
        lit: tuple[int, int] | None,
    ) -> None:
        low, high = lit or (0, 0)
        for first, last in ((0, low), (low, high), (high, len(digits))):
            if first < last:
                painter.setPen(theme.colour(Colour.ACCENT if (first, last) == lit else Colour.TEXT2))
                box = QRectF(4 + step * (6 + 3 * first), top, step * 3 * (last - first), LINE)
                painter.drawText(box, ALIGN_LEFT, " ".join(digits[first:last]))
                box = QRectF(4 + step * (7 + 3 * self._width + first), top, step * (last - first) + 4, LINE)
                painter.drawText(box, ALIGN_LEFT, letters[first:last])

    def _lit_on(self, line: int, count: int) -> tuple[int, int] | None:
        start = line * self._width
        low, high = max(self._lit.start, start) - start, min(self._lit.end, start + count) - start
        return (low, high) if self._lit and low < high else None

    def _lay(self) -> None:
        columns = int((self.width() - 8) / self._step)
        width = (8, 10, 12, 16)[max(0, bisect.bisect_right((39, 47, 55, 71), columns) - 1)]
        if width != self._width:
            self._width = width
            self._laid = hex_lines(self._data, width)
            self.setFixedHeight(max(1, len(self._laid)) * LINE + 4)
