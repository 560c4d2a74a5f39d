"""Who has a session: what a hello that resumes it means, and what another node's record of it does."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from server.presence import Key, Presence
from server.session import Role, Seat, SessionRecord, Silence, Standing
from server.takeover import LAST_N, Elsewhere, Meeting, Over, Resume, Unknown, decide, meet, reclaimed

HERE, THERE = "a" * 16 + ".1", "b" * 16 + ".1"
ANN = SessionRecord("s1", "ann", "Ann", Role.USER, "b" * 16, "n2", 5, 1000, "", "::1", (Seat("lobby", 1, 1000, 1),))


def presence(record: SessionRecord = ANN) -> Presence:
    known = Presence()
    known.merge(THERE, record, lamport=3)
    return known


def test_a_session_that_is_known_goes_on() -> None:
    assert decide(presence(), "s1", 6) == Resume(ANN, 6)
    assert decide(presence(ANN.gone_away()), "s1", 6) == Resume(ANN.gone_away(), 6)
    assert decide(presence(ANN.given_up()), "s1", 6) == Resume(ANN.given_up(), 6)


def test_a_client_that_does_not_count_has_the_next_number() -> None:
    assert decide(presence(), "s1", None) == Resume(ANN, 6)
    last = ANN.moved(node="b" * 16, node_name="n2", n=LAST_N, ip="::1")
    assert decide(presence(last), "s1", None) == Resume(last, LAST_N)


def test_an_earlier_hello_loses_and_the_same_again_does_not() -> None:
    assert decide(presence(), "s1", 4) == Elsewhere()
    assert decide(presence(), "s1", 5) == Resume(ANN, 5)


def test_a_session_that_has_ended_is_over_whatever_its_client_counts() -> None:
    for reason in ("left", "kicked", "lost"):
        assert decide(presence(ANN.over(reason)), "s1", 99) == Over()


def test_a_session_of_which_nothing_is_known_may_be_looked_for() -> None:
    assert decide(presence(), "s2", 7) == Unknown(7)
    assert decide(presence(), "s2", None) == Unknown(1)


MINE: Key = (5, 10, HERE)


def test_a_lower_record_of_another_changes_nothing() -> None:
    assert meet(MINE, (5, 9, THERE), ANN) is Meeting.STAYS
    assert meet(MINE, (4, 99, THERE), ANN.given_up()) is Meeting.STAYS


def test_a_higher_one_takes_the_session() -> None:
    assert meet(MINE, (6, 1, THERE), ANN) is Meeting.MOVED
    assert meet(MINE, (5, 11, THERE), ANN) is Meeting.MOVED
    assert meet(MINE, (6, 11, THERE), ANN.given_up()) is Meeting.MOVED


def test_who_took_this_node_for_dead_does_not_take_its_sessions() -> None:
    for record in (ANN.gone_away(), ANN.given_up(), ANN.given_up().over("lost"), ANN.over("lost")):
        assert meet(MINE, (5, 11, THERE), record) is Meeting.RECLAIMED


def test_who_was_put_out_is_out_by_whatever_number() -> None:
    assert meet(MINE, (1, 1, THERE), ANN.over("kicked")) is Meeting.PUT_OUT
    assert meet(MINE, (9, 9, THERE), ANN.over("banned")) is Meeting.PUT_OUT


KEYS = st.tuples(st.integers(0, 5), st.integers(1, 5), st.sampled_from([HERE, THERE]))


@given(KEYS, KEYS)
def test_of_two_nodes_that_serve_a_session_one_goes_on_serving_it(one: Key, other: Key) -> None:
    if one != other:
        assert {meet(one, other, ANN), meet(other, one, ANN)} == {Meeting.STAYS, Meeting.MOVED}


def test_what_was_done_to_a_session_while_its_node_was_out_of_reach_counts() -> None:
    muted = ANN.given_up().with_silence(Silence("lobby", None, "Mo"))
    again = reclaimed(ANN, muted)
    assert (again.standing, again.seats, again.muted("lobby")) == (Standing.HERE, ANN.seats, True)
