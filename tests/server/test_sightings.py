"""When sessions were lost and came back, as one console saw it."""

from __future__ import annotations

from server.sightings import HOUR_MS, Sightings


def test_a_session_is_away_since_the_first_word_of_it_until_it_is_resumed() -> None:
    seen = Sightings()
    assert (seen.of("ann").away, seen.of("ann").resumed) == (None, None)
    seen.lost("ann", now=1000)
    seen.lost("ann", now=1500)
    assert seen.of("ann").away == 1000
    assert seen.resumed("ann", before="birch", after="cedar", now=2200) == 1200
    assert (seen.of("ann").away, seen.of("ann").resumed, seen.of("ann").before) == (None, 2200, "birch")


def test_one_that_was_resumed_before_its_loss_was_known_was_away_for_an_unknown_time() -> None:
    seen = Sightings()
    assert seen.resumed("ann", before="cedar", after="cedar", now=2000) is None
    assert (seen.of("ann").resumed, seen.of("ann").before) == (2000, ""), "it came back where it was"


def test_who_has_ended_is_forgotten() -> None:
    seen = Sightings()
    seen.lost("ann", now=1000)
    seen.lost("bob", now=1000)
    seen.forget({"bob": 1}.get)
    assert (seen.of("ann").away, seen.of("bob").away) == (None, 1000)


def test_the_resumes_of_an_hour_are_counted() -> None:
    seen = Sightings()
    for at in (1000, 2000, 3000):
        seen.resumed("ann", before="a", after="b", now=at)
    assert seen.last_hour(3000) == 3
    assert seen.last_hour(2001 + HOUR_MS) == 1
