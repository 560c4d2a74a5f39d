"""Requests without an answer, over a loss of the connection."""

from __future__ import annotations

import pytest

from server.client.outbox import Asked, Outbox
from server.views import RoomState
from server.wire import native
from server.wire.native import Code, Refused


def asked(id: str, type: str = "say", room: str | None = None) -> Asked[None]:
    return Asked(id, type, f"{type} {id}", room, None)


def outbox(*ids: str) -> Outbox[None]:
    box: Outbox[None] = Outbox()
    for id in ids:
        box.add(asked(id))
    return box


def sent(box: Outbox[None]) -> list[str | int]:
    """Send all that is to be sent."""
    ids = []
    while (one := box.next()) is not None:
        ids.append(one.id)
    return ids


def joined(room: str) -> native.Joined:
    state = RoomState()
    return native.Joined(room=room, ssrc=1, members=[], history=[], room_state=state, cursors={})


def test_requests_are_sent_once_in_order() -> None:
    box = outbox("1", "2", "3")
    assert sent(box) == ["1", "2", "3"]
    assert not box.has_backlog
    assert sent(box) == []


def test_what_has_no_answer_is_sent_again_in_order_and_new_ones_after_it() -> None:
    box = outbox("1", "2", "3")
    sent(box)
    assert box.answered("2") is not None
    box.lost()
    box.add(asked("4"))
    assert sent(box) == ["1", "3", "4"]


def test_a_request_goes_at_once_only_if_nothing_stands_before_it() -> None:
    box = outbox("1")
    late = asked("2")
    box.add(late)
    assert not box.is_next(late)
    box.next()
    assert box.is_next(late)


def test_a_kick_that_no_node_may_know_is_not_repeated_but_one_that_was_never_sent_is_sent() -> None:
    box: Outbox[None] = Outbox()
    box.add(asked("1", "kick"))
    sent(box)
    box.lost()
    box.add(asked("2", "kick"))
    assert [lost.id for lost in box.doubtful()] == ["1"]
    assert sent(box) == ["2"]


def test_a_request_that_nobody_waits_for_is_not_repeated() -> None:
    box = outbox("1")
    gone = asked("2")
    box.add(gone)
    sent(box)
    box.forget(gone)
    box.lost()
    assert sent(box) == ["1"]


def test_an_id_waits_once() -> None:
    box = outbox("1")
    with pytest.raises(ValueError, match="'1'"):
        box.add(asked("1"))


def test_too_many_requests_are_refused_in_a_sentence() -> None:
    box: Outbox[None] = Outbox(2)
    box.add(asked("1"))
    box.add(asked("2"))
    with pytest.raises(Refused, match="2 requests wait") as refused:
        box.add(asked("3"))
    assert refused.value.code == Code.RATE_LIMITED
    box.answered("1")
    box.add(asked("3"))


def test_what_a_new_session_needs_stands_before_all() -> None:
    box = outbox("1")
    sent(box)
    box.lost()
    box.put_first([asked("own-1", "join", "lobby"), asked("own-2", "deafen")])
    assert sent(box) == ["own-1", "own-2", "1"]
    box.lost()
    assert sent(box) == ["own-1", "own-2", "1"]


def test_joins_and_leaves_whose_end_shows_in_the_welcome_are_answered_by_it() -> None:
    box: Outbox[None] = Outbox()
    for one in (
        asked("1", "join", " lobby "),
        asked("2", "join", "other"),
        asked("3", "leave", "left"),
        asked("4", "leave", "lobby"),
        asked("5"),
    ):
        box.add(one)
    sent(box)
    box.add(asked("6", "leave", "never asked"))
    box.lost()
    answers = {one.id: answer for one, answer in box.known({"lobby": joined("lobby")})}
    assert answers == {"1": joined("lobby"), "3": native.Left(room="left")}
    assert sent(box) == ["2", "4", "5", "6"]
