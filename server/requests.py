"""What a client that has been welcomed may ask, and what it is answered (protocol.md sections 4 to 7)."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from bus.record import ClientId
from server import entering, moderating, reporting, roles
from server.limits import Echo
from server.roles import Command
from server.session import Aim
from server.texts import Receipt, Sender
from server.wire import names, native
from server.wire.native import Code, Refused

if TYPE_CHECKING:
    from server.conversation import Conversation

logger = logging.getLogger(__name__)

TARGETS = 64
"""Targets of whispered voice that a session may have; a number that it names again is the new one."""


def _hello(client: Conversation, request: native.Hello) -> None:
    raise Refused(Code.ALREADY, "this connection has said hello")


# Rooms.


def _leave(client: Conversation, request: native.Leave) -> None:
    client.leave(_room_of(client, request.room), "left", id=request.id)


def _room_of(client: Conversation, name: str) -> str:
    room = names.room_name(name)
    if client.session.seat(room) is None:
        raise Refused(Code.NOT_FOUND, f"you are not in {room}")
    return room


# Texts.


def _say(client: Conversation, request: native.Say) -> None:
    if not _is_repeated(client, request.id):
        room = _room_of(client, request.room)
        _refuse_muted(client, room)
        restraint = client.node.settings if client.node.rooms[room].restrains else None
        if restraint is not None:
            restraint.refuse_muted(client.session, room)
        text = names.chat_text(request.text)
        _refuse_flood(client, room, text)
        if restraint is not None:
            restraint.keep_pace(client.session, room)
        _take(client, request.id, partial(client.node.messenger.say, client.actor, room, request.id, text))


def _whisper(client: Conversation, request: native.Whisper) -> None:
    if not _is_repeated(client, request.id):
        _refuse_muted(client, None)
        text = names.chat_text(request.text)
        _take(client, request.id, partial(client.node.messenger.whisper, client.actor, request.to, request.id, text))


def _announce(client: Conversation, request: native.Announce) -> None:
    if not _is_repeated(client, request.id):
        room = None if request.room is None else names.room_name(request.room)
        roles.require(client.actor, Command.ANNOUNCE, room)
        _refuse_muted(client, room)
        text = names.chat_text(request.text)
        _take(client, request.id, partial(client.node.messenger.announce, client.actor, room, request.id, text))


def _refuse_muted(client: Conversation, room: str | None) -> None:
    """A mute of the room silences there, one without a room everywhere."""
    if client.session.muted(room):
        raise Refused(Code.MUTED, "a moderator has muted you")


def _refuse_flood(client: Conversation, room: str, text: str) -> None:
    """The same again and again, though not of this machine itself, where it is a measurement; and too much in all."""
    now = client.node.clock.now()
    if client.network:
        echo = client.echoes.get(room)
        if echo is None:
            echo = client.echoes[room] = Echo(now=now)
        if wait := echo.hear(text, now):
            raise client.one_too_many("repeats", "you say the same again and again, wait a little", wait)
    if wait := client.node.quotas.rooms.take(room, now):
        raise client.one_too_many("room", f"too much is said in {room}, wait a little", wait)


def _is_repeated(client: Conversation, id: ClientId) -> bool:
    """Answer a text whose id is known by where it stands, now or when it is shown."""
    messenger, session = client.node.messenger, client.session.session
    known = messenger.is_known(session, id)
    if known:
        messenger.repeat(session, id, _sender(client, id))
    return known


def _take(client: Conversation, id: ClientId, say: Callable[[Sender], None]) -> None:
    say(_sender(client, id))


def _sender(client: Conversation, id: ClientId) -> Sender:
    return Sender(shown=partial(_shown, client, id), unknown=partial(_unknown, client, id))


def _shown(client: Conversation, id: ClientId, receipt: Receipt, asked: bool) -> None:
    if not asked:
        return
    client.send(
        native.Sent(
            id=id,
            room=receipt.room,
            delivered=receipt.delivered,
            origin=receipt.origin,
            seq=receipt.seq,
            at=receipt.at,
            copies=receipt.copies,
        )
    )


def _unknown(client: Conversation, id: ClientId) -> None:
    sentence = "no second node has confirmed the text; repeat it under the same id"
    client.refuse(id, Refused(Code.UNAVAILABLE, sentence))


# Voice.


def _deafen(client: Conversation, request: native.Deafen) -> None:
    client.deafen(request.on)
    client.send(native.Ok(id=native.given(request.id)))


def _voice_target(client: Conversation, request: native.VoiceTarget) -> None:
    client.node.messenger.receivers(client.actor, request.to)
    if request.target not in client.targets and len(client.targets) >= TARGETS:
        raise Refused(Code.BAD_REQUEST, f"a session may have {TARGETS} targets", field="target")
    client.aim(Aim(request.target, request.to.session, request.to.user))
    client.send(native.Ok(id=native.given(request.id)))


HANDLERS: dict[type, Callable[[Conversation, Any], None]] = {
    native.Hello: _hello,
    native.Join: entering.join,
    native.Leave: _leave,
    native.Say: _say,
    native.Whisper: _whisper,
    native.Announce: _announce,
    native.Deafen: _deafen,
    native.VoiceTarget: _voice_target,
    **moderating.HANDLERS,
    **reporting.HANDLERS,
}
"""What is done with each request; a missing entry is the error."""
