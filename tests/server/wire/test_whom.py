"""Those whom an act is for: named in one way, and read back as the same."""

from __future__ import annotations

from typing import Any

import pytest

from server.wire.moderation import Mute, Whom
from server.wire.native import Code, Refused

WAYS: list[dict[str, Any]] = [
    {"session": "s_1"},
    {"user": "ann"},
    {"sessions": ["s_1"]},
    {"sessions": ["s_1", "s_2"]},
    {"users": ["ann"]},
]


@pytest.mark.parametrize("way", WAYS, ids=str)
def test_what_a_request_names_is_read_back_as_the_same(way: dict[str, Any]) -> None:
    whom = Whom.of(**way)
    named: dict[str, Any] = whom.named()
    request = Mute(**named)
    read = Whom.of(session=request.session, user=request.user, sessions=request.sessions, users=request.users)
    assert read == whom
    assert list(named) == list(way)


@pytest.mark.parametrize("way", [{}, {"session": "s_1", "user": "ann"}, {"sessions": [], "users": []}], ids=str)
def test_one_way_is_needed_and_no_more(way: dict[str, str]) -> None:
    with pytest.raises(Refused) as refused:
        Whom.of(**way)
    assert refused.value.code is Code.BAD_REQUEST


def test_who_is_named_twice_is_meant_once() -> None:
    assert Whom.of(users=["ann", "bob", "ann"]).users == ("ann", "bob")
