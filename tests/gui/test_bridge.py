"""The bridge: what is noted comes gathered, to the visible view alone, and more slowly while the loop is late."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import pytest

from gui.bridge import SLICE, Bridge, Pace
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


def paces(*lags: float) -> list[int]:
    """Flushes a second after each second with such a lag."""
    pace, seen = Pace(), []
    for now, lag in enumerate(lags):
        pace.observe(lag, float(now))
        seen.append(pace.flushes)
    return seen


def test_the_pace_falls_after_two_seconds_of_lag_step_by_step() -> None:
    assert paces(25, 25, 25, 25, 25, 25) == [4, 4, 2, 2, 1, 1]


def test_a_short_lag_changes_nothing() -> None:
    assert paces(25, 25, 5, 25, 25, 15) == [4, 4, 4, 4, 4, 4]


def test_the_pace_rises_again_after_five_calm_seconds() -> None:
    assert paces(25, 25, 25, *[5.0] * 6) == [4, 4, 2, 2, 2, 2, 2, 2, 4]
