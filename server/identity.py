"""Who a client is: access tokens (protocol.md section 3) and the key that they are checked with."""

from __future__ import annotations

import dataclasses
import hashlib
import hmac
import logging
import re
import secrets
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

import jwt
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key

from bus import private
from server.config import StartError
from server.scopes import Scope, read_scope
from server.session import Rights, Role
from server.wire import names

logger = logging.getLogger(__name__)

ISSUER = AUDIENCE = "switchboard"
LEEWAY_SECONDS = 30
KEY_BYTES = 32
RSA_BITS = 2048
TOKEN_CHARS = 8192
KEYS = 2
"""Keys that are valid at once: the one in use, and the one before it or after it."""
KEY_FILE = "auth.key"
"""Name of the key in the data folder."""

_CURVES = {"secp256r1": "ES256", "secp384r1": "ES384", "secp521r1": "ES512"}
_KEY_ID = re.compile(r"[A-Za-z0-9._=+-]{0,128}")
_PEM = re.compile(rb"-----BEGIN [^\n]*?-----.*?(?:-----END [^\n]*?-----|\Z)", re.DOTALL)


class TokenError(Exception):
    """A token is not accepted; the text is one plain sentence that repeats nothing of the token."""


@dataclasses.dataclass(frozen=True, slots=True)
class Key:
    """What tokens are checked with, and the one algorithm that it is for."""

    algorithm: str
    material: Any = dataclasses.field(repr=False)
    """The secret as bytes (HS256), else a public key."""

    @property
    def id(self) -> str:
        """What tokens may call it in ``kid``; it tells nothing of a secret."""
        if self.algorithm == "HS256":
            return hmac.digest(self.material, b"switchboard access key id", hashlib.sha256).hex()[:16]
        public = self.material.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return hashlib.sha256(public).hexdigest()[:16]


@dataclasses.dataclass(frozen=True, slots=True)
class Claims:
    """What a token that was accepted says."""

    user: str
    name: str | None
    role: Role
    exp: int
    """When it expires, seconds since 1970."""
    scope: Scope = None
    """The rooms that a moderator is limited to."""

    @property
    def rights(self) -> Rights:
        """What the user may do, and where."""
        return self.role, self.scope


class Tokens:
    """Checks access tokens against the keys that are valid now."""

    def __init__(self, *keys: Key) -> None:
        self._keys: dict[str, Key] = {}
        self.use(keys)

    def use(self, keys: Sequence[Key]) -> None:
        """Let these be valid from now on, and no others."""
        self._keys = {key.id: key for key in keys}

    def verify(self, token: str) -> Claims:
        """Check `token`; the keys alone decide the algorithms, each its own. Raises TokenError."""
        try:
            claims = self._decode(token)
        except jwt.ExpiredSignatureError:
            raise TokenError("the token has expired") from None
        except jwt.ImmatureSignatureError:
            raise TokenError("the token is not valid yet") from None
        except (jwt.InvalidAudienceError, jwt.InvalidIssuerError):
            raise TokenError("the token is not for this service") from None
        except jwt.MissingRequiredClaimError:
            raise TokenError("the token lacks one of exp, sub, aud and iss") from None
        except (jwt.PyJWTError, ValueError, TypeError, OverflowError, RecursionError):
            raise TokenError("the token is not valid") from None
        try:
            user = names.user_name(claims["sub"])
            name = claims.get("name")
            if name is not None:
                name = names.person_name(name) if isinstance(name, str) else _refuse("name")
            role = _role(claims.get("role", Role.USER))
            scope = _scope(claims.get("rooms"), role)
        except names.FieldError as error:
            raise TokenError(f"the token says something impossible: {error}") from None
        return Claims(user, name, role, int(claims["exp"]), scope)

    def _decode(self, token: str) -> dict[str, Any]:
        if len(token) > TOKEN_CHARS:
            raise ValueError
        header = jwt.get_unverified_header(token)
        key_id = header.get("kid", "")
        # A key id is looked up here and nowhere else; one that is shaped to reach a file is no id at all.
        if not isinstance(key_id, str) or not _KEY_ID.fullmatch(key_id):
            raise ValueError
        named = self._keys.get(key_id)
        for key in self._keys.values() if named is None else (named,):
            if key.algorithm != header.get("alg"):
                continue
            try:
                return _decode_by(key, token)
            except jwt.InvalidSignatureError:
                continue  # the other key may have signed it
        raise ValueError


def _decode_by(key: Key, token: str) -> dict[str, Any]:
    claims: dict[str, Any] = jwt.decode(
        token,
        key.material,
        algorithms=[key.algorithm],
        audience=AUDIENCE,
        issuer=ISSUER,
        leeway=LEEWAY_SECONDS,
        options={"require": ["exp", "sub", "aud", "iss"]},
    )
    return claims


def _role(claim: Any) -> Role:
    try:
        return Role(claim)
    except ValueError:
        _refuse("role")


def _scope(claim: object, role: Role) -> Scope:
    """The rooms of a moderator. Of a user they say nothing; an admin has none that a token could limit."""
    if role is Role.USER:
        return None
    try:
        scope = read_scope(claim)
    except ValueError:
        _refuse("rooms")
    if scope is not None and role is Role.ADMIN:
        raise TokenError("the token limits an admin to rooms, and only moderators can be")
    return scope


def _refuse(claim: str) -> NoReturn:
    raise TokenError(f"the token has a wrong {claim}")


def mint(
    key: Key, *, user: str, role: Role = Role.USER, name: str | None = None, ttl: int = 3600, rooms: Scope = None
) -> str:
    """Make a token for `user` that expires in `ttl` seconds; `rooms` are those that a moderator is limited to.

    Raises StartError where the key can only check.
    """
    if key.algorithm != "HS256":
        raise StartError("a public key cannot make tokens: give the HMAC key with --auth-key-file")
    now = int(time.time())
    claims: dict[str, Any] = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": user,
        "role": role.value,
        "iat": now,
        "exp": now + ttl,
    }
    if name is not None:
        claims["name"] = name
    if rooms is not None:
        claims["rooms"] = rooms
    return jwt.encode(claims, key.material, algorithm=key.algorithm, headers={"kid": key.id})


def key_file(path: Path | None, data_dir: Path) -> Path:
    """Tell where the key is: the file given, else the one in the data folder."""
    return path if path is not None else data_dir / KEY_FILE


def second_file(file: Path) -> Path:
    """Where the other key that is valid is, if there is one, while keys are exchanged."""
    return file.with_name(f"{file.name}.previous")


def load_key(path: Path | None, data_dir: Path) -> Key:
    """Read the key that tokens are made with, the first of `load_keys`. Raises StartError."""
    return load_keys(path, data_dir)[0]


def load_keys(path: Path | None, data_dir: Path) -> tuple[Key, ...]:
    """Read the keys of access tokens; without `path` one is kept in `data_dir` and made there at the first start.

    A key is its file's bytes without white space at the ends, or a PEM public key, of which a file may hold two; the
    second may also be in `second_file`. Raises StartError.
    """
    file = key_file(path, data_dir)
    keys = _read_keys(file, made_in=data_dir if path is None else None)
    if second_file(file).exists():
        keys += _read_keys(second_file(file))
    if len(keys) > KEYS:
        raise StartError(f"{file} and {second_file(file).name} hold {len(keys)} keys: {KEYS} are the most")
    return keys


def reload_keys(tokens: Tokens, path: Path | None, data_dir: Path) -> None:
    """Read the keys again; where they cannot be used those in use stay so, and the log says why."""
    try:
        keys = load_keys(path, data_dir)
    except StartError as error:
        logger.error("the keys of access tokens in use stay so, because the new ones cannot be used: %s", error)
        return
    tokens.use(keys)
    logger.info("access tokens are checked with %s", " and ".join(f"{key.algorithm} key {key.id}" for key in keys))


def _read_keys(file: Path, *, made_in: Path | None = None) -> tuple[Key, ...]:
    """The keys in a file, which is made in the folder `made_in` if it is not there. Raises StartError."""
    if made_in is not None:
        try:
            _make_once(file)
        except OSError as error:
            reason = error.strerror or error
            raise StartError(
                f"cannot keep a key in {made_in}: {reason}; make the folder writable or give --data-dir"
            ) from None
    try:
        data, exposed = private.look(file)
    except OSError as error:
        raise StartError(f"cannot read the key {file}: {error.strerror or error}; see --auth-key-file") from None
    data = data.strip()
    if data.startswith(b"-----BEGIN"):
        return tuple(_public_key(pem, file) for pem in _PEM.findall(data) or [data])
    if len(data) < KEY_BYTES:
        raise StartError(f"the key {file} has {len(data)} bytes and needs {KEY_BYTES}: put a longer one there")
    if exposed:
        raise StartError(f"the key {private.ExposedError(file)}")
    return (Key("HS256", data),)


def _make_once(file: Path) -> None:
    """Make a key unless there is one; of two processes that try at once both end up with the same."""
    if file.exists():
        return
    private.make_folder(file.parent)
    private.make_once(file, secrets.token_urlsafe(48).encode() + b"\n")


def _public_key(data: bytes, file: Path) -> Key:
    try:
        public = load_pem_public_key(data)
    except (ValueError, UnsupportedAlgorithm):
        raise StartError(f"{file} holds no PEM public key: export the public key of those who make tokens") from None
    if isinstance(public, RSAPublicKey) and public.key_size >= RSA_BITS:
        return Key("RS256", public)
    if isinstance(public, EllipticCurvePublicKey) and public.curve.name in _CURVES:
        return Key(_CURVES[public.curve.name], public)
    if isinstance(public, Ed25519PublicKey):
        return Key("EdDSA", public)
    raise StartError(f"the public key in {file} cannot be used: RSA of {RSA_BITS} bits, P-256 or Ed25519 can")
