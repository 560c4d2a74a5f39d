"""From a client's `join` to its seat: what a room asks of those who come (protocol.md section 4)."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from bus.record import ClientId
from server.roomsettings import Lock, password
from server.wire import names, native
from server.wire.native import OUR_MISTAKE, Code, Refused

if TYPE_CHECKING:
    from server.conversation import Conversation

logger = logging.getLogger(__name__)


def join(client: Conversation, request: native.Join) -> None:
    """Let a client into a room; with a password, once that has been tried. Raises Refused, FieldError."""
    room = names.room_name(request.room)
    given = None if request.password is None else password(request.password)
    lock = _admit(client, room)
    if lock is None:
        _enter(client, room, request.id)
    elif given is None:
        raise Refused(Code.FORBIDDEN, f"the room {room} asks for a password", field="password")
    else:
        client.node.tasks.start(_unlock(client, room, lock, given, request.id), name="join")


def _admit(client: Conversation, room: str) -> Lock | None:
    record = client.session
    if record.seat(room) is not None:
        raise Refused(Code.ALREADY, f"you are in {room}")
    if len(record.seats) >= native.ROOMS:
        raise Refused(Code.BAD_REQUEST, f"a session may be in {native.ROOMS} rooms", field="room")
    client.node.exclusion.refuse(record, room)
    return client.node.settings.admit(record, room)


async def _unlock(client: Conversation, room: str, lock: Lock, given: str, id: ClientId | None) -> None:
    """Try the password; what else the room asks is asked again after it, as much may be otherwise by then."""
    node, by = client.node, client.network or client.session.session
    try:
        fits = await node.settings.passwords.try_(lock, given, by=by, now=node.clock.now())
        if not client.is_live:
            return
        if not fits or _admit(client, room) not in (None, lock):
            raise Refused(Code.FORBIDDEN, f"that is not the password of {room}", field="password")
        _enter(client, room, id)
    except Refused as refusal:
        node.counters.limited["passwords"] += refusal.code is Code.RATE_LIMITED
        client.refuse(id, refusal)
    except Exception:
        logger.exception("a join of a client failed")
        client.refuse(id, OUR_MISTAKE)


def _enter(client: Conversation, name: str, id: ClientId | None) -> None:
    node = client.node
    seat = node.new_seat(name)
    client.take_seat(seat)
    client.send(node.joined(seat, id=id))
