"""What a client says in a hello, and what it makes of the answer."""

from __future__ import annotations

from typing import Any

from server.client.events import Resumed
from server.client.memory import Memory
from server.session import Role
from server.views import RoomState
from server.wire import moderation, native
from server.wire.native import Address

WHO = {"name": "Ann", "user": None, "token": None, "client": "test/1"}


def welcome(**changes: Any) -> native.Welcome:
    given: dict[str, Any] = {
        "session": "s",
        "user": "u-1",
        "name": "Ann",
        "role": Role.USER,
        "node": "n1",
        "resume": "token-1",
        "resume_seconds": 300,
        "urls": ["ws://a/ws"],
        "limits": {},
        "cursors": {"a.1": 3},
        "recovered": None,
        "server": "switchboard/1.0",
    }
    return native.Welcome(**(given | changes))


def joined(room: str, ssrc: int = 1, **cursors: int) -> native.Joined:
    return native.Joined(room=room, ssrc=ssrc, members=[], history=[], room_state=RoomState(), cursors=cursors)


def said(seq: int, id: str | int, origin: str = "a.1") -> native.Said:
    sender = native.Sender("other", "bob", "Bob")
    return native.Said(room="lobby", origin=origin, seq=seq, id=id, at=1, sender=sender, text="hi")


def memory() -> Memory:
    """Of a session that has begun and is in a room."""
    memory = Memory(WHO)
    memory.hello(1_000)
    assert memory.enter(welcome(), seconds=0.0) == []
    memory.note(joined("lobby", 7, b=2))
    return memory


def test_who_was_moved_is_in_the_other_room() -> None:
    moved = moderation.Moved(room="lobby", to="second", joined=joined("second", 8, b=4))
    moving = memory()
    assert moving.note(moved)
    assert moving.rooms == {"second": 8}
    hello = moving.hello(5)
    assert (hello["rooms"], hello["cursors"]["b"]) == (["second"], 4)


def test_the_first_hello_says_who_comes() -> None:
    assert Memory(WHO).hello(1_000) == {"type": "hello", "id": "hello", "n": 1_000, "name": "Ann", "client": "test/1"}


def test_the_numbers_of_hellos_rise_whatever_the_clock_does() -> None:
    memory = Memory(WHO)
    assert [memory.hello(now)["n"] for now in (1_000, 1_000, 500, 2_000)] == [1_000, 1_001, 1_002, 2_000]


def test_a_hello_that_resumes_says_what_was_seen_and_no_access_token() -> None:
    memory = Memory(WHO | {"token": "secret"})
    memory.enter(welcome(), seconds=0.0)
    memory.note(joined("lobby", 7, b=2))
    memory.note(said(9, 1))
    memory.note(native.Sent(origin="b", seq=5, at=1, copies=2))
    memory.note(native.ResumeToken(resume="token-2"))
    assert memory.hello(5) == {
        "type": "hello",
        "id": "hello",
        "n": 5,
        "resume": "token-2",
        "cursors": {"a.1": 9, "b": 5},
        "rooms": ["lobby"],
    }


def test_a_text_is_news_once_and_counts_as_seen_each_time() -> None:
    one = memory()
    assert one.note(said(4, 1))
    assert not one.note(said(8, 1))
    assert one.hello(5)["cursors"]["a.1"] == 8


def test_a_resume_tells_where_the_session_is_and_what_may_be_missing() -> None:
    one = memory()
    one.note(joined("closed"))
    again = joined("lobby", 7)
    told = one.enter(welcome(recovered=False, gaps=["lobby"], rooms=[again], node="n2"), seconds=1.5)
    assert told == [
        Resumed(recovered=False, gaps=["lobby"], anew=False, node="n2", seconds=1.5),
        again,
        native.Left(room="closed", reason="lost"),
    ]
    assert one.rooms == {"lobby": 7}


def test_a_session_that_is_over_begins_anew_as_the_same_person() -> None:
    one = memory()
    one.note(said(9, 1))
    one.token = ""
    hello = one.hello(5)
    assert (hello["name"], hello["user"], "resume" in hello) == ("Ann", "u-1", False)
    told = one.enter(welcome(session="s2", cursors={"a.1": 20}), seconds=400.0)
    assert told == [Resumed(recovered=False, gaps=["lobby"], anew=True, node="n1", seconds=400.0)]
    assert one.rooms == {}
    assert one.hello(6)["cursors"] == {"a.1": 20}


def test_a_new_session_is_made_like_the_old_one() -> None:
    one = memory()
    one.targets[3] = Address(user="bob")
    one.deaf = True
    assert one.recall(["lobby"]) == [
        ("join", {"room": "lobby"}),
        ("voice_target", {"target": 3, "to": Address(user="bob")}),
        ("deafen", {"on": True}),
    ]
