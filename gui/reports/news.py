"""Reports that wait: a count on the rail, and a word when one comes."""

from __future__ import annotations

from gui import wording
from gui.frame.rail import RailButton
from gui.reports import words
from gui.views import Context


class ReportNews:
    """Looks whenever something was reported or worked on, whichever view is shown."""

    def __init__(self, context: Context, button: RailButton) -> None:
        self._context = context
        self._button = button
        self._known = {report.report for report in context.desk.reports()}

    def look(self) -> None:
        """Count those that wait; tell of those that are new."""
        reports = self._context.desk.reports()
        number = words.waiting(reports)
        self._button.count(number, f"{wording.plural(number, 'report')} waiting" if number else "")
        fresh = [report for report in reports if report.report not in self._known and report.state == "open"]
        self._known = {report.report for report in reports}
        if fresh:
            first = fresh[0]
            more = f", {wording.count(len(fresh) - 1)} more" if len(fresh) > 1 else ""
            self._context.toasts.say(f"{words.headline(first)} was reported{more}", words.said(first), icon="flag")
