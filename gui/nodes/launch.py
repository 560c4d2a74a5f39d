"""The sheet that launches nodes."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from gui import theme, wording
from gui.nodes import form
from gui.tokens import Colour, Type
from gui.widgets.buttons import Button, Kind
from gui.widgets.forms import Choice, CopyLine, Field, Stepper, Switch
from gui.widgets.labels import Label, Picture, describe
from gui.widgets.panes import Divider
from gui.widgets.sheet import Sheet
from server import ports
from server.child import Child, ChildState
from server.launcher import LaunchError
from server.views import NodeView

if TYPE_CHECKING:
    from gui.views import Context

FIRST_COUNT = 2
"""So many are proposed while none was launched: with this one they are a cluster that survives any node's end."""
FIRST_PORT = 8765
"""From where a free port is looked for: the default of `--port`."""
CHECK_MS = 1000
"""How often the ports are looked at while nothing is typed: another program may take one."""


class LaunchDialog(Sheet):
    """Asks for what nodes need, says at once whether it can be had, and launches them."""

    launched = Signal(str)
    """`Child.id` of the last node that was launched."""

    def __init__(self, context: Context, window: QWidget) -> None:
        """Make it, filled in with values that are free now; `open` shows it."""
        super().__init__(window, "Launch nodes", "They start on this machine.")
        self._context = context
        self._checked = form.Checked({}, (), "")
        self._filling = False
        self.name = QLineEdit(form.next_pattern(context.desk.name))
        self.stepper = Stepper(1, form.MOST)
        self.count = self.stepper.box
        self.port, self.bus_port = QLineEdit(), QLineEdit()
        self.peer = Choice()
        self.restart = Switch("Restart after a crash")
        self.restart.setChecked(True)
        self.keep = Switch("Keep running when this console closes")
        self._fields = {
            form.Field.NAME: Field("Name", self.name, "{n} counts up from the first free number"),
            form.Field.COUNT: Field("How many", self.count, around=self.stepper),
            form.Field.PORT: Field("Ports", self.port, context.config.host),
            form.Field.BUS_PORT: Field("Mesh ports", self.bus_port, context.config.bus_host),
            form.Field.PEER: Field("Join through", self.peer),
        }
        self._mark = Picture()
        self._verdict = Label("", Type.BODY, wrap=True)
        self.command = CopyLine("command that launches the same")
        self.confirm = Button("Launch", kind=Kind.PRIMARY, key="Ctrl ↵")
        self.count.setValue(1 if self._living() else FIRST_COUNT)
        self._fill_in()
        self._lay_out()
        for line in (self.name, self.port, self.bus_port):
            line.setFont(theme.font(Type.CODE))
            line.textChanged.connect(lambda _: self.look())
        self.count.valueChanged.connect(lambda _: self._fill_ports())
        self.peer.currentIndexChanged.connect(lambda _: self.look())
        for switch in (self.keep, self.restart):
            switch.toggled.connect(lambda _: self.look())
        self._timer = QTimer(self)
        self._timer.timeout.connect(self.look)
        self.look()

    def open(self) -> None:
        super().open()
        self.name.selectAll()
        self._timer.start(CHECK_MS)

    def first_focus(self) -> QWidget:
        return self.name

    def done(self, result: int) -> None:
        self._timer.stop()
        super().done(result)

    def problem_of(self, control: QWidget) -> str:
        """What is said to be wrong with a control; empty where nothing is."""
        return next(field.problem.text() for field in self._fields.values() if field.control is control)

    def look(self) -> None:
        """Check everything and say what was found."""
        if self._filling:
            return
        peers = self._peers()
        self.peer.offer([(wording.name(node.name), node.bus) for node in peers])
        peer = next((node for node in peers if node.bus == self.peer.currentData()), None)
        values = form.Values(
            name=self.name.text(),
            count=self.count.value(),
            port=self.port.text(),
            bus_port=self.bus_port.text(),
            peer=peer.bus if peer else "",
            keep=self.keep.isChecked(),
            restart=self.restart.isChecked(),
        )
        self._checked = form.check(
            values,
            host=self._context.config.host,
            bus_host=self._context.config.bus_host,
            names=self._names(),
            peers=peers,
            obstacle=self._obstacle,
            next_free=self._next_free,
        )
        self._tell(peer)

    def accept(self) -> None:
        self.look()
        if not self._checked.specs:
            wrong = next(iter(self._checked.problems))
            self._fields[wrong].control.setFocus(Qt.FocusReason.OtherFocusReason)
            return
        desk = self._context.desk
        try:
            for spec in self._checked.specs:
                with desk.acting(desk.operator, "launch", spec.name):
                    child = self._context.launcher.launch(spec)
        except LaunchError as error:
            self._judge(str(error), "warning-circle-fill", Colour.DANGER)
            return
        self.launched.emit(child.id)
        super().accept()

    def _tell(self, peer: NodeView | None) -> None:
        checked = self._checked
        for field, entry in self._fields.items():
            entry.blame(checked.problems.get(field, ""))
        trip = peer.round_trip if peer is not None else None
        self._fields[form.Field.PEER].hint.say(f"round trip {wording.milliseconds(trip)}" if trip is not None else "")
        if peer is not None:
            self.sentence.say(f"They start on this machine and join the mesh through {wording.within(peer.name)}.")
        self.confirm.setEnabled(bool(checked.specs))
        words = f"Launch {wording.plural(self.count.value(), 'node')}"
        if words != self.confirm.text():
            self.confirm.setText(words)
            describe(self.confirm, words, key="Ctrl+Enter")
            self.confirm.updateGeometry()
        if checked.specs:
            late = peer is not None and peer.state == "suspect"
            self._judge(
                checked.sentence,
                "warning-fill" if late else "check-circle-fill",
                Colour.WARN if late else Colour.LIVE,
            )
            lines = [self._context.launcher.command(spec) for spec in checked.specs]
            more = f"  … and {len(lines) - 1} more" if len(lines) > 1 else ""
            self.command.say("\n".join(lines), lines[0] + more)
        else:
            self._judge("Change what is marked above.", "warning-circle-fill", Colour.DANGER)
            self.command.say("")

    def _judge(self, sentence: str, icon: str, tone: Colour) -> None:
        if sentence != self._verdict.text():
            self._verdict.say(sentence)
            self._mark.say(icon, tone)

    def _peers(self) -> list[NodeView]:
        return [node for node in self._context.desk.nodes() if node.state != "down" and node.bus]

    def _names(self) -> Collection[str]:
        running = {node.name for node in self._context.desk.nodes() if node.state != "down"}
        return running | {child.spec.name for child in self._living()}

    def _living(self) -> list[Child]:
        return [child for child in self._context.launcher.children if child.state is not ChildState.EXITED]

    def _obstacle(self, host: str, port: int) -> str | None:
        for child in self._living():
            # It may not listen yet; once it does, the system says so as well.
            if port and port in _ports_of(child):
                return f"Port {port} is that of {wording.within(child.spec.name)}."
        return ports.obstacle(host, port)

    def _next_free(self, host: str, first: int, besides: Collection[int]) -> int | None:
        meant = {port for child in self._living() for port in _ports_of(child)}
        return ports.next_free(host, first, besides=meant.union(besides))

    def _fill_ports(self) -> None:
        """Have as many ports as nodes: those that stand there, and free ones."""
        config, count = self._context.config, self.count.value()
        self._filling = True
        for line, host, span, other, reach in (
            (self.port, config.host, 1, self.bus_port, form.MESH_PORTS),
            (self.bus_port, config.bus_host, form.MESH_PORTS, self.port, 1),
        ):
            there = form.numbers(other.text()) or ()
            taken = [port + further for port in there for further in range(reach)]
            line.setText(form.ports_for(count, host, FIRST_PORT, line.text(), self._next_free, taken, span=span))
        self._filling = False
        self.look()

    def _fill_in(self) -> None:
        config = self._context.config
        port = self._next_free(config.host, FIRST_PORT, ()) or 0
        self.port.setText(str(port))
        mesh = form.free_row(config.bus_host, port + 1, form.MESH_PORTS, self._next_free, ())
        self.bus_port.setText(str(mesh or 0))
        self._fill_ports()

    def _lay_out(self) -> None:
        pair = QHBoxLayout()
        pair.setSpacing(16)
        pair.addWidget(self._fields[form.Field.COUNT], 4)
        pair.addWidget(self._fields[form.Field.PORT], 5)
        pair.addWidget(self._fields[form.Field.BUS_PORT], 5)
        verdict = QHBoxLayout()
        verdict.setSpacing(8)
        verdict.addWidget(self._mark)
        verdict.addWidget(self._verdict, 1)
        same = QHBoxLayout()
        same.setSpacing(12)
        caption = Label("Same as", Type.SMALL, Colour.TEXT2)
        caption.setContentsMargins(0, 7, 0, 0)
        same.addWidget(caption, 0, Qt.AlignmentFlag.AlignTop)
        same.addWidget(self.command, 1)
        found = QVBoxLayout()
        found.setSpacing(12)
        found.addLayout(verdict)
        found.addLayout(same)
        self.body.addWidget(self._fields[form.Field.NAME])
        self.body.addLayout(pair)
        self.body.addWidget(self._fields[form.Field.PEER])
        self.body.addWidget(Divider())
        self.body.addLayout(
            _switched(self.restart, "Restart after a crash", "Waits 1, 2, 4 … 30 s. Stops after 5 crashes in 10 min.")
        )
        self.body.addLayout(
            _switched(self.keep, "Keep running when this console closes", "Else they drain and end with this window.")
        )
        self.body.addWidget(Divider())
        self.body.addLayout(found)
        cancel = Button("Cancel")
        cancel.clicked.connect(self.reject)
        self.confirm.clicked.connect(self.accept)
        self.buttons.addWidget(cancel)
        self.buttons.addWidget(self.confirm)


def _ports_of(child: Child) -> set[int]:
    """What a launched node was given; it may not listen there yet."""
    starting = child.state is ChildState.STARTING
    return {child.spec.port, *(form.mesh_ports(child.spec.bus_port) if starting else (child.spec.bus_port,))}


def _switched(switch: Switch, name: str, sentence: str) -> QHBoxLayout:
    words = QVBoxLayout()
    words.setSpacing(2)
    words.addWidget(Label(name, Type.NAME))
    words.addWidget(Label(sentence, Type.SMALL, Colour.TEXT2, wrap=True))
    made = QHBoxLayout()
    made.setSpacing(16)
    made.addLayout(words, 1)
    made.addWidget(switch)
    return made
