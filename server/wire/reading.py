"""Reads requests, and says in one sentence what is wrong with those that are none (protocol.md section 2); pure."""

from __future__ import annotations

import json
import re
from typing import Any, get_args

import msgspec

from bus.record import ClientId
from server.wire import native
from server.wire.moderation import Moderating
from server.wire.native import Code, Refused
from server.wire.reporting import Reporting

AnyRequest = (
    native.Hello
    | native.Join
    | native.Leave
    | native.Say
    | native.Whisper
    | native.Announce
    | native.VoiceTarget
    | native.Deafen
    | Moderating
    | Reporting
)

_decoder: msgspec.json.Decoder[AnyRequest] = msgspec.json.Decoder(AnyRequest)
_TYPES = frozenset(request.__struct_config__.tag for request in get_args(AnyRequest))
_PLACE = re.compile(r" - at `\$\.(?P<field>[a-z_]+)")
_MISSING = re.compile(r"missing required field `(?P<field>[a-z_]+)`")


class BrokenRequest(Exception):
    """A message that is no request; carries the refusal and the `id` to repeat, if one could be read."""

    def __init__(self, refusal: Refused, *, id: ClientId | None = None, type: str | None = None) -> None:
        super().__init__(refusal.message)
        self.refusal = refusal
        self.id = id
        self.type = type


def decode(data: bytes) -> AnyRequest:
    """The request in one text message. Raises BrokenRequest."""
    try:
        return _decoder.decode(data)
    except (msgspec.MsgspecError, RecursionError, ValueError) as error:
        raise _explain(data, error) from None


def _explain(data: bytes, error: Exception) -> BrokenRequest:
    """Say what is wrong with `data`. Slow, and bounded by the limit on broken messages."""
    try:
        message = json.loads(data)
    except (ValueError, RecursionError):
        return BrokenRequest(Refused(Code.BAD_REQUEST, "the message is not JSON"))
    if not isinstance(message, dict):
        return BrokenRequest(Refused(Code.BAD_REQUEST, "the message is not a JSON object"))
    kind, id = message.get("type"), _readable_id(message.get("id"))
    if not isinstance(kind, str):
        return BrokenRequest(Refused(Code.BAD_REQUEST, "type is missing or no string", field="type"), id=id)
    if kind not in _TYPES:
        return BrokenRequest(Refused(Code.BAD_REQUEST, "no such type of request", field="type"), id=id)
    text = str(error)
    place = _PLACE.search(text) or _MISSING.search(text)
    field = place["field"] if place else None
    if _MISSING.search(text) and not _PLACE.search(text):
        sentence = f"{field} is missing"
    elif field:
        sentence = f"{field} is of a wrong type or form"
    else:
        sentence = "the message holds text that is not Unicode or a number out of range"
    return BrokenRequest(Refused(Code.BAD_REQUEST, sentence, field=field), id=id, type=kind)


def _readable_id(id: Any) -> ClientId | None:
    if isinstance(id, bool):
        return None
    if isinstance(id, str) and len(id) <= 64:
        return None if any("\ud800" <= c <= "\udfff" for c in id) else id
    return id if isinstance(id, int) and -(2**63) <= id < 2**63 else None
