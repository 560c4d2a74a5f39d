"""Whom a node asks for what somebody waits for, and when it gives up (cluster.md rule 8)."""

from __future__ import annotations

from bus.waits import ORIGINS_ASKED, Waits

LOG, A, B = f"{9:016x}.1", f"{1:016x}.1", f"{2:016x}.1"


def test_a_place_is_given_up_when_all_were_asked_after_the_wait_began_and_do_not_hold_it() -> None:
    waits = Waits()
    waits.need(LOG, 5, tick=10)
    assert waits.ask({}) == [LOG]
    waits.answer(LOG, 4, by=A, asked=12)
    assert not waits.is_given_up(LOG, 5, present=[A, B])
    waits.answer(LOG, 0, by=B, asked=12)
    assert waits.is_given_up(LOG, 5, present=[A, B])
    assert waits.is_given_up(LOG, 5, present=[])


def test_an_answer_to_an_earlier_question_is_none() -> None:
    waits = Waits()
    waits.need(LOG, 5, tick=10)
    waits.answer(LOG, 4, by=A, asked=10)
    assert not waits.is_given_up(LOG, 5, present=[A])


def test_who_holds_it_keeps_the_wait() -> None:
    waits = Waits()
    waits.need(LOG, 5, tick=10)
    waits.answer(LOG, 5, by=A, asked=12)
    assert not waits.is_given_up(LOG, 5, present=[A])


def test_a_new_life_of_a_peer_is_asked_anew() -> None:
    waits = Waits()
    waits.need(LOG, 5, tick=10)
    waits.answer(LOG, 4, by=A, asked=12)
    assert not waits.is_given_up(LOG, 5, present=[f"{1:016x}.2"])


def test_what_is_held_or_needed_no_more_is_forgotten() -> None:
    waits = Waits()
    waits.need(LOG, 5, tick=10)
    assert waits.ask({LOG: 5}) == []
    waits.need(LOG, 6, tick=11)
    assert waits.ask({LOG: 5}) == [LOG]
    assert waits.ask({LOG: 5}) == []
    assert not waits


def test_many_logs_are_asked_for_in_turn() -> None:
    waits = Waits()
    logs = [f"{number:016x}.1" for number in range(ORIGINS_ASKED + 10)]
    asked: set[str] = set()
    for tick in range(2):
        for log in logs:
            waits.need(log, 1, tick=tick)
        due = waits.ask({})
        assert len(due) == ORIGINS_ASKED
        asked.update(due)
    assert asked == set(logs)
