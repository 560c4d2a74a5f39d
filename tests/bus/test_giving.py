"""Pieces of logs given to who asked: a few in a turn, and to none more than its share."""

from __future__ import annotations

from bus.giving import BURST, RATE, TURN_PIECES, Giving
from bus.packets import Ask

LOGS = [f"{number:016x}.1" for number in range(1, 10)]
SENDER = f"{99:016x}.1"


def ask(log: str, *, after: int = 0, joining: bool = False) -> Ask:
    return Ask(SENDER, log, after, 1, joining)


def test_a_turn_gives_a_few_pieces_and_the_next_goes_on() -> None:
    giving = Giving()
    for log in LOGS:
        giving.owe("b", ask(log))
    given = [[piece.origin for _, piece in giving.due(1.0)] for _ in range(3)]
    assert list(map(len, given)) == [TURN_PIECES, TURN_PIECES, 1]
    assert [log for turn in given for log in turn] == LOGS
    assert not giving.restless


def test_of_one_log_only_the_last_question_is_answered() -> None:
    giving = Giving()
    giving.owe("b", ask(LOGS[0]))
    giving.owe("b", ask(LOGS[0], after=7))
    assert [piece.after for _, piece in giving.due(1.0)] == [7]


def test_who_had_his_share_waits_and_others_do_not() -> None:
    giving = Giving()
    giving.owe("b", ask(LOGS[0]))
    giving.due(1.0)
    giving.given("b", round(BURST + RATE), 1.0)
    for node in ("b", "c"):
        giving.owe(node, ask(LOGS[1]))
    assert [node for node, _ in giving.due(1.5)] == ["c"]
    assert not giving.restless
    assert [node for node, _ in giving.due(2.1)] == ["b"]


def test_who_joins_sets_his_own_pace() -> None:
    giving = Giving()
    giving.given("b", 10**9, 1.0)
    giving.owe("b", ask(LOGS[0], joining=True))
    assert len(giving.due(1.0)) == 1


def test_who_is_forgotten_is_owed_nothing() -> None:
    giving = Giving()
    giving.owe("b", ask(LOGS[0]))
    giving.forget("b")
    assert giving.due(1.0) == []
