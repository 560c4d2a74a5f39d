"""Who is where in the cluster: records of every origin, merged in any order."""

from __future__ import annotations

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from bus.record import Origin
from server.presence import BEYOND, Entered, GivenUp, Lost, Parted, Presence, Resumed, Updated
from server.session import Role, Seat, SessionRecord, Silence
from server.wire.native import Address

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


def test_sessions_of_a_node_that_is_gone_are_reconnecting_until_it_is_back() -> None:
    presence = alive(HERE, THERE)
    ann = record("s1", seat("lobby", 1))
    bob = record("s2", seat("lobby", 2), user="bob", origin=THERE)
    presence.merge(HERE, ann)
    presence.merge(THERE, bob)
    assert presence.lose(THERE) == [Lost(bob), Updated(bob, bob, "lobby", was_away=False, is_away=True)]
    assert presence.lose(THERE) == []
    assert list(presence.present) == ["s1", "s2"]
    assert [presence.is_reconnecting(session) for session in ("s1", "s2")] == [False, True]
    assert presence.revive(THERE) == [Resumed(bob, bob), Updated(bob, bob, "lobby", was_away=True, is_away=False)]
    assert presence.revive(THERE) == []
    assert not presence.reconnecting


def test_a_session_that_lost_its_connection_is_reconnecting_though_its_node_lives() -> None:
    presence = alive(HERE)
    ann = record("s1", seat("lobby", 1))
    presence.merge(HERE, ann)
    away = ann.gone_away()
    assert presence.merge(HERE, away, lamport=1) == [Lost(away), Updated(ann, away, "lobby", False, True)]
    assert presence.is_reconnecting("s1")
    assert presence.lose(HERE) == []


def test_a_session_goes_on_at_another_node_and_never_left() -> None:
    presence = alive(HERE, THERE)
    bob = record("s2", seat("lobby", 2), user="bob", origin=THERE)
    presence.merge(THERE, bob, lamport=5)
    presence.lose(THERE)
    again = bob.moved(node="a" * 16, node_name="n1", n=2, ip="::1")
    assert presence.merge(HERE, again, lamport=6) == [
        Resumed(bob, again),
        Updated(bob, again, "lobby", was_away=True, is_away=False),
    ]
    assert presence.merge(THERE, bob.gone_away(), lamport=9) == []
    assert presence.revive(THERE) == []
    assert presence.present == {"s2": again}
    assert (presence.per_node["a" * 16], presence.per_node["b" * 16]) == (1, 0)


def test_a_resume_is_told_though_nobody_saw_the_loss() -> None:
    presence = alive(HERE)
    ann = record("s1", seat("lobby", 1))
    presence.merge(HERE, ann)
    again = ann.moved(node="a" * 16, node_name="n1", n=2, ip="::1")
    assert presence.merge(HERE, again) == [Resumed(ann, again), Updated(ann, again, "lobby")]


def test_who_is_given_up_left_and_may_come_again_to_the_same_seat() -> None:
    presence = alive(HERE)
    ann = record("s1", seat("lobby", 1))
    presence.merge(HERE, ann)
    presence.merge(HERE, ann.gone_away())
    lost = ann.given_up()
    assert presence.merge(HERE, lost) == [GivenUp(lost), Parted(ann.gone_away(), "lobby", "lost")]
    assert (presence.present, presence.rooms, presence.given_up) == ({}, {}, {"s1"})
    assert presence.has_ssrc(1)
    assert presence.absent(Address(user="ann")) == [lost]
    assert presence.merge(HERE, lost, lamport=8) == []
    again = lost.moved(node="a" * 16, node_name="n1", n=2, ip="::1")
    assert presence.merge(HERE, again, lamport=9) == [Resumed(lost, again), Entered(again, again.seats[0])]
    assert not presence.given_up


def test_two_announcers_of_one_loss_count_once() -> None:
    presence = alive(HERE, THERE)
    other = "c" * 16 + ".1"
    cid = record("s3", seat("lobby", 3), origin=other)
    presence.merge(other, cid, lamport=1)
    assert presence.merge(HERE, cid.given_up(), lamport=2) != []
    assert presence.merge(THERE, cid.given_up(), lamport=3) == []
    assert presence.merge(HERE, cid.over("lost"), lamport=4) == []
    assert presence.merge(THERE, cid.over("lost"), lamport=5) == []


def test_who_was_put_out_has_ended_whatever_else_is_said() -> None:
    presence = alive(HERE, THERE)
    bob = record("s2", seat("lobby", 2), user="bob", origin=THERE)
    presence.merge(THERE, bob, lamport=5)
    again = bob.moved(node="a" * 16, node_name="n1", n=2, ip="::1")
    presence.merge(HERE, again, lamport=6)
    assert presence.merge(THERE, bob.over("kicked"), lamport=5) == [Parted(again, "lobby", "kicked")]
    assert presence.merge(HERE, again.moved(node="a" * 16, node_name="n1", n=9, ip="::1"), lamport=90) == []
    assert presence.has_ended("s2")


def test_who_was_taken_for_over_may_be_here_after_all() -> None:
    presence = alive(HERE, THERE)
    bob = record("s2", seat("lobby", 2), user="bob", origin=THERE)
    presence.merge(THERE, bob, lamport=5)
    presence.merge(HERE, bob.over("lost"), lamport=6)
    assert presence.has_ended("s2")
    assert presence.merge(THERE, bob, lamport=7) == [Entered(bob, bob.seats[0])]
    assert not presence.has_ended("s2")


def test_that_a_session_has_ended_is_known_for_its_time() -> None:
    presence = Presence(remember=10.0)
    presence.revive(HERE)
    presence.merge(HERE, record("s1").over("left"))
    presence.age = 5.0
    presence.merge(HERE, record("s2").over("left"))
    presence.age = 10.1
    presence.expire()
    assert [presence.has_ended(session) for session in ("s1", "s2")] == [False, True]


def test_the_lowest_node_that_lives_acts_for_the_sessions_of_one_that_does_not() -> None:
    other = "c" * 16 + ".1"
    presence = alive(THERE, other)
    cid = record("s3", origin=other)
    presence.merge(other, cid)
    assert presence.responsible("s3") == "c" * 16
    presence.lose(other)
    assert presence.responsible("s3") == "b" * 16
    presence.revive(HERE)
    assert presence.responsible("s3") == "a" * 16
    assert presence.responsible("s4") is None


def test_what_a_dead_node_left_behind_is_reconnecting() -> None:
    presence = alive(HERE)
    bob = record("s2", seat("lobby", 2), user="bob", origin=THERE)
    assert presence.merge(THERE, bob) == [Lost(bob), Entered(bob, bob.seats[0])]
    assert presence.revive(THERE) == [Resumed(bob, bob), Updated(bob, bob, "lobby", True, False)]


def test_a_life_that_is_forgotten_takes_its_sessions_with_it() -> None:
    presence = alive(HERE, THERE)
    bob = record("s2", seat("lobby", 2), user="bob", origin=THERE)
    presence.merge(THERE, bob)
    assert presence.forget(THERE) == [Parted(bob, "lobby", "lost")]
    assert presence.revive(THERE) == []
    assert (presence.present, presence.has_ssrc(2)) == ({}, False)


def test_a_session_that_ended_on_a_node_that_is_gone_does_not_come_back() -> None:
    presence = alive(THERE)
    bob = record("s2", seat("lobby", 2), user="bob", origin=THERE)
    presence.merge(THERE, bob)
    presence.lose(THERE)
    assert presence.merge(THERE, bob.over("left")) == [Parted(bob, "lobby", "left")]
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
        st.sampled_from(["here", "away", "lost", "end", "lose", "revive"]),
        st.integers(0, 5),
        st.sets(st.sampled_from(["r0", "r1", "r2"]), max_size=3),
    ),
    max_size=40,
)


@given(OPERATIONS)
def test_the_changes_told_add_up_to_what_is_there(operations: list[tuple[str, int, set[str]]]) -> None:
    """Who keeps lists by the changes alone has the same members, in the same state, as the presence."""
    origins = (HERE, THERE)
    presence = alive(*origins)
    seen: dict[str, dict[str, bool]] = {}
    for what, number, rooms in operations:
        origin = origins[number % 2]
        seats = [seat(room, number * 10 + int(room[1])) for room in sorted(rooms)]
        mine = record(f"s{number}", *seats, origin=origin)
        match what:
            case "here":
                changes = presence.merge(origin, mine)
            case "away":
                changes = presence.merge(origin, mine.gone_away())
            case "lost":
                changes = presence.merge(origin, mine.given_up())
            case "end":
                changes = presence.merge(origin, mine.over("left"))
            case "lose":
                changes = presence.lose(origin)
            case _:
                changes = presence.revive(origin)
        away = {change.record.session for change in changes if isinstance(change, Lost)}
        for change in changes:
            match change:
                case Entered(one, taken):
                    members = seen.setdefault(taken.room, {})
                    assert one.session not in members
                    members[one.session] = one.session in away or presence.is_reconnecting(one.session)
                case Parted(one, room):
                    del seen[room][one.session]
                case Updated(_, one, room, was_away, is_away):
                    assert seen[room][one.session] == was_away
                    seen[room][one.session] = is_away
        assert {room: set(seats) for room, seats in presence.rooms.items()} == {
            room: set(members) for room, members in seen.items() if members
        }
        for members in seen.values():
            assert all(presence.is_reconnecting(session) == away for session, away in members.items())
        assert sum(presence.per_node.values()) == len(presence.present)
        assert presence.reconnecting <= presence.present.keys()
        assert not presence.given_up & presence.present.keys()


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


def test_who_left_is_not_brought_back_by_a_node_that_took_him_for_lost() -> None:
    here = record("s1", seat("lobby", 1))
    left, lost, over = here.over("left"), here.given_up(), here.over("lost")
    for later in (lost, over):
        for order in ([(HERE, left, 2), (THERE, later, 9)], [(THERE, later, 9), (HERE, left, 2)]):
            presence = alive(HERE, THERE)
            presence.merge(HERE, here, lamport=1)
            for origin, told, lamport in order:
                presence.merge(origin, told, lamport=lamport)
            assert presence.has_ended("s1")
            assert presence.key("s1") == (1, BEYOND, HERE)


def test_who_is_here_after_all_is_brought_back_by_his_node() -> None:
    here = record("s1", seat("lobby", 1))
    presence = alive(HERE, THERE)
    presence.merge(HERE, here, lamport=1)
    presence.merge(THERE, here.over("lost"), lamport=9)
    assert presence.has_ended("s1")
    presence.merge(HERE, here, lamport=10)
    assert presence.present == {"s1": here}
