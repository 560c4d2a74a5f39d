"""A field for the filter language: coloured while one types, with offers, and with what is wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from PySide6.QtCore import QEvent, QMimeData, QPointF, QRectF, QSize, Qt, QTimer, Signal
from PySide6.QtGui import (
    QFocusEvent,
    QKeyEvent,
    QPainter,
    QPaintEvent,
    QSyntaxHighlighter,
    QTextCharFormat,
    QTextCursor,
)
from PySide6.QtWidgets import QHBoxLayout, QPlainTextEdit, QSizePolicy, QWidget

from gui import theme
from gui.tokens import Colour, Size, Type
from gui.widgets.buttons import Button, Kind
from gui.widgets.completion import Completions
from gui.widgets.labels import describe
from server.query import QUERY_CHARS, Fields, Query, QueryError, parse
from server.query_completion import Completion, complete
from server.query_lexer import spans

HEIGHT = 34
PASTED = 2 * QUERY_CHARS
"""Of what is pasted so much is taken: enough to be told that it is too long, and never long to colour."""
REST = 250
"""Milliseconds after the last key, until what was typed counts."""
TONES = {
    "field": Colour.ACCENT,
    "operator": Colour.TEXT3,
    "value": Colour.TEXT,
    "word": Colour.TEXT,
    "error": Colour.DANGER,
}


class _Tint(QSyntaxHighlighter):
    """Colours the pieces of a query; what is wrong is underlined as well."""

    wrong: tuple[int, int] | None = None
    """Where the error is: position and length."""

    def highlightBlock(self, text: str) -> None:
        for start, length, kind in spans(text):
            self.setFormat(start, length, _format(TONES[kind], struck=kind == "error"))
        if self.wrong is not None:
            start, length = self.wrong
            self.setFormat(start, max(1, length), _format(Colour.DANGER, struck=True))


def _format(tone: Colour, *, struck: bool) -> QTextCharFormat:
    made = QTextCharFormat()
    made.setForeground(theme.colour(tone))
    if struck:
        made.setFontUnderline(True)
        made.setUnderlineColor(theme.colour(tone))
    return made


class _Line(QPlainTextEdit):
    """One line of text; its owner looks at each key first."""

    def __init__(self, owner: QueryField) -> None:
        super().__init__()
        self._owner = owner
        self.setFont(theme.font(Type.CODE))
        self.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setTabChangesFocus(True)
        self.document().setDocumentMargin(0)
        self.setFixedHeight(theme.metrics(Type.CODE).height() + 2)

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QKeyEvent):
            if event.type() == QEvent.Type.ShortcutOverride and self._owner.wants(event):
                event.accept()
                return True
            # Qt takes Tab for the next field before the key gets anywhere.
            tab = event.type() == QEvent.Type.KeyPress and event.key() == Qt.Key.Key_Tab
            if tab and self._owner.take(event):
                return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if not self._owner.take(event):
            super().keyPressEvent(event)

    def insertFromMimeData(self, source: QMimeData) -> None:
        self.insertPlainText(" ".join(source.text()[:PASTED].split()))

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self._owner.focus_changed()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self._owner.focus_changed()


class QueryField(QWidget):
    """The field. What it holds counts once it is valid and the keys have rested; until then the last one does."""

    applied = Signal()
    """`query` is another one."""
    judged = Signal(str)
    """What is wrong with the text as it stands; empty where nothing is."""
    entered = Signal()
    """Enter was pressed: on to what it filters."""

    def __init__(
        self,
        name: str,
        fields: Fields,
        values: Callable[[str], Iterable[str]],
        *,
        key: str = "/",
        icon: str = "funnel",
        example: str = "",
    ) -> None:
        """Make an empty field.

        Args:
            name: What it is.
            fields: What can be asked for.
            values: The values of a field that were seen, for offers.
            key: Its key as people read it.
            icon: A file of resources/icons.
            example: What stands in it while it is empty.
        """
        super().__init__()
        self._name = name
        self._fields = fields
        self._values = values
        self._icon = icon
        self.query: Query = parse("", fields)
        """The last valid query."""
        self.valid_text = ""
        """Its text."""
        self.problem = ""
        self.setFixedHeight(HEIGHT)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.line = _Line(self)
        self.line.setPlaceholderText(example)
        describe(self.line, name, key=key)
        self.setFocusProxy(self.line)
        self._tint = _Tint(self.line.document())
        self.wipe = Button(icon="x", kind=Kind.QUIET, name=f"Clear: {name}")
        self.wipe.setFixedSize(QSize(26, 26))
        self.wipe.clicked.connect(lambda: self.put(""))
        self.wipe.hide()
        self._offers: Completions | None = None
        self._rest = QTimer(self)
        self._rest.setSingleShot(True)
        self._rest.setInterval(REST)
        self._rest.timeout.connect(self._apply)
        row = QHBoxLayout(self)
        row.setContentsMargins(34, 0, 4, 0)
        row.setSpacing(4)
        row.addWidget(self.line, 1, Qt.AlignmentFlag.AlignVCenter)
        row.addWidget(self.wipe)
        self._quiet = False
        self.line.textChanged.connect(self._typed)

    @property
    def text(self) -> str:
        """What stands in it."""
        return self.line.toPlainText()

    @property
    def offers(self) -> list[Completion]:
        """What is offered now."""
        return list(self._offers.offers) if self._offers is not None else []

    def put(self, text: str) -> None:
        """Write a text as if it were typed; it counts at once."""
        self._quiet = True
        cursor = QTextCursor(self.line.document())
        cursor.select(QTextCursor.SelectionType.Document)
        cursor.insertText(text)
        self.line.moveCursor(QTextCursor.MoveOperation.End)
        self._quiet = False
        self._typed()
        self._hide_offers()
        self._apply()

    def select_all(self) -> None:
        """Select the text, so that the next key begins a new one."""
        self.line.selectAll()

    def wants(self, event: QKeyEvent) -> bool:
        """Whether a key is for the offers and not for the window."""
        key = Qt.Key
        return bool(self.offers) and event.key() in (key.Key_Escape, key.Key_Up, key.Key_Down, key.Key_Tab)

    def take(self, event: QKeyEvent) -> bool:
        """Act on a key before the text does. Returns whether that was all."""
        key = event.key()
        enter = key in (Qt.Key.Key_Return, Qt.Key.Key_Enter)
        if self._offers is not None and self.offers:
            if key in (Qt.Key.Key_Up, Qt.Key.Key_Down):
                self._offers.move_by(1 if key == Qt.Key.Key_Down else -1)
                return True
            if key == Qt.Key.Key_Escape:
                self._hide_offers()
                return True
            if key == Qt.Key.Key_Tab and self._offers.current is not None:
                self._complete(self._offers.current)
                return True
        if enter:
            self._hide_offers()
            self._apply()
            self.entered.emit()
            return True
        if key == Qt.Key.Key_Down:
            self._show_offers()
            return True
        return False

    def focus_changed(self) -> None:
        """The line has got the keyboard, or lost it."""
        if not self.line.hasFocus():
            self._hide_offers()
        self.update()

    def changeEvent(self, event: QEvent) -> None:
        """As in Qt: another theme has other colours."""
        if event.type() == QEvent.Type.PaletteChange:
            self._colour()
        super().changeEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        """As in Qt."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        focused = self.line.hasFocus()
        tone = Colour.DANGER if self.problem else Colour.ACCENT if focused else Colour.FIELD
        inset = 1.0 if focused else 0.5
        painter.setPen(theme.pen(tone, 2 if focused else 1))
        painter.setBrush(theme.colour(Colour.BG2))
        box = QRectF(self.rect()).adjusted(inset, inset, -inset, -inset)
        painter.drawRoundedRect(box, Size.RADIUS_INPUT, Size.RADIUS_INPUT)
        filtering = Colour.ACCENT if self.valid_text else Colour.TEXT3
        drawn = theme.pixmap(self._icon, filtering, 16, self.devicePixelRatioF())
        painter.drawPixmap(QPointF(12, (self.height() - 16) / 2), drawn)
        painter.end()

    def _typed(self) -> None:
        if self._quiet:
            return
        self.wipe.setVisible(bool(self.text))
        self._judge()
        self._rest.start()
        if self.line.hasFocus():
            self._show_offers()

    def _judge(self) -> Query | None:
        """The query that stands there, or None with the reason in `problem`."""
        found: Query | None = None
        problem, wrong = "", None
        try:
            found = parse(self.text, self._fields)
        except QueryError as error:
            problem, wrong = error.message, (error.position, error.length)
        if (problem, wrong) != (self.problem, self._tint.wrong):
            self.problem, self._tint.wrong = problem, wrong
            self.line.setAccessibleDescription(problem)
            self._colour()
            self.judged.emit(problem)
            self.update()
        return found

    def _apply(self) -> None:
        self._rest.stop()
        found = self._judge()
        text = self.text.strip()
        if found is not None and text != self.valid_text:
            self.query, self.valid_text = found, text
            self.update()
            self.applied.emit()

    def _colour(self) -> None:
        # Colouring is a change of the document, which must not count as one of the text.
        self.line.blockSignals(True)
        self._tint.rehighlight()
        self.line.blockSignals(False)

    def _show_offers(self) -> None:
        if self._offers is None:
            self._offers = Completions(self._name, self.window())
            self._offers.taken.connect(self._complete)
        cursor = self.line.textCursor().position()
        offers = complete(self.text, cursor, self._fields, self._values)
        offers = [one for one in offers if self.text[one.start : one.end] != one.insert]
        at = self.line.mapTo(self.window(), self.line.cursorRect().bottomLeft())
        at.setY(self.mapTo(self.window(), self.rect().bottomLeft()).y() + 5)
        at.setX(at.x() - 14)
        self._offers.offer(offers, at)

    def _hide_offers(self) -> None:
        if self._offers is not None:
            self._offers.hide()

    def _complete(self, one: Completion) -> None:
        cursor = self.line.textCursor()
        cursor.setPosition(one.start)
        cursor.setPosition(one.end, QTextCursor.MoveMode.KeepAnchor)
        cursor.insertText(one.insert)
        self.line.setTextCursor(cursor)
        self._show_offers()
