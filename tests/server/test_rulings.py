"""Registers of rulings: whatever the order in which they are taken, the later one remains."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from server import rulings
from server.rulings import Change, Ruling, Rulings, Standing, key_of, parts_of
from server.session import Actor, Role

MODERATOR = Actor("s1", "mod", "Mod", Role.MODERATOR)


def ruling(
    number: int = 1,
    origin: str = "a.1",
    *,
    key: str = "ban/x",
    value: object = "it",
    seconds: float | None = None,
    act: str = "",
) -> Ruling:
    return Ruling(
        key=key,
        number=number,
        origin=origin,
        value=b"" if value is None else msgspec.msgpack.encode(value),
        by=MODERATOR,
        reason="",
        at=0,
        until=None,
        seconds=seconds,
        node="a",
        act=act,
    )


numbered = st.builds(
    ruling,
    st.integers(1, 4),
    st.sampled_from(("a.1", "a.2", "b.1")),
    key=st.sampled_from(("ban/x", "ban/y", "mute/ann/")),
    value=st.sampled_from(("it", None)),
)


def distinct(taken: Sequence[Ruling]) -> list[Ruling]:
    """Of those that name one decision the first: no node decides two under one number."""
    return list({(each.key, each.rank): each for each in reversed(taken)}.values())


def after(taken: Sequence[Ruling]) -> dict[str, tuple[Ruling | None, Ruling | None]]:
    """The last ruling and what is in force of each key."""
    known = Rulings(now=0.0)
    for each in taken:
        known.take(each, 0.0)
    return {key: (known.last(key), known.get(key)) for key in known.keys()}  # noqa: SIM118


@given(st.lists(numbered, max_size=20), st.randoms(use_true_random=False))
def test_in_whatever_order_they_come_the_same_ones_remain(taken: list[Ruling], rng: Random) -> None:
    taken = distinct(taken)
    shuffled = [*taken, *taken]  # each comes twice, from two logs say
    rng.shuffle(shuffled)
    assert after(shuffled) == after(taken)


@given(st.lists(numbered, min_size=1, max_size=20))
def test_the_last_one_has_the_highest_number_and_of_these_the_highest_origin(taken: list[Ruling]) -> None:
    taken = distinct(taken)
    for key, (last, now) in after(taken).items():
        assert last == max((each for each in taken if each.key == key), key=lambda each: each.rank)
        assert now == (None if last.lifts else last)


@given(st.lists(numbered, max_size=20))
def test_what_is_in_force_of_a_family_is_what_is_in_force_of_its_keys(taken: list[Ruling]) -> None:
    known = Rulings(now=0.0)
    for each in taken:
        known.take(each, 0.0)
    for family in ("ban", "mute", "room"):
        of = {key: known.get(key) for key in known.keys() if key.startswith(f"{family}/")}  # noqa: SIM118
        assert known.of(family) == {key: now for key, now in of.items() if now is not None}


def test_a_number_follows_on_all_that_are_known() -> None:
    known = Rulings(now=0.0)
    assert known.next_number("ban/x") == 1
    known.take(ruling(7, "z.1"), 0.0)
    known.take(ruling(3, "a.1"), 0.0)
    assert known.next_number("ban/x") == 8


def test_a_change_tells_what_was_in_force_and_what_is() -> None:
    known, first, lift = Rulings(now=0.0), ruling(1), ruling(2, value=None)
    assert known.take(first, 0.0) == (Standing.LATER, Change("ban/x", first, None, first))
    assert known.take(first, 0.0) == (Standing.SAME, None)
    assert known.take(lift, 0.0) == (Standing.LATER, Change("ban/x", lift, first, None))
    assert known.take(first, 0.0) == (Standing.EARLIER, None)


def test_a_time_is_counted_from_when_it_is_taken_by_the_clock_of_who_takes_it() -> None:
    """The clocks of two nodes are an hour apart, and one took it ten seconds later."""
    one, other, timed = Rulings(now=0.0), Rulings(now=3600.0), ruling(seconds=60.0)
    one.take(timed, 0.0)
    other.take(timed, 3610.0)
    assert one.advance(59.9) == []
    assert one.get("ban/x") == timed
    assert one.left("ban/x", 59.0) == pytest.approx(1.0)
    assert one.advance(60.2) == [Change("ban/x", timed, timed, None)]
    assert (one.get("ban/x"), one.of("ban"), one.is_over("ban/x")) == (None, {}, True)
    assert other.advance(3669.9) == []
    assert other.advance(3670.2) == [Change("ban/x", timed, timed, None)]


def test_word_that_a_time_is_over_ends_it_before_its_own_count_and_for_good() -> None:
    known, timed = Rulings(now=0.0), ruling(seconds=60.0)
    known.take(timed, 0.0)
    over = msgspec.structs.replace(timed, seconds=0.0)
    assert known.take(over, 5.0) == (Standing.SAME, Change("ban/x", timed, timed, None))
    assert known.take(timed, 6.0) == (Standing.SAME, None)
    assert known.get("ban/x") is None
    assert known.advance(100.0) == []


def test_a_copy_that_is_older_does_not_make_it_longer_nor_one_that_was_carried() -> None:
    known, timed = Rulings(now=0.0), ruling(seconds=60.0)
    known.take(timed, 0.0)
    known.take(timed, 30.0)
    known.take(msgspec.structs.replace(timed, seconds=25.0), 30.0)
    assert known.left("ban/x", 30.0) == pytest.approx(25.0)


def test_what_a_store_has_counted_is_believed_until_somebody_knows_better() -> None:
    """The clock on the wall was an hour wrong when the node began again."""
    known, timed = Rulings(now=0.0), ruling(seconds=1800.0)
    known.take(msgspec.structs.replace(timed, seconds=0.0, doubtful=True), 0.0)
    assert (known.get("ban/x"), known.is_doubtful("ban/x")) == (None, True)
    known.take(timed, 1.0)
    assert (known.get("ban/x") is not None, known.is_doubtful("ban/x")) == (True, False)
    assert known.left("ban/x", 1.0) == pytest.approx(1800.0)
    known.take(msgspec.structs.replace(timed, seconds=0.0, doubtful=True), 2.0)
    assert known.get("ban/x") is not None


def test_a_later_ruling_sets_another_time_or_none() -> None:
    known = Rulings(now=0.0)
    known.take(ruling(1, seconds=60.0), 0.0)
    known.take(ruling(2), 10.0)
    assert known.advance(1000.0) == []
    assert known.left("ban/x", 1000.0) is None
    known.take(ruling(3, seconds=5.0), 1000.0)
    assert [change.key for change in known.advance(1005.2)] == ["ban/x"]


def test_what_is_done_with_is_known_within_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rulings, "DONE_WITH", 3)
    known = Rulings(now=0.0)
    for number in range(10):
        known.take(ruling(key=f"ban/{number}", value=None), 0.0)
        known.take(ruling(key=f"room/{number}"), 0.0)
    assert [key for key in known.keys() if key.startswith("ban")] == ["ban/7", "ban/8", "ban/9"]  # noqa: SIM118
    assert len(known.of("room")) == 10


def test_a_ruling_goes_through_bytes_and_back() -> None:
    whole = ruling(5, "b.2", value={"user": "ann"}, seconds=2.5, act="act")
    assert rulings.unpack(rulings.pack(whole)) == whole
    assert whole.read(dict[str, str]) == {"user": "ann"}
    with pytest.raises(msgspec.ValidationError):
        whole.read(int)


def test_a_key_is_parted_as_it_was_made_and_no_part_reaches_into_another() -> None:
    assert parts_of(key_of("mute", "ann", "")) == ("mute", "ann", "")
    with pytest.raises(ValueError, match="cannot be a part"):
        key_of("mute", "ann/lobby", "")
