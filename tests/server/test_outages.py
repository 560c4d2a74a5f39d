"""Nodes that stop answering: one time for all who show it, and what became of their sessions, by their ids."""

from __future__ import annotations

import msgspec
import pytest

from bus.interface import PeerState
from server.outages import BACK_MS, KEPT_MS, MOVED_MS, NOTICED_MS, Outages
from server.session import Role, SessionRecord
from server.views import OutageView

UP, SUSPECT, DOWN = PeerState.UP, PeerState.SUSPECT, PeerState.DOWN
HEARD, NOW = 1_000_000, 1_001_000
Present = dict[str, SessionRecord]


def session(id: str, user: str, node: str = "n2", *, resumes: int = 0) -> SessionRecord:
    record = SessionRecord(id, user, user, Role.USER, node, f"name of {node}", 1, 0, "test/1", "::1")
    return msgspec.structs.replace(record, resumes=resumes)


def present(*sessions: SessionRecord) -> Present:
    return {record.session: record for record in sessions}


HAD = present(session("s1", "ann"), session("s2", "bob"), session("s3", "cid", "n1"))


@pytest.fixture
def outages() -> Outages:
    made = Outages()
    see(made, UP, HAD)
    return made


def see(
    outages: Outages,
    state: PeerState,
    there: Present,
    *,
    heard: int = HEARD,
    now: int = NOW,
    cut: bool = False,
    life: str = "n2-1",
) -> None:
    outages.see("n2", life=life, name="fra-2", state=state, cut=cut, heard=heard, present=there, now=now)


def only(outages: Outages, now: int = NOW) -> OutageView:
    (view,) = outages.views(now)
    return view


def fates(outages: Outages) -> tuple[int, int, int, int]:
    """Of so many sessions so many were resumed, are over, are missing."""
    view = only(outages)
    return view.sessions, view.resumed, view.over, view.missing


def test_a_node_that_only_arrives_is_not_lost() -> None:
    outages = Outages()
    see(outages, SUSPECT, {})
    assert outages.views(NOW) == []


def test_since_when_is_told_once_and_stays(outages: Outages) -> None:
    see(outages, SUSPECT, HAD, cut=True)
    late = only(outages)
    assert (late.name, late.state, late.at, late.cut, late.sessions) == ("fra-2", "late", HEARD, True, 2)
    see(outages, DOWN, HAD, heard=HEARD + 500)
    assert (only(outages).state, only(outages).at, only(outages).sessions) == ("lost", HEARD, 2)


def test_a_session_is_missing_until_it_is_resumed_or_has_ended(outages: Outages) -> None:
    see(outages, DOWN, HAD)
    outages.follow(HAD.get, NOW)
    assert fates(outages) == (2, 0, 0, 2)
    there = HAD | present(session("s1", "ann", "n1", resumes=1), session("s9", "bob", "n1"))
    outages.follow(there.get, NOW)
    assert fates(outages) == (2, 1, 0, 1), "who begins anew has not resumed what was lost"
    del there["s2"]
    outages.follow(there.get, NOW)
    assert fates(outages) == (2, 1, 1, 0)
    del there["s1"]
    outages.follow(there.get, NOW)
    assert fates(outages) == (2, 1, 1, 0), "what was resumed and ends later is not lost again"


def test_where_the_sessions_were_resumed_is_counted(outages: Outages) -> None:
    had = present(*(session(f"s{number}", "ann", resumes=number) for number in range(5)))
    see(outages, DOWN, had)
    places = ("n1", "n3", "n3", "n2")
    there = had | present(
        *(session(f"s{number}", "ann", node, resumes=number + 1) for number, node in enumerate(places))
    )
    outages.follow(there.get, NOW)
    assert only(outages).places == (("name of n3", 2), ("name of n1", 1), ("name of n2", 1))
    assert only(outages).missing == 1


def test_a_session_that_was_elsewhere_before_the_loss_was_known_was_lost_too(outages: Outages) -> None:
    gone = session("s1", "ann", "n1", resumes=3)
    outages.moved("fra-2", session("s7", "eve", "n1", resumes=1), now=HEARD - NOTICED_MS - 1)
    outages.moved("fra-2", gone, now=HEARD + 20)
    outages.moved("fra-3", session("s8", "zoe", "n1", resumes=1), now=HEARD + 30)
    see(outages, SUSPECT, HAD | present(gone), cut=True)
    assert only(outages).sessions == 2, "who roamed before is none of them"
    outages.follow((HAD | present(gone)).get, NOW)
    assert fates(outages) == (2, 1, 0, 1)


def test_the_clients_of_a_process_may_notice_its_end_before_who_launched_it(outages: Outages) -> None:
    gone = session("s1", "ann", "n1", resumes=1)
    outages.moved("fra-2", gone, now=HEARD)
    outages.end("n2", name="fra-2", at=HEARD + 300, present=HAD | present(gone))
    outages.follow((HAD | present(gone)).get, NOW)
    assert fates(outages) == (2, 1, 0, 1)


def test_what_moved_long_ago_is_forgotten(outages: Outages) -> None:
    outages.moved("fra-2", session("s1", "ann", "n1", resumes=1), now=HEARD)
    outages.moved("fra-2", session("s2", "bob", "n1", resumes=1), now=HEARD + MOVED_MS + 1)
    see(outages, SUSPECT, {})
    assert only(outages).sessions == 1


def test_a_node_that_was_only_late_leaves_no_trace(outages: Outages) -> None:
    see(outages, SUSPECT, HAD)
    see(outages, UP, HAD)
    assert outages.views(NOW) == []
    assert outages.last("n2") is None


def test_a_node_that_was_late_and_lost_sessions_by_that_says_so(outages: Outages) -> None:
    see(outages, SUSPECT, HAD)
    outages.follow((HAD | present(session("s1", "ann", "n1", resumes=1))).get, NOW)
    see(outages, UP, HAD)
    assert (only(outages).state, only(outages).resumed) == ("back", 1)


def test_a_node_that_began_another_life_was_lost_however_short_that_was(outages: Outages) -> None:
    see(outages, SUSPECT, HAD)
    see(outages, UP, HAD, life="n2-2")
    assert (only(outages).state, only(outages).sessions) == ("back", 2)
    see(outages, UP, HAD, life="n2-3", now=NOW + 9_000)
    assert (only(outages, NOW + 9_000).at, only(outages, NOW + 9_000).until) == (NOW + 9_000, NOW + 9_000)


def test_a_wanted_restart_is_no_outage(outages: Outages) -> None:
    outages.excuse("n2")
    see(outages, UP, HAD, life="n2-2")
    assert outages.views(NOW) == []


def test_a_node_that_is_back_says_so_for_a_while_and_its_sessions_are_followed_on(outages: Outages) -> None:
    see(outages, SUSPECT, HAD)
    see(outages, DOWN, HAD)
    see(outages, UP, HAD, now=NOW, life="n2-2")
    assert (only(outages).state, only(outages).until) == ("back", NOW)
    assert only(outages, NOW + BACK_MS).state == "back"
    outages.follow((HAD | present(session("s1", "ann", resumes=1))).get, NOW + BACK_MS + 1)
    assert outages.views(NOW + BACK_MS + 1) == []
    last = outages.last("n2")
    assert last is not None
    assert (last.sessions, last.resumed, last.places) == (2, 1, (("name of n2", 1),))
    outages.follow(HAD.get, HEARD + KEPT_MS + 1)
    assert outages.last("n2") is None


def test_who_launched_it_knows_first(outages: Outages) -> None:
    outages.end("n2", name="fra-2", at=HEARD + 300, present=HAD)
    assert (only(outages).state, only(outages).at, only(outages).ended, only(outages).sessions) == (
        "lost",
        HEARD + 300,
        True,
        2,
    )
    see(outages, SUSPECT, HAD, heard=HEARD)
    see(outages, DOWN, HAD, heard=HEARD)
    assert (only(outages).at, only(outages).sessions) == (HEARD + 300, 2)


def test_a_node_that_was_late_before_its_end_was_known_has_the_time_of_its_end(outages: Outages) -> None:
    see(outages, SUSPECT, HAD)
    outages.end("n2", name="fra-2", at=HEARD + 300, present=HAD)
    assert (only(outages).at, only(outages).state) == (HEARD + 300, "lost")


def test_a_wanted_end_is_no_outage_until_the_node_was_up_again(outages: Outages) -> None:
    see(outages, SUSPECT, HAD)
    outages.excuse("n2")
    see(outages, DOWN, HAD)
    assert outages.views(NOW) == []
    assert outages.excused("n2")
    see(outages, UP, HAD)
    assert not outages.excused("n2")
    see(outages, SUSPECT, HAD)
    assert only(outages).state == "late"


def test_the_end_of_a_process_is_no_outage_once_the_node_has_said_goodbye(outages: Outages) -> None:
    outages.left("n2")
    outages.end("n2", name="fra-2", at=HEARD, present={})
    assert outages.views(NOW) == []


def test_who_says_goodbye_is_not_lost(outages: Outages) -> None:
    see(outages, SUSPECT, HAD)
    outages.left("n2")
    assert outages.views(NOW) == []
