"""What names and texts may look like (protocol.md section 2); pure."""

from __future__ import annotations

import re
import unicodedata

TEXT_CHARS = 4000
NAME_CHARS = 32
ROOM_CHARS = 64
USER_CHARS = 64
MOST_BEFORE_NFC = 4 * ROOM_CHARS
"""Normalising takes time by the square of a run of combining marks, so it is not begun on what cannot fit."""
CLIENT_CHARS = 64

_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")
"""Control characters that a text loses: all but newline and tab."""
_UNFIT_IN_NAME = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]")
"""Control and bidi characters."""
_USER = re.compile(r"[A-Za-z0-9\-_.@]+")
_SURROGATE = re.compile("[\ud800-\udfff]")


class FieldError(Exception):
    """A field is too long (`too_large`) or of a wrong form; the text is one plain sentence."""

    def __init__(self, field: str, message: str, *, too_large: bool = False) -> None:
        super().__init__(message)
        self.field = field
        self.too_large = too_large


def _fit(field: str, text: str, limit: int) -> str:
    if len(text) > limit:
        raise FieldError(field, f"{field} has {len(text)} characters, {limit} is the most", too_large=True)
    return text


def chat_text(text: str, *, field: str = "text", limit: int = TEXT_CHARS) -> str:
    """`text` without control characters, otherwise unchanged. Raises FieldError."""
    if _SURROGATE.search(text):
        raise FieldError(field, f"{field} holds half a surrogate pair")
    text = _fit(field, _CONTROL.sub("", text), limit)
    if not text.strip():
        raise FieldError(field, f"{field} is empty")
    return text


def person_name(name: str) -> str:
    """A name for people, trimmed. Raises FieldError."""
    name = _fit("name", name.strip(), NAME_CHARS)
    if not name:
        raise FieldError("name", "name is empty")
    if _UNFIT_IN_NAME.search(name) or _SURROGATE.search(name):
        raise FieldError("name", "name holds a control or direction character")
    return name


def room_name(room: str, *, field: str = "room") -> str:
    """The normal form of a room's name: NFC, trimmed, case kept. Raises FieldError."""
    return _room(room, field, " -_.")


def room_pattern(pattern: str, *, field: str = "room") -> str:
    """The normal form of a room's name in which ``*`` may stand for anything. Raises FieldError."""
    return _room(pattern, field, " -_.*")


def _room(room: str, field: str, signs: str) -> str:
    if _SURROGATE.search(room):
        raise FieldError(field, f"{field} holds half a surrogate pair")
    _fit(field, room, MOST_BEFORE_NFC)
    room = _fit(field, unicodedata.normalize("NFC", room).strip(), ROOM_CHARS)
    if not room:
        raise FieldError(field, f"{field} is empty")
    for character in room:
        if character not in signs and unicodedata.category(character)[0] not in "LMN":
            *others, last = ("space" if sign == " " else f"'{sign}'" for sign in signs)
            raise FieldError(field, f"{field} may hold letters, digits, {', '.join(others)} and {last} only")
    return room


def user_name(user: str) -> str:
    """A user id. Raises FieldError."""
    _fit("user", user, USER_CHARS)
    if not _USER.fullmatch(user):
        raise FieldError("user", "user may hold letters, digits and '-_.@' only, 1 to 64 of them")
    return user
