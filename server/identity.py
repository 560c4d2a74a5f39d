"""Who a client is: access tokens (protocol.md section 3) and the key that they are checked with."""

from __future__ import annotations

import dataclasses
import re
import secrets
import time
from pathlib import Path
from typing import Any, NoReturn

import jwt
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from bus import private
from server.config import StartError
from server.session import Role
from server.wire import names

ISSUER = AUDIENCE = "switchboard"
LEEWAY_SECONDS = 30
KEY_BYTES = 32
RSA_BITS = 2048
TOKEN_CHARS = 8192
KEY_FILE = "auth.key"
"""Name of the key in the data folder."""

_CURVES = {"secp256r1": "ES256", "secp384r1": "ES384", "secp521r1": "ES512"}
_KEY_ID = re.compile(r"[A-Za-z0-9._=+-]{0,128}")


class TokenError(Exception):
    """A token is not accepted; the text is one plain sentence that repeats nothing of the token."""


@dataclasses.dataclass(frozen=True, slots=True)
class Key:
    """What tokens are checked with, and the one algorithm that it is for."""

    algorithm: str
    material: Any = dataclasses.field(repr=False)
    """The secret as bytes (HS256), else a public key."""


@dataclasses.dataclass(frozen=True, slots=True)
class Claims:
    """What a token that was accepted says."""

    user: str
    name: str | None
    role: Role
    exp: int
    """When it expires, seconds since 1970."""


class Tokens:
    """Checks access tokens against one key."""

    def __init__(self, key: Key) -> None:
        self._key = key

    def verify(self, token: str) -> Claims:
        """Check `token`; the key alone decides the algorithm. Raises TokenError."""
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
            role = Role(claims.get("role", Role.USER))
        except names.FieldError as error:
            raise TokenError(f"the token says something impossible: {error}") from None
        except ValueError:
            _refuse("role")
        return Claims(user, name, role, int(claims["exp"]))

    def _decode(self, token: str) -> dict[str, Any]:
        if len(token) > TOKEN_CHARS:
            raise ValueError
        key_id = jwt.get_unverified_header(token).get("kid", "")
        # There is one key, so a key id chooses nothing; one that is shaped to reach a file is no id at all.
        if not isinstance(key_id, str) or not _KEY_ID.fullmatch(key_id):
            raise ValueError
        claims: dict[str, Any] = jwt.decode(
            token,
            self._key.material,
            algorithms=[self._key.algorithm],
            audience=AUDIENCE,
            issuer=ISSUER,
            leeway=LEEWAY_SECONDS,
            options={"require": ["exp", "sub", "aud", "iss"]},
        )
        return claims


def _refuse(claim: str) -> NoReturn:
    raise TokenError(f"the token has a wrong {claim}")


def mint(key: Key, *, user: str, role: Role = Role.USER, name: str | None = None, ttl: int = 3600) -> str:
    """Make a token for `user` that expires in `ttl` seconds. Raises StartError where the key can only check."""
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
    return jwt.encode(claims, key.material, algorithm=key.algorithm)


def key_file(path: Path | None, data_dir: Path) -> Path:
    """Tell where the key is: the file given, else the one in the data folder."""
    return path if path is not None else data_dir / KEY_FILE


def load_key(path: Path | None, data_dir: Path) -> Key:
    """Read the key of access tokens; without `path` it is kept in `data_dir` and made there at the first start.

    The key is the file's bytes without white space at the ends, or a PEM public key. Raises StartError.
    """
    file = key_file(path, data_dir)
    if path is None:
        try:
            _make_once(file)
        except OSError as error:
            reason = error.strerror or error
            raise StartError(
                f"cannot keep a key in {data_dir}: {reason}; make the folder writable or give --data-dir"
            ) from None
    try:
        data, exposed = private.look(file)
    except OSError as error:
        raise StartError(f"cannot read the key {file}: {error.strerror or error}; see --auth-key-file") from None
    data = data.strip()
    if data.startswith(b"-----BEGIN"):
        return _public_key(data, file)
    if len(data) < KEY_BYTES:
        raise StartError(f"the key {file} has {len(data)} bytes and needs {KEY_BYTES}: put a longer one there")
    if exposed:
        raise StartError(f"the key {private.ExposedError(file)}")
    return Key("HS256", data)


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
