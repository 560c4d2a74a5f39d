"""The sheet in which somebody is banned: whom, where, for how long and why; three keys are enough."""

from __future__ import annotations

import dataclasses
import ipaddress
from collections.abc import Sequence

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from gui import theme, wording
from gui.tokens import Colour, Type
from gui.widgets.buttons import Button, Kind
from gui.widgets.forms import Choice, Field, Stepper
from gui.widgets.labels import Label
from gui.widgets.segments import Segments
from gui.widgets.sheet import Sheet

PRESETS = (
    ("300", "5 min"),
    ("600", "10 min"),
    ("3600", "1 h"),
    ("86400", "24 h"),
    ("604800", "7 days"),
    ("days", "Custom"),
    ("", "No end"),
)
"""Seconds, and the words for them."""

DAY = 86_400
DAYS = 3650
REASON_CHARS = 500
RECENT = 4


@dataclasses.dataclass(frozen=True, slots=True)
class Order:
    """A ban that somebody wants."""

    user: str
    ip: str
    room: str
    seconds: float | None
    reason: str


class BanSheet(Sheet):
    """Asks for a ban. One without an end, or of many addresses, is said again in words before it is given."""

    wanted = Signal(object)
    """An `Order`."""

    def __init__(
        self,
        window: QWidget,
        *,
        user: str = "",
        name: str = "",
        room: str = "",
        rooms: Sequence[str] = (),
        reasons: Sequence[str] = (),
    ) -> None:
        """Make it; `room` is that where it was asked for, `rooms` are offered, `reasons` were given of late."""
        whom = wording.within(name or user)
        super().__init__(window, f"Ban {whom}" if user else "Add a ban", width=600)
        self._confirmed = False
        self.whom = QLineEdit(user)
        self.whom.setFont(theme.font(Type.BODY))
        self.whom_field = Field("User, address or network", self.whom, hint="ann, 192.0.2.7 or 2001:db8::/32")
        self.room = Choice()
        self._rooms = ["", *dict.fromkeys([*([room] if room else []), *rooms])]
        self.room.offer([("All rooms", ""), *((wording.name(each), "") for each in self._rooms[1:])])
        self.room_field = Field("Where", self.room)
        self.span = Segments("For how long", PRESETS)
        self.span.show_choice("3600")
        self.days = Stepper(1, DAYS)
        self.days.box.setValue(30)
        self.days.box.setSuffix(" days")
        self.days_field = Field("Days", self.days.box, around=self.days)
        self.days_field.hide()
        self.reason = QLineEdit()
        self.reason.setFont(theme.font(Type.BODY))
        self.reason.setMaxLength(REASON_CHARS)
        self.reason_field = Field("Reason", self.reason, hint="shown to who is banned, and in the audit")
        self.warning = Label("", Type.SMALL_STRONG, Colour.DANGER, wrap=True)
        self.warning.hide()
        self.cancel = Button("Cancel", key="Esc")
        self.confirm = Button("Ban", kind=Kind.FINAL, key="Ctrl+Enter")
        self._fill(reasons)
        self._connect()

    def first_focus(self) -> QWidget:
        return self.reason if self.whom.text() else self.whom

    def accept(self) -> None:
        """Check the form; what cannot be taken for a slip is said once more."""
        order = None if self.isHidden() else self.order()  # the field tells of the key that closed the sheet, too
        if order is None:
            return
        doubt = self._doubt(order)
        if doubt and not self._confirmed:
            self._confirmed = True
            self.warning.say(doubt)
            self.warning.show()
            self.confirm.setText("Ban all the same" if "/" in order.ip else "Ban without end")
            self.confirm.updateGeometry()
            return
        self.wanted.emit(order)
        super().accept()

    def order(self) -> Order | None:
        """What the form says; None where something in it is wrong, which is shown."""
        whom = self.whom.text().strip()
        if not whom:
            self.whom_field.blame("Give a user, an address or a network.")
            self.whom.setFocus()
            return None
        ip = whom if is_address(whom) else ""
        return Order(
            "" if ip else whom, ip, self._rooms[self.room.currentIndex()], self.seconds(), self.reason.text().strip()
        )

    def seconds(self) -> float | None:
        """For how long; None for good."""
        chosen = self.span.current
        if chosen == "days":
            return float(self.days.box.value() * DAY)
        return float(chosen) if chosen else None

    def blame(self, problem: str) -> None:
        """Say why it could not be done."""
        self.whom_field.blame(problem)

    def _doubt(self, order: Order) -> str:
        where = f"from {wording.within(order.room)}" if order.room else "from all rooms"
        whom = wording.within(order.user or order.ip)
        if order.seconds is None:
            return f"{whom} will be kept {where} until somebody lifts this."
        if "/" in order.ip and addresses(order.ip) > 256:
            return f"{wording.short(addresses(order.ip))} addresses will be kept {where}."
        return ""

    def _fill(self, reasons: Sequence[str]) -> None:
        first = QHBoxLayout()
        first.setSpacing(16)
        first.addWidget(self.whom_field, 3)
        first.addWidget(self.room_field, 2)
        self.body.addLayout(first)
        length = QVBoxLayout()
        length.setSpacing(6)
        length.addWidget(Label("For how long", Type.SMALL_STRONG, Colour.TEXT2))
        length.addWidget(self.span)
        self.body.addLayout(length)
        self.body.addWidget(self.days_field)
        self.body.addWidget(self.reason_field)
        recent = QHBoxLayout()
        recent.setSpacing(8)
        for each in list(dict.fromkeys(reasons))[:RECENT]:
            words = wording.name(each)
            button = Button(words if len(words) <= 24 else words[:23] + "…", kind=Kind.QUIET, name=words)
            button.clicked.connect(lambda _=False, each=each: self.reason.setText(each))
            recent.addWidget(button)
        recent.addStretch(1)
        if recent.count() > 1:
            self.body.addLayout(recent)
        self.body.addWidget(self.warning)
        self.buttons.addWidget(self.cancel)
        self.buttons.addWidget(self.confirm)

    def _connect(self) -> None:
        self.cancel.clicked.connect(self.reject)
        self.confirm.clicked.connect(self.accept)
        self.reason.returnPressed.connect(self.accept)
        self.whom.returnPressed.connect(self.accept)
        self.whom.textEdited.connect(lambda _: self._changed())
        self.room.currentIndexChanged.connect(lambda _: self._changed())
        self.span.chosen.connect(lambda _: self._changed())

    def _changed(self) -> None:
        """Something else is wanted: what was asked about it is asked anew."""
        self.days_field.setVisible(self.span.current == "days")
        self.whom_field.blame("")
        self._confirmed = False
        self.warning.hide()
        self.confirm.setText("Ban")
        self.confirm.updateGeometry()


def is_address(text: str) -> bool:
    """Whether that is an address or a network, and not a user."""
    try:
        ipaddress.ip_network(text, strict=False)
    except ValueError:
        return False
    return True


def addresses(network: str) -> int:
    """How many addresses a network has."""
    return ipaddress.ip_network(network, strict=False).num_addresses
