"""Sentences that the end of a node broke off: who counts, and for how long they were not heard; in virtual time."""

from __future__ import annotations

from typing import Any

import pytest

from bus.interface import Peer, PeerState
from server.interruptions import BUCKETS, HOUR, JUDGED_SECONDS, Interruptions, Voice, percentile, totals
from server.views import AgainView

HERE, LOST, OTHER = "n1", "n2", "n3"
UP = PeerState.UP


class Air:
    """Who speaks, as a node sees it; and what it knows of interruptions."""

    def __init__(self) -> None:
        self.known = Interruptions(HERE)
        self.voices: dict[tuple[str, str], Voice] = {}

    def broke(self, session: str, *, at: float, room: str = "lobby", node: str = LOST, resumes: int = 0) -> None:
        self.known.broke(session, room, node=node, resumes=resumes, at=at)

    def speaks(self, session: str, *, on: str, since: float, resumes: int = 1, room: str = "lobby") -> None:
        self.voices[session, room] = (on, resumes, since)
        self.look(since + 0.05)

    def see(
        self, state: PeerState, *, node: str = LOST, life: int = 1, cut: bool = False, left: bool = False
    ) -> None:
        self.known.see(Peer(node, f"{node}-{life}", state, "", 0.0, None, b"", left=left, cut=cut))

    def lost(self, node: str) -> None:
        self.see(PeerState.DOWN, node=node)

    def look(self, now: float) -> None:
        self.known.look(lambda session, room: self.voices.get((session, room)), now)

    def view(self, now: float = 100.0, **of: Any) -> AgainView:
        return self.known.view(now, **of)


@pytest.fixture
def air() -> Air:
    made = Air()
    for node in (HERE, LOST, OTHER):
        made.see(UP, node=node)
    return made


def test_a_sentence_that_a_lost_node_broke_off_is_measured_from_its_last_word_to_the_first_frame(air: Air) -> None:
    air.broke("ann", at=10.0)
    air.lost(LOST)
    assert air.view() == AgainView(spoke=1)
    air.look(11.0)
    air.speaks("ann", on=HERE, since=11.25)
    assert air.view() == AgainView(spoke=1, heard=1, p50=1.25, p95=1.25)


def test_it_does_not_matter_whether_the_speaker_or_the_loss_of_the_node_is_heard_first(air: Air) -> None:
    air.broke("ann", at=10.0)
    air.speaks("ann", on=HERE, since=10.5)
    assert air.view() == AgainView()
    air.lost(LOST)
    assert air.view() == AgainView(spoke=1, heard=1, p50=0.5, p95=0.5)


def test_a_client_that_roams_is_no_interruption(air: Air) -> None:
    air.broke("ann", at=10.0)
    air.speaks("ann", on=OTHER, since=10.4)
    air.look(10.0 + JUDGED_SECONDS + 0.1)
    air.lost(LOST)
    assert air.view() == AgainView()


def test_a_node_that_was_late_with_its_word_broke_off_nothing(air: Air) -> None:
    air.broke("ann", at=10.0)
    air.speaks("ann", on=LOST, since=10.7, resumes=0)
    air.lost(LOST)
    assert air.view() == AgainView()


def test_a_node_that_did_not_answer_and_does_again_broke_off_nothing_but_what_went_on_elsewhere(air: Air) -> None:
    air.broke("ann", at=10.0)
    air.broke("bob", at=10.0)
    air.lost(LOST)
    air.speaks("ann", on=OTHER, since=12.0)
    air.see(UP)
    air.speaks("bob", on=LOST, since=13.0, resumes=0)
    assert air.view() == AgainView(spoke=1, heard=1, p50=2.0, p95=2.0)


def test_a_node_that_begins_another_life_was_lost_and_resumes_its_own(air: Air) -> None:
    air.broke("ann", at=10.0)
    for _ in range(3):
        air.see(UP, life=2)
    assert air.view() == AgainView(spoke=1)
    air.speaks("ann", on=LOST, since=12.0, resumes=1)
    assert air.view().p50 == 2.0


def test_a_connection_to_a_node_that_is_cut_is_a_loss_until_it_is_made_again(air: Air) -> None:
    air.broke("ann", at=10.0)
    air.see(UP, cut=True)
    assert air.view().spoke == 1
    air.see(UP)
    assert air.view().spoke == 0


def test_a_node_that_says_goodbye_breaks_off_nothing_though_it_begins_another_life_at_once(air: Air) -> None:
    air.broke("ann", at=10.0)
    air.see(PeerState.DOWN, left=True)
    air.see(UP, life=2)
    air.speaks("ann", on=OTHER, since=11.0)
    assert air.view() == AgainView()


def test_who_ends_before_the_loss_is_known_has_left_and_who_ends_after_it_was_not_heard_again(air: Air) -> None:
    air.broke("ann", at=10.0)
    air.known.over("ann")
    air.broke("bob", at=10.0)
    air.lost(LOST)
    air.known.over("bob")
    assert air.view() == AgainView(spoke=1)
    air.speaks("bob", on=HERE, since=12.0)
    assert air.view() == AgainView(spoke=1)


def test_one_who_spoke_in_two_rooms_is_one_and_heard_again_in_either(air: Air) -> None:
    air.broke("ann", at=10.0, room="lobby")
    air.broke("ann", at=10.1, room="stage")
    air.lost(LOST)
    air.speaks("ann", on=HERE, since=11.1, room="stage")
    assert air.view() == AgainView(spoke=1, heard=1, p50=1.0, p95=1.0)


def test_a_second_loss_is_a_second_interruption(air: Air) -> None:
    air.broke("ann", at=10.0)
    air.lost(LOST)
    air.speaks("ann", on=OTHER, since=11.0)
    air.voices.clear()
    air.broke("ann", at=20.0, node=OTHER, resumes=1)
    air.lost(OTHER)
    air.speaks("ann", on=HERE, since=23.0, resumes=2)
    assert (air.view().spoke, air.view().p50, air.view().p95) == (2, 1.0, 3.0)
    assert air.view(node=OTHER).p50 == 3.0
    assert air.view(since=15.0) == air.view(node=OTHER)


def test_one_that_was_not_heard_again_before_the_next_loss_stays_one_that_was_not(air: Air) -> None:
    air.broke("ann", at=10.0)
    air.lost(LOST)
    air.broke("ann", at=20.0, node=OTHER, resumes=1)
    air.lost(OTHER)
    air.speaks("ann", on=HERE, since=21.0, resumes=2)
    assert (air.view().spoke, air.view().heard) == (2, 1)


def test_an_hour_is_remembered(air: Air) -> None:
    air.broke("ann", at=10.0)
    air.broke("bob", at=10.0)
    air.lost(LOST)
    air.speaks("ann", on=HERE, since=11.0)
    air.look(10.0 + HOUR)
    assert air.view(10.0 + HOUR).spoke == 2
    air.look(10.1 + HOUR)
    assert air.view(10.1 + HOUR) == AgainView()
    assert air.view(11.0) == AgainView(), "nothing of it is kept"


def test_turns_of_this_node_are_not_broken_off_by_another(air: Air) -> None:
    air.broke("ann", at=10.0, node=HERE)
    air.lost(HERE)
    assert air.view() == AgainView()


def test_each_speaker_is_counted_by_the_node_at_which_it_was_heard_again(air: Air) -> None:
    for name in ("ann", "bob", "cid"):
        air.broke(name, at=10.0)
    air.lost(LOST)
    air.speaks("ann", on=OTHER, since=11.0)
    air.speaks("bob", on=HERE, since=11.0)
    air.speaks("cid", on=HERE, since=99.0)
    found = dict(totals(air.known.buckets))
    assert list(found) == [*map(str, BUCKETS), "+Inf"]
    assert (found["0.75"], found["1.0"], found["30.0"], found["+Inf"]) == (0, 1, 1, 2)
    assert air.known.seconds == pytest.approx(90.0)


def test_a_percentile_is_a_value_that_was_measured() -> None:
    assert percentile([], 0.5) is None
    assert percentile([1.0], 0.95) == 1.0
    assert percentile([1.0, 2.0], 0.5) == 1.0
    hundred = [float(number) for number in range(1, 101)]
    assert (percentile(hundred, 0.5), percentile(hundred, 0.95)) == (50.0, 95.0)
