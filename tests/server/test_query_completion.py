"""What is offered at the cursor of a filter."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.query import QueryError, parse
from server.query_completion import MOST, complete
from tests.server.test_query import FIELDS, pieces

VALUES = {"room": ["lobby", "night-shift", "my room"], "from": ["kestrel", "ana_l"]}


def offered(text: str, cursor: int | None = None) -> list[str]:
    """The text after each offer was taken."""
    at = len(text) if cursor is None else cursor
    found = complete(text, at, FIELDS, lambda field: VALUES.get(field, ()))
    return [text[: one.start] + one.insert + text[one.end :] for one in found]


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("", ["room:", "node:", "from:", "text:", "latency>", "bytes>", "seq>", "is:"]),
        ("fro", ["from:"]),
        ("lat", ["latency>"]),
        ("a fro", ["a from:"]),
        ("not fro", ["not from:"]),
        ("(fro", ["(from:"]),
        ("room:", ["room:lobby", "room:night-shift", 'room:"my room"']),
        ("room:ni", ["room:night-shift"]),
        ("room:shi", ["room:night-shift"]),
        ("room:lobby,", ["room:lobby,lobby", "room:lobby,night-shift", 'room:lobby,"my room"']),
        ('room:"my', ['room:"my room"']),
        ("is:", ["is:slow", "is:muted"]),
        ("is:mu", ["is:muted"]),
        ("latency>3", ["latency>3ms", "latency>3s", "latency>3min", "latency>3h"]),
        ("latency>3m", ["latency>3ms", "latency>3min"]),
        ("kes", ["from:kestrel"]),
        ("slo", ["is:slow"]),
        ("room:lobby no", ["room:lobby node:", "room:lobby not "]),
        ("room:lobby o", ["room:lobby or "]),
        ("foo:", []),
        ("latency>", []),
        ("~a", []),
        ('"a', []),
    ],
)
def test_offers(text: str, first: list[str]) -> None:
    assert offered(text)[: len(first)] == first
    if not first:
        assert offered(text) == []


def test_what_stands_behind_the_cursor_is_replaced_with_its_word() -> None:
    assert offered("room:nix other", 7) == ["room:night-shift other"]
    assert offered("fro:lobby", 3) == ["from:lobby"]


def test_or_is_not_offered_where_nothing_stands_before_it() -> None:
    assert "or " not in offered("")
    assert "not or " not in offered("not ")
    assert "a or " in offered("a ")


def test_no_more_is_offered_than_one_can_look_at() -> None:
    many = [f"room{number}" for number in range(100)]
    assert len(complete("room:", 5, FIELDS, lambda field: many)) == MOST


@given(pieces | st.text(max_size=40), st.integers(0, 40), st.lists(st.text(max_size=8), max_size=4))
def test_offers_are_made_for_any_text_and_point_into_it(text: str, cursor: int, values: list[str]) -> None:
    cursor = min(cursor, len(text))
    for one in complete(text, cursor, FIELDS, lambda field: values):
        assert 0 <= one.start <= cursor <= one.end <= len(text)
        assert one.label


@given(st.text(min_size=1, max_size=12))
def test_an_offered_value_means_itself(value: str) -> None:
    (one,) = complete("room:", 5, FIELDS, lambda field: [value])
    try:
        query = parse("room:" + one.insert, FIELDS)
    except QueryError:
        pytest.fail(f"{one.insert!r} is no value")
    assert query.matches({"room": value})
