"""The bridge: what is noted comes gathered, to the visible view alone, and more slowly while the loop is late."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import pytest

from gui.bridge import SLICE, SLICE_AT_SECOND, Bridge, Pace
from gui.views import Changes


class Source:
    """Stands for node and launcher: tells observers and gives a lag."""

    def __init__(self) -> None:
        self.observers: list[Callable[[str, str], None]] = []
        self.loop_lag = 0.0

    def watch(self, observer: Callable[[str, str], None]) -> Callable[[], None]:
        self.observers.append(observer)
        return lambda: self.observers.remove(observer)

    def health(self) -> Source:
        return self

    def tell(self, what: str, *keys: str) -> None:
        for key in keys:
            for observer in self.observers:
                observer(what, key)


class Pane:
    """Stands for the window."""

    def __init__(self) -> None:
        self.seen = True
        self.flushed: list[Changes] = []
        self.looks = 0

    def watched(self) -> bool:
        return self.seen

    def flush(self, changes: Changes) -> None:
        self.flushed.append(changes)

    def levels(self) -> None:
        self.looks += 1


@pytest.fixture
def source() -> Source:
    return Source()


@pytest.fixture
def pane() -> Pane:
    return Pane()


@pytest.fixture
def bridge(qapp: object, source: Source, pane: Pane, monkeypatch: pytest.MonkeyPatch) -> Bridge:
    monkeypatch.setattr("gui.bridge.time.time", lambda: 1000.5)
    made = Bridge(cast(Any, source), cast(Any, Source()))
    made.start(pane)
    made.tick()
    made.tick()
    pane.flushed.clear()
    return made


def test_what_comes_often_is_handed_on_once(bridge: Bridge, source: Source, pane: Pane) -> None:
    for _ in range(100):
        source.tell("room", "lobby")
        source.tell("speaking", "lobby", "den")
        source.tell("chat", "lobby")
    bridge.tick()
    bridge.tick()
    assert [(changes.rooms, changes.chats) for changes in pane.flushed] in (
        [(frozenset({"lobby", "den"}), frozenset()), (frozenset(), frozenset({"lobby"}))],
        [(frozenset(), frozenset({"lobby"})), (frozenset({"lobby", "den"}), frozenset())],
    )


def test_nothing_happens_where_nothing_has_changed(bridge: Bridge, pane: Pane) -> None:
    for _ in range(20):
        bridge.tick()
    assert pane.flushed == []


def test_many_rooms_come_in_slices_and_none_waits_for_ever(bridge: Bridge, source: Source, pane: Pane) -> None:
    wanted = {f"room {number}" for number in range(3 * SLICE)}
    seen: set[str] = set()
    while seen != wanted:
        source.tell("room", *sorted(wanted)[:SLICE], *sorted(wanted - seen))
        bridge.tick()
        assert all(len(changes.rooms) <= SLICE for changes in pane.flushed)
        seen = seen.union(*(changes.rooms for changes in pane.flushed))
        assert len(pane.flushed) < 20


def test_the_tick_that_ends_a_second_hands_on_fewer_rooms_and_the_next_one_the_rest(
    bridge: Bridge, source: Source, pane: Pane, monkeypatch: pytest.MonkeyPatch
) -> None:
    source.tell("room", *(f"room {number}" for number in range(SLICE)))
    monkeypatch.setattr("gui.bridge.time.time", lambda: 1001.5)
    bridge.tick()
    bridge.tick()
    assert [(changes.second, len(changes.rooms)) for changes in pane.flushed] == [
        (True, SLICE_AT_SECOND),
        (False, SLICE - SLICE_AT_SECOND),
    ]


def test_a_window_that_nobody_sees_gets_nothing_and_looks_anew_when_it_is_seen(
    bridge: Bridge, source: Source, pane: Pane
) -> None:
    pane.seen = False
    looks = pane.looks
    source.tell("room", "lobby")
    bridge.tick()
    bridge.tick()
    assert (pane.flushed, pane.looks) == ([], looks)
    pane.seen = True
    bridge.tick()
    assert pane.flushed == [Changes.whole()]


def test_a_bridge_that_was_stopped_no_longer_observes(bridge: Bridge, source: Source) -> None:
    bridge.stop()
    bridge.stop()
    assert source.observers == []


def paces(*lags: float, rate: int = 4) -> list[tuple[int, int]]:
    """Looks at levels and flushes a second after each second with such a lag."""
    pace, seen = Pace(rate), []
    for now, lag in enumerate(lags):
        pace.observe(lag, float(now))
        seen.append((pace.levels, pace.flushes))
    return seen


def test_the_pace_falls_after_two_seconds_of_lag_step_by_step() -> None:
    assert paces(*[25.0] * 8)[::2] == [(8, 4), (4, 4), (2, 2), (1, 1)]
    assert paces(*[25.0] * 20)[-1] == (1, 1)


def test_a_short_lag_changes_nothing() -> None:
    assert set(paces(25, 25, 5, 25, 25, 15)) == {(8, 4)}


def test_the_pace_rises_again_after_five_calm_seconds() -> None:
    seen = paces(25, 25, 25, 25, 25, *[5.0] * 12)
    assert seen[4] == (2, 2)
    assert seen[5:] == [(2, 2)] * 5 + [(4, 4)] * 5 + [(8, 4)] * 2


@pytest.mark.parametrize("rate", range(1, 11))
def test_a_rate_that_was_chosen_is_kept_and_levels_come_between(rate: int) -> None:
    pace = Pace(rate)
    assert pace.flushes == rate
    assert 6 <= pace.levels <= 10
    assert pace.levels % rate == 0
    assert paces(*[25.0] * 8, rate=rate)[-1] == (1, 1)


def test_a_loop_that_is_late_slows_the_window_which_says_so_and_recovers(
    bridge: Bridge, source: Source, pane: Pane, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1001.0
    monkeypatch.setattr("gui.bridge.time.time", lambda: now)
    told = []
    for second in range(40):
        source.loop_lag = 80.0 if second < 10 else 1.0
        before = len(pane.flushed)
        for _ in range(bridge.pace.levels):
            source.tell("room", "lobby")
            bridge.tick()
            now += 1 / bridge.pace.levels
        told.append((len(pane.flushed) - before, bridge.pace.slowed))
    assert told[0][0] > told[9][0] == 1
    assert told[9][1], "it must say that it is busy"
    assert told[39] == told[0], "it must be at full speed again"


def test_choosing_a_rate_takes_effect_at_once(bridge: Bridge) -> None:
    bridge.set_rate(10)
    assert (bridge.pace.flushes, bridge.pace.levels) == (10, 10)
    bridge.set_rate(99)
    assert bridge.pace.flushes == 10
    bridge.set_rate(0)
    assert bridge.pace.flushes == 1
