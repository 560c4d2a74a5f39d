"""The script of a demo: what it promises of any seed."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterable
from pathlib import Path

import pytest

from server.demo import cast, lines
from server.demo.script import Act, Announce, Enter, Exit, Join, Kick, Leave, Mute, Say, Speak, Whisper, script
from server.demo.voices import read_voices
from server.session import Role
from server.wire import names, native

VOICES = read_voices(Path(__file__).resolve().parents[3] / "resources/demo")
LENGTHS = {name: [phrase.seconds for phrase in voice.phrases] for name, voice in VOICES.items()}
PEOPLE = {person.user: person for person in (*cast.PEOPLE, cast.INTRUDER)}
ROOMS = {room.name: room for room in cast.ROOMS}
MINUTES = 20


def play(seed: int, minutes: float = MINUTES) -> list[Act]:
    acts = script(random.Random(seed), LENGTHS)
    return list(itertools.takewhile(lambda act: act.at < minutes * 60, acts))


@pytest.fixture(scope="module")
def acts() -> list[Act]:
    return play(1)


def test_a_seed_is_one_script() -> None:
    assert play(1, 5) == play(1, 5)
    assert play(1, 5) != play(2, 5)


def test_acts_come_in_rising_time(acts: list[Act]) -> None:
    assert all(one.at <= other.at for one, other in itertools.pairwise(acts))


def test_everybody_is_in_before_anything_else_happens_to_them(acts: list[Act]) -> None:
    entries = [act for act in acts if isinstance(act, Enter)][: len(cast.PEOPLE)]
    assert {act.who for act in entries} == {person.user for person in cast.PEOPLE}
    assert entries[-1].at < 3
    assert {act.node for act in entries} == {0, 1, 2}
    soon = [act for act in acts if act.at < 4]
    joined = {(act.who, act.room) for act in soon if isinstance(act, Join)}
    entered = {(act.who, room) for act in entries for room in act.rooms}
    assert joined | entered >= {(person.user, room) for person in cast.PEOPLE for room in person.rooms}
    assert entries[0].rooms == (cast.NIGHT,)


@pytest.mark.parametrize("seed", range(5))
def test_people_act_only_where_they_are(seed: int) -> None:
    """Followed by hand: what everybody does is possible at that moment."""
    acts = play(seed)
    inside: dict[str, set[str]] = {}
    muted: dict[tuple[str, str], float] = {}
    for act in acts:
        match act:
            case Enter(who=who, rooms=rooms):
                assert who not in inside
                inside[who] = set(rooms)
            case Exit(who=who):
                del inside[who]
            case Join(who=who, room=room):
                assert room not in inside[who]
                inside[who].add(room)
            case Leave(who=who, room=room):
                inside[who].remove(room)
            case Say(who=who, room=room) | Speak(who=who, room=room):
                assert room in inside[who]
                assert muted.get((who, room), 0) <= act.at
            case Mute(whom=whom, room=room, seconds=seconds):
                assert room in inside[whom]
                muted[whom, room] = act.at + seconds
            case Kick(whom=whom):
                del inside[whom]
            case Whisper(who=who, to=to):
                assert PEOPLE[who].moderator or inside[who] & inside[to]
    assert all(inside.values())


def test_nobody_says_two_things_at_once(acts: list[Act]) -> None:
    until = dict.fromkeys(PEOPLE, 0.0)
    for act in acts:
        if isinstance(act, Speak):
            assert act.at >= until[act.who]
            until[act.who] = act.at + LENGTHS[PEOPLE[act.who].voice][act.phrase]


def test_people_speak_the_language_of_the_room(acts: list[Act]) -> None:
    spoken = {(act.room, VOICES[PEOPLE[act.who].voice].language) for act in acts if isinstance(act, Speak)}
    assert all(ROOMS[room].language in {"", language} for room, language in spoken)
    assert {room for room, _ in spoken} == {room.name for room in cast.ROOMS if room.turn}


def test_turns_overlap_now_and_then_and_mostly_do_not(acts: list[Act]) -> None:
    spans = [(act.at, act.at + LENGTHS[PEOPLE[act.who].voice][act.phrase]) for act in spoken_in(acts, cast.NIGHT)]
    over = sum(other[0] < one[1] for one, other in itertools.pairwise(spans))
    assert 0 < over < len(spans) / 2


def spoken_in(acts: Iterable[Act], room: str) -> list[Speak]:
    return [act for act in acts if isinstance(act, Speak) and act.room == room]


def test_moderators_alone_keep_order(acts: list[Act]) -> None:
    orders = [act for act in acts if isinstance(act, Announce | Mute | Kick)]
    assert {type(act) for act in orders} == {Announce, Mute, Kick}
    assert all(PEOPLE[act.who].moderator for act in orders)
    assert not any(PEOPLE[act.whom].moderator for act in orders if isinstance(act, Mute))


def test_people_write_whisper_come_and_go_and_change_nodes(acts: list[Act]) -> None:
    assert {type(act) for act in acts} == {Announce, Enter, Exit, Join, Kick, Leave, Mute, Say, Speak, Whisper}
    homes = {(act.who, act.node) for act in acts if isinstance(act, Enter)}
    assert len(homes) > len(PEOPLE)
    assert {act.room for act in acts if isinstance(act, Say)} == set(ROOMS)


@pytest.mark.parametrize("seed", range(20))
def test_no_seed_runs_dry(seed: int) -> None:
    late = [act for act in play(seed, 10) if act.at > 540]
    assert {Say, Speak} <= {type(act) for act in late}


def test_names_are_such_as_nodes_take() -> None:
    for person in PEOPLE.values():
        assert names.person_name(person.name) == person.name
        assert names.user_name(person.user) == person.user
        assert len(person.rooms) + len(person.haunts) <= native.ROOMS
    assert all(names.room_name(room) == room for room in ROOMS)
    assert len({person.name for person in PEOPLE.values()}) == len(PEOPLE) == len(cast.PEOPLE) + 1
    assert any(person.moderator for person in cast.PEOPLE)
    assert Role.MODERATOR in Role


def test_lines_are_written_by_people_who_are_there() -> None:
    for room, talks in lines.TALKS.items():
        members = {person.user for person in cast.PEOPLE if room in person.rooms or room in person.haunts}
        assert {who for talk in talks for who, _ in talk} <= members
    assert all(text for talks in lines.TALKS.values() for talk in talks for _, text in talk)
    assert {who for talk in lines.WHISPERS for who, _ in talk} <= set(PEOPLE)
    assert {len(talk) for talk in lines.WHISPERS} == {2}


def test_people_go_only_to_rooms_that_there_are() -> None:
    assert {room for person in cast.PEOPLE for room in (*person.rooms, *person.haunts)} == set(ROOMS)
    assert all(person.haunts for person in cast.PEOPLE if person.restless)
