"""From the feed of the cluster to the table: what comes is kept, what fits is shown, in slices that are short."""

from __future__ import annotations

import enum
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Signal

from gui.flow.model import FlowModel, Numbered
from gui.flow.ring import ROWS, Ring
from server.flow import FIELDS, FlowRow
from server.query import Query, parse

if TYPE_CHECKING:
    from server.desk import Desk
    from server.feed import FlowFeed

BUDGET = 0.004
"""Seconds that one slice of looking through what is kept may take."""
STEP = 64
"""Rows between two looks at the clock."""
AT_ONCE = 2_000
"""Rows that are put on top together; with more the table begins anew."""
AT_FIRST = 200
"""Rows that a table which begins anew has at once: more than a screen shows."""


class Hold(enum.Flag):
    """Why the table stands still."""

    NONE = 0
    READING = enum.auto()
    """The person has scrolled away or selected a message."""
    PAUSED = enum.auto()


class Capture(QObject):
    """Owns the feed while somebody looks, the ring of what came, and the model of what fits the filter.

    While the table stands still, what comes goes on into the ring, and only its number is told.
    """

    told = Signal()
    """Figures have changed, or whether the table stands still."""
    begun = Signal()
    """The table has begun anew."""

    def __init__(self, desk: Desk, model: FlowModel, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._desk = desk
        self._model = model
        self._feed: FlowFeed | None = None
        self.ring: Ring[FlowRow] = Ring()
        self._frozen: Ring[FlowRow] | None = None
        """What was kept when the pause began."""
        self.hold = Hold.NONE
        self.paused_at = 0
        """When the pause began, ms since 1970."""
        self.query: Query = parse("", FIELDS)
        self._text = ""
        self.every_voice = False
        self.newer = 0
        """Messages that fit and came since the table stands still."""
        self._shown_to = 0
        """Number of the last message that the table has looked at."""
        self._seen_before = self._matched_before = 0
        """Totals of the feed when the counting began."""
        self._looked = self._found = 0
        """Of what was kept then, how much was looked through, and how much of that fits."""
        self._tallying = False
        """Whether what is looked through now counts."""
        self._pending: Iterator[Numbered] | None = None
        """What is kept and was not looked through yet."""
        self._counting: Iterator[Numbered] | None = None
        """What came since the pause began and was not counted yet."""
        self._slices = QTimer(self)
        self._slices.setSingleShot(True)
        self._slices.setInterval(0)
        self._slices.timeout.connect(self.look_further)

    # The feed.

    @property
    def open(self) -> bool:
        """Whether the nodes send."""
        return self._feed is not None

    def start(self) -> None:
        """Have the nodes send."""
        if self._feed is None:
            self._feed = self._desk.open_flow(self._text, every_voice=self.every_voice)
            self._seen_before = self._matched_before = 0
            if self.searching:
                self._slices.start()
            self.told.emit()

    def stop(self) -> None:
        """Have them end; what came stays."""
        if self._feed is not None:
            self.flush()
            self._looked, self._found = self.seen, self.matched
            self._feed.close()
            self._feed = None
            self._slices.stop()

    @property
    def seen(self) -> int:
        """Messages held against the filter: what was kept when it was set, and what passed since."""
        return self._looked + (self._feed.seen - self._seen_before if self._feed is not None else 0)

    @property
    def matched(self) -> int:
        """Those of them that fit."""
        return self._found + (self._feed.matched - self._matched_before if self._feed is not None else 0)

    @property
    def lost(self) -> int:
        """Messages that are known to have been and did not come."""
        return self._feed.lost if self._feed is not None else 0

    @property
    def silent(self) -> tuple[str, ...]:
        """Names of nodes that do not tell what passes there."""
        return self._feed.silent if self._feed is not None else ()

    @property
    def sampling(self) -> int:
        """Of voice, one frame in so many comes."""
        return self._feed.sampling if self._feed is not None else 1

    def show_every_voice(self, every: bool) -> None:
        """Have all frames of voice sent, or as many as cost little."""
        self.every_voice = every
        if self._feed is not None:
            self._feed.set_every_voice(every)
        self.told.emit()

    def flush(self) -> None:
        """Take what has come."""
        if self._feed is None:
            return
        # Nodes tell what passed in batches; by their clocks it is in order again, or nearly so.
        came = sorted(self._feed.rows(), key=lambda entry: entry[1].at)
        first = self.ring.next
        self.ring.extend((row, len(row.data)) for _, row in came)
        # What was on its way when the filter was changed may still be of the one before.
        if self.hold:
            # While what came before is still counted, that goes on to these.
            self.newer += sum(self._fits(row) for _, row in came) if self._counting is None else 0
        elif came:
            self._put_newer([one for one in self.ring.since(first) if self._fits(one[1])])
        self.told.emit()

    # What is shown.

    def filter(self, query: Query, text: str) -> None:
        """Show what fits this; what is kept and fits is found as well."""
        self.flush()
        self.query, self._text = query, text
        if self._feed is not None:
            self._feed.set_query(text)
        self._count_anew()
        self._begin()

    def clear(self) -> None:
        """Let everything go that came until now."""
        self.flush()
        self.ring.clear()
        if self._frozen is not None:
            self._frozen.clear()
        self._count_anew()
        self._begin()

    def read(self, reading: bool) -> None:
        """The person reads what is there, or wants the newest again."""
        if reading is bool(self.hold & Hold.READING):
            return
        if reading:
            self.hold |= Hold.READING
        else:
            self.hold &= ~Hold.READING
            if not self.hold:
                self._catch_up()
        self.told.emit()

    def pause(self, at: int) -> None:
        """Let the table stand still with what is kept now; `at` in ms since 1970."""
        if not self.hold & Hold.PAUSED:
            self.flush()
            self.hold |= Hold.PAUSED
            self.paused_at = at
            self._frozen = self.ring.copy()
            self.told.emit()

    def resume(self) -> None:
        """Go on, with what is newest now."""
        if self.hold & Hold.PAUSED:
            self.hold = Hold.NONE
            self._frozen = None
            self._catch_up()
            self.told.emit()

    @property
    def searching(self) -> bool:
        """Whether what is kept is still looked through."""
        return self._pending is not None or self._counting is not None

    def _catch_up(self) -> None:
        """Put on top what came while the table stood still."""
        few = self.ring.next - 1 - self._shown_to <= AT_ONCE and self._shown_to >= self.ring.first - 1
        if few and self._pending is None and self._counting is None:
            self.newer = 0
            self._put_newer([one for one in self.ring.since(self._shown_to + 1) if self._fits(one[1])])
        else:
            self._tallying = False
            self._begin()

    def _put_newer(self, entries: list[Numbered]) -> None:
        """Put these on top, and let go what is not kept any more."""
        self._model.put_newer(entries)
        self._model.drop_before(self.ring.first)
        self._shown_to = self.ring.next - 1

    def _begin(self) -> None:
        """Fill the table anew from the newest to the oldest, a screenful at once and the rest in slices."""
        kept = self._frozen if self._frozen is not None else self.ring
        self.newer = 0
        self.hold &= Hold.PAUSED
        self._counting = self.ring.since(kept.next) if self.hold else None
        self._shown_to = kept.next - 1
        self._pending = kept.backwards()
        self._model.begin(self._search(AT_FIRST))
        self.begun.emit()
        self.told.emit()
        if self.searching:
            self._slices.start()

    def look_further(self) -> None:
        """Look through some more of what is kept, for a few milliseconds; called by a timer until all is seen."""
        if self._pending is not None:
            kept = self._frozen if self._frozen is not None else self.ring
            found = self._search(ROWS)
            self._model.put_older([entry for entry in found if entry[0] >= kept.first])
        elif self._counting is not None:
            self._count()
        if self.searching:
            self._slices.start()
        self.told.emit()

    def _count(self) -> None:
        ends = time.perf_counter() + BUDGET
        for turn, (_, row) in enumerate(self._counting or (), start=1):
            fits = self._fits(row)
            self.newer += fits
            if self._tallying:
                self._looked, self._found = self._looked + 1, self._found + fits
            if turn % STEP == 0 and time.perf_counter() > ends:
                return
        self._counting = None

    def _search(self, most: int) -> list[Numbered]:
        """So many messages that fit, newest first, or those found until the time is over."""
        found: list[Numbered] = []
        turn, ends = 0, time.perf_counter() + BUDGET
        for turn, entry in enumerate(self._pending or (), start=1):
            if self._fits(entry[1]):
                found.append(entry)
            if len(found) >= most or (turn % STEP == 0 and time.perf_counter() > ends):
                break
        else:
            self._pending = None
        if self._tallying:
            self._looked, self._found = self._looked + turn, self._found + len(found)
        return found

    def _count_anew(self) -> None:
        self._looked = self._found = 0
        self._tallying = True
        if self._feed is not None:
            self._seen_before, self._matched_before = self._feed.seen, self._feed.matched

    def _fits(self, row: FlowRow) -> bool:
        return self.query.everything or self.query.matches(row.get)
