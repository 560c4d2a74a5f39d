"""Acts as plain data: their identity, and what is remembered of them."""

from __future__ import annotations

import pytest

from server import acts
from server.acts import Memory, Verdict, act_id
from server.wire.moderation import Outcome


def outcome(session: str) -> Outcome:
    return Outcome(session=session, node="n1", outcome="done", ms=1)


def test_the_same_request_of_a_session_is_the_same_act_and_no_other_is() -> None:
    same = act_id("s", 1, b"kick")
    assert act_id("s", 1, b"kick") == same
    others = {act_id("t", 1, b"kick"), act_id("s", "1", b"kick"), act_id("s", 2, b"kick"), act_id("s", 1, b"mute")}
    assert len(others | {same}) == 5


def test_what_came_of_an_act_is_known_by_session_and_the_first_word_counts() -> None:
    memory = Memory(seconds=60)
    memory.did("x", outcome("s"), "u", 0.0)
    memory.did("x", Outcome(session="s", node="n2", outcome="done", ms=2), "u", 1.0)
    memory.did("x", outcome("t"), "u", 1.0)
    assert memory.deeds("x", 2.0) == {"s": outcome("s"), "t": outcome("t")}
    assert memory.users("x", 2.0) == {"s": "u", "t": "u"}
    assert memory.verdict("x", 2.0) is None
    memory.answered(Verdict("x", (outcome("s"),)), 2.0)
    memory.answered(Verdict("x", ()), 3.0)
    assert memory.verdict("x", 3.0) == [outcome("s")]


def test_after_its_time_an_act_is_another_one() -> None:
    memory = Memory(seconds=60)
    memory.did("x", outcome("s"), "u", 0.0)
    assert memory.deeds("x", 60.0)
    assert not memory.deeds("x", 60.1)
    memory.did("x", outcome("t"), "u", 61.0)
    assert list(memory.deeds("x", 61.0)) == ["t"]


def test_what_is_remembered_is_bounded_and_the_oldest_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(acts, "REMEMBERED", 10)
    memory = Memory(seconds=60)
    for number in range(6):
        memory.did(f"a{number}", outcome("s"), "u", 0.0)
    assert not memory.deeds("a0", 0.0)
    assert memory.deeds("a5", 0.0)
    memory.answered(Verdict("big", tuple(outcome(str(number)) for number in range(20))), 0.0)
    assert memory.verdict("big", 0.0) is not None
    assert not memory.deeds("a5", 0.0)


def test_orders_come_back_from_their_bytes() -> None:
    by = acts.TIME
    for act in (
        acts.Kick(by=by, id="x", sessions=("s", "t"), room="lobby", reason="r", grace=5, block=60),
        acts.Unkick(by=by, id="x", sessions=("s",), room=None),
        acts.Mute(by=by, id="x", sessions=("s",), room=None, seconds=5),
        acts.Unmute(by=by, id="x", sessions=("s",), room="lobby"),
        acts.Move(by=by, id="x", sessions=("s",), room="lobby", to="second"),
    ):
        assert acts.unpack_act(acts.pack_act(act)) == act
