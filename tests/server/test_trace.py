"""The way of a message, put together from what nodes say by clocks of their own."""

from __future__ import annotations

from server.flow import Passed
from server.trace import Hop, Offset, Offsets, Sighted, trace

HOME, OTHER, THIRD = "a" * 16, "b" * 16, "c" * 16


def home(*, taken: float | None = 100.0, shown: float | None = 100.012, written: float | None = 100.015) -> Sighted:
    passed = Passed(HOME, "a", 200.0, taken=taken, shown=shown, written=written, receivers=2, copies=2)
    return Sighted(passed, Offset(0.0, 0.0))


def other(node: str, name: str, *, shown: float | None, written: float | None = None, offset: Offset) -> Sighted:
    return Sighted(Passed(node, name, 0.0, shown=shown, written=written, receivers=1, copies=2), offset)


def test_the_hops_stand_in_the_order_of_their_times_on_one_clock() -> None:
    near = other(OTHER, "b", shown=5_100.020, written=5_100.030, offset=Offset(5_000.0, 0.001))
    far = other(THIRD, "c", shown=90.016, offset=Offset(-10.0, 0.0005))
    assert trace(HOME, "Ann", 34.0, [home(), near, far]).hops == (
        Hop("Ann", "client", -17.0, None),
        Hop("a", "half of its round trip", 0.0, 17.0),
        Hop("a", "held by 2 nodes", 12.0, 12.0),
        Hop("c", "shown", 16.0, 16.0, 0.5),
        Hop("b", "shown", 20.0, 20.0, 1.0),
        Hop("room", "written to 1 person at b", 30.0, 10.0, 1.0),
    )


def test_the_whole_is_from_the_client_to_the_last_that_is_known() -> None:
    assert trace(HOME, "Ann", 34.0, [home()]).total_ms == 32.0
    assert trace(HOME, "Ann", None, [home()]).total_ms == 15.0
    assert trace(HOME, "Ann", 34.0, [home(shown=None, written=None)]).total_ms == 17.0


def test_what_is_not_known_is_none() -> None:
    unknown = (Hop("Ann", "client", None, None), Hop("a", "half of its round trip", None, 17.0))
    silent = home(taken=None, shown=None, written=None)
    elsewhere = other(OTHER, "b", shown=1.0, offset=Offset(0.0, 0.0))
    assert trace(HOME, "Ann", 34.0, [silent, elsewhere]).hops == unknown
    assert trace(HOME, "Ann", 34.0, [silent, elsewhere]).total_ms is None
    assert trace(HOME, "Ann", None, []).hops[1] == Hop(HOME, "half of its round trip", None, None)


def test_times_are_told_by_the_clock_of_whoever_asks() -> None:
    """The node that took the message may be another one, with an offset and an error of its own."""
    at_home = Sighted(home().passed, Offset(40.0, 0.002))
    here = other(OTHER, "b", shown=60.020, offset=Offset(0.0, 0.0))
    shown = trace(HOME, "Ann", None, [here, at_home]).hops[3]
    assert (shown.place, shown.at_ms, shown.error_ms) == ("b", 20.0, 2.0)


def test_the_surest_of_the_last_measurements_of_a_clock_counts() -> None:
    offsets = Offsets()
    assert offsets.of(OTHER) is None
    offsets.note(OTHER, 10.0, 10.4, 510.2)
    offsets.note(OTHER, 11.0, 11.1, 511.06)
    offsets.note(OTHER, 12.0, 12.8, 512.5)
    found = offsets.of(OTHER)
    assert found is not None
    assert (round(found.seconds, 6), round(found.error, 6)) == (500.01, 0.05)
    for _ in range(8):
        offsets.note(OTHER, 20.0, 20.2, 530.1)
    later = offsets.of(OTHER)
    assert later is not None
    assert round(later.seconds, 6) == 510.0
