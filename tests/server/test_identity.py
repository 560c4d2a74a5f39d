"""Access tokens: which are accepted, which are not, and where the key comes from."""

from __future__ import annotations

import base64
import builtins
import hashlib
import json
import multiprocessing
import os
import stat
import time
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from server.config import StartError
from server.identity import (
    Claims,
    Key,
    TokenError,
    Tokens,
    key_file,
    load_key,
    load_keys,
    mint,
    reload_keys,
    second_file,
)
from server.session import Role

SECRET = b"a key of thirty-two bytes, just so"
KEY = Key("HS256", SECRET)
TOKENS = Tokens(KEY)


def claims(**changes: Any) -> dict[str, Any]:
    now = int(time.time())
    found = {"iss": "switchboard", "aud": "switchboard", "sub": "ann", "exp": now + 60, **changes}
    return {key: value for key, value in found.items() if value is not None}


def signed(key: Any = SECRET, algorithm: str = "HS256", headers: dict[str, Any] | None = None, **changes: Any) -> str:
    return jwt.encode(claims(**changes), key, algorithm=algorithm, headers=headers)


def refusal(token: str, tokens: Tokens = TOKENS) -> str:
    with pytest.raises(TokenError) as raised:
        tokens.verify(token)
    return str(raised.value)


# What a token says.


def test_a_minted_token_is_accepted() -> None:
    before = int(time.time())
    found = TOKENS.verify(mint(KEY, user="ann@example.org", role=Role.MODERATOR, name="Ann", ttl=60))
    assert (found.user, found.name, found.role) == ("ann@example.org", "Ann", Role.MODERATOR)
    assert before + 60 <= found.exp <= time.time() + 60


def test_a_moderator_may_be_limited_to_rooms() -> None:
    token = mint(KEY, user="mo", role=Role.MODERATOR, rooms=("lobby", "team-*"))
    assert TOKENS.verify(token).rights == (Role.MODERATOR, ("lobby", "team-*"))
    assert TOKENS.verify(mint(KEY, user="mo", role=Role.MODERATOR)).rights == (Role.MODERATOR, None)
    assert TOKENS.verify(signed(role="moderator", rooms=[])).scope == ()
    assert TOKENS.verify(signed(role="moderator", rooms=[" cafe\u0301 ", "caf\u00e9"])).scope == ("caf\u00e9",)


def test_rooms_say_nothing_of_a_user() -> None:
    assert TOKENS.verify(signed(rooms=["lobby"])).rights == (Role.USER, None)
    assert TOKENS.verify(signed(rooms="whatever another service means by it")).rights == (Role.USER, None)


def test_name_and_role_may_be_absent() -> None:
    exp = int(time.time()) + 60
    assert TOKENS.verify(signed(exp=exp)) == Claims("ann", None, Role.USER, exp)


def test_clocks_may_differ_by_half_a_minute() -> None:
    now = int(time.time())
    assert TOKENS.verify(signed(exp=now - 20, iat=now - 60)).user == "ann"
    assert TOKENS.verify(signed(iat=now + 20)).user == "ann"


@pytest.mark.parametrize("claim", ["exp", "sub", "aud", "iss"])
def test_what_is_required_must_be_there(claim: str) -> None:
    without: dict[str, Any] = {claim: None}
    assert refusal(signed(**without)) in {
        "the token lacks one of exp, sub, aud and iss",
        "the token is not for this service",
    }


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"exp": int(time.time()) - 3600}, "the token has expired"),
        ({"iat": int(time.time()) + 3600}, "the token is not valid yet"),
        ({"nbf": int(time.time()) + 3600}, "the token is not valid yet"),
        ({"aud": "elsewhere"}, "the token is not for this service"),
        ({"iss": "elsewhere"}, "the token is not for this service"),
        ({"exp": "soon"}, "the token is not valid"),
        ({"exp": float("inf")}, "the token is not valid"),
        ({"exp": []}, "the token is not valid"),
        ({"sub": 5}, "the token is not valid"),
        ({"sub": "a b"}, "the token says something impossible: user may hold"),
        ({"sub": "u" * 65}, "the token says something impossible: user has 65"),
        ({"name": "n" * 33}, "the token says something impossible: name has 33"),
        ({"name": "\u202e"}, "the token says something impossible: name"),
        ({"name": 5}, "the token has a wrong name"),
        ({"role": "king"}, "the token has a wrong role"),
        ({"role": ["admin"]}, "the token has a wrong role"),
        ({"role": None, "name": {}}, "the token has a wrong name"),
        ({"role": "moderator", "rooms": "lobby"}, "the token has a wrong rooms"),
        ({"role": "moderator", "rooms": {"lobby": True}}, "the token has a wrong rooms"),
        ({"role": "moderator", "rooms": ["lobby", 5]}, "the token has a wrong rooms"),
        ({"role": "moderator", "rooms": ["r"] * 65}, "the token has a wrong rooms"),
        ({"role": "moderator", "rooms": ["a/b"]}, "the token says something impossible: rooms may hold"),
        ({"role": "moderator", "rooms": ["r" * 65]}, "the token says something impossible: rooms has 65"),
        ({"role": "moderator", "rooms": [""]}, "the token says something impossible: rooms is empty"),
        ({"role": "admin", "rooms": ["lobby"]}, "the token limits an admin to rooms"),
    ],
)
def test_a_wrong_claim_is_refused(changes: dict[str, Any], why: str) -> None:
    if changes.get("sub") == 5:
        token = raw({"alg": "HS256", "typ": "JWT"}, claims(**changes), SECRET)
    else:
        token = signed(**changes)
    assert refusal(token).startswith(why)


def raw(header: dict[str, Any], payload: Any, secret: bytes) -> str:
    """A token that PyJWT itself would not make."""

    def encoded(data: bytes) -> str:
        return base64.urlsafe_b64encode(data).rstrip(b"=").decode()

    head = f"{encoded(json.dumps(header).encode())}.{encoded(json.dumps(payload).encode())}"
    signature = jwt.get_algorithm_by_name("HS256").sign(head.encode(), secret)
    return f"{head}.{encoded(signature)}"


@pytest.mark.parametrize(
    "token",
    [
        "",
        "x",
        "a.b.c",
        "\ud800",
        "é.é.é",
        "." * 100,
        "x" * 10_000,
        signed()[:-3] + "abc",
        signed(b"another key of thirty-two bytes or so"),
        jwt.encode(claims(), "", algorithm="none"),
        signed(b"k" * 64, "HS512"),
        raw({"alg": "HS256"}, [], SECRET),
        raw({"alg": "HS256"}, "ann", SECRET),
        raw({"alg": ["HS256"]}, claims(), SECRET),
        raw({}, claims(), SECRET),
    ],
)
def test_what_is_no_token_of_ours_is_refused(token: str) -> None:
    assert refusal(token) == "the token is not valid"


def test_no_refusal_repeats_the_token() -> None:
    for token in ("very.secret.token", signed(name="\u202e-secret")):
        assert "secret" not in refusal(token)


def test_a_key_id_opens_no_file(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_file(*_: object) -> None:
        raise AssertionError("a token made the node open a file")

    tokens = [signed(headers={"kid": kid}) for kid in ("../../etc/passwd", "/etc/passwd", "a\0b", "k" * 500)]
    odd = raw({"alg": "HS256", "kid": {"a": 1}}, claims(), SECRET)
    fine = signed(headers={"kid": "2026-11"})
    monkeypatch.setattr(builtins, "open", no_file)
    monkeypatch.setattr(os, "open", no_file)
    for token in (*tokens, odd):
        assert refusal(token) == "the token is not valid"
    assert TOKENS.verify(fine).user == "ann"


def test_a_key_is_not_shown() -> None:
    assert "thirty" not in repr(KEY)


# Public keys.

PRIVATE: dict[str, Any] = {
    "RS256": rsa.generate_private_key(public_exponent=65537, key_size=2048),
    "ES256": ec.generate_private_key(ec.SECP256R1()),
    "ES384": ec.generate_private_key(ec.SECP384R1()),
    "EdDSA": ed25519.Ed25519PrivateKey.generate(),
}


def pem(private: Any) -> bytes:
    return bytes(private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))


@pytest.mark.parametrize("algorithm", PRIVATE)
def test_a_public_key_is_for_its_one_algorithm(algorithm: str, tmp_path: Path) -> None:
    file = tmp_path / "key.pem"
    file.write_bytes(pem(PRIVATE[algorithm]))
    file.chmod(0o644)
    tokens = Tokens(load_key(file, tmp_path))
    assert tokens.verify(signed(PRIVATE[algorithm], algorithm)).user == "ann"
    for other, private in PRIVATE.items():
        if other != algorithm:
            assert refusal(signed(private, other), tokens) == "the token is not valid"


def test_a_public_key_taken_for_a_secret_signs_nothing(tmp_path: Path) -> None:
    public = pem(PRIVATE["RS256"])
    file = tmp_path / "key.pem"
    file.write_bytes(public)
    tokens = Tokens(load_key(file, tmp_path))
    for secret in (public, public.strip()):
        assert refusal(raw({"alg": "HS256"}, claims(), secret), tokens) == "the token is not valid"


def test_a_token_of_a_private_key_means_nothing_to_a_secret() -> None:
    assert refusal(signed(PRIVATE["RS256"], "RS256")) == "the token is not valid"


def test_a_public_key_makes_no_tokens(tmp_path: Path) -> None:
    file = tmp_path / "key.pem"
    file.write_bytes(pem(PRIVATE["EdDSA"]))
    with pytest.raises(StartError, match="a public key cannot make tokens"):
        mint(load_key(file, tmp_path), user="ann")


@pytest.mark.parametrize(
    "content",
    [
        PRIVATE["RS256"].private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
        b"-----BEGIN PUBLIC KEY-----\nnonsense\n-----END PUBLIC KEY-----\n",
        b"-----BEGIN CERTIFICATE-----\nnonsense\n-----END CERTIFICATE-----\n",
        pem(rsa.generate_private_key(public_exponent=65537, key_size=1024)),
        pem(ec.generate_private_key(ec.SECP256K1())),
    ],
)
def test_other_pem_files_are_refused(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "key.pem"
    file.write_bytes(content)
    file.chmod(0o600)
    with pytest.raises(StartError, match=r"key\.pem"):
        load_key(file, tmp_path)


# Two keys at once.

OTHER = Key("HS256", b"another key of thirty-two bytes or so")


def write(file: Path, content: bytes) -> Path:
    file.write_bytes(content)
    file.chmod(0o600)
    return file


def test_of_two_keys_either_signs() -> None:
    tokens = Tokens(OTHER, KEY)
    for key in (OTHER, KEY):
        assert tokens.verify(mint(key, user="ann")).user == "ann"
        assert tokens.verify(signed(key.material)).user == "ann"
        assert tokens.verify(signed(key.material, headers={"kid": "issuer-1"})).user == "ann"
    assert refusal(signed(b"a third key of thirty-two bytes or so"), tokens) == "the token is not valid"
    assert refusal(signed(OTHER.material, exp=int(time.time()) - 3600), tokens) == "the token has expired"


def test_a_key_id_that_is_known_is_that_key_and_no_other() -> None:
    tokens = Tokens(OTHER, KEY)
    assert jwt.get_unverified_header(mint(KEY, user="ann"))["kid"] == KEY.id
    assert refusal(signed(KEY.material, headers={"kid": OTHER.id}), tokens) == "the token is not valid"


def test_a_key_id_tells_nothing_of_a_secret() -> None:
    assert len(KEY.id) == 16
    assert KEY.id not in {SECRET.hex()[:16], hashlib.sha256(SECRET).hexdigest()[:16], OTHER.id}


def test_each_of_two_keys_is_for_its_own_algorithm_alone(tmp_path: Path) -> None:
    file = write(tmp_path / "key", pem(PRIVATE["EdDSA"]))
    write(second_file(file), SECRET)
    tokens = Tokens(*load_keys(file, tmp_path))
    assert tokens.verify(signed(PRIVATE["EdDSA"], "EdDSA")).user == "ann"
    assert tokens.verify(signed()).user == "ann"
    for secret in (file.read_bytes(), file.read_bytes().strip()):
        assert refusal(raw({"alg": "HS256"}, claims(), secret), tokens) == "the token is not valid"
    assert refusal(signed(PRIVATE["RS256"], "RS256"), tokens) == "the token is not valid"
    assert refusal(jwt.encode(claims(), "", algorithm="none"), tokens) == "the token is not valid"


def test_a_file_may_hold_two_public_keys(tmp_path: Path) -> None:
    file = write(tmp_path / "key", pem(PRIVATE["RS256"]) + b"\nthe one before:\n" + pem(PRIVATE["EdDSA"]))
    assert [key.algorithm for key in load_keys(file, tmp_path)] == ["RS256", "EdDSA"]
    tokens = Tokens(*load_keys(file, tmp_path))
    for algorithm in ("RS256", "EdDSA"):
        assert tokens.verify(signed(PRIVATE[algorithm], algorithm)).user == "ann"
    write(second_file(file), SECRET)
    with pytest.raises(StartError, match="hold 3 keys: 2 are the most"):
        load_keys(file, tmp_path)


def test_the_key_in_use_is_the_first_and_the_one_before_is_read_beside_it(tmp_path: Path) -> None:
    file = write(tmp_path / "key", OTHER.material)
    write(second_file(file), SECRET)
    assert load_keys(file, tmp_path) == (OTHER, KEY)
    assert load_key(file, tmp_path) == OTHER
    second_file(file).unlink()
    assert load_keys(file, tmp_path) == (OTHER,)


@pytest.mark.parametrize(("content", "mode", "why"), [(b"short", 0o600, "needs 32"), (SECRET, 0o644, "chmod 600")])
def test_a_second_key_that_cannot_be_used_is_refused(content: bytes, mode: int, why: str, tmp_path: Path) -> None:
    file = write(tmp_path / "key", SECRET)
    write(second_file(file), content).chmod(mode)
    with pytest.raises(StartError, match=rf"key\.previous.*{why}"):
        load_keys(file, tmp_path)


def test_keys_are_exchanged_while_a_node_runs(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    file = write(tmp_path / "key", SECRET)
    tokens = Tokens(*load_keys(file, tmp_path))
    write(second_file(file), SECRET)
    write(file, OTHER.material)
    reload_keys(tokens, file, tmp_path)
    assert [tokens.verify(mint(key, user="ann")).user for key in (KEY, OTHER)] == ["ann", "ann"]
    second_file(file).unlink()
    reload_keys(tokens, file, tmp_path)
    assert refusal(mint(KEY, user="ann"), tokens) == "the token is not valid"
    write(file, b"short")
    reload_keys(tokens, file, tmp_path)
    assert tokens.verify(mint(OTHER, user="ann")).user == "ann", "what was in use stays so"
    assert "needs 32" in caplog.text
    assert "thirty-two" not in caplog.text


# The key file.


def test_the_key_is_made_once_and_for_its_owner_alone(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "folder"
    before = os.umask(0)
    try:
        made = load_key(None, folder)
    finally:
        os.umask(before)
    file = key_file(None, folder)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert [path.name for path in folder.iterdir()] == [file.name]
    assert load_key(None, folder) == made == load_key(file, tmp_path)
    assert len(made.material) >= 32


def _load(folder: Path, gate: Any, found: Any) -> None:
    gate.wait()
    found.put(load_key(None, folder).material)


def test_processes_that_start_at_once_agree_on_one_key(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    gate, found = context.Barrier(4), context.Queue()
    processes = [context.Process(target=_load, args=(tmp_path / "data", gate, found)) for _ in range(4)]
    for process in processes:
        process.start()
    keys = {found.get(timeout=30) for _ in processes}
    for process in processes:
        process.join()
    assert len(keys) == 1


def test_white_space_at_the_ends_is_no_part_of_the_key(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_bytes(b"\n " + b"k" * 32 + b"\r\n")
    file.chmod(0o600)
    assert load_key(file, tmp_path).material == b"k" * 32


@pytest.mark.parametrize("content", [b"", b"k" * 31, b"k" * 31 + b" \n"])
def test_a_short_key_is_refused(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_bytes(content)
    file.chmod(0o600)
    with pytest.raises(StartError, match="needs 32"):
        load_key(file, tmp_path)


def test_a_key_that_others_can_read_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_bytes(b"k" * 32)
    file.chmod(0o644)
    with pytest.raises(StartError, match=f"chmod 600 {file}"):
        load_key(file, tmp_path)
    file.chmod(0o640)  # a group may be trusted
    load_key(file, tmp_path)


def test_a_key_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StartError, match="No such file"):
        load_key(tmp_path / "nowhere", tmp_path)
    with pytest.raises(StartError, match="Is a directory"):
        load_key(tmp_path, tmp_path)


def test_a_data_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(StartError, match="--data-dir"):
        load_key(None, file / "folder")
