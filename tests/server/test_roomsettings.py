"""What a room can be set to, and what is saved of it (protocol.md section 7)."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.roomsettings import FIELDS, PASSWORD, Lock, Settings, Value, changes, ruled, told
from server.views import RoomState
from server.wire.moderation import SetRoom
from server.wire.names import FieldError

SETTING: st.SearchStrategy[tuple[str, Value]] = st.one_of(
    st.tuples(st.sampled_from(["locked", "muted"]), st.booleans()),
    st.tuples(st.just("capacity"), st.integers(1, 1000)),
    st.tuples(st.just("slow_seconds"), st.integers(0, 3600)),
    st.tuples(st.just("speakers"), st.integers(1, 64)),
    st.tuples(st.just("title"), st.sampled_from(["", "Weekly", "a" * 100])),
)


def asked(**fields: Any) -> dict[str, Value]:
    return changes(SetRoom(room="lobby", **fields))


def saved(field: str, value: Value | Lock) -> bytes:
    """The value as it lies in a ruling."""
    decided = ruled(field, value)
    return b"" if decided is None else msgspec.msgpack.encode(decided)


def test_only_what_is_named_is_changed() -> None:
    assert asked() == {}
    assert asked(locked=False, capacity=7) == {"locked": False, "capacity": 7}
    assert asked(password=None) == {"password": None}


def test_texts_are_taken_as_texts_are() -> None:
    assert asked(title="a\x01b", password="p\x07q") == {"title": "ab", "password": "pq"}
    assert asked(title="") == {"title": ""}
    for wrong in ({"title": " "}, {"title": "\x01"}, {"password": ""}, {"password": "\x01"}):
        with pytest.raises(FieldError) as raised:
            asked(**wrong)
        assert (raised.value.field, raised.value.too_large) == (*wrong, False)


@pytest.mark.parametrize(("field", "most"), [("title", 100), ("password", 128)])
def test_texts_have_their_length(field: str, most: int) -> None:
    assert asked(**{field: "ä" * most}) == {field: "ä" * most}
    with pytest.raises(FieldError) as raised:
        asked(**{field: "ä" * (most + 1)})
    assert (raised.value.field, raised.value.too_large) == (field, True)


def test_a_password_does_not_hang_on_the_keyboard() -> None:
    assert asked(password="Cafe\u0301") == asked(password="Caf\u00e9")


@given(st.lists(SETTING))
def test_the_last_value_of_each_field_is_what_a_room_has(given: list[tuple[str, Value]]) -> None:
    settings = Settings()
    for field, value in given:
        settings = settings.changed(field, saved(field, value))
    assert settings == Settings(RoomState(**dict(given)))  # type: ignore[arg-type]


def test_a_room_that_is_as_any_other_is_saved_nowhere() -> None:
    settings = Settings().changed("capacity", saved("capacity", 7)).changed("capacity", saved("capacity", 50))
    assert settings == Settings()
    assert [ruled(field, getattr(RoomState(), field)) for field in FIELDS if field != PASSWORD] == [None] * 6


@pytest.mark.parametrize(
    ("field", "value"),
    [("capacity", 0), ("capacity", "7"), ("locked", 1), ("title", "a" * 101), ("speakers", 65), ("colour", 1),
     ("password", "plain"), ("slow_seconds", 3601)],
)  # fmt: skip
def test_a_value_that_no_node_writes_is_told_from_others(field: str, value: object) -> None:
    with pytest.raises((msgspec.ValidationError, FieldError)):
        Settings().changed(field, msgspec.msgpack.encode(value))


def test_of_a_password_a_salted_hash_is_kept() -> None:
    one, other = Lock.make("open sesame", b"1" * 16), Lock.make("open sesame", b"2" * 16)
    assert one.digest != other.digest
    assert b"sesame" not in saved(PASSWORD, one)
    assert one.opens("open sesame")
    assert not one.opens("open sesam")
    settings = Settings().changed(PASSWORD, saved(PASSWORD, one))
    assert settings.lock == one
    assert settings.changed(PASSWORD, saved(PASSWORD, None)) == Settings()


def test_the_words_of_a_change_hold_no_password() -> None:
    assert told(asked(locked=True, muted=False, capacity=7, title="", password="sesame")) == (
        "locked on, capacity 7, title none, muted off, password set"
    )
    assert told(asked(password=None, title="Weekly")) == "title Weekly, password removed"
