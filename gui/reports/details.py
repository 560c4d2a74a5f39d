"""One report: what was written, what was said in the minute before, who it is, and what can be done."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from gui import theme, wording
from gui.audit.words import moment, now_ms
from gui.reports import words
from gui.tokens import Colour, Size, Type
from gui.widgets.buttons import Button, Kind
from gui.widgets.forms import Field
from gui.widgets.labels import Label, Picture
from gui.widgets.panes import DetailsHead, Divider, Section, Sections
from server.inbox import Evidence, ReportView

NOTE_CHARS = 500


class ReportDetails(QWidget):
    """What is shown is what was gathered when the report came; it does not change any more."""

    closing = Signal(str)
    """It is to be closed, with this note."""

    def __init__(self, *acts: Button) -> None:
        """Make it empty; `acts` stand below the report, to act on who is reported."""
        super().__init__()
        self.report: ReportView | None = None
        """What is shown."""
        self.title = Label("", Type.SECTION, elide=True)
        self.sentence = Label("", Type.SMALL, Colour.TEXT2, elide=True)
        self.take = Button("Take", kind=Kind.PRIMARY, icon="flag", key="T")
        self.reopen = Button("Reopen", icon="arrow-counter-clockwise")
        self.close_it = Button("Close", icon="check")
        self.text = Label("", Type.BODY, wrap=True)
        self.talk = Label("", Type.SMALL, Colour.TEXT2, wrap=True)
        self.facts = Label("", Type.SMALL, Colour.TEXT2, wrap=True)
        self.earlier = Label("", Type.SMALL, Colour.TEXT2, wrap=True)
        self.outcome = Label("", Type.SMALL, Colour.TEXT2, wrap=True)
        self.note = QLineEdit()
        self.note.setFont(theme.font(Type.BODY))
        self.note.setMaxLength(NOTE_CHARS)
        self.field = Field("Note", self.note, hint="what came of it, for the next one who looks")
        self.close_it.clicked.connect(lambda: self.closing.emit(self.note.text().strip()))
        self.note.returnPressed.connect(lambda: self.closing.emit(self.note.text().strip()))
        self._written = Section("What was written", self.text)
        self._said = Section("The minute before in the room", self.talk)
        self._who = Section("Who it is", self.facts)
        self._before = Section("Done before", self.earlier)
        self._result = Section("What came of it", self.outcome)
        self.sections = Sections(self._written, self._said, self._who, self._before, self._result)
        head = DetailsHead(Picture("flag"), self.title, self.sentence, self.take, self.reopen)
        self._acts = acts
        foot = QVBoxLayout()
        foot.setContentsMargins(Size.PADDING, 12, Size.PADDING, Size.PADDING)
        foot.setSpacing(12)
        row = QHBoxLayout()
        row.setSpacing(8)
        for act in acts:
            row.addWidget(act)
        row.addStretch(1)
        foot.addLayout(row)
        last = QHBoxLayout()
        last.setSpacing(8)
        last.addWidget(self.field, 1)
        last.addWidget(self.close_it, 0, Qt.AlignmentFlag.AlignBottom)
        foot.addLayout(last)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(head)
        column.addWidget(Divider())
        column.addWidget(self.sections, 1)
        column.addWidget(Divider())
        column.addLayout(foot)

    def show_report(self, report: ReportView, evidence: Evidence | None, *, own: bool) -> None:
        """Show a report; `own`: it is this operator who works on it. None of the evidence: it has left."""
        if self.report is None or self.report.report != report.report:
            self.note.clear()
        self.report, now = report, now_ms()
        self.title.say(words.headline(report))
        how, _ = words.standing(report)
        reporter = wording.name(report.reporter.name)
        self.sentence.say(f"Reported by {reporter} at {moment(report.at, now)}, {how}")
        self.text.say(words.said(report))
        if evidence is not None:
            self.talk.say(words.talk(evidence))
            self.facts.say("\n".join(f"{name}: {value}" for name, value in words.facts(evidence.facts, now)))
            done = [words.earlier(each, now) for each in evidence.earlier]
            self.earlier.say("\n".join(done) or "Nothing was done to this user before.")
        closed = report.state == "closed"
        self._result.setVisible(closed)
        if closed and report.worker is not None and report.worked is not None:
            note = f": {wording.paragraph(report.note)}" if report.note.strip() else ", without a note"
            self.outcome.say(f"Closed by {wording.name(report.worker.name)} at {moment(report.worked, now)}{note}")
        self.take.setVisible(not closed and not own)
        taken = report.state == "taken"
        self.take.restyle("Take over" if taken else "Take", "flag")
        self.take.updateGeometry()
        self.reopen.setVisible(closed)
        self.field.setVisible(own)
        self.close_it.setVisible(own)
        for act in self._acts:
            act.setVisible(not closed)
        self.sections.settle()
