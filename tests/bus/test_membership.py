"""Who is up, suspect or down."""

from __future__ import annotations

import dataclasses

from bus.interface import PeerState
from bus.membership import DOWN_TICKS, LOST_TICKS, UP_TICKS, Membership, Sighting, judge
from bus.packets import ORIGINS, PEERS, Digest

ME = f"{1:016x}.1"
PEER = f"{2:016x}.5"

UP, SUSPECT, DOWN = PeerState.UP, PeerState.SUSPECT, PeerState.DOWN


def sighting(*, heard: int, named: int | None) -> Sighting:
    return Sighting(PEER, "h:1", (), b"", heard, 0.0, named)


def digest(sender: str = PEER, *, address: str = "h:1", hears: tuple[str, ...] = (ME,), card: bytes = b"") -> Digest:
    return Digest(sender, address, (), {}, list(hears), {}, card)


def test_a_peer_that_names_us_is_up_for_two_seconds() -> None:
    seen = sighting(heard=100, named=100)
    assert judge(seen, lost=None, tick=100 + UP_TICKS) is UP
    assert judge(seen, lost=None, tick=100 + UP_TICKS + 1) is SUSPECT


def test_a_peer_that_does_not_hear_us_is_suspect_however_often_it_is_heard() -> None:
    assert judge(sighting(heard=100, named=None), lost=None, tick=100) is SUSPECT
    assert judge(sighting(heard=130, named=100), lost=None, tick=130) is SUSPECT


def test_six_seconds_of_silence_are_down() -> None:
    seen = sighting(heard=100, named=100)
    assert judge(seen, lost=None, tick=100 + DOWN_TICKS) is SUSPECT
    assert judge(seen, lost=None, tick=100 + DOWN_TICKS + 1) is DOWN


def test_a_lost_connection_that_is_not_made_again_at_once_ends_up() -> None:
    seen = sighting(heard=100, named=100)
    assert judge(seen, lost=100, tick=100 + LOST_TICKS - 1) is UP
    assert judge(seen, lost=100, tick=100 + LOST_TICKS) is SUSPECT


def test_a_connection_that_is_not_made_again_is_told_before_the_silence_is_long() -> None:
    members = Membership(ME, [])
    seen = members.meet(digest(), 1.0)
    assert seen is not None
    members.links["h:1"] = None
    assert not members.view(seen).cut
    members.links["h:1"] = members.ticks
    members.ticks += LOST_TICKS
    assert members.view(seen).cut
    assert members.view(seen).state is SUSPECT


def test_whom_a_peer_names_is_missing_until_it_is_met_and_six_seconds_at_most() -> None:
    members = Membership(ME, [])
    assert not members.missing
    members.ticks = 1000
    members.tell_of(ME)
    assert not members.missing
    members.tell_of(PEER)
    assert members.missing
    members.meet(digest(), 1.0)
    assert not members.missing
    newer = f"{2:016x}.6"
    members.tell_of(newer)
    members.ticks += DOWN_TICKS
    assert members.missing
    members.tell_of(newer)  # named again, and silent all the same
    members.ticks += 1
    assert not members.missing


def test_however_many_are_named_the_newest_count() -> None:
    members = Membership(ME, [])
    for number in range(2, 3 + PEERS):
        members.tell_of(f"{number:016x}.1")
    assert len(members._told_of) == PEERS
    for number in range(3, 3 + PEERS):
        assert members.missing
        members.meet(digest(f"{number:016x}.1", address=f"h:{number}"), 1.0)
    assert not members.missing


def test_goodbye_is_down_at_once() -> None:
    assert judge(dataclasses.replace(sighting(heard=100, named=100), gone=True), lost=None, tick=100) is DOWN


def test_only_ticks_count_and_not_the_clock() -> None:
    members = Membership(ME, [])
    seen = members.meet(digest(), 10.0)
    assert seen is not None
    members.ticks += 1
    members.hear(PEER, 5000.0)
    assert members.state(seen) is UP
    assert members.heard() == [seen]


def test_configured_peers_count_as_just_heard_at_the_start() -> None:
    members, alone = Membership(ME, ["h:9"]), Membership(ME, [])
    assert (members.expecting, alone.expecting) == (True, False)
    members.ticks = UP_TICKS + 1
    assert not members.expecting


def test_peers_of_the_life_before_are_looked_for_as_if_configured_but_not_for_ever() -> None:
    members = Membership(ME, ["h:9"], remembered=["h:8"])
    assert sorted(members.sought) == ["h:8", "h:9"]
    assert sorted(members.configured) == ["h:9"]
    assert Membership(ME, [], remembered=["h:8"]).expecting


def test_the_next_life_looks_for_all_who_have_not_said_goodbye() -> None:
    members = Membership(ME, [])
    for number in range(3):
        members.meet(digest(f"{number + 10:016x}.1", address=f"h:{number}"), 1.0)
    members.nodes[f"{11:016x}"].gone = True
    members.ticks += DOWN_TICKS + 1
    assert members.memorable() == ("h:0", "h:2")


def test_only_the_present_life_of_a_node_that_is_not_down_lives() -> None:
    members = Membership(ME, [])
    members.meet(digest(), 1.0)
    former, later = f"{2:016x}.4", f"{2:016x}.6"
    assert [members.lives(origin) for origin in (ME, PEER, former, later)] == [True, True, False, False]
    assert [members.has_met(origin) for origin in (PEER, former, later)] == [True, True, False]
    members.ticks += DOWN_TICKS + 1
    assert not members.lives(PEER)


def test_what_a_peer_forgot_makes_room_for_what_it_holds() -> None:
    members = Membership(ME, [])
    for life in range(ORIGINS + 5):
        held = {f"{7:016x}.{life}": (0, 1), ME: (0, life + 1)}
        seen = members.meet(Digest(PEER, "h:1", (), held, [ME], {}, b""), 1.0)
        assert seen is not None
        assert (seen.held[f"{7:016x}.{life}"], seen.held[ME]) == (1, life + 1)
        assert len(seen.held) <= ORIGINS


def test_a_new_life_replaces_the_old_one_and_never_the_other_way() -> None:
    members = Membership(ME, [])
    old = members.meet(digest(), 1.0)
    new = members.meet(digest(f"{2:016x}.6"), 2.0)
    assert new is not None
    assert new is not old
    assert members.meet(digest(), 3.0) is None
    assert members.hear(PEER, 3.0) is None
    assert [seen.origin for seen in members.nodes.values()] == [f"{2:016x}.6"]


def test_this_node_never_meets_itself() -> None:
    members = Membership(ME, [])
    assert members.meet(digest(f"{1:016x}.7"), 1.0) is None
    assert members.nodes == {}


def test_many_nodes_make_room_by_forgetting_who_is_down_for_longest() -> None:
    members = Membership(ME, [])
    for number in range(PEERS):
        members.ticks = number // 64
        assert members.meet(digest(f"{number + 10:016x}.1"), 1.0) is not None
    assert members.meet(digest(f"{5000:016x}.1"), 1.0) is None
    members.ticks += DOWN_TICKS + 1
    assert members.meet(digest(f"{5000:016x}.1"), 1.0) is not None
    assert [seen.node for seen in members.forgotten] == [f"{10:016x}"]
    assert len(members.nodes) == PEERS
