"""Requests from bytes, answers to bytes (protocol.md sections 2 to 7)."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.session import Role
from server.views import RoomState
from server.wire import moderation, native, reading
from server.wire.names import FieldError
from server.wire.native import Address, Code, Refused
from server.wire.reading import BrokenRequest

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
TYPES = st.sampled_from(["hello", "join", "leave", "say", "whisper", "kick", "list", "announce", "nonsense", ""])
FIELDS = st.sampled_from(["id", "room", "text", "to", "name", "user", "session", "n", "cursors", "limit", "what"])


def broken(message: Any) -> BrokenRequest:
    data = message if isinstance(message, bytes) else json.dumps(message).encode()
    with pytest.raises(BrokenRequest) as raised:
        reading.decode(data)
    return raised.value


@pytest.mark.parametrize(
    ("message", "request_"),
    [
        ({"type": "hello"}, native.Hello()),
        (
            {"type": "hello", "id": 1, "name": "Ann", "token": "t", "user": "ann", "client": "c", "n": 7},
            native.Hello(id=1, name="Ann", token="t", user="ann", client="c", n=7),
        ),
        (
            {"type": "hello", "resume": "r", "cursors": {"o": 3}, "rooms": ["lobby"]},
            native.Hello(resume="r", cursors={"o": 3}, rooms=["lobby"]),
        ),
        ({"type": "join", "id": "a", "room": "lobby"}, native.Join(id="a", room="lobby")),
        ({"type": "join", "room": "lobby", "password": "p"}, native.Join(room="lobby", password="p")),
        ({"type": "leave", "room": "lobby", "more": [1, {}]}, native.Leave(room="lobby")),
        ({"type": "say", "id": 0, "room": "r", "text": "t"}, native.Say(id=0, room="r", text="t")),
        (
            {"type": "whisper", "id": "1", "to": {"user": "bob"}, "text": "t"},
            native.Whisper(id="1", to=Address(user="bob"), text="t"),
        ),
        (
            {"type": "kick", "session": "s", "room": "r", "reason": "x", "grace_seconds": 0, "block_seconds": 1.5},
            moderation.Kick(session="s", room="r", reason="x", block_seconds=1.5),
        ),
        ({"type": "list", "what": "nodes"}, moderation.List(what="nodes", limit=100)),
        (
            {"type": "list", "what": "members", "room": "r", "node": "n", "limit": 5, "after": "a"},
            moderation.List(what="members", room="r", node="n", limit=5, after="a"),
        ),
    ],
)
def test_a_request_is_read_whatever_else_it_carries(message: dict[str, Any], request_: native.Request) -> None:
    assert reading.decode(json.dumps(message).encode()) == request_


@given(JSON)
def test_any_json_is_a_request_or_a_bad_one(message: Any) -> None:
    assert broken(message).refusal.code is Code.BAD_REQUEST


@given(TYPES, st.dictionaries(FIELDS, JSON, max_size=5))
def test_any_fields_are_a_request_or_a_bad_one(type: str, fields: dict[str, Any]) -> None:
    message = {**fields, "type": type}
    try:
        reading.decode(json.dumps(message).encode())
    except BrokenRequest as error:
        refused = error
    else:
        return
    assert refused.refusal.code is Code.BAD_REQUEST
    assert refused.refusal.message
    assert refused.id in (None, fields.get("id"))


@given(st.binary(max_size=60))
def test_any_bytes_are_a_bad_request(data: bytes) -> None:
    assert broken(data).refusal.code is Code.BAD_REQUEST


def test_a_bad_request_tells_what_is_wrong_and_repeats_the_id() -> None:
    error = broken({"type": "say", "id": "x", "room": 5, "text": "t"})
    assert (error.id, error.type, error.refusal.field) == ("x", "say", "room")
    assert broken({"type": "say", "id": 3, "room": "r"}).refusal.field == "text"
    assert broken({"type": "say", "room": "r", "text": "t"}).refusal.field == "id"
    assert broken({"type": "whisper", "id": 1, "to": {"user": 5}, "text": "t"}).refusal.field == "to"
    assert broken({"type": "nonsense", "id": 1}).refusal.field == "type"
    assert broken({"id": 9}).id == 9


@pytest.mark.parametrize("id", [True, 1.5, None, [], {}, "x" * 65, 2**63, -(2**63) - 1, "\ud800"])
def test_an_id_that_is_none_is_not_repeated(id: object) -> None:
    assert broken({"type": "nonsense", "id": id}).id is None


def test_a_name_twice_or_a_deep_nest_costs_nothing() -> None:
    assert broken(b"[" * 60_000).refusal.code is Code.BAD_REQUEST
    assert broken(b'{"type":"join","a":' + b"[" * 60_000).refusal.code is Code.BAD_REQUEST
    assert broken(b'{"type":' * 7000).refusal.code is Code.BAD_REQUEST


def test_a_text_of_wrong_unicode_is_a_bad_request() -> None:
    assert broken(b'{"type":"say","id":"x","room":"r","text":"\\ud800"}').id == "x"
    assert broken(b'{"type":"say","id":"x","room":"r","text":"\xff"}').refusal.code is Code.BAD_REQUEST


def told(message: native.Message) -> dict[str, Any]:
    return dict(json.loads(native.encode(message)))


def test_what_says_nothing_is_not_sent() -> None:
    assert told(native.Error(code=Code.MUTED, message="m")) == {"type": "error", "code": "muted", "message": "m"}
    assert told(native.Error(id=0, code=Code.TOO_LARGE, message="m", field="text", retry_after_ms=5)) == {
        "type": "error",
        "id": 0,
        "code": "too_large",
        "message": "m",
        "field": "text",
        "retry_after_ms": 5,
    }
    assert told(native.Left(room="r")) == {"type": "left", "room": "r"}
    assert told(native.Sent(id="", origin="o", seq=1, at=2, copies=1, delivered=0)) == {
        "type": "sent",
        "id": "",
        "delivered": 0,
        "origin": "o",
        "seq": 1,
        "at": 2,
        "copies": 1,
    }


def test_what_is_null_by_protocol_is_sent() -> None:
    assert told(moderation.Moderated(action="kick", by="m", reason="", until=None, room=None)) == {
        "type": "moderated",
        "action": "kick",
        "by": "m",
        "reason": "",
        "until": None,
        "room": None,
    }
    assert told(moderation.Listed(what="rooms", items=[], next=None))["next"] is None


def test_joined_has_its_keys_in_order_and_history_as_it_was_encoded() -> None:
    said = native.Said(
        room="r", origin="o", seq=3, id=0, at=5, sender=native.Sender("s", "u", "n"), text="<\u2028>\n"
    )
    joined = told(
        native.Joined(
            id=1,
            room="r",
            ssrc=7,
            members=[],
            history=[msgspec.Raw(native.encode(said))],
            room_state=RoomState(),
            cursors={"o": 3},
        )
    )
    assert list(joined) == ["type", "id", "room", "ssrc", "members", "history", "room_state", "cursors"]
    assert joined["history"] == [told(said)]
    assert told(said)["from"] == {"session": "s", "user": "u", "name": "n"}
    assert list(joined["room_state"]) == ["locked", "capacity", "slow_seconds", "title", "speakers", "muted"]


def test_roles_and_codes_are_sent_as_words() -> None:
    member = native.Member("s", "u", "n", Role.MODERATOR, "n1", 5, False, True, "online")
    assert told(native.MemberJoined(room="r", member=member))["member"]["role"] == "moderator"
    assert " ".join(code.value for code in Code) == (
        "bad_request unauthorized forbidden not_found already room_full room_locked banned muted rate_limited "
        "too_large unavailable internal"
    )


def test_a_wrong_field_leads_to_its_refusal() -> None:
    refused = Refused.of(FieldError("text", "too long", too_large=True))
    assert (refused.code, refused.field, refused.message) == (Code.TOO_LARGE, "text", "too long")
    assert Refused.of(FieldError("name", "odd")).code is Code.BAD_REQUEST
