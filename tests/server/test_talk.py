"""Who spoke when: turns, shares, talking over others and the activity of a room, against a plain model of them."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.talk import KEPT, PAUSE, SLOT, SLOTS, STRIP, TOGETHER, TURNS, Stretch, Talks, TalkView

ROOM = "lobby"
NAMES = "abc"

Step = tuple[float, frozenset[str]]
"""Seconds until it is, and who speaks from then on."""

steps = st.lists(
    st.tuples(
        st.sampled_from([0.1, 0.5, 0.9, 1.0, 1.1, 3.0, 20.0, 130.0]),
        st.frozensets(st.sampled_from(NAMES)),
    ),
    max_size=30,
)


def told(steps: Sequence[Step]) -> tuple[Talks, float]:
    """Talks that were told this, and when the last step was."""
    talks, now = Talks(), 1000.0
    for seconds, speaking in steps:
        now += seconds
        talks.hear(ROOM, dict.fromkeys(speaking, 30), now=now)
    return talks, now


def modelled(steps: Sequence[Step], until: float) -> dict[str, list[list[float]]]:
    """The turns of each, [began, ended], as the docstring of the module defines them."""
    turns: dict[str, list[list[float]]] = {name: [] for name in NAMES}
    now, before = 1000.0, frozenset[str]()
    for seconds, speaking in steps:
        now += seconds
        for name in before - speaking:
            turns[name][-1][1] = now
        begun = [name for name in NAMES if name in speaking - before]
        others = {name: max((t[0] for n in NAMES if n != name for t in turns[n]), default=0.0) for name in begun}
        for name in begun:
            last = turns[name][-1] if turns[name] else None
            if last is not None and now - last[1] < PAUSE and others[name] < last[1]:
                last[1] = float("inf")
            else:
                turns[name].append([now, float("inf")])
        before = speaking
    for all_turns in turns.values():
        for turn in all_turns:
            turn[1] = min(turn[1], until)
    return turns


@given(steps, st.sampled_from([0.0, 0.4, 5.0, 300.0, 700.0]))
def test_shares_are_the_seconds_of_all_turns_in_ten_minutes(steps: list[Step], after: float) -> None:
    talks, now = told(steps)
    now += after
    turns = modelled(steps, now)
    spoken = {
        name: sum(max(0.0, end - max(begin, now - KEPT)) for begin, end in of_one) for name, of_one in turns.items()
    }
    total = sum(spoken.values())
    for name in NAMES:
        view = talks.talk(ROOM, name, now=now)
        assert view.spoken == pytest.approx(spoken[name])
        assert view.share == (pytest.approx(spoken[name] / total) if total else None)
        speaks = bool(steps) and name in steps[-1][1]
        assert view.since == (pytest.approx(now - turns[name][-1][0]) if speaks else None)


@given(steps, st.sampled_from([0.0, 0.4, 5.0]))
def test_a_strip_shows_the_turns_of_the_last_minute(steps: list[Step], after: float) -> None:
    talks, now = told(steps)
    now += after
    for name, turns in modelled(steps, now).items():
        wanted = [(min(STRIP, now - b), now - e) for b, e in reversed(turns) if e > now - STRIP]
        strip = talks.strip(ROOM, name, now=now)
        assert [(each.began, each.ended) for each in strip] == [pytest.approx(each) for each in wanted]


@given(steps)
def test_who_begins_beside_another_and_goes_on_talks_over_him(steps: list[Step]) -> None:
    talks, now = told(steps)
    turns = modelled(steps, now)
    for name in NAMES:
        over = sum(
            any(
                a < begin < b and min(b, end) - begin >= TOGETHER - 1e-9
                for other in NAMES
                if other != name
                for a, b in turns[other]
                if spoke_at(steps, other, begin)
            )
            for begin, end in turns[name]
            if end > now - KEPT
        )
        assert talks.talk(ROOM, name, now=now).over == over


def spoke_at(steps: Sequence[Step], name: str, at: float) -> bool:
    """Whether he spoke, and was not in a pause, just before that."""
    now, before = 1000.0, frozenset[str]()
    for seconds, speaking in steps:
        now += seconds
        if now >= at:
            return name in before and name in speaking
        before = speaking
    return False


@given(steps, st.floats(0, 400))
def test_activity_adds_up_what_was_spoken(steps: list[Step], after: float) -> None:
    talks, now = told(steps)
    end = now + after
    seconds, at, speaking = 0.0, 1000.0, frozenset[str]()
    first = (int(end // SLOT) - SLOTS + 1) * SLOT
    for step, (pause, after_it) in enumerate([*steps, (after, frozenset[str]())]):
        seconds += len(speaking) * max(0.0, at + pause - max(at, first)) if step else 0.0
        at, speaking = at + pause, after_it
    figures = talks.activity(ROOM, now=end)
    assert len(figures) == SLOTS
    assert sum(figures) == pytest.approx(seconds)


def test_texts_count_as_activity_in_their_slot() -> None:
    talks = Talks()
    for at in (1000.0, 1001.0, 1007.0):
        talks.text(ROOM, now=at)
    assert talks.activity(ROOM, now=1012.0)[-4:] == (0.0, 2.0, 1.0, 0.0)


def test_a_strip_knows_the_loudest_moment() -> None:
    talks = Talks()
    for at, level in ((1000.0, 60), (1001.0, 20), (1002.0, 40)):
        talks.hear(ROOM, {"a": level}, now=at)
    talks.hear(ROOM, {}, now=1003.0)
    assert talks.strip(ROOM, "a", now=1005.0) == (Stretch(5.0, 2.0, 20),)


def test_a_silence_in_which_another_begins_ends_the_turn() -> None:
    talks, now = told([(1.0, frozenset("a")), (0.5, frozenset()), (0.2, frozenset("b")), (0.2, frozenset("ab"))])
    assert len(talks.strip(ROOM, "a", now=now)) == 2
    assert talks.talk(ROOM, "a", now=now + TOGETHER).over == 1


def test_a_room_that_closed_begins_anew() -> None:
    talks, now = told([(1.0, frozenset("a"))])
    talks.close(ROOM)
    assert talks.talk(ROOM, "a", now=now) == TalkView()
    assert talks.strip(ROOM, "a", now=now) == ()
    assert talks.activity(ROOM, now=now) == (0.0,) * SLOTS


def test_who_comes_and_goes_for_long_is_not_kept_for_ever() -> None:
    talks, now = Talks(), 1000.0
    for number in range(2 * TURNS):
        now += 0.05
        talks.hear(ROOM, {f"s{number}": 30}, now=now)
    assert talks.talk(ROOM, "s0", now=now).spoken == 0.0
    assert talks.talk(ROOM, f"s{TURNS + TURNS // 2}", now=now).spoken == pytest.approx(0.05)
