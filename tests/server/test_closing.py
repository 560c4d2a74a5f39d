"""Why connections are closed (protocol.md section 8), and how far away clients are."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.frames import Close

from server import closing
from server.closing import Closing
from server.roundtrips import FIGURES, RoundTrips
from server.untold import MOST

ALL = [value for value in vars(closing).values() if isinstance(value, Closing)]


@pytest.mark.parametrize("one", ALL, ids=lambda one: str(one.code))
def test_every_close_can_be_sent_and_carries_a_sentence(one: Closing) -> None:
    assert one.reason
    assert Close.parse(Close(one.code, one.reason).serialize()) == Close(one.code, one.reason)


def test_the_codes_are_those_of_the_protocol_each_once() -> None:
    codes = [one.code for one in ALL]
    assert len(set(codes)) == len(codes)
    assert set(codes) <= {1000, 1001, 1002, 1003, 1007, 1009, 1012, 4400, 4401, 4403, 4408, 4409, 4410, 4429}


@given(st.text(st.characters(codec="utf-8"), max_size=200))
def test_any_reason_is_cut_to_what_a_frame_holds(reason: str) -> None:
    closing_ = closing.KICKED.because(reason)
    assert closing_.code == closing.KICKED.code
    assert len(closing_.reason.encode()) <= 123
    assert reason.startswith(closing_.reason)
    assert len(closing_.reason.encode()) > 119 or closing_.reason == reason


def test_what_one_node_measured_another_knows() -> None:
    here, there = RoundTrips(), RoundTrips()
    assert here.take() == b""
    here.measure("ann", 12.3456, now=1.0)
    here.measure("ann", 20.0, now=1.0)
    here.measure("bob", 1.0, now=1.0)
    there.merge(here.take(), now=1.0)
    assert [there.of(session) for session in ("ann", "bob", "cid")] == [20.0, 1.0, None]
    assert here.of("ann") == 20.0
    assert here.take() == b""
    assert there.take() == b""


def test_who_is_gone_is_forgotten() -> None:
    trips = RoundTrips()
    trips.measure("ann", 1.0, now=1.0)
    trips.measure("bob", 2.0, now=1.0)
    trips.forget({"bob"})
    assert (trips.of("ann"), trips.of("bob")) == (None, 2.0)


def test_figures_of_five_minutes_are_kept_for_those_who_look() -> None:
    here, there = RoundTrips(), RoundTrips()
    there.remember()
    for at in range(0, 700, 10):
        here.measure("ann", float(at), now=float(at))
        there.merge(here.take(), now=float(at))
    assert here.past("ann", now=700.0) == ()
    assert there.past("ann", now=700.0) == tuple((700.0 - at, float(at)) for at in range(400, 700, 10))
    there.forget(set())
    assert there.past("ann", now=700.0) == ()


def test_no_session_has_more_figures_than_are_kept_of_one() -> None:
    trips = RoundTrips()
    trips.remember()
    for number in range(2 * FIGURES):
        trips.measure("ann", float(number), now=1.0)
    assert [figure for _, figure in trips.past("ann", now=1.0)] == [float(n) for n in range(FIGURES, 2 * FIGURES)]


def test_many_figures_are_told_in_lots_that_a_cast_can_carry() -> None:
    here, there = RoundTrips(), RoundTrips()
    for number in range(MOST + 1):
        here.measure(f"session-{number:020}", 1234.56, now=1.0)
    while told := here.take():
        assert len(told) <= 0xFFFF
        there.merge(told, now=1.0)
    assert there.of(f"session-{MOST:020}") == there.of(f"session-{0:020}") == 1234.56


@pytest.mark.parametrize("told", [b"", b"\xc1", msgspec.msgpack.encode([1]), msgspec.msgpack.encode({"a": "b"})])
def test_what_is_not_readable_is_refused(told: bytes) -> None:
    with pytest.raises(msgspec.MsgspecError):
        RoundTrips().merge(told, now=1.0)


@pytest.mark.parametrize("figure", [float("nan"), float("inf"), -1.0])
def test_a_round_trip_that_cannot_be_is_refused(figure: float) -> None:
    trips = RoundTrips()
    with pytest.raises(msgspec.MsgspecError):
        trips.merge(msgspec.msgpack.encode({"s": figure}), now=0.0)
    assert trips.of("s") is None
