"""The pane of one node: how the copying of the logs to and from it goes, and what it says of its own peers."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import QRect, Qt, Signal
from PySide6.QtGui import QHideEvent, QPainter, QPaintEvent, QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from gui import theme, wording
from gui.nodes import copies, drains, losses, strangers
from gui.nodes.facts import UNKNOWN, Fact
from gui.nodes.rows import GONE, WRONG, NodeRow, Standing
from gui.tokens import Colour, Type
from gui.widgets.buttons import Button, Kind
from gui.widgets.columns import ALIGN_LEFT, ALIGN_RIGHT
from gui.widgets.labels import Label, describe
from gui.widgets.panes import DetailsHead, Divider, Dot, Section, Sections
from server.views import AlarmView, CopyView

if TYPE_CHECKING:
    from gui.views import Context

WIDTH, NARROW = 376, 320
ROW = 24
INDENT = 12
CELLS = (("Trip", 56), ("Lag", 40), ("Repaired", 76), ("Queue", 46))


class Facts(QWidget):
    """Captions and values, one line each; healthy ones are quiet."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.facts: Sequence[Fact] = ()
        self.setAccessibleName(name)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def say(self, facts: Sequence[Fact]) -> None:
        """Show these; costs nothing when they are the same."""
        if facts != self.facts:
            if len(facts) != len(self.facts):
                self.setFixedHeight(ROW * len(facts))
            self.facts = facts
            self.setAccessibleDescription(", ".join(f"{fact.caption}: {fact.value}" for fact in facts))
            self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        for place, fact in enumerate(self.facts):
            box = QRect(0, ROW * place, self.width(), ROW)
            kind = Type.SMALL if fact.inner or fact.quiet else Type.SMALL_STRONG
            value = theme.elided(fact.value, kind, self.width() * 2 // 3)
            painter.setFont(theme.font(kind))
            painter.setPen(theme.colour(fact.tone if kind is Type.SMALL_STRONG else Colour.TEXT2))
            painter.drawText(box, ALIGN_RIGHT, value)
            room = self.width() - theme.metrics(kind).horizontalAdvance(value) - INDENT
            left = INDENT if fact.inner else 0
            painter.setFont(theme.font(Type.SMALL))
            painter.setPen(theme.colour(Colour.TEXT3 if fact.inner else Colour.TEXT2))
            words = theme.elided(fact.caption, Type.SMALL, room - left)
            painter.drawText(box.adjusted(left, 0, 0, 0), ALIGN_LEFT, words)
        painter.end()


class PeerGrid(QWidget):
    """How a node sees each of its peers, one line each."""

    def __init__(self) -> None:
        super().__init__()
        self.peers: Sequence[CopyView] = ()
        self.setAccessibleName("Its peers")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setFixedHeight(ROW)

    def say(self, peers: Sequence[CopyView]) -> None:
        """Show these; costs nothing when they are the same."""
        if peers != self.peers:
            self.peers = peers
            self.setFixedHeight(ROW * (len(peers) + 1))
            self.setAccessibleDescription("; ".join(map(_spoken, peers)))
            self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        self._paint_row(painter, 0, "Peer", [head for head, _ in CELLS], Colour.TEXT3, Type.CAPTION)
        for place, peer in enumerate(self.peers, start=1):
            painter.fillRect(QRect(0, ROW * place, self.width(), 1), theme.colour(Colour.LINE))
            tone = Colour.TEXT2 if peer.state == "up" else Colour.WARN
            self._paint_row(painter, place, wording.name(peer.name), copies.peer_cells(peer), tone, Type.SMALL)
        painter.end()

    def _paint_row(
        self, painter: QPainter, place: int, name: str, cells: Sequence[str], tone: Colour, kind: Type
    ) -> None:
        top, right = ROW * place, self.width()
        painter.setFont(theme.font(kind))
        for (_, width), words in zip(reversed(CELLS), reversed(cells), strict=True):
            painter.setPen(theme.colour(tone))
            painter.drawText(QRect(right - width, top, width, ROW), ALIGN_RIGHT, words)
            right -= width
        painter.setPen(theme.colour(Colour.TEXT3 if kind is Type.CAPTION else Colour.TEXT))
        painter.drawText(QRect(0, top, right, ROW), ALIGN_LEFT, theme.elided(name, kind, right - 8))


class NodeDetails(QWidget):
    """The pane. While it can be seen, the nodes tell how they see the copying."""

    closed = Signal()

    def __init__(self, context: Context) -> None:
        super().__init__()
        self._desk = context.desk
        self._stop: Callable[[], None] | None = None
        self.setProperty("part", "pane")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setAccessibleName("Details of the node")
        self.setFixedWidth(WIDTH)
        self.hide()
        self._dot = Dot(Colour.LIVE)
        self.name = Label("", Type.SECTION, elide=True)
        self.sentence = Label("", Type.SMALL, Colour.TEXT2, elide=True)
        self.cross = Button(icon="x", kind=Kind.QUIET)
        describe(self.cross, "Close the details", key="Esc")
        self.cross.clicked.connect(self.closed)
        self.alarm = Label("", Type.SMALL, Colour.WARN, wrap=True)
        self.losses = Facts("What became of its sessions")
        self.drain = Facts("Its clients")
        self.facts = Facts("The copying from here")
        self.mesh = Facts("The mesh")
        self.refused = Facts("Kept out of the mesh")
        self.away = Facts("Clients turned away")
        self.door = Facts("The port for clients")
        self.rooms = Label("", Type.SMALL, Colour.TEXT2, wrap=True)
        self.grid = PeerGrid()
        self.silence = Label("", Type.SMALL, Colour.TEXT2, wrap=True)
        self.sections = {
            "drain": Section("Going away", self.drain),
            "alarm": Section("Needs a person", self.alarm),
            "losses": Section("", self.losses),
            "facts": Section("Copying, from this console", self.facts),
            "refused": Section("Kept out of the mesh", self.refused),
            "away": Section("Clients turned away", self.away),
            "mesh": Section("Mesh", self.mesh),
            "door": Section("Port for clients", self.door),
            "wants": Section("Rooms whose voice it wants", self.rooms),
            "peers": Section("As it sees its peers", self.grid, self.silence),
        }
        self.body = Sections(*self.sections.values())
        self.body.setAccessibleName("Figures of the node")
        self._lay_out()

    def show_row(self, row: NodeRow) -> None:
        """Show a node as it is now."""
        desk = self._desk
        up = row.standing is Standing.UP
        tone = Colour.DANGER if row.standing in WRONG else Colour.LIVE if up else Colour.TEXT3
        self._dot.say(Colour.WARN if row.standing in (Standing.DRAINING, Standing.LATE) else tone)
        self._show_drain(row)
        self.name.say(wording.name(row.name))
        about = row.message or f"{row.standing.name.lower()} {wording.age(row.span * 1000)}"
        self.sentence.say(", ".join(part for part in (row.note, about) if part))
        self._show_alarms([alarm for alarm in desk.alarms() if alarm.node == row.node])
        self._show_losses(row)
        own = next((copy for copy in desk.copies() or () if copy.node == row.node), None)
        self.sections["facts"].setVisible(not row.here)
        self.facts.say(copies.facts(own) if own is not None else [Fact("Copying", UNKNOWN)])
        count, names = copies.wanted(desk.wants(row.node) if row.node else None)
        self.sections["wants"].note.say(count)
        self.rooms.say(names)
        self._show_mesh(row)
        self._show_peers(desk.copies(row.node) if row.node else None, gone=row.standing in GONE)
        self.body.settle()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        if self._stop is None:
            self._stop = self._desk.listen_to_copies()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        if self._stop is not None:
            self._stop()
            self._stop = None

    def _show_drain(self, row: NodeRow) -> None:
        drain = row.drain
        self.sections["drain"].setVisible(drain is not None)
        if drain is not None:
            self.drain.say(
                [
                    Fact("State", "ending" if drain.ending else "draining", Colour.WARN),
                    Fact("Sessions left", f"{wording.count(drain.left)} of {wording.count(drain.of)}"),
                    Fact("The last one goes", f"within {drains.time(drain)}" if drain.left else "all have gone"),
                ]
            )

    def _show_alarms(self, alarms: Sequence[AlarmView]) -> None:
        groups = copies.grouped(alarms)
        self.sections["alarm"].setVisible(bool(groups))
        words = " ".join(f"{copies.headline(group)} {copies.account(group)}" for group in groups)
        if groups:
            self.alarm.say(words, copies.tone(groups[0]))

    def _show_losses(self, row: NodeRow) -> None:
        """What became of the sessions that a node had when it was lost; of this one, what was lost in the cluster."""
        section = self.sections["losses"]
        outage = self._desk.last_outage(row.node) if row.node and not row.here else None
        section.setVisible(row.here or outage is not None)
        if outage is not None:
            section.title.say("Its sessions when it was lost")
            section.note.say(wording.clock(outage.at, seconds=True))
            self.losses.say(losses.facts(outage))
        elif row.here:
            section.title.say("Resuming in the cluster")
            section.note.say("last hour")
            self.losses.say(losses.cluster_facts(self._desk.resumes(), self._desk.again()))

    def _show_mesh(self, row: NodeRow) -> None:
        """What stands between this node and strangers; others do not tell."""
        mesh = self._desk.mesh() if row.here else None
        self.sections["mesh"].setVisible(mesh is not None)
        self.sections["door"].setVisible(row.here)
        self.sections["refused"].setVisible(mesh is not None and bool(mesh.refusals))
        self.sections["away"].setVisible(mesh is not None and bool(mesh.turned_away))
        if mesh is not None:
            self.mesh.say(strangers.facts(mesh, self._desk.bus_address))
            self.door.say(strangers.entrance(self._desk.exposure, int(time.time() * 1000)))
            self.refused.say(strangers.refused(mesh))
            self.sections["refused"].note.say(wording.count(sum(each.count for each in mesh.refusals)))
            self.away.say(strangers.turned_away(mesh.turned_away))
            self.sections["away"].note.say(wording.count(sum(each.count for each in mesh.turned_away)))

    def _show_peers(self, peers: Sequence[CopyView] | None, *, gone: bool) -> None:
        self.grid.say(peers or ())
        self.grid.setVisible(bool(peers))
        self.silence.setVisible(not peers)
        if peers is None:
            self.silence.say("It says nothing any more." if gone else "Not told.")
        else:
            self.silence.say("It has no peers.")

    def _lay_out(self) -> None:
        column = QVBoxLayout()
        column.addWidget(DetailsHead(self._dot, self.name, self.sentence, self.cross))
        column.addWidget(Divider())
        column.addWidget(self.body, 1)
        whole = QHBoxLayout(self)
        whole.addWidget(Divider(Qt.Orientation.Vertical))
        whole.addLayout(column, 1)
        for layout in (column, whole):
            layout.setContentsMargins(0, 0, 0, 0)
            layout.setSpacing(0)


def _spoken(peer: CopyView) -> str:
    heads = [head.lower() for head, _ in CELLS]
    cells = zip(heads, copies.peer_cells(peer), strict=True)
    return f"{wording.within(peer.name)} " + ", ".join(f"{head} {words}" for head, words in cells)
