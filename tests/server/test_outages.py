"""Nodes that stop answering: one time for all who show it, and what became of their sessions."""

from __future__ import annotations

import pytest

from bus.interface import PeerState
from server.outages import BACK_MS, FOLLOW_MS, Outages
from server.session import Role, SessionRecord
from server.views import OutageView

UP, SUSPECT, DOWN = PeerState.UP, PeerState.SUSPECT, PeerState.DOWN
HEARD, NOW = 1_000_000, 1_001_000
Present = dict[str, SessionRecord]


def session(id: str, user: str, node: str = "n2") -> SessionRecord:
    return SessionRecord(id, user, user, Role.USER, node, node, 1, 0, "test/1", "::1")


def present(*sessions: SessionRecord) -> Present:
    return {record.session: record for record in sessions}


HAD = present(session("s1", "ann"), session("s2", "bob"), session("s3", "cid", "n1"))


@pytest.fixture
def outages() -> Outages:
    made = Outages()
    see(made, UP, HAD)
    return made


def see(
    outages: Outages, state: PeerState, there: Present, *, heard: int = HEARD, now: int = NOW, cut: bool = False
) -> None:
    outages.see("n2", name="fra-2", state=state, cut=cut, heard=heard, present=there, now=now)


def only(outages: Outages) -> OutageView:
    (view,) = outages.views()
    return view


def test_a_node_that_only_arrives_is_not_lost() -> None:
    outages = Outages()
    see(outages, SUSPECT, {})
    assert outages.views() == []


def test_since_when_is_told_once_and_stays(outages: Outages) -> None:
    see(outages, SUSPECT, HAD, cut=True)
    late = only(outages)
    assert (late.name, late.state, late.at, late.cut, late.sessions, late.back) == (
        "fra-2",
        "late",
        HEARD,
        True,
        2,
        0,
    )
    see(outages, DOWN, present(HAD["s3"]), heard=HEARD + 500)
    assert (only(outages).state, only(outages).at, only(outages).sessions) == ("lost", HEARD, 2)


def test_sessions_are_counted_by_the_people_who_began_elsewhere_since(outages: Outages) -> None:
    had = HAD | present(session("other", "ann", "n1"))
    see(outages, SUSPECT, had)
    outages.follow(had, NOW)
    assert only(outages).back == 0, "what was elsewhere before has not come back"
    rest = present(HAD["s3"], session("other", "ann", "n1"))
    outages.follow(rest | present(session("s9", "ann", "n1")), NOW)
    assert only(outages).back == 1
    outages.follow(rest | present(session("s10", "ann", "n1"), session("s11", "zoe", "n1")), NOW)
    assert only(outages).back == 1, "one person who comes twice had one session"
    outages.follow(rest | present(session("s2", "bob", "n1")), NOW)
    assert only(outages).back == 2, "a session may also come back as itself"
    outages.follow(rest, NOW)
    assert only(outages).back == 2, "who was back and leaves later is not lost again"


def test_who_comes_much_later_is_a_visitor(outages: Outages) -> None:
    see(outages, DOWN, HAD)
    outages.follow(present(session("s9", "ann", "n1")), HEARD + FOLLOW_MS + 1)
    assert only(outages).back == 0


def test_a_node_that_was_only_late_leaves_no_trace(outages: Outages) -> None:
    see(outages, SUSPECT, HAD)
    see(outages, UP, HAD)
    assert outages.views() == []


def test_a_node_that_is_back_says_so_for_a_while(outages: Outages) -> None:
    see(outages, SUSPECT, HAD)
    see(outages, DOWN, {})
    see(outages, UP, present(session("s1", "ann")), now=NOW)
    assert (only(outages).state, only(outages).back, only(outages).until) == ("back", 1, NOW)
    outages.follow({}, NOW + BACK_MS)
    assert only(outages).state == "back"
    outages.follow({}, NOW + BACK_MS + 1)
    assert outages.views() == []


def test_who_launched_it_knows_first(outages: Outages) -> None:
    outages.end("n2", name="fra-2", at=HEARD + 300, present=HAD)
    assert (only(outages).state, only(outages).at, only(outages).ended, only(outages).sessions) == (
        "lost",
        HEARD + 300,
        True,
        2,
    )
    see(outages, SUSPECT, HAD, heard=HEARD)
    see(outages, DOWN, {}, heard=HEARD)
    assert (only(outages).at, only(outages).sessions) == (HEARD + 300, 2)


def test_a_node_that_was_late_before_its_end_was_known_has_the_time_of_its_end(outages: Outages) -> None:
    see(outages, SUSPECT, HAD)
    outages.end("n2", name="fra-2", at=HEARD + 300, present=HAD)
    assert (only(outages).at, only(outages).state) == (HEARD + 300, "lost")


def test_a_wanted_end_is_no_outage_until_the_node_was_up_again(outages: Outages) -> None:
    see(outages, SUSPECT, HAD)
    outages.excuse("n2")
    see(outages, DOWN, {})
    assert outages.views() == []
    assert outages.excused("n2")
    see(outages, UP, HAD)
    assert not outages.excused("n2")
    see(outages, SUSPECT, HAD)
    assert only(outages).state == "late"


def test_the_end_of_a_process_is_no_outage_once_the_node_has_said_goodbye(outages: Outages) -> None:
    outages.left("n2")
    outages.end("n2", name="fra-2", at=HEARD, present={})
    assert outages.views() == []


def test_who_says_goodbye_is_not_lost(outages: Outages) -> None:
    see(outages, SUSPECT, HAD)
    outages.left("n2")
    assert outages.views() == []
