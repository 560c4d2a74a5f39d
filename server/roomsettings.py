"""The settings of a room: what `set_room` may ask for (section 7), and what comes of what is saved; pure."""

from __future__ import annotations

import hashlib
import hmac
import unicodedata
from collections.abc import Mapping

import msgspec

from server.views import RoomState
from server.wire import names
from server.wire.moderation import PASSWORD_CHARS, TITLE_CHARS, SetRoom
from server.wire.names import FieldError

PASSWORD = "password"
"""The field that is no part of a RoomState."""

FIELDS = (*RoomState.__struct_fields__, PASSWORD)
"""What of a room can be set; each is saved by itself, so that two moderators who change two things both get it."""

SALT_BYTES = 16
_COST, _BLOCK, _LANES = 1 << 14, 8, 1
"""Of scrypt (RFC 7914): 16 MiB and some 40 ms for each password that is tried."""


class Lock(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """What is saved of a password: enough to check one, and not to read it."""

    salt: bytes
    digest: bytes

    @classmethod
    def make(cls, password: str, salt: bytes) -> Lock:
        """The lock that `password` opens. Takes long: not to be called on an event loop."""
        return cls(salt, _stretch(password, salt))

    def opens(self, password: str) -> bool:
        """Whether this is the password. Takes long: not to be called on an event loop."""
        return hmac.compare_digest(self.digest, _stretch(password, self.salt))


def _stretch(password: str, salt: bytes) -> bytes:
    return hashlib.scrypt(password.encode(), salt=salt, n=_COST, r=_BLOCK, p=_LANES, dklen=32)


Value = bool | int | str | None
"""What a field is to be; None removes a password."""


def changes(request: SetRoom) -> dict[str, Value]:
    """What `request` asks for, by field. Raises FieldError."""
    asked: dict[str, Value] = {
        field: value for field in FIELDS if (value := getattr(request, field)) is not msgspec.UNSET
    }
    if isinstance(request.title, str) and request.title:  # an empty one is as by default
        asked["title"] = names.chat_text(request.title, field="title", limit=TITLE_CHARS)
    if isinstance(request.password, str):
        asked[PASSWORD] = password(request.password)
    return asked


def password(given: str) -> str:
    """A password in its normal form, so that it does not hang on the keyboard. Raises FieldError."""
    text = names.chat_text(given, field=PASSWORD, limit=PASSWORD_CHARS)
    return unicodedata.normalize("NFC", text)


def told(changes: Mapping[str, Value]) -> str:
    """Changes in words, for the audit: ``locked on, capacity 20``. A password is not told."""
    return ", ".join(f"{field} {_told(field, value)}" for field, value in changes.items())


def _told(field: str, value: Value) -> str:
    if field == PASSWORD:
        return "removed" if value is None else "set"
    return ("on" if value else "off") if isinstance(value, bool) else str(value) or "none"


def ruled(field: str, value: Value | Lock) -> Value | Lock:
    """What is decided so that a field has this value: None, which lifts what was, where any room is like that."""
    return None if field != PASSWORD and value == getattr(RoomState(), field) else value


class Settings(msgspec.Struct, frozen=True, gc=False):
    """What is saved of one room."""

    state: RoomState = RoomState()
    lock: Lock | None = None
    """Of its password."""

    def changed(self, field: str, value: bytes) -> Settings:
        """The settings with another value of a field. Raises MsgspecError, FieldError if it can have none such."""
        if field not in FIELDS:
            raise FieldError(field, f"a room has no {field}")
        if field == PASSWORD:
            lock = msgspec.msgpack.decode(value, type=Lock) if value else None
            return msgspec.structs.replace(self, lock=lock)
        if not value:
            return self._with(field, getattr(RoomState(), field))
        asked = {"type": "set_room", "room": "any", field: msgspec.msgpack.decode(value)}
        return self._with(field, changes(msgspec.convert(asked, SetRoom))[field])

    def _with(self, field: str, value: object) -> Settings:
        return msgspec.structs.replace(self, state=msgspec.structs.replace(self.state, **{field: value}))
