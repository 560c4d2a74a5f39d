"""Resume tokens: what they say, which are accepted, and by which key."""

from __future__ import annotations

import time
from typing import Any

import jwt
import msgspec
import pytest

from server.identity import Key, TokenError, mint
from server.resumption import KEYS, Bearer, Resumption
from server.session import Role, SessionRecord

ONE, TWO = b"1" * 32, b"2" * 32
ANN = SessionRecord("s_1", "ann", "Ann Åkesson", Role.MODERATOR, "a" * 16, "n1", 1, 1000, "", "::1")


def soon() -> int:
    return int(time.time()) + 60


def test_a_token_says_which_session_it_is_for() -> None:
    tokens = Resumption([ONE])
    rights = Role.MODERATOR, None
    assert tokens.read(tokens.issue(ANN, expires=soon())) == Bearer("s_1", "ann", "Ann Åkesson", rights)


def test_a_token_says_to_which_rooms_a_moderator_is_limited() -> None:
    tokens = Resumption([ONE])
    for scope in ((), ("lobby", "team-*"), tuple(f"\U00020000-{number:02}" for number in range(64))):
        token = tokens.issue(msgspec.structs.replace(ANN, scope=scope), expires=soon())
        assert tokens.read(token).rights == (Role.MODERATOR, scope)


def test_all_who_know_the_same_keys_sign_with_the_same_and_read_every_one() -> None:
    a, b = Resumption([ONE]), Resumption([TWO])
    first = {name: tokens.issue(ANN, expires=soon()) for name, tokens in (("a", a), ("b", b))}
    with pytest.raises(TokenError):
        b.read(first["a"])
    assert (b.lacks_key_of(first["a"]), b.lacks_key_of(first["b"])) == (True, False)
    assert b.learn(a.secrets)
    assert not b.lacks_key_of(first["a"])
    assert a.learn(b.secrets)
    assert not a.learn(b.secrets)
    for token in first.values():
        assert a.read(token) == b.read(token)
    kids = {jwt.get_unverified_header(tokens.issue(ANN, expires=soon()))["kid"] for tokens in (a, b)}
    assert len(kids) == 1


def test_no_more_keys_are_learned_than_a_node_keeps_and_none_of_a_wrong_length() -> None:
    tokens = Resumption([ONE])
    assert not tokens.learn([b"short", b""])
    tokens.learn(bytes([number]) * 32 for number in range(200))
    assert len(tokens.secrets) == KEYS
    assert ONE in tokens.secrets


def test_an_expired_token_is_refused() -> None:
    tokens = Resumption([ONE])
    tokens.read(tokens.issue(ANN, expires=int(time.time()) - 10))  # clocks may differ a little
    with pytest.raises(TokenError, match="over"):
        tokens.read(tokens.issue(ANN, expires=int(time.time()) - 60))


CLAIMS: dict[str, Any] = {"session": "s_1", "user": "ann", "name": "Ann", "role": "user"}


def forged(secret: bytes = ONE, *, without: str = "", header: dict[str, Any] | None = None, **claims: Any) -> str:
    kid = jwt.get_unverified_header(Resumption([ONE]).issue(ANN, expires=soon()))["kid"]
    said = {key: value for key, value in {**CLAIMS, "exp": soon(), **claims}.items() if key != without}
    return jwt.encode(said, secret, algorithm="HS256", headers={"typ": "resume", "kid": kid, **(header or {})})


def test_what_is_forged_with_the_right_key_is_read() -> None:
    """Else the next test would prove nothing."""
    assert Resumption([ONE]).read(forged()).session == "s_1"


@pytest.mark.parametrize(
    "token",
    [
        "",
        "x",
        "a.b.c",
        "é" * 100,
        "x" * 20_000,
        mint(Key("HS256", ONE), user="ann"),
        forged(TWO),
        forged(header={"typ": "JWT"}),
        forged(header={"kid": "0" * 16}),
        forged(header={"kid": "../../etc/passwd"}),
        forged(without="exp"),
        forged(without="session"),
        forged(session=""),
        forged(session=7),
        forged(session="s" * 300),
        forged(user="a b"),
        forged(name=""),
        forged(name=["Ann"]),
        forged(role="king"),
        jwt.encode({**CLAIMS, "exp": soon()}, "", algorithm="none", headers={"typ": "resume"}),
    ],
)
def test_what_is_no_token_of_this_cluster_is_refused_with_a_plain_sentence(token: str) -> None:
    tokens = Resumption([ONE])
    with pytest.raises(TokenError, match="start anew"):
        tokens.read(token)
    tokens.lacks_key_of(token)
