"""The pane of one message: its way, its fields, its JSON and its bytes."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QVBoxLayout, QWidget

from gui import wording
from gui.flow import frame, rows
from gui.flow.blocks import FieldGrid, HexBlock, JsonBlock
from gui.flow.frame import Part, Span
from gui.flow.path import PathStrip, slowest
from gui.tokens import Colour, Size, Type
from gui.widgets.buttons import Button, Kind
from gui.widgets.labels import Label, Picture, describe
from gui.widgets.panes import DetailsHead, Divider, Section, Sections
from server.flow import FlowRow
from server.trace import Hop, Trace


class Details(QWidget):
    """The pane. It shows the message that it was given, whatever the table does."""

    wants_text = Signal()
    """The text of a whisper is asked for."""
    closed = Signal()

    def __init__(self, copy: QAction) -> None:
        super().__init__()
        self.setProperty("part", "pane")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setAccessibleName("Message")
        self._row: FlowRow | None = None
        self._number = 0
        self._picture = Picture("", Colour.TEXT, 20)
        self.title = Label("", Type.SECTION)
        self.sentence = Label("", Type.SMALL, Colour.TEXT2, elide=True)
        self.copy = Button.of(copy, kind=Kind.QUIET, icon="copy", show_key=False)
        self.copy.setText("")
        self.close_ = Button(icon="x", kind=Kind.QUIET, name="Close the message", key="")
        self.close_.clicked.connect(self.closed)
        for button in (self.copy, self.close_):
            button.setFixedSize(Size.BUTTON, Size.BUTTON)
        describe(self.close_, "Close the message", key="Esc")
        self.path = PathStrip()
        self.header = FieldGrid()
        self.json = JsonBlock()
        self.hex = HexBlock()
        self.secret = Label("", Type.BODY, Colour.TEXT2, wrap=True)
        self.text = Label("", Type.BODY, wrap=True)
        self.read = Button("Read with a reason…", icon="eye")
        self.read.clicked.connect(self.wants_text)
        self._sections = {
            "path": Section("Path", self.path),
            "header": Section("Header", self.header),
            "secret": Section("Text", self.text, self.secret, self.read),
            "json": Section("Payload, JSON", self.json),
            "hex": Section("Bytes", self.hex),
        }
        self._lay_out()
        for block in (self.header, self.json, self.hex):
            block.chosen.connect(self._light)

    @property
    def row(self) -> FlowRow | None:
        """The message that is shown."""
        return self._row

    @property
    def number(self) -> int:
        """Its identity in the table, 0 for none."""
        return self._number

    def show_row(self, number: int, row: FlowRow) -> None:
        """Show a message; its way comes later."""
        self._row, self._number = row, number
        tone = Colour.DANGER if row.kind in rows.MODERATION else Colour.TEXT
        self._picture.say(rows.icon(row.kind), tone)
        self.title.say(row.kind, tone)
        size = f"{wording.count(row.size)} bytes, " if row.size else ""
        self.sentence.say(f"{rows.moment(row.at)}, {size}number {wording.count(number)}")
        self._show_parts(row)
        self._show_path(known_hops(row), None)
        self._sections["secret"].setVisible(row.kind == "whisper")
        self.text.hide()
        self.secret.say("Whom a whisper is from and for is all that shows here. Who reads its text says why.")
        self.read.setVisible(row.kind == "whisper")
        self.body.verticalScrollBar().setValue(0)

    def forget(self) -> None:
        """Show nothing."""
        self._row, self._number = None, 0

    def show_trace(self, trace: Trace) -> None:
        """Show the way of the message, as far as the nodes know it."""
        self._show_path(trace.hops, trace.total_ms)

    def show_text(self, text: str, note: str) -> None:
        """Show the text of a whisper that was asked for with a reason."""
        self.text.say(wording.paragraph(text))
        self.text.show()
        self.secret.say(note)
        self.read.hide()

    def panes(self) -> tuple[QWidget, ...]:
        """What the keyboard can go to."""
        return tuple(block for block in (self.header, self.json, self.hex) if block.isVisibleTo(self))

    def _show_parts(self, row: FlowRow) -> None:
        spans: list[Span] = []
        if frame.is_voice(row.data):
            parts = frame.voice_parts(row.data)
            spans = [part.span for part in parts]
            there = {part.name for part in parts}
            parts += [Part(name, value) for name, value in _known(row).items() if value and name not in there]
            self._sections["json"].hide()
        else:
            pieces = frame.pieces(row.data)
            parts = frame.json_parts(pieces, _known(row))
            spans = [part.span for part in parts] + [
                piece.span for piece in pieces if piece.ink is not frame.Ink.MARK
            ]
            self.json.show_lines(frame.lines(pieces))
            self._sections["json"].setVisible(bool(pieces))
        self.header.show_parts(parts)
        self.hex.show_bytes(row.data, spans)
        self._spans = spans
        self._sections["hex"].setVisible(bool(row.data))

    def _show_path(self, hops: Sequence[Hop], whole: float | None) -> None:
        self.path.show_hops(hops)
        note, slow = self._sections["path"].note, slowest(hops) > 0
        note.say(rows.latency(whole), Colour.WARN if slow else Colour.TEXT2)
        self._sections["path"].setVisible(bool(hops))

    def _light(self, span: Span) -> None:
        """Light the same bytes in all blocks; a single byte stands for the shortest part that has it."""
        if span.length == 1 and self.sender() is self.hex:
            span = frame.innermost(self._spans, span.start)
        for block in (self.header, self.json, self.hex):
            block.light(span)
        if span and self.sender() is not self.hex:
            place = self.hex.mapTo(self.body.inside, self.hex.place_of(span).topLeft())
            self.body.ensureVisible(0, place.y() + 9, 0, 40)

    def _lay_out(self) -> None:
        self.body = Sections(*self._sections.values())
        self.body.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(DetailsHead(self._picture, self.title, self.sentence, self.copy, self.close_))
        column.addWidget(Divider())
        column.addWidget(self.body, 1)


def known_hops(row: FlowRow) -> list[Hop]:
    """The places of which the row itself knows; the times between are not known yet."""
    places = [(row.sender, "client"), (row.node, "its node"), (row.room or row.to, "room" if row.room else "")]
    return [Hop(place, label, None, None) for place, label in places if place]


def _known(row: FlowRow) -> dict[str, str]:
    """What the row says of the message, under the names that the protocol has for it."""
    return {
        "kind": row.kind,
        "room": row.room,
        "from": row.sender,
        "to": row.to if row.to != "room" else "",
        "node": row.node,
        "origin": row.origin,
        "seq": wording.count(row.seq) if row.seq else "",
        "id": row.id,
        "session": row.sender_session if not row.data or row.ssrc else "",
    }
