"""Where a client connects next, and after how long."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.client.retries import LONGEST, SHORTEST, Retries

A, B, C = "ws://a/ws", "ws://b/ws", "ws://c/ws"


def connected(*urls: str) -> Retries:
    """A client that was connected to the first of these long enough, and lost it."""
    retries = Retries([urls[0]])
    retries.told(urls)
    retries.connected(urls[0])
    retries.lost(60)
    return retries


def urls(retries: Retries, tries: int) -> list[str]:
    return [retries.next(0.5).url for _ in range(tries)]


def test_the_first_try_is_at_once_on_the_next_url() -> None:
    assert connected(A, B, C).next(0.9) == (B, 0.0)


def test_the_tries_go_round_all_urls() -> None:
    assert urls(connected(A, B, C), 5) == [B, C, A, B, C]


def test_a_single_node_is_tried_again() -> None:
    assert urls(connected(A), 2) == [A, A]


def test_the_wait_grows_up_to_the_longest_and_begins_anew_after_a_success() -> None:
    retries = connected(A, B)
    most = [retries.next(1.0).wait for _ in range(9)]
    assert most == pytest.approx([0.0, 0.4, 0.8, 1.6, 3.2, 6.4, 10.0, 10.0, 10.0])
    retries.connected(B)
    retries.lost(60)
    assert retries.next(1.0).wait == 0.0


@given(st.lists(st.floats(0, 1, exclude_max=True), min_size=1, max_size=40))
def test_every_wait_but_the_first_is_within_its_bounds(chances: list[float]) -> None:
    retries = connected(A, B)
    first, *others = [retries.next(chance).wait for chance in chances]
    assert first == 0.0
    assert all(SHORTEST <= wait <= LONGEST for wait in others)


def test_the_wait_is_spread_over_the_whole_range() -> None:
    retries = connected(A, B)
    for _ in range(10):
        retries.next(0.0)
    assert [retries.next(chance).wait for chance in (0.0, 0.5, 1.0)] == pytest.approx([0.2, 5.1, 10.0])


def test_a_connection_that_did_not_last_is_no_success() -> None:
    retries = connected(A, B)
    retries.next(0.5)
    retries.connected(B)
    retries.lost(0.1)
    assert retries.next(0.5).wait > 0


def test_a_node_that_has_gone_is_left_for_the_list_that_it_gave() -> None:
    retries = connected(A, B)
    retries.told([C, B])
    assert urls(retries, 3) == [C, B, A]


def test_an_empty_list_says_nothing() -> None:
    retries = connected(A, B)
    retries.told([])
    assert urls(retries, 2) == [B, A]


def test_what_the_user_gave_stays_known() -> None:
    retries = Retries([A])
    retries.told([B, C])
    assert retries.urls == [B, C, A]
    retries.told([f"ws://{number}/ws" for number in range(1_000)])
    assert len(retries.urls) == 100


def test_a_preferred_url_is_tried_at_once_and_once() -> None:
    retries = connected(A, B, C)
    urls(retries, 3)
    retries.prefer(A)
    assert retries.next(0.5) == (A, 0.0)
    assert retries.next(0.5).url == B


def test_a_busy_node_says_how_long_to_wait() -> None:
    retries = connected(A, B)
    retries.wait_at_least(3.0)
    assert retries.next(0.5).wait == 3.0
    assert retries.next(0.0).wait == pytest.approx(0.2)
