"""Resume tokens: which session a client may go on with, signed by a key that all nodes of a cluster know."""

from __future__ import annotations

import dataclasses
import hashlib
import hmac
from collections.abc import Iterable, Sequence
from typing import Any

import jwt

from server.identity import LEEWAY_SECONDS, TOKEN_CHARS, TokenError
from server.scopes import read_scope
from server.session import Rights, Role, SessionRecord
from server.wire import names

SECRET_BYTES = 32

KEYS = 64
"""Keys that one node knows at most."""

LIVES = 2
"""A token is good for so many times the seconds in which a session can resume; a new one comes at half of that."""

_TYPE, _ALGORITHM = "resume", "HS256"


@dataclasses.dataclass(frozen=True, slots=True)
class Bearer:
    """What a resume token that was accepted says."""

    session: str
    user: str
    name: str
    rights: Rights


class Resumption:
    """Makes and reads resume tokens. Signed is with the known key of the lowest id, or the one given first to `use`;
    read is with any."""

    def __init__(self, secrets: Iterable[bytes]) -> None:
        self._keys: dict[str, bytes] = {}
        self._signer = ""
        self.learn(secrets)

    @property
    def secrets(self) -> list[bytes]:
        """Every key that is known, by its id."""
        return [self._keys[id] for id in sorted(self._keys)]

    def learn(self, secrets: Iterable[bytes]) -> bool:
        """Know these keys too; returns whether any was new."""
        before = len(self._keys)
        for secret in secrets:
            if len(secret) == SECRET_BYTES and len(self._keys) < KEYS:
                self._keys[_id_of(secret)] = secret
        self._signer = min(self._keys, default="")
        return len(self._keys) > before

    def use(self, secrets: Sequence[bytes]) -> None:
        """Know these keys and no others, and sign with the first."""
        self._keys = {_id_of(secret): secret for secret in secrets}
        self._signer = _id_of(secrets[0])

    def issue(self, record: SessionRecord, *, expires: int) -> str:
        """A token for a session, good until `expires`, seconds since 1970."""
        claims: dict[str, Any] = {
            "session": record.session,
            "user": record.user,
            "name": record.name,
            "role": record.role.value,
            "exp": expires,
        }
        if record.scope is not None:
            claims["rooms"] = record.scope
        secret = self._keys[self._signer]
        return jwt.encode(claims, secret, algorithm=_ALGORITHM, headers={"typ": _TYPE, "kid": self._signer})

    def read(self, token: str) -> Bearer:
        """What a token says. Raises TokenError."""
        try:
            return _bearer(self._decode(token))
        except jwt.ExpiredSignatureError:
            raise TokenError("the time to resume is over, start anew") from None
        except (jwt.PyJWTError, names.FieldError, KeyError, ValueError, TypeError, OverflowError, RecursionError):
            raise TokenError("the resume token is not valid here, start anew") from None

    def lacks_key_of(self, token: str) -> bool:
        """Whether a token has the form of a resume token, of a key that is not known."""
        try:
            return _head(token)["kid"] not in self._keys
        except (jwt.PyJWTError, KeyError, ValueError, RecursionError):
            return False

    def _decode(self, token: str) -> dict[str, Any]:
        claims: dict[str, Any] = jwt.decode(
            token,
            self._keys[_head(token)["kid"]],
            algorithms=[_ALGORITHM],
            leeway=LEEWAY_SECONDS,
            options={"require": ["exp", "session", "user", "name", "role"]},
        )
        return claims


def _head(token: str) -> dict[str, Any]:
    if len(token) > TOKEN_CHARS:
        raise ValueError
    header = jwt.get_unverified_header(token)
    if header.get("typ") != _TYPE:
        raise ValueError
    return header


def _bearer(claims: dict[str, Any]) -> Bearer:
    session = claims["session"]
    if not all(isinstance(claims[name], str) for name in ("session", "user", "name", "role")):
        raise ValueError
    if not 0 < len(session) <= names.USER_CHARS:
        raise ValueError
    rights = Role(claims["role"]), read_scope(claims.get("rooms"))
    return Bearer(session, names.user_name(claims["user"]), names.person_name(claims["name"]), rights)


def _id_of(secret: bytes) -> str:
    """The id of a key, which tells nothing of it."""
    return hmac.digest(secret, b"switchboard resume key id", hashlib.sha256).hex()[:16]
