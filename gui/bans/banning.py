"""Bans from the window: asks for them in a sheet, gives them, and says what came of it."""

from __future__ import annotations

from PySide6.QtWidgets import QWidget

from gui import wording
from gui.bans.sheet import BanSheet, Order
from gui.undo import Step, banned
from gui.views import Context

REASONS = "ban/reasons"
"""Where the window keeps the reasons that were given of late."""

KEPT = 8


class Banning:
    """Opens the sheet over the window of a widget; acts as the operator."""

    def __init__(self, context: Context, place: QWidget) -> None:
        self._context = context
        self._place = place

    def ask(self, *, user: str = "", name: str = "", room: str = "") -> None:
        """Ask whom to ban; a user that is given is filled in, and a `room` offered first."""
        context = self._context
        sheet = BanSheet(
            self._place.window(),
            user=user,
            name=name,
            room=room,
            rooms=[view.name for view in context.desk.rooms()],
            reasons=self._reasons(),
        )
        sheet.wanted.connect(lambda order: context.tasks.start(self._ban(order), "ban"))
        sheet.open()

    async def _ban(self, order: Order) -> None:
        context = self._context
        if order.reason:
            context.state.put(
                REASONS, [order.reason, *(each for each in self._reasons() if each != order.reason)][:KEPT]
            )
        outcomes = await context.desk.ban(
            context.desk.operator,
            user=order.user or None,
            ip=order.ip or None,
            room=order.room or None,
            seconds=order.seconds,
            reason=order.reason,
        )
        nodes = wording.plural(len({outcome.node for outcome in outcomes}), "node")
        slowest = wording.milliseconds(max((outcome.ms for outcome in outcomes), default=0.0))
        span = "until it is lifted" if order.seconds is None else f"for {wording.length(round(order.seconds))}"
        whom = wording.name(order.user or order.ip)
        ban = next((outcome.ban for outcome in outcomes if isinstance(outcome.ban, str)), "")
        step = Step(f"{whom} banned {span}", lambda: self._lift(ban, whom), frozenset({banned(ban)}))
        context.undo.did(step, f"Confirmed by {nodes} within {slowest}", icon="prohibit")

    async def _lift(self, ban: str, whom: str) -> tuple[str, str]:
        await self._context.desk.unban(self._context.desk.operator, ban)
        return "Ban lifted", f"{whom} may come in again"

    def _reasons(self) -> list[str]:
        nothing: list[str] = []
        return self._context.state.value(REASONS, nothing)
