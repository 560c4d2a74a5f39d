"""The rates that the desk keeps, as the chart takes them; no Qt here."""

from __future__ import annotations

from gui import wording
from gui.flow.series import Mark, Rates, Track
from server.rates import RatesView


def chart_rates(view: RatesView) -> Rates:
    """What the chart shows of these."""
    first = view.at // 1000 - len(view.sent)
    marks = tuple(
        Mark(mark.at, f"{wording.within(mark.name)} {mark.kind}", bad=mark.kind == "lost") for mark in view.marks
    )
    return Rates(received=Track(first, view.received), sent=Track(first, view.sent), marks=marks)
