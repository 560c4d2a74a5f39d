"""When sessions were lost and came back, as one console saw it."""

from __future__ import annotations

from server.session import Role, SessionRecord
from server.sightings import HOUR_MS, Return, Sightings


def record(name: str = "ann", *, node: str = "birch", resumes: int = 0) -> SessionRecord:
    return SessionRecord(name, name, name, Role.USER, node, node, 1, 0, "test/1", "::1", resumes=resumes)


def test_a_session_is_away_since_the_first_word_of_it_until_it_is_resumed() -> None:
    seen = Sightings()
    assert (seen.of("ann").away, seen.of("ann").resumed) == (None, None)
    seen.lost(record(), now=1000)
    seen.lost(record(), now=1500)
    assert seen.of("ann").away == 1000
    back = seen.goes_on(record(node="cedar", resumes=1), before="birch", now=2200)
    assert back == Return(span=1200, resumed=True)
    assert (seen.of("ann").away, seen.of("ann").resumed, seen.of("ann").before) == (None, 2200, "birch")


def test_one_that_was_resumed_before_its_loss_was_known_was_away_for_an_unknown_time() -> None:
    seen = Sightings()
    assert seen.goes_on(record(resumes=1), before="birch", now=2000) == Return(span=None, resumed=True)
    assert (seen.of("ann").resumed, seen.of("ann").before) == (2000, ""), "it came back where it was"


def test_one_whose_node_answers_again_was_not_resumed() -> None:
    seen = Sightings()
    seen.lost(record(resumes=2), now=1000)
    assert seen.goes_on(record(resumes=2), before="birch", now=4000) == Return(span=3000, resumed=False)
    assert (seen.of("ann").away, seen.of("ann").resumed, seen.last_hour(4000)) == (None, None, 0)


def test_who_has_ended_is_forgotten() -> None:
    seen = Sightings()
    seen.lost(record("ann"), now=1000)
    seen.lost(record("bob"), now=1000)
    seen.forget({"bob": 1}.get)
    assert (seen.of("ann").away, seen.of("bob").away) == (None, 1000)


def test_the_resumes_of_an_hour_are_counted() -> None:
    seen = Sightings()
    for number, at in enumerate((1000, 2000, 3000), 1):
        seen.goes_on(record(resumes=number), before="a", now=at)
    assert seen.last_hour(3000) == 3
    assert seen.last_hour(2001 + HOUR_MS) == 1
