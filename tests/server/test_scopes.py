"""The rooms that a moderator is limited to: which names fit, and what a token may say of them."""

from __future__ import annotations

import re
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.scopes import MOST, covers, read_scope
from server.wire.names import FieldError


@pytest.mark.parametrize(
    ("scope", "room", "fits"),
    [
        (("lobby",), "lobby", True),
        (("lobby",), "Lobby", False),
        (("lobby",), "lobby2", False),
        (("a", "team-*"), "team-blue", True),
        (("team-*",), "team-", True),
        (("team-*",), "my team-blue", False),
        (("*-team",), "blue-team", True),
        (("*",), "whatever", True),
        (("a*a",), "a", False),
        (("a*a",), "aa", True),
        (("a*b*c",), "a-c-b", False),
        (("a*b*c",), "axbxc", True),
        (("t.am*",), "team", False),
        ((), "lobby", False),
    ],
)
def test_a_name_is_itself_and_a_star_is_anything(scope: tuple[str, ...], room: str, fits: bool) -> None:
    assert covers(scope, room) is fits


def test_without_a_scope_everything_is_covered_and_with_one_never_the_whole_cluster() -> None:
    assert covers(None, "lobby")
    assert covers(None, None)
    assert not covers(("*",), None)


_few = st.text("ab-", max_size=12)


@given(st.lists(_few, min_size=1, max_size=6), _few)
def test_it_is_what_a_regular_expression_says(parts: list[str], room: str) -> None:
    pattern = "*".join(parts)
    wanted = re.fullmatch(".*".join(map(re.escape, parts)), room) is not None
    assert covers((pattern,), room) is wanted


def test_no_pattern_takes_long() -> None:
    assert not covers(("*a" * 31 + "*b",) * MOST, "a" * 64), "a search that goes back would not end in this life"


def test_names_have_their_normal_form_and_stand_once() -> None:
    assert read_scope([" cafe\u0301 ", "caf\u00e9", "team-*"]) == ("caf\u00e9", "team-*")
    assert read_scope(None) is None


@pytest.mark.parametrize("claim", ["lobby", 5, {"a": 1}, [1], ["lobby"] * (MOST + 1), ["\U00020000" * 64] * MOST])
def test_what_is_no_list_of_rooms_or_a_long_one_is_refused(claim: object) -> None:
    with pytest.raises(ValueError, match="rooms"):
        read_scope(claim)


@pytest.mark.parametrize("sign", sorted(set(string.punctuation) - set("-_.*")))
def test_no_other_sign_means_anything(sign: str) -> None:
    with pytest.raises(FieldError):
        read_scope([f"a{sign}b"])
