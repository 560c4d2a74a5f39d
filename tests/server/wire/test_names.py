"""What names and texts may look like (protocol.md section 2)."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.wire.names import FieldError, chat_text, person_name, room_name, user_name

ANY_TEXT = st.text(st.characters(codec="utf-8"), max_size=80) | st.text(max_size=80)
"""With lone surrogates, too."""


def refusal(check: Callable[[str], str], value: str) -> tuple[str, bool]:
    """The field that is named, and whether it is too large rather than wrong."""
    with pytest.raises(FieldError) as refused:
        check(value)
    assert str(refused.value)
    return refused.value.field, refused.value.too_large


def attempt(check: Callable[[str], str], value: str) -> str | FieldError:
    """What becomes of `value`."""
    try:
        return check(value)
    except FieldError as refused:
        return refused


@given(ANY_TEXT)
def test_a_text_that_is_taken_only_loses_control_characters(text: str) -> None:
    taken = attempt(chat_text, text)
    kept = "".join(c for c in text if unicodedata.category(c) != "Cc" or c in "\n\t")
    if isinstance(taken, FieldError):
        assert (taken.field, taken.too_large) == ("text", False)
        assert not kept.strip() or any(unicodedata.category(c) == "Cs" for c in text)
    else:
        assert taken == kept
        assert taken.strip()
        assert chat_text(taken) == taken
        taken.encode()


@given(ANY_TEXT)
def test_a_room_name_that_is_taken_is_in_its_normal_form(room: str) -> None:
    taken = attempt(room_name, room)
    if isinstance(taken, FieldError):
        assert taken.field == "room"
    else:
        assert taken == unicodedata.normalize("NFC", taken).strip()
        assert room_name(taken) == room_name(f"  {taken}\n") == taken
        assert 1 <= len(taken) <= 64
        assert all(c.isalnum() or c in " -_." or unicodedata.category(c)[0] in "MN" for c in taken)


@given(ANY_TEXT)
def test_a_persons_name_that_is_taken_holds_nothing_that_steers_a_terminal_or_a_line(name: str) -> None:
    taken = attempt(person_name, name)
    if isinstance(taken, FieldError):
        assert taken.field == "name"
    else:
        assert taken == name.strip()
        assert 1 <= len(taken) <= 32
        assert all(unicodedata.category(c) not in ("Cc", "Cs", "Zl", "Zp") for c in taken)
        assert all(unicodedata.bidirectional(c) not in BIDI_CONTROLS for c in taken)


BIDI_CONTROLS = ("LRE", "RLE", "PDF", "LRO", "RLO", "LRI", "RLI", "FSI", "PDI")


@pytest.mark.parametrize("sign", ["\u200e", "\u200f", "\u061c", *map(chr, range(0x202A, 0x202F)), "\u2066", "\u2069"])
def test_no_direction_sign_is_taken_in_a_name(sign: str) -> None:
    assert refusal(person_name, f"a{sign}b") == ("name", False)


@given(st.text(st.sampled_from("abzABZ019-_.@"), min_size=1, max_size=64))
def test_users_of_letters_digits_and_four_signs_are_taken(user: str) -> None:
    assert user_name(user) == user


@pytest.mark.parametrize("user", ["", " ", "a b", " a", "a\n", "a/b", "ä", "a\x00", "٣", "a,b", "a:b", "\ud800"])
def test_other_users_are_not(user: str) -> None:
    assert refusal(user_name, user) == ("user", False)


@pytest.mark.parametrize(
    ("check", "field", "limit"),
    [(chat_text, "text", 4000), (person_name, "name", 32), (room_name, "room", 64), (user_name, "user", 64)],
)
def test_the_limits_are_in_characters(check: Callable[[str], str], field: str, limit: int) -> None:
    for size in (1, limit - 1, limit):
        assert len(check("a" * size)) == size
    assert refusal(check, "a" * (limit + 1)) == (field, True)


def test_the_field_is_named_as_it_is_called() -> None:
    assert refusal(lambda value: chat_text(value, field="reason", limit=3), "aaaa") == ("reason", True)
    assert refusal(lambda value: room_name(value, field="to"), "") == ("to", False)


def test_a_name_is_measured_without_the_space_around_it() -> None:
    assert person_name(" " * 100 + "a" * 32) == "a" * 32
    assert room_name("\t" * 100 + "a" * 64) == "a" * 64


@pytest.mark.parametrize("room", ["ｌｏｂｂｙ", "Ⅷ", "हिन्दी", "ไทย", "١٢٣", "İ"])
def test_letters_and_digits_of_any_script_name_a_room(room: str) -> None:
    assert room_name(room) == room
