"""Who is where in the cluster: records of every origin, merged in any order."""

from __future__ import annotations

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from bus.record import Origin
from server.presence import Change, Entered, Parted, Presence, Updated
from server.session import Role, Seat, SessionRecord, Silence

HERE, THERE = "a" * 16 + ".1", "b" * 16 + ".1"


def seat(room: str, ssrc: int, order: int = 1) -> Seat:
    return Seat(room=room, ssrc=ssrc, joined=1000, order=order)


def record(session: str, *seats: Seat, user: str = "ann", origin: Origin = HERE) -> SessionRecord:
    node = origin.partition(".")[0]
    return SessionRecord(session, user, user.title(), Role.USER, node, "n1", 1, 1000, "", "::1", tuple(seats))


def alive(*origins: Origin) -> Presence:
    presence = Presence()
    for origin in origins:
        assert presence.revive(origin) == []
    return presence


def test_a_record_enters_its_rooms_and_the_same_again_changes_nothing() -> None:
    presence = alive(HERE)
    ann = record("s1", seat("lobby", 1), seat("second", 2))
    assert presence.merge(HERE, ann) == [Entered(ann, ann.seats[0]), Entered(ann, ann.seats[1])]
    assert presence.merge(HERE, ann) == []
    assert presence.present == {"s1": ann}
    assert presence.of_user("ann") == [ann]
    assert list(presence.rooms) == ["lobby", "second"]
    assert (presence.has_ssrc(1), presence.has_ssrc(3)) == (True, False)
    assert presence.per_node["a" * 16] == 1


def test_only_what_is_new_is_told() -> None:
    presence = alive(HERE)
    ann = record("s1", seat("lobby", 1))
    presence.merge(HERE, ann)
    wider = ann.seated(seat("second", 2))
    assert presence.merge(HERE, wider) == [Entered(wider, wider.seats[1])]
    left = wider.unseated("lobby", "kicked")
    assert presence.merge(HERE, left) == [Parted(left, "lobby", "kicked")]
    assert list(presence.rooms) == ["second"]
    assert not presence.has_ssrc(1)


def test_a_mute_and_a_deafening_are_told_in_each_room_and_once() -> None:
    presence = alive(HERE)
    ann = record("s1", seat("lobby", 1), seat("second", 2))
    presence.merge(HERE, ann)
    muted = ann.with_silence(Silence("lobby", None, "Mo"))
    assert presence.merge(HERE, muted) == [Updated(ann, muted, "lobby"), Updated(ann, muted, "second")]
    assert presence.merge(HERE, muted) == []
    deaf = msgspec.structs.replace(muted, deafened=True)
    assert presence.merge(HERE, deaf) == [Updated(muted, deaf, "lobby"), Updated(muted, deaf, "second")]
    wider = deaf.seated(seat("third", 3))
    assert presence.merge(HERE, wider) == [Entered(wider, wider.seats[2])]


def test_the_end_of_a_session_leaves_all_rooms_for_its_reason() -> None:
    presence = alive(HERE)
    ann = record("s1", seat("lobby", 1), seat("second", 2))
    presence.merge(HERE, ann)
    changes = presence.merge(HERE, ann.over("kicked"))
    assert {(c.room, c.reason) for c in changes if isinstance(c, Parted)} == {
        ("lobby", "kicked"),
        ("second", "kicked"),
    }
    assert len(changes) == 2
    assert (presence.present, presence.rooms, presence.of_user("ann")) == ({}, {}, [])
    assert presence.per_node["a" * 16] == 0
    assert presence.merge(HERE, ann.over("kicked")) == []


def test_members_stand_in_the_order_of_joining() -> None:
    presence = alive(HERE, THERE)
    for number, (session, origin) in enumerate([("z", HERE), ("a", THERE), ("m", HERE)]):
        presence.merge(origin, record(session, seat("lobby", number + 1), origin=origin))
    assert list(presence.rooms["lobby"]) == ["z", "a", "m"]


def test_sessions_of_a_node_that_is_down_are_lost_and_come_back_with_it() -> None:
    presence = alive(HERE, THERE)
    ann = record("s1", seat("lobby", 1))
    bob = record("s2", seat("lobby", 2), user="bob", origin=THERE)
    presence.merge(HERE, ann)
    presence.merge(THERE, bob)
    assert presence.lose(THERE) == [Parted(bob, "lobby", "lost")]
    assert presence.lose(THERE) == []
    assert list(presence.present) == ["s1"]
    assert presence.revive(THERE) == [Entered(bob, bob.seats[0])]
    assert presence.revive(THERE) == []


def test_what_a_dead_node_left_behind_does_not_show_until_it_lives() -> None:
    presence = alive(HERE)
    bob = record("s2", seat("lobby", 2), user="bob", origin=THERE)
    assert presence.merge(THERE, bob) == []
    assert presence.present == {}
    assert presence.revive(THERE) == [Entered(bob, bob.seats[0])]


def test_another_life_of_a_node_forgets_the_one_before() -> None:
    presence = alive(HERE, THERE)
    bob = record("s2", seat("lobby", 2), user="bob", origin=THERE)
    presence.merge(THERE, bob)
    assert presence.forget(THERE) == [Parted(bob, "lobby", "lost")]
    assert presence.revive(THERE) == []
    assert presence.present == {}


def test_a_session_that_ended_on_a_node_that_is_down_does_not_come_back() -> None:
    presence = alive(THERE)
    bob = record("s2", seat("lobby", 2), user="bob", origin=THERE)
    presence.merge(THERE, bob)
    presence.lose(THERE)
    assert presence.merge(THERE, bob.over("left")) == []
    assert presence.revive(THERE) == []


def test_every_session_of_a_user_is_found() -> None:
    presence = alive(HERE, THERE)
    both = [record("s2", origin=THERE), record("s1", origin=HERE)]
    presence.merge(THERE, both[0])
    presence.merge(HERE, both[1])
    presence.merge(HERE, record("s3", user="anna"))
    assert presence.of_user("ann") == [both[1], both[0]]
    assert presence.of_user("bob") == []


OPERATIONS = st.lists(
    st.tuples(
        st.sampled_from(["merge", "end", "lose", "revive"]),
        st.integers(0, 5),
        st.sets(st.sampled_from(["r0", "r1", "r2"]), max_size=3),
    ),
    max_size=40,
)


@given(OPERATIONS)
def test_the_changes_told_add_up_to_what_is_there(operations: list[tuple[str, int, set[str]]]) -> None:
    """Who keeps a list by the changes alone has the same members as the presence, in every room."""
    origins = (HERE, THERE)
    presence = alive(*origins)
    seen: dict[str, set[str]] = {}
    for what, number, rooms in operations:
        origin = origins[number % 2]
        mine = record(
            f"s{number}", *(seat(room, number * 10 + int(room[1])) for room in sorted(rooms)), origin=origin
        )
        changes: list[Change]
        match what:
            case "merge":
                changes = presence.merge(origin, mine)
            case "end":
                changes = presence.merge(origin, mine.over("left"))
            case "lose":
                changes = presence.lose(origin)
            case _:
                changes = presence.revive(origin)
        for change in changes:
            if isinstance(change, Entered):
                members = seen.setdefault(change.seat.room, set())
                assert change.record.session not in members
                members.add(change.record.session)
            else:
                seen[change.room].remove(change.record.session)
        assert {room: set(seats) for room, seats in presence.rooms.items()} == {
            room: members for room, members in seen.items() if members
        }
        assert sum(presence.per_node.values()) == len(presence.present)
        ssrcs = {seat.ssrc for one in presence.present.values() for seat in one.seats}
        assert all(presence.has_ssrc(ssrc) == (ssrc in ssrcs) for ssrc in range(60))


def test_who_was_put_out_has_ended_whatever_a_later_hello_says_and_who_left_has_not() -> None:
    for reason, goes_on in (("kicked", False), ("left", True)):
        ended = record("s1", seat("lobby", 1)).over(reason)
        later = msgspec.structs.replace(record("s1", seat("lobby", 1), origin=THERE), n=2)
        orders = [[(HERE, ended), (THERE, later)], [(THERE, later), (HERE, ended)]]
        for order in orders:
            presence = alive(HERE, THERE)
            presence.merge(HERE, record("s1", seat("lobby", 1)))
            for lamport, (origin, told) in enumerate(order, 2):
                presence.merge(origin, told, lamport=lamport)
            assert (presence.known("s1") == later) == goes_on
            assert ("s1" in presence.present) == goes_on
