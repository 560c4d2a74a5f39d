"""Who speaks in a room, here and elsewhere (protocol.md section 6), as arithmetic; over sockets: test_voice.py."""

from __future__ import annotations

import msgspec
import pytest

from server.rooms import Room
from server.speech import Speech

HERE, THERE = "a" * 16, "b" * 16


def room(name: str = "lobby") -> Room:
    return Room(name, opened=1000)


def test_a_session_speaks_from_its_first_frame_until_300_ms_without_one() -> None:
    lobby = room()
    assert not lobby.restless
    assert lobby.speak("ann", node=HERE, level=40, now=10.0)
    assert lobby.restless
    assert lobby.settle(HERE, now=10.05) == (["ann"], [])
    assert lobby.settle(HERE, now=10.1) == ([], [])
    assert lobby.speak("ann", node=HERE, level=50, now=10.2)
    assert lobby.settle(HERE, now=10.49) == ([], [])
    assert lobby.settle(HERE, now=10.51) == ([], ["ann"])
    assert not lobby.restless


def test_a_flag_or_a_leave_ends_a_turn_at_once() -> None:
    lobby = room()
    lobby.speak("ann", node=HERE, level=40, now=10.0)
    lobby.settle(HERE, now=10.0)
    lobby.hush("ann")
    lobby.hush("nobody")
    assert lobby.settle(HERE, now=10.01) == ([], ["ann"])


def test_the_changes_between_two_looks_come_together() -> None:
    lobby = room()
    for session in ("cid", "ann", "bob"):
        lobby.speak(session, node=HERE, level=40, now=10.0)
    lobby.hush("bob")
    assert lobby.settle(HERE, now=10.1) == (["ann", "cid"], [])


def test_eight_speak_and_the_ninth_waits_for_a_place() -> None:
    lobby = room()
    for number in range(8):
        assert lobby.speak(f"s{number}", node=HERE, level=40, now=10.0)
    assert not lobby.speak("late", node=HERE, level=40, now=10.0)
    assert lobby.speak("s0", node=HERE, level=40, now=10.2)
    lobby.settle(HERE, now=10.31)
    assert set(lobby.talkers) == {"s0"}
    assert lobby.speak("late", node=HERE, level=40, now=10.31)


def test_speakers_of_other_nodes_take_places_too() -> None:
    lobby = room()
    lobby.hear_of(THERE, {f"s{number}": (40, number) for number in range(8)}, now=10.0, here=HERE)
    assert not lobby.speak("ann", node=HERE, level=40, now=10.0)
    lobby.hear_of(THERE, {"s1": (30, 1)}, now=10.1, here=HERE)
    assert lobby.speak("ann", node=HERE, level=40, now=10.1)
    assert lobby.settle(HERE, now=10.1) == (["ann", "s1"], [])
    assert lobby.talks_of(HERE) == {"ann": (40, 2)}


def test_the_word_of_a_node_that_fell_silent_holds_500_ms() -> None:
    lobby = room()
    lobby.hear_of(THERE, {"bob": (40, 1)}, now=10.0, here=HERE)
    assert lobby.settle(HERE, now=10.45) == (["bob"], [])
    assert lobby.settle(HERE, now=10.55) == ([], ["bob"])


def test_one_node_says_nothing_of_anothers_speakers() -> None:
    lobby = room()
    lobby.speak("ann", node=HERE, level=40, now=10.0)
    lobby.hear_of(THERE, {}, now=10.0, here=HERE)
    assert set(lobby.talkers) == {"ann"}


def spread(said: list[bytes], to: Speech, rooms: dict[str, Room], now: float) -> None:
    for frame in said:
        to.hear(frame, rooms, now=now)


def test_nodes_tell_each_other_who_speaks_and_who_stopped() -> None:
    here, there = Speech(HERE), Speech(THERE)
    mine, theirs = room(), room()
    mine.speak("ann", node=HERE, level=33, now=10.0)
    turns, said = here.settle([mine], now=10.0, wall_ms=5)
    assert [(turn.room, turn.on, turn.off) for turn in turns] == [(mine, ["ann"], [])]
    assert mine.spoke == 5
    spread(said, there, {"lobby": theirs}, 10.0)
    assert {session: talker.level for session, talker in theirs.talkers.items()} == {"ann": 33}
    mine.hush("ann")
    turns, said = here.settle([mine], now=10.1, wall_ms=6)
    assert [turn.off for turn in turns] == [["ann"]]
    spread(said, there, {"lobby": theirs}, 10.1)
    assert not theirs.talkers
    assert here.settle([mine], now=10.2, wall_ms=7) == ([], [])


def test_of_those_who_began_at_once_on_two_nodes_eight_go_on() -> None:
    here, there = Speech(HERE), Speech(THERE)
    mine, theirs = room(), room()
    for number in range(8):
        assert mine.speak(f"a{number}", node=HERE, level=40, now=10.0)
        assert theirs.speak(f"b{number}", node=THERE, level=40, now=10.0)
    _, said_here = here.settle([mine], now=10.0, wall_ms=5)
    _, said_there = there.settle([theirs], now=10.0, wall_ms=5)
    spread(said_here, there, {"lobby": theirs}, 10.0)
    spread(said_there, here, {"lobby": mine}, 10.0)
    going_on = set(mine.talks_of(HERE)) | set(theirs.talks_of(THERE))
    assert len(going_on) == 8
    assert not any(mine.speak(f"a{n}", node=HERE, level=40, now=10.1) for n in range(8) if f"a{n}" not in going_on)


def test_what_another_node_said_is_not_repeated_as_ones_own() -> None:
    there, theirs = Speech(THERE), room()
    theirs.hear_of(HERE, {"ann": (40, 1)}, now=10.0, here=THERE)
    turns, said = there.settle([theirs], now=10.0, wall_ms=5)
    assert [turn.on for turn in turns] == [["ann"]]
    assert said == []


def test_many_rooms_are_told_in_frames_that_a_cast_can_carry() -> None:
    here, there = Speech(HERE), Speech(THERE)
    names = [f"{'部' * 60}{number:03}" for number in range(50)]
    mine, theirs = {name: room(name) for name in names}, {name: room(name) for name in names}
    for one in mine.values():
        for number in range(8):
            one.speak(f"session-{number:020}", node=HERE, level=40, now=10.0)
    _, said = here.settle(mine.values(), now=10.0, wall_ms=5)
    assert all(len(frame) <= 0xFFFF for frame in said)
    spread(said, there, theirs, 10.0)
    assert all(len(one.talkers) == 8 for one in theirs.values())


@pytest.mark.parametrize("frame", [b"", b"\xc1", b"\x92\xa1a\xa1b", msgspec.msgpack.encode([1, 2]), b"\xff" * 9])
def test_what_is_not_readable_is_refused(frame: bytes) -> None:
    with pytest.raises(msgspec.MsgspecError):
        Speech(HERE).hear(frame, {}, now=10.0)
