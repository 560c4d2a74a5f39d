"""Gaps that do not close and queues that grow: from what nodes hold, and when."""

from __future__ import annotations

from collections.abc import Generator
from typing import TypeVar

from bus.interface import PeerState
from server.gaps import ALARMS, CALM_SECONDS, GROWTH, GROWTH_SECONDS, OPEN_SECONDS, STEPS, Alarm, Gaps

A, B, C = (sign * 16 for sign in "abc")
LOG = f"{A}.1"
UP = {A: PeerState.UP, B: PeerState.UP, C: PeerState.UP}


Result = TypeVar("Result")


def whole(looking: Generator[int, None, Result]) -> Result:
    """All of a look at once."""
    while True:
        try:
            next(looking)
        except StopIteration as over:
            result: Result = over.value
            return result


class Watched:
    """The alarms of node a, whose time a test moves."""

    def __init__(self) -> None:
        self.gaps = Gaps(LOG)
        self.now = 100.0
        self.held = {A: {LOG: 5}, B: {LOG: 5}, C: {LOG: 5}}
        self.states = dict(UP)
        self.queues: dict[str, int] = {}
        self.new: list[Alarm] = []
        self.over: list[Alarm] = []

    def pass_(self, seconds: float = 1.0) -> list[Alarm]:
        """Let time pass, looking every second."""
        for _ in range(round(seconds)):
            self.now += 1
            new, over = whole(self.gaps.looking(self.held, self.states, self.queues, self.now))
            self.new += new
            self.over += over
        return self.gaps.alarms


def test_a_gap_that_stays_while_all_are_up_is_told_once_and_dropped_when_it_closes() -> None:
    watched = Watched()
    watched.held[B] = {LOG: 2}
    assert watched.pass_(CALM_SECONDS) == []
    (alarm,) = watched.pass_()
    assert (alarm.kind, alarm.node, alarm.origin, alarm.missing, alarm.since) == ("gap", B, LOG, 3, 101.0)
    assert (alarm.holders, alarm.silent) == ((A, C), ())
    watched.pass_(5)
    assert watched.new == [alarm]
    assert watched.gaps.age(B) == 8.0
    watched.held[B] = {LOG: 5}
    assert watched.pass_() == []
    assert len(watched.over) == 1
    assert watched.gaps.age(B) == 0.0


def test_lag_that_closes_and_opens_with_the_traffic_is_no_gap() -> None:
    watched = Watched()
    for high in range(6, 40):
        watched.held[A] = watched.held[C] = {LOG: high}
        watched.held[B] = {LOG: high - 1}
        assert watched.pass_() == []
    assert watched.gaps.age(B) <= 1.0


def test_a_long_gap_that_is_being_filled_is_no_alarm() -> None:
    watched = Watched()
    watched.held[A] = watched.held[C] = {LOG: 100_000}
    for high in range(0, 100_000, 2_500):
        watched.held[B] = {LOG: high}
        assert watched.pass_() == []


def test_while_a_holder_is_silent_a_gap_may_stay_open_for_longer() -> None:
    watched = Watched()
    watched.held[C] = {}
    watched.held[B] = {LOG: 2}
    watched.held[A] = {LOG: 2}
    watched.held[C] = {LOG: 5}
    watched.states[C] = PeerState.SUSPECT
    assert watched.pass_(OPEN_SECONDS) == []
    here, there = watched.pass_()
    assert ({here.node, there.node}, here.silent) == ({A, B}, (C,))


def test_time_to_close_counts_from_when_all_holders_are_up_again() -> None:
    watched = Watched()
    watched.held[B] = {LOG: 2}
    watched.states[C] = PeerState.SUSPECT
    watched.pass_(6)
    watched.states[C] = PeerState.UP
    assert watched.pass_(CALM_SECONDS) == []
    assert len(watched.pass_()) == 1


def test_who_does_not_answer_is_no_gap_and_what_only_the_lost_held_is_none_either() -> None:
    watched = Watched()
    watched.states[B] = PeerState.SUSPECT
    watched.held[B] = {LOG: 2}
    assert watched.pass_(30) == []
    watched.states[B] = PeerState.DOWN
    watched.held[B] = {LOG: 9}
    assert watched.pass_(30) == []


def test_an_alarm_ends_when_its_node_no_longer_answers() -> None:
    watched = Watched()
    watched.held[B] = {LOG: 2}
    assert len(watched.pass_(5)) == 1
    watched.states[B] = PeerState.SUSPECT
    assert watched.pass_() == []


def test_progress_does_not_end_an_alarm_before_the_gap_is_closed() -> None:
    watched = Watched()
    watched.held[B] = {LOG: 2}
    watched.pass_(5)
    watched.held[B] = {LOG: 3}
    assert [alarm.missing for alarm in watched.pass_()] == [2]
    assert len(watched.new) == 1


def test_a_queue_that_grows_is_told_until_it_is_as_short_as_it_was() -> None:
    watched = Watched()
    for second in range(round(GROWTH_SECONDS) + 2):
        watched.queues[B] = 50 + second * GROWTH
        watched.pass_()
    (alarm,) = watched.gaps.alarms
    assert (alarm.kind, alarm.node, alarm.missing, len(watched.new)) == ("queue", B, watched.queues[B], 1)
    watched.queues[B] = 60 + GROWTH
    assert len(watched.pass_()) == 1
    watched.queues[B] = 40
    assert watched.pass_() == []
    assert [over.kind for over in watched.over] == ["queue"]


def test_a_queue_that_goes_up_and_down_is_no_alarm() -> None:
    watched = Watched()
    for second in range(60):
        watched.queues[B] = 5_000 if second % 3 else 0
        assert watched.pass_() == []


def test_the_queue_of_one_who_does_not_answer_is_no_alarm() -> None:
    watched = Watched()
    watched.states[B] = PeerState.SUSPECT
    for second in range(60):
        watched.queues[B] = second * GROWTH
        assert watched.pass_() == []


def test_many_nodes_that_lack_many_logs_are_looked_at_in_steps_and_raise_few_alarms() -> None:
    nodes = [f"{number:016x}" for number in range(24)]
    logs = [f"{number:016x}.1" for number in range(100, 1100)]
    held = {node: {log: 1 + (at * 7 + place) % 24 for at, log in enumerate(logs)} for place, node in enumerate(nodes)}
    states = dict.fromkeys(nodes, PeerState.UP)
    gaps = Gaps(f"{nodes[0]}.1")
    for second in range(8):
        steps, looking = [], gaps.looking(held, states, {}, float(second))
        while (step := next(looking, None)) is not None:
            steps.append(step)
        assert max(steps) <= STEPS
        assert sum(steps) < 4 * len(nodes) * len(logs)
    assert len(gaps.alarms) == ALARMS
    assert gaps.age(nodes[1]) == 7
    first = gaps.alarms
    whole(gaps.looking(held, states, {}, 9.0))
    assert [alarm.key for alarm in gaps.alarms] == [alarm.key for alarm in first]
