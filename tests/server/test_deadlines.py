"""Deadlines on one wheel, against a list that is looked through."""

from __future__ import annotations

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from server.deadlines import Wheel

STEP = 0.25


class WheelIsAList(RuleBasedStateMachine):
    """A wheel fires what a plain list of deadlines would fire: never early, at most one step late."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 100.0
        self.wheel: Wheel[str] = Wheel(now=self.now, step=STEP)
        self.due: dict[str, float] = {}

    @rule(key=st.sampled_from("abcdef"), seconds=st.floats(-1, 30))
    def set_one(self, key: str, seconds: float) -> None:
        self.wheel.set(key, self.now + seconds)
        self.due[key] = self.now + max(0.0, seconds)

    @rule(key=st.sampled_from("abcdef"))
    def cancel_one(self, key: str) -> None:
        self.wheel.cancel(key)
        self.due.pop(key, None)

    @rule(seconds=st.sampled_from([0.0, 0.1, STEP, 1.0, 7.3, 1000.0]))
    def let_time_pass(self, seconds: float) -> None:
        self.now += seconds
        fired = self.wheel.advance(self.now)
        assert len(set(fired)) == len(fired)
        for key in fired:
            assert self.due.pop(key) <= self.now, "fired early"
        late = [key for key, due in self.due.items() if due < self.now - 2 * STEP]
        assert not late, "fired late"

    @invariant()
    def it_holds_what_was_set(self) -> None:
        assert len(self.wheel) == len(self.due)


TestWheel = WheelIsAList.TestCase
TestWheel.settings = settings(max_examples=40, stateful_step_count=30)


def test_the_oldest_fires_first() -> None:
    wheel: Wheel[str] = Wheel(now=0.0, step=STEP)
    for key, due in (("c", 3.0), ("a", 1.0), ("b", 2.0)):
        wheel.set(key, due)
    assert wheel.advance(0.9) == []
    assert wheel.advance(10.0) == ["a", "b", "c"]
    assert wheel.advance(100.0) == []


def test_setting_again_moves_a_deadline() -> None:
    wheel: Wheel[str] = Wheel(now=0.0, step=STEP)
    wheel.set("a", 1.0)
    wheel.set("a", 5.0)
    assert wheel.advance(3.0) == []
    wheel.set("a", 3.5)
    assert wheel.advance(4.0) == ["a"]


def test_what_is_due_already_fires_with_the_next_step() -> None:
    wheel: Wheel[str] = Wheel(now=10.0, step=STEP)
    wheel.set("a", 3.0)
    assert wheel.advance(10.0 + STEP) == ["a"]


def test_a_clock_that_goes_back_fires_nothing_twice() -> None:
    wheel: Wheel[str] = Wheel(now=10.0, step=STEP)
    wheel.set("a", 11.0)
    assert wheel.advance(12.0) == ["a"]
    assert wheel.advance(9.0) == []
    wheel.set("b", 12.5)
    assert wheel.advance(13.0) == ["b"]
