"""When a record enters the node's list, and when a wait for places is over (cluster.md rules 3, 4, 7, 8); pure."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence

from bus.effects import Effect, Gap, Reached, Shown
from bus.log import Log
from bus.membership import Membership
from bus.record import Origin, Record
from bus.waits import ASK_TICKS, Waits
from bus.working import Step, Working


@dataclasses.dataclass(slots=True)
class _Wait:
    """Places that somebody waits for."""

    places: dict[Origin, int]
    """Those that are not held yet."""
    ready: Callable[[], None]
    looked: int = -1
    """The tick at which it was last asked whether they are given up."""


class Admission:
    """Works what the logs hold into the list, as far as it may. What follows from it is put into `effects`."""

    def __init__(
        self,
        origin: Origin,
        logs: Mapping[Origin, Log],
        membership: Membership,
        *,
        is_past: Callable[[Origin], bool],
    ) -> None:
        """`is_past` tells of a life that it was forgotten, and its log is taken from nobody."""
        self.effects: list[Effect] = []
        """Emptied by the owner."""
        self.synced = False
        """Set by the owner: until then nothing is given up."""
        self._origin = origin
        self._logs = logs
        self._membership = membership
        self._is_past = is_past
        self._working = Working()
        self._waits = Waits()
        self._held_for: dict[object, _Wait] = {}
        self._present: list[Origin] | None = None
        """Those who are not down; None while somebody may be whom this node has not met."""
        self._came: set[Origin] = set()
        """The logs that have grown since the waits were looked at."""

    @property
    def blocked(self) -> bool:
        """Whether anything is held that is not in the list."""
        return bool(self._working)

    @property
    def waiting(self) -> int:
        """How many waits for places there are."""
        return len(self._held_for)

    def held(self, origin: Origin) -> int:
        """How far a log is held without a hole."""
        log = self._logs.get(origin)
        return 0 if log is None else log.high

    def copies(self, origin: Origin, seq: int) -> int:
        """How many nodes hold a place, this one included; 0 where a second is to be expected."""
        up = self._membership.up()
        others = sum(seen.held.get(origin, 0) >= seq for seen in up)
        return 1 + others if others or not (up or self._membership.expecting) else 0

    def when_held(self, places: Mapping[Origin, int], ready: Callable[[], None]) -> Callable[[], None]:
        """Let `Reached` follow once `places` are held or given up (rule 8). Returns what ends the wait."""
        key = object()
        self._held_for[key] = _Wait(dict(places), ready)

        def end() -> None:
            self._held_for.pop(key, None)

        return end

    # --- what comes -----------------------------------------------------------------------------------------

    def append(self, record: Record) -> None:
        """An own record was written; it enters the list later."""
        self._working.put((Step(self._origin, record.seq, record),))
        self._came.add(self._origin)

    def take(self, origin: Origin, records: Sequence[Record], *, gap: int, unseen: bool) -> None:
        """What joined the log of another enters the list as soon as it may.

        `unseen`: its sender has no sighting. With `gap` records at or below it are missing for good.
        """
        self._came.add(origin)
        steps = _steps(origin, records, gap=gap, upto=self.held(origin))
        if self._working.waits(origin) or any(record.after for record in records):
            self._working.put(steps)
            return
        held = [seen.held.get(origin, 0) for seen in self._membership.present()]
        for step in steps:
            self._working.advance(origin, step.upto)
            self._enter(step, 1 + unseen + sum(high >= step.upto for high in held))

    def answered(self, origin: Origin, high: int, *, by: Origin, asked: int) -> None:
        """A life said how far it holds a log, when it was asked at tick `asked`."""
        self._waits.answer(origin, high, by=by, asked=asked)

    def forget(self, origin: Origin) -> None:
        """A log is known no more."""
        self._working.forget(origin)

    # --- what follows ---------------------------------------------------------------------------------------

    def turn(self) -> None:
        """Let enter what may, and end the waits that are over."""
        if self._working:
            self._work()
        if self._held_for:
            self._end_waits()
        self._came.clear()

    def to_ask(self) -> list[Origin]:
        """The logs to ask everybody for at this tick, because somebody waits for places in them."""
        if not self._waits or self._membership.ticks % ASK_TICKS:
            return []
        return self._waits.ask({origin: log.high for origin, log in self._logs.items()})

    def _work(self) -> None:
        """Own records enter the list when a peer that is up has acknowledged them, at once where none is (rule 4).

        All do so when what they stand after was worked or is given up.
        """
        up, confirmed = self._membership.up(), self._confirmed()

        def may(record: Record) -> bool:
            if record.origin == self._origin and record.seq > confirmed:
                return False
            return not record.after or self._are_given_up(self._working.passes(record.after))

        for step in self._working.work(may):
            self._enter(step, 1 + sum(seen.held.get(step.origin, 0) >= step.upto for seen in up))

    def _enter(self, step: Step, copies: int) -> None:
        if step.record is not None:
            self.effects.append(Shown(step.record, copies))
        elif step.gap:
            self.effects.append(Gap(step.origin, step.upto))

    def _confirmed(self) -> int:
        """How far the own log may be shown (rule 4)."""
        up = self._membership.up()
        if up:
            return max(seen.held.get(self._origin, 0) for seen in up)
        return 0 if self._membership.expecting else self.held(self._origin)

    def _end_waits(self) -> None:
        """Whether places are given up is asked once in a tick: clients may name a thousand."""
        ticks = self._membership.ticks
        for key, wait in list(self._held_for.items()):
            is_due, places = wait.looked != ticks, wait.places
            if not is_due and self._came.isdisjoint(places):
                continue
            wait.looked = ticks
            for origin in [origin for origin, seq in places.items() if self.held(origin) >= seq]:
                del places[origin]
            if not places or (is_due and self._are_given_up(places)):
                del self._held_for[key]
                self.effects.append(Reached(wait.ready))

    def _are_given_up(self, places: Mapping[Origin, int]) -> bool:
        """Whether none of `places` is worth a wait, because all are given up. Those that are not are asked for."""
        membership, self._present = self._membership, None
        if self.synced and not membership.missing:
            self._present = [seen.origin for seen in membership.present()]
        return sum(not self._is_given_up(origin, seq) for origin, seq in places.items()) == 0

    def _is_given_up(self, origin: Origin, seq: int) -> bool:
        if self.held(origin) >= seq:
            return False
        if origin == self._origin or self._is_past(origin):
            return True  # of the own log nobody holds more
        self._waits.need(origin, seq, tick=self._membership.ticks)
        return self._present is not None and self._waits.is_given_up(origin, seq, present=self._present)


def _steps(origin: Origin, records: Iterable[Record], *, gap: int, upto: int) -> list[Step]:
    """The steps of a piece that ends at `upto`, with the gap behind what is held below its end."""
    steps = [Step(origin, record.seq, record) for record in records]
    if gap:
        at = next((at for at, step in enumerate(steps) if step.upto > gap), len(steps))
        steps.insert(at, Step(origin, gap, None, gap=True))
    if not steps or steps[-1].upto < upto:
        steps.append(Step(origin, upto, None))
    return steps
