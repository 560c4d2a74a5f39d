"""The first message of a connection (protocol.md section 3), against a node with a real port."""

from __future__ import annotations

import base64
import builtins
import io
import json
import os
import time
from typing import Any

import jwt
import pytest
from websockets.exceptions import InvalidStatus

from tests.guest import upgrade, wire
from tests.nodes import KEY, Served, Serving, token


async def test_hello_is_answered_by_welcome(served: Served) -> None:
    guest = await served.connect()
    welcome = await guest.ask("hello", id=1, name="Ann", user="ann", client="web/1.0", n=7, something="else")
    session = welcome.pop("session")
    assert isinstance(session, str)
    assert session
    assert welcome.pop("resume")
    assert welcome.pop("cursors").keys() <= {served.node.bus.origin}
    assert welcome == {
        "type": "welcome",
        "id": 1,
        "user": "ann",
        "name": "Ann",
        "role": "user",
        "node": "n1",
        "resume_seconds": 300,
        "urls": [served.url],
        "limits": {
            "text_bytes": 65536,
            "text_chars": 4000,
            "name_chars": 32,
            "room_chars": 64,
            "voice_bytes": 416,
            "rooms": 20,
            "say_per_second": 20,
            "say_burst": 60,
        },
        "recovered": None,
        "server": "switchboard/1.0",
    }


async def test_every_session_has_its_own_id(served: Served) -> None:
    sessions = {(await served.enter()).session for _ in range(3)}
    assert len(sessions) == 3


async def test_the_subprotocol_is_named_when_it_was_offered(served: Served) -> None:
    guest = await served.connect(subprotocols=("other.v1", "switchboard.v1"))
    assert guest.socket.subprotocol == "switchboard.v1"


async def test_a_client_that_offers_no_subprotocol_speaks_this_one(served: Served) -> None:
    guest = await served.connect(subprotocols=())
    assert guest.socket.subprotocol is None
    assert (await guest.ask("hello"))["type"] == "welcome"


@pytest.mark.parametrize("name", ["v12.stomp", "v11.stomp", "v10.stomp", "switchboard.v2"])
async def test_a_subprotocol_that_is_not_spoken_is_refused(served: Served, name: str) -> None:
    with pytest.raises(InvalidStatus) as refused:
        await served.connect(subprotocols=(name,))
    assert refused.value.response.status_code == 400


async def test_nothing_is_compressed_though_it_is_offered(served: Served) -> None:
    async with wire(served.url) as connection:
        await connection.send(upgrade(connection.host, Sec_WebSocket_Extensions="permessage-deflate"))
        head = await connection.head()
        assert head.startswith(b"HTTP/1.1 101 ")
        assert b"extensions" not in head.lower()


@pytest.mark.parametrize(
    "headers", [{"Connection": "keep-alive, Upgrade"}, {"Upgrade": "WebSocket"}, {"Connection": "upgrade"}]
)
async def test_an_upgrade_may_be_asked_for_as_browsers_do(served: Served, headers: dict[str, str]) -> None:
    async with wire(served.url) as connection:
        await connection.send(upgrade(connection.host, **headers))
        assert (await connection.head()).startswith(b"HTTP/1.1 101 ")


async def test_without_a_name_one_is_called_like_the_user(served: Served) -> None:
    assert (await served.enter(None, user="bob@example.org")).welcome["name"] == "bob@example.org"


async def test_without_name_and_user_one_is_a_guest_with_a_user_of_ones_own(served: Served) -> None:
    first, second = await served.enter(None), await served.enter(None)
    assert first.welcome["name"] == second.welcome["name"] == "Guest"
    assert first.welcome["user"] != second.welcome["user"]


async def test_a_name_is_trimmed(served: Served) -> None:
    assert (await served.enter("  Ann \t")).welcome["name"] == "Ann"


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("name", "", "bad_request"),
        ("name", "   ", "bad_request"),
        ("name", "a\nb", "bad_request"),
        ("name", "a\x1bb", "bad_request"),
        ("name", "a\u202eb", "bad_request"),
        ("name", "a\u2066b", "bad_request"),
        ("name", "a\ud800b", "bad_request"),
        ("name", 5, "bad_request"),
        ("user", "", "bad_request"),
        ("user", "two words", "bad_request"),
        ("user", "a/b", "bad_request"),
        ("user", "a\n", "bad_request"),
        ("user", ["ann"], "bad_request"),
        ("cursors", [], "bad_request"),
        ("cursors", {"o": "1"}, "bad_request"),
        ("cursors", {"o": 1.5}, "bad_request"),
        ("n", "1", "bad_request"),
        ("client", 1, "bad_request"),
        ("token", 1, "bad_request"),
    ],
)
async def test_a_wrong_hello_is_refused_and_may_be_repeated(
    served: Served, field: str, value: object, code: str
) -> None:
    guest = await served.connect()
    error = await guest.ask("hello", id=2, **{field: value})
    assert (error["type"], error["id"], error["code"]) == ("error", 2, code)
    assert error["message"]
    if "\ud800" not in str(value):
        assert error["field"] == field
    assert (await guest.ask("hello", id=3, name="Ann"))["type"] == "welcome"


@pytest.mark.parametrize("n", [0, 1, int(time.time() * 1000), 2**53])
async def test_any_count_of_hellos_is_taken(served: Served, n: int) -> None:
    assert (await served.enter(n=n)).welcome["type"] == "welcome"


@pytest.mark.parametrize("n", [10**30, -(10**30)])
async def test_a_count_of_hellos_beyond_all_numbers_is_a_wrong_hello(served: Served, n: int) -> None:
    guest = await served.connect()
    error = await guest.ask("hello", n=n)
    assert (error["code"], error["field"]) == ("bad_request", "n")
    assert (await guest.ask("hello"))["type"] == "welcome"


@pytest.mark.parametrize(
    "message",
    [
        '{"type":"join","room":"lobby"}',
        '{"type":"nonsense"}',
        '{"id":1}',
        "[]",
        "not json",
        "",
        b"\x51" * 20,
    ],
)
async def test_another_first_message_is_unauthorized_and_closed_with_4401(
    served: Served, message: str | bytes
) -> None:
    guest = await served.connect()
    await guest.send_raw(message)
    assert (await guest.next("error"))["code"] == "unauthorized"
    code, reason = await guest.closed()
    assert code == 4401
    assert reason


async def test_the_refusal_of_another_first_message_repeats_its_id(served: Served) -> None:
    guest = await served.connect()
    assert (await guest.ask("join", id="x", room="lobby"))["code"] == "unauthorized"


async def test_silence_for_5_s_is_closed_with_4401(served: Served) -> None:
    served.clock.stop()
    silent, late = await served.connect(), await served.connect()
    served.advance(4.9)
    assert (await late.ask("hello"))["type"] == "welcome"
    served.advance(0.6)
    assert (await silent.closed())[0] == 4401
    assert late.socket.close_code is None


async def test_wrong_hellos_do_not_lengthen_the_5_s(served: Served) -> None:
    served.clock.stop()
    guest = await served.connect()
    for _ in range(4):
        served.advance(1)
        assert (await guest.ask("hello", name=""))["code"] == "bad_request"
    served.advance(1.5)
    assert (await guest.closed())[0] == 4401


async def test_who_has_said_hello_may_be_silent(served: Served) -> None:
    guest = await served.enter()
    served.advance(5.5)
    assert (await guest.join())["type"] == "joined"


async def test_a_second_hello_is_already(served: Served) -> None:
    guest = await served.enter()
    error = await guest.ask("hello", name="Bob")
    assert (error["type"], error["code"]) == ("error", "already")
    assert (await guest.join())["members"][0]["name"] == "Ann"


async def test_what_comes_right_after_the_hello_is_taken_after_it(served: Served) -> None:
    guest = await served.connect()
    await guest.send("hello", id=1, name="Ann")
    await guest.send("join", id=2, room="lobby")
    assert (await guest.answer(1))["type"] == "welcome"
    assert (await guest.answer(2))["type"] == "joined"


async def test_a_resume_of_a_session_that_is_over_is_unauthorized_and_closed_with_4410(served: Served) -> None:
    guest = await served.connect()
    error = await guest.ask("hello", resume="whatever", cursors={"o.1": 5})
    assert error["code"] == "unauthorized"
    assert (await guest.closed())[0] == 4410


# Tokens


async def test_a_token_gives_user_name_and_role(served: Served) -> None:
    guest = await served.enter(None, token=token("moderator", user="ann@x", name="Ann of X"), user="else")
    assert {key: guest.welcome[key] for key in ("user", "name", "role")} == {
        "user": "ann@x",
        "name": "Ann of X",
        "role": "moderator",
    }


async def test_a_token_without_a_name_leaves_the_name_to_the_client(served: Served) -> None:
    guest = await served.enter("Annie", token=token("admin", user="ann"))
    assert (guest.welcome["name"], guest.welcome["role"]) == ("Annie", "admin")


async def test_where_a_token_is_required_none_is_unauthorized(serve: Serving) -> None:
    served = await serve(auth="token")
    guest = await served.connect()
    assert (await guest.ask("hello", name="Ann"))["code"] == "unauthorized"
    assert (await guest.closed())[0] == 4401
    assert (await served.enter_as("user", user="ann")).welcome["user"] == "ann"


def forged(**changes: Any) -> str:
    claims: dict[str, Any] = {
        "iss": "switchboard",
        "aud": "switchboard",
        "sub": "ann",
        "role": "admin",
        "exp": int(time.time()) + 600,
    }
    headers = changes.pop("headers", None)
    key = changes.pop("key", KEY.material)
    algorithm = changes.pop("algorithm", "HS256")
    claims = {name: value for name, value in (claims | changes).items() if value is not None}
    return jwt.encode(claims, key, algorithm=algorithm, headers=headers)


WRONG_TOKENS = {
    "no token at all": "abc",
    "empty": "",
    "unsigned": forged(key=None, algorithm="none"),
    "another key": forged(key=b"another key, which also has 32 bytes and more"),
    "another algorithm": forged(algorithm="HS512", key=b"x" * 64),
    "expired": forged(exp=int(time.time()) - 3600),
    "without exp": forged(exp=None),
    "without sub": forged(sub=None),
    "without aud": forged(aud=None),
    "without iss": forged(iss=None),
    "another aud": forged(aud="else"),
    "another iss": forged(iss="else"),
    "of the future": forged(iat=int(time.time()) + 3600),
    "not yet": forged(nbf=int(time.time()) + 3600),
    "a role that is none": forged(role="root"),
    "a user that is none": forged(sub="a b"),
    "a key id that is a path": forged(headers={"kid": "../../etc/passwd"}),
    "too long": forged(extra="x" * 20_000),
}


@pytest.mark.parametrize("kind", WRONG_TOKENS)
async def test_a_wrong_token_is_unauthorized_and_closed_with_4401(served: Served, kind: str) -> None:
    guest = await served.connect()
    assert (await guest.ask("hello", name="Ann", token=WRONG_TOKENS[kind]))["code"] == "unauthorized"
    code, reason = await guest.closed()
    assert code == 4401
    assert reason
    assert WRONG_TOKENS[kind] not in reason or not WRONG_TOKENS[kind]


@pytest.mark.parametrize("kid", ["../../etc/passwd", "/etc/passwd", "auth.key", "file:///etc/passwd"])
async def test_a_key_id_makes_a_node_open_no_file(served: Served, kid: str, monkeypatch: pytest.MonkeyPatch) -> None:
    guest = await served.connect()

    def no_file(*_: object, **__: object) -> None:
        raise AssertionError("a token made the node open a file")

    with monkeypatch.context() as patch:
        for module in (builtins, io, os):
            patch.setattr(module, "open", no_file)
        answer = await guest.ask("hello", name="Ann", token=forged(headers={"kid": kid}))
    if "/" in kid:
        assert answer["code"] == "unauthorized"
        assert (await guest.closed())[0] == 4401
    else:
        assert answer["type"] == "welcome", "it is an unknown id, and the signature is good"


async def test_nobody_gives_themselves_a_role_or_rooms(served: Served) -> None:
    guest = await served.enter("Ann", role="admin", rooms=["lobby"], scope=["lobby"])
    assert guest.welcome["role"] == "user"
    assert (await guest.ask("list", what="sessions"))["code"] == "forbidden"
    assert guest.welcome["resume"].count(".") == 2
    head, claims, signature = guest.welcome["resume"].split(".")
    said = json.loads(base64.urlsafe_b64decode(claims + "=="))
    claims = base64.urlsafe_b64encode(json.dumps(said | {"role": "admin"}).encode()).rstrip(b"=").decode()
    again = await served.connect()
    assert (await again.ask("hello", resume=f"{head}.{claims}.{signature}", cursors={}))["code"] == "unauthorized"
    assert (await again.closed())[0] == 4410


async def test_a_refused_client_leaves_no_session(served: Served) -> None:
    guest = await served.connect()
    await guest.ask("hello", token="wrong")
    await guest.closed()
    moderator = await served.enter_as("moderator")
    listed = await moderator.ask("list", what="sessions")
    assert [item["session"] for item in listed["items"]] == [moderator.session]


# Ids and types


@pytest.mark.parametrize("id", ["", "c-1", "x" * 64, "ü", 0, 1, -1, 2**53, -(2**63), 2**63 - 1])
async def test_an_answer_repeats_the_id(served: Served, id: str | int) -> None:
    guest = await served.connect()
    assert (await guest.ask("hello", id=id))["type"] == "welcome"
    assert (await guest.ask("join", id=id, room="lobby"))["type"] == "joined"
    assert (await guest.ask("leave", id=id, room="nowhere"))["type"] == "error"


async def test_without_an_id_the_answer_has_none(served: Served) -> None:
    guest = await served.enter()
    await guest.send("join", room="lobby")
    assert "id" not in await guest.next("joined")
    await guest.send("join", room="lobby")
    assert "id" not in await guest.next("error")


@pytest.mark.parametrize("id", [1.5, True, {}, [], "x" * 65, 2**63])
async def test_an_id_of_another_form_is_refused(served: Served, id: object) -> None:
    guest = await served.enter()
    await guest.send("join", id=id, room="lobby")
    error = await guest.next("error")
    assert error["code"] in ("bad_request", "too_large")
    assert error["field"] == "id"
    assert "id" not in error


@pytest.mark.parametrize(
    "message",
    [
        '{"type":"nonsense"}',
        '{"type":5}',
        '{"type":null}',
        "{}",
        "[]",
        "5",
        "null",
        '"join"',
        "{",
        "",
        "[" * 5000,
        '{"type":"join","room":"\\ud800"}',
        '{"type":"join","room":5}',
        '{"type":"join"}',
        '{"type":"banish","user":"bob"}',
        '{"type":"voice_target","target":0,"to":{"user":"bob"}}',
        '{"type":"deafen"}',
    ],
)
async def test_what_is_no_request_is_a_bad_request_and_the_connection_stays(served: Served, message: str) -> None:
    guest = await served.enter()
    await guest.send_raw(message)
    error = await guest.next("error")
    assert error["code"] == "bad_request"
    assert error["message"]
    assert (await guest.join())["type"] == "joined"


async def test_a_bad_request_names_field_and_id(served: Served) -> None:
    guest = await served.enter()
    error = await guest.ask("say", id=9, room="lobby")
    assert (error["code"], error["field"]) == ("bad_request", "text")
    error = await guest.ask("say", id=9, room="lobby", text=["hi"])
    assert (error["code"], error["field"]) == ("bad_request", "text")
    await guest.send("say", room="lobby", text="hi")
    error = await guest.next("error")
    assert (error["code"], error["field"]) == ("bad_request", "id")


async def test_a_message_may_be_written_as_json_allows(served: Served) -> None:
    guest = await served.enter()
    await guest.send_raw(json.dumps({"room": "l\u00f6bby", "id": "\u20ac", "type": "join"}, indent=4))
    assert (await guest.answer("\u20ac"))["room"] == "l\u00f6bby"
