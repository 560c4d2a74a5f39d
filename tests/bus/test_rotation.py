"""Which key a node listens with while the secret is changed."""

from __future__ import annotations

from bus.membership import UP_TICKS
from bus.rotation import OVERLAP_TICKS, Rotation

OLD, NEW, NEWER = "0" * 16, "1" * 16, "2" * 16
BOTH_OLD, BOTH_NEW = (OLD, NEW), (NEW, OLD)
LATER = UP_TICKS + 1


def test_a_node_with_one_key_stays_with_it() -> None:
    rotation = Rotation(OLD, None)
    assert not rotation.turn([(NEW,)], ticks=OVERLAP_TICKS + 1)
    assert rotation.keys == (OLD,)
    assert not rotation.under_way


def test_it_listens_with_the_old_one_until_all_who_are_up_know_the_new_one() -> None:
    rotation = Rotation(OLD, None)
    rotation.learn(NEW, OLD, ticks=0)
    assert rotation.keys == BOTH_OLD
    assert not rotation.turn([BOTH_OLD, (OLD,)], ticks=LATER)
    assert rotation.turn([BOTH_OLD, BOTH_OLD], ticks=LATER)
    assert rotation.keys == BOTH_NEW


def test_peers_have_the_time_to_be_met_before_their_word_counts() -> None:
    rotation = Rotation(OLD, None)
    rotation.learn(NEW, OLD, ticks=100)
    assert not rotation.turn([], ticks=100 + UP_TICKS)
    assert rotation.turn([], ticks=100 + LATER)


def test_the_old_one_ends_when_all_listen_with_the_new_one() -> None:
    rotation = Rotation(OLD, None)
    rotation.learn(NEW, OLD, ticks=0)
    rotation.turn([BOTH_OLD], ticks=LATER)
    assert not rotation.turn([BOTH_OLD], ticks=2 * LATER)
    assert rotation.turn([BOTH_NEW], ticks=2 * LATER)
    assert not rotation.under_way
    assert rotation.listens == NEW


def test_who_has_ended_it_already_counts_too() -> None:
    rotation = Rotation(NEW, OLD)
    assert rotation.turn([(NEW,)], ticks=LATER)
    assert rotation.turn([(NEW,)], ticks=2 * LATER)
    assert rotation.keys == (NEW,)


def test_after_its_time_it_ends_whatever_others_say() -> None:
    rotation = Rotation(OLD, None)
    rotation.learn(NEW, OLD, ticks=0)
    assert not rotation.turn([(OLD,)], ticks=OVERLAP_TICKS)
    assert rotation.turn([(OLD,)], ticks=OVERLAP_TICKS + 1)
    assert rotation.keys == BOTH_NEW
    assert rotation.turn([(OLD,)], ticks=OVERLAP_TICKS + 2)
    assert not rotation.under_way


def test_the_time_before_a_start_counts() -> None:
    rotation = Rotation(NEW, OLD, ticks=OVERLAP_TICKS)
    assert rotation.keys == BOTH_OLD
    assert rotation.turn([(OLD,)], ticks=1)
    assert rotation.turn([(OLD,)], ticks=2)
    assert len(rotation.keys) == 1


def test_what_is_neither_of_the_two_ends_at_once() -> None:
    rotation = Rotation(NEW, OLD)
    rotation.learn(NEWER, NEW, ticks=1)
    assert rotation.keys == (NEW, NEWER)
