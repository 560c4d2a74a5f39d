"""The bar at the bottom: how the mesh is, how much goes through it, how this window keeps up."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtGui import QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QWidget

from gui import theme, wording
from gui.nodes import losses
from gui.tokens import Colour, Size, Type
from gui.widgets.labels import Label
from gui.widgets.panes import Dot

if TYPE_CHECKING:
    from server.views import HealthView, NodeView, OutageView


class Figure(QWidget):
    """A caption and its value, as wide as the widest value expected, so that nothing moves while figures change."""

    def __init__(self, caption: str, widest: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._caption = caption
        self._value = "–"
        self._tone = Colour.TEXT
        self._left = theme.metrics(Type.SMALL).horizontalAdvance(caption)
        self._widest = widest
        self._fit("")
        self.setAccessibleName(caption)

    @property
    def value(self) -> str:
        """What it shows."""
        return self._value

    def say(self, value: str, tone: Colour = Colour.TEXT) -> None:
        """Show a value; costs nothing when it is the same."""
        if (value, tone) != (self._value, self._tone):
            self._value, self._tone = value, tone
            self.setAccessibleDescription(value)
            self._fit(value)
            self.update()

    def _fit(self, value: str) -> None:
        advance = theme.metrics(Type.SMALL_STRONG).horizontalAdvance
        self.setFixedSize(self._left + 6 + max(advance(self._widest), advance(value)), Size.STATUS_BAR)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        value = theme.metrics(Type.SMALL_STRONG).horizontalAdvance(self._value)
        gap = 6 if self._caption else 0
        left = self.width() - value
        painter.setFont(theme.font(Type.SMALL_STRONG))
        painter.setPen(theme.colour(self._tone))
        painter.drawText(self.rect(), Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight, self._value)
        painter.setFont(theme.font(Type.SMALL))
        painter.setPen(theme.colour(Colour.TEXT3))
        caption = self.rect().adjusted(0, 0, -(self.width() - left + gap), 0)
        painter.drawText(caption, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight, self._caption)
        painter.end()


class StatusBar(QWidget):
    """All of it; the window brings it up to date once a second."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("part", "dark")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setFixedHeight(Size.STATUS_BAR)
        self.setAccessibleName("Status")
        self._dot = Dot(Colour.LIVE)
        self._wrong = False
        self.mesh = Label("", Type.SMALL_STRONG)
        self.news = Label("", Type.SMALL, Colour.TEXT2, elide=True)
        self.alarm = Label("", Type.SMALL_STRONG, Colour.WARN, elide=True)
        self.alarm.hide()
        self.sessions = Figure("Sessions", "88,888")
        self.speaking = Figure("Speaking", "8,888")
        self.received = Figure("In", "88.8k msg/s")
        self.sent = Figure("Out", "88.8k msg/s")
        self.lag = Figure("Loop lag", "888 ms")
        self.refresh = Figure("Refresh", "4 Hz")
        self.clock = Figure("", "00:00:00")
        row = QHBoxLayout(self)
        row.setContentsMargins(Size.PADDING + 4, 0, Size.PADDING, 0)
        row.setSpacing(8)
        row.addWidget(self._dot)
        row.addWidget(self.mesh)
        row.addSpacing(4)
        row.addWidget(self.alarm, 2)
        row.addWidget(self.news, 1)
        for figure in (self.sessions, self.speaking, self.received, self.sent, self.lag, self.refresh, self.clock):
            row.addSpacing(8)
            row.addWidget(figure)

    def show_health(
        self, health: HealthView, nodes: Sequence[NodeView], outages: Sequence[OutageView], now: int
    ) -> None:
        """Take the figures of the cluster; `now` in ms since 1970."""
        wrong = [node for node in nodes if node.state != "up"]
        down = [node for node in wrong if node.state == "down"]
        self._wrong = bool(wrong)
        if len(nodes) == 1:
            self.mesh.say("Mesh 1 node")
        else:
            up = len(nodes) - len(wrong)
            self.mesh.say(f"Mesh {up} of {len(nodes)} nodes" if wrong else f"Mesh {len(nodes)} nodes")
        self._dot.say(Colour.DANGER if down else Colour.WARN if wrong else Colour.LIVE)
        if wrong:
            since = {outage.node: outage.at for outage in outages}
            worst = (down or wrong)[0]
            ago = wording.minutes((now - since.get(worst.node, now - int(worst.heard * 1000))) / 1000)
            words = f"lost {ago} ago" if worst.state == "down" else f"not heard for {ago}"
            more = f", {len(wrong) - 1} more" if len(wrong) > 1 else ""
            resumed = losses.resumed(outages)
            news = ", ".join(part for part in (f"{wording.within(worst.name)} {words}{more}", resumed) if part)
            self.news.say(news, Colour.DANGER if down else Colour.WARN)
        else:
            self.news.say("this console" if len(nodes) == 1 else "all up", Colour.TEXT2)
        self._make_room()
        self.sessions.say(wording.count(health.sessions))
        self.speaking.say(wording.count(health.speaking))
        self.received.say(f"{wording.short(health.received_rate)} msg/s")
        self.sent.say(f"{wording.short(health.sent_rate)} msg/s")
        self.lag.say(f"{health.loop_lag:.0f} ms", Colour.WARN if health.loop_lag > 20 else Colour.TEXT)

    def _make_room(self) -> None:
        """Where there is little of it, what is wrong comes before the rates."""
        roomy = not self._wrong or self.width() >= Size.WIDE
        for figure in (self.received, self.sent):
            figure.setVisible(roomy)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._make_room()

    def show_alarm(self, words: str) -> None:
        """Say what does not get better by itself, or nothing."""
        self.alarm.say(words)
        self.alarm.setVisible(bool(words))
        self.news.setVisible(not words or self._wrong)

    def show_pace(self, flushes: int, slowed: bool) -> None:
        """Say how often the window is brought up to date."""
        self.refresh.say(f"{flushes} Hz, busy" if slowed else f"{flushes} Hz", Colour.WARN if slowed else Colour.TEXT)

    def show_clock(self, now: int) -> None:
        """Show the time of day; `now` in ms since 1970."""
        self.clock.say(wording.clock(now, seconds=True))
