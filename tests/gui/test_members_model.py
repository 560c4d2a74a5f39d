"""Members in words: who reconnects, who was resumed, and what filters know of it."""

from __future__ import annotations

from typing import Any

import pytest

from gui.rooms.member_query import FIELDS, row_of
from gui.rooms.members_model import NEW_MS, is_new_here, reconnecting_words, resumed_words
from gui.wording import clock
from server.query import parse
from server.views import MemberView

AT = 1_700_000_000_000


def member(**changes: Any) -> MemberView:
    values: dict[str, Any] = {
        "session": "s",
        "user": "ann",
        "name": "Ann",
        "role": "user",
        "node": "n1",
        "node_name": "cedar",
        "ssrc": 1,
        "muted": False,
        "muted_until": None,
        "deafened": False,
        "speaking": False,
        "level": 127,
        "state": "online",
        "away": None,
        "resumes": 0,
        "resumed": None,
        "before": "",
        "joined": AT,
        "connected": AT,
        "round_trip": None,
        "client": "test/1",
        "ip": "::1",
    }
    return MemberView(**(values | changes))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, ""),
        ({"resumes": 1}, "resumed once on cedar"),
        ({"resumes": 3}, "resumed 3 times, last on cedar"),
        ({"resumes": 1, "resumed": AT}, f"resumed once on cedar at {clock(AT, seconds=True)}"),
        (
            {"resumes": 3, "resumed": AT, "before": "birch"},
            f"resumed 3 times, last on cedar at {clock(AT, seconds=True)}, from birch",
        ),
    ],
)
def test_how_often_and_where_a_member_was_resumed_is_a_sentence(changes: dict[str, object], words: str) -> None:
    assert resumed_words(member(**changes)).replace("\u2068", "").replace("\u2069", "") == words


def test_since_when_a_member_reconnects_is_said_where_it_was_seen() -> None:
    assert reconnecting_words(member(away=AT)) == f"reconnecting since {clock(AT, seconds=True)}"
    assert reconnecting_words(member()) == "reconnecting"


def test_a_member_is_new_at_a_node_for_a_while_if_it_came_from_another() -> None:
    assert is_new_here(member(resumed=AT, before="birch"), AT + NEW_MS - 1)
    assert not is_new_here(member(resumed=AT, before="birch"), AT + NEW_MS)
    assert not is_new_here(member(resumed=AT), AT)
    assert not is_new_here(member(), AT)


def test_filters_find_who_reconnects_and_who_was_resumed() -> None:
    away = row_of(member(state="reconnecting", resumes=2), speaking=False, now=AT)
    here = row_of(member(), speaking=False, now=AT)
    for query in ("is:reconnecting", "resumes>1"):
        assert parse(query, FIELDS).matches(away)
        assert not parse(query, FIELDS).matches(here)
