"""What waits for places in other logs, and when the wait is over (cluster.md rules 7 and 8)."""

from __future__ import annotations

from bus.interface import Bounds
from bus.membership import DOWN_TICKS, TICK_SECONDS
from bus.record import Kind
from tests.bus.test_replica import World

NOBODY = f"{77:016x}.1"


def test_no_node_shows_a_record_before_the_place_that_it_stands_after() -> None:
    world = World(3)
    world.clock.advance(1)
    a, b, c = world.buses
    world.cut({0, 1}, {2})
    first = a.append(Kind.TEXT, b"first")
    world.clock.advance(0.5)
    world.cut({1, 2}, {0})  # c never hears a, and hears of its text by b
    b.append(Kind.TEXT, b"second", after={a.origin: first.seq})
    world.clock.advance(3)
    for ear in world.ears:
        assert [record.payload for record, _ in ear.records][:2] == [b"first", b"second"] or ear is world.ears[0]
    world.heal()
    world.clock.advance(3)
    assert world.ears[0].payloads(b.origin) == [b"second"]
    assert world.same()


def test_a_place_that_nobody_holds_is_given_up_once_all_have_said_so() -> None:
    world = World(3)
    world.clock.advance(1)
    world.buses[0].append(Kind.TEXT, b"after nothing", after={NOBODY: 3})
    world.clock.advance(0.1)
    assert all(ear.records == [] for ear in world.ears)
    world.clock.advance(2)
    assert [ear.payloads(world.buses[0].origin) for ear in world.ears] == [[b"after nothing"]] * 3


def test_nobody_waits_for_what_this_node_has_not_said_yet() -> None:
    world = World(3)
    world.clock.advance(1)
    world.buses[0].append(Kind.TEXT, b"said")
    reached: list[float] = []
    world.buses[0].when_held({world.buses[0].origin: 1 << 53}, lambda: reached.append(world.clock.time()))
    world.clock.advance(0.1)
    assert reached


def test_a_wait_is_not_given_up_while_somebody_who_is_not_down_has_not_answered() -> None:
    world = World(3)
    world.clock.advance(1)
    world.cut({0, 1}, {2})
    reached: list[float] = []
    world.buses[0].when_held({NOBODY: 3}, lambda: reached.append(world.clock.time()))
    world.clock.advance(4)
    assert reached == []
    world.clock.advance(4)
    assert 1 + DOWN_TICKS * TICK_SECONDS - 1 < reached[0] < 1 + DOWN_TICKS * TICK_SECONDS + 1


def test_nobody_waits_for_places_of_a_life_that_this_node_has_forgotten_though_another_holds_them() -> None:
    world = World(3)
    world.clock.advance(1)
    a, b, c = world.buses
    gone = c.origin
    c.append(Kind.TEXT, b"long ago")
    world.clock.advance(1)
    c.vanish()
    world.clock.advance(DOWN_TICKS * TICK_SECONDS + 1)
    a._running._forget(gone)
    reached: list[float] = []
    a.when_held({gone: 1}, lambda: reached.append(world.clock.time()))
    a.append(Kind.TEXT, b"after it", after={gone: 1})
    began = world.clock.time()
    world.clock.advance(1)
    assert b.held(gone) == 1
    assert reached == [began]
    assert [ear.payloads(a.origin) for ear in world.ears[:2]] == [[b"after it"]] * 2


def test_a_wait_ends_when_the_places_are_held_or_nobody_waits_any_more() -> None:
    world = World(2)
    world.clock.advance(1)
    a, b = world.buses
    reached: list[str] = []
    a.when_held({b.origin: 1}, lambda: reached.append("held"))
    end = a.when_held({b.origin: 1}, lambda: reached.append("ended"))
    a.when_held({}, lambda: reached.append("nothing"))
    assert reached == []
    end()
    b.append(Kind.TEXT, b"hi")
    world.clock.advance(0.1)
    assert reached == ["nothing", "held"]
    assert a._running.admission.waiting == 0


def test_a_place_whose_record_was_replaced_counts_as_worked_when_its_turn_comes() -> None:
    world = World(2)
    world.clock.advance(1)
    a, b = world.buses
    for number in range(3):
        a.append(Kind.SESSION, b"%d" % number, session="s")
    a.append(Kind.TEXT, b"of a", after={b.origin: 1})
    b.append(Kind.SESSION, b"x", session="t")
    b.append(Kind.SESSION, b"y", session="t")
    b.append(Kind.TEXT, b"of b", after={a.origin: 1})
    world.clock.advance(1)
    _, late = world.add()  # gets of both logs only what is left of them
    world.clock.advance(3)
    assert {record.payload for record, _ in late.records} >= {b"of a", b"of b"}


def test_a_log_of_which_only_the_end_is_left_is_told_as_a_gap_and_worked_to_its_end() -> None:
    world = World(1, bounds=Bounds(records=100, seconds=2))
    bus = world.buses[0]
    for _ in range(5):
        bus.append(Kind.TEXT, b"")
    world.clock.advance(10)
    _, ear = world.add()
    world.clock.advance(2)
    assert (ear.gaps, ear.records) == ([(bus.origin, 5)], [])
    bus.append(Kind.TEXT, b"new")
    world.clock.advance(1)
    assert ear.payloads(bus.origin) == [b"new"]
