"""What moderators and admins may ask of any node, and what they are answered (protocol.md section 7)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from bus.interface import PeerState
from server import acts, roomsettings
from server.departure import Begin
from server.exclusion import ban_of
from server.listing import list_page
from server.reporting import report_page
from server.roles import Command, is_moderator, may, require
from server.trail import audit_page
from server.wire import moderation, names, native
from server.wire.moderation import Outcome, Whom
from server.wire.native import OUR_MISTAKE, Code, Refused

if TYPE_CHECKING:
    from server.conversation import Conversation

logger = logging.getLogger(__name__)

LOOKS, LOOK_SECONDS = 10, 0.05
"""How often, and after how long each time, somebody is looked for who may have come to another node just now."""


def _kick(client: Conversation, request: moderation.Kick) -> None:
    said = _said(client, request)
    _act(client, request, acts.Kick(**said, grace=request.grace_seconds, block=request.block_seconds))


def _unkick(client: Conversation, request: moderation.Unkick) -> None:
    _act(client, request, acts.Unkick(**_said(client, request)))


def _mute(client: Conversation, request: moderation.Mute) -> None:
    _act(client, request, acts.Mute(**_said(client, request), seconds=request.seconds))


def _unmute(client: Conversation, request: moderation.Unmute) -> None:
    _act(client, request, acts.Unmute(**_said(client, request)))


def _move(client: Conversation, request: moderation.Move) -> None:
    _act(client, request, acts.Move(**_said(client, request), to=names.room_name(request.to, field="to")))


AnyAimed = moderation.Kick | moderation.Unkick | moderation.Mute | moderation.Unmute | moderation.Move


def _said(client: Conversation, request: AnyAimed) -> dict[str, Any]:
    """What all acts have in common, as `request` says it. Raises Refused, FieldError."""
    command = Command(str(request.__struct_config__.tag))
    if not is_moderator(client.actor):  # whatever else is wrong with what they ask
        require(client.actor, command)
    return {
        "by": client.actor,
        "id": identify(client, request),
        "room": None if request.room is None else names.room_name(request.room),
        "reason": _reason(request.reason),
    }


def identify(client: Conversation, request: native.Request) -> str:
    """The id of the act that a request is; the same request again, at whatever node, is the same act."""
    if request.id is None:
        return client.node.clock.new_act()
    return acts.act_id(client.session.session, request.id, native.content(request))


def _act(client: Conversation, request: AnyAimed, act: acts.AnyAct) -> None:
    """Begin an act on those whom `request` names."""
    whom = Whom.of(session=request.session, user=request.user, sessions=request.sessions, users=request.users)
    asked = request.id is not None
    try:
        work = client.node.moderation.order(act, whom, asked=asked)
    except Refused as refusal:
        if refusal.code is not Code.NOT_FOUND or not _has_peers(client):
            raise
        work = _order_when_heard_of(client, act, whom, refusal, asked=asked)
    client.node.tasks.start(_finish(client, request, work), name=act.command.value)


def _has_peers(client: Conversation) -> bool:
    return any(peer.state is not PeerState.DOWN and not peer.left for peer in client.node.bus.peers())


async def _order_when_heard_of(
    client: Conversation, act: acts.AnyAct, whom: Whom, refusal: Refused, *, asked: bool
) -> list[Outcome]:
    """Have an act carried out on who came to another node a moment ago: that node may have said `joined` already.

    Raises Refused as `Moderation.order` does.
    """
    for _ in range(LOOKS):
        await asyncio.sleep(LOOK_SECONDS)
        try:
            work = client.node.moderation.order(act, whom, asked=asked)
        except Refused as again:
            if again.code is not Code.NOT_FOUND:
                raise
            refusal = again
        else:
            return await work
    raise refusal


async def _finish(client: Conversation, request: native.Request, act: Awaitable[list[Outcome]]) -> None:
    try:
        results = await act
    except Refused as refusal:
        client.refuse(request.id, refusal)
    except Exception:
        logger.exception("a %s failed", type(request).__name__.lower())
        client.refuse(request.id, OUR_MISTAKE)
    else:
        client.send(moderation.Done(id=native.given(request.id), results=results))


def _ban(client: Conversation, request: moderation.Ban) -> None:
    if not is_moderator(client.actor):
        require(client.actor, Command.BAN)
    ban = ban_of(request.user, request.ip, request.room)
    require(client.actor, Command.BAN, ban.room or None)
    act, reason = identify(client, request), _reason(request.reason)
    work = client.node.exclusion.ban(client.actor, ban, reason=reason, seconds=request.seconds, act=act)
    client.node.tasks.start(_finish(client, request, work), name="ban")


def _unban(client: Conversation, request: moderation.Unban) -> None:
    entry = client.node.exclusion.bans.get(request.ban)
    require(client.actor, Command.UNBAN, None if entry is None else entry.ban.room or None)
    act, reason = identify(client, request), _reason(request.reason)
    work = client.node.exclusion.unban(client.actor, request.ban, reason=reason, act=act)
    client.node.tasks.start(_finish(client, request, work), name="unban")


def _bans(client: Conversation, request: moderation.Bans) -> None:
    require(client.actor, Command.BANS)
    by = client.actor
    items, after = client.node.exclusion.page(
        limit=request.limit, after=request.after, fits=lambda ban: may(by, Command.UNBAN, ban.room or None)
    )
    client.send(moderation.Listed(id=native.given(request.id), what="bans", items=items, next=after))


def _reason(reason: str | None) -> str:
    return names.chat_text(reason, field="reason") if reason else ""


def _set_room(client: Conversation, request: moderation.SetRoom) -> None:
    if not is_moderator(client.actor):
        require(client.actor, Command.SET_ROOM)
    room, changes = names.room_name(request.room), roomsettings.changes(request)
    require(client.actor, Command.SET_ROOM, room)
    if not changes:
        raise Refused(Code.BAD_REQUEST, "name what is to be otherwise: locked, capacity, title and so on")
    reason, act = _reason(request.reason), identify(client, request)
    work = client.node.settings.set(client.actor, room, changes, reason=reason, act=act)
    client.node.tasks.start(_finish(client, request, work), name="set_room")


def _drain(client: Conversation, request: moderation.Drain) -> None:
    node = client.node
    require(client.actor, Command.DRAIN)
    target = node.cards.find(request.node)
    if target is None:
        raise Refused(Code.NOT_FOUND, "there is no node of that name or id", field="node")
    order = Begin(by=client.actor, seconds=request.seconds, reason=_reason(request.reason))

    async def act() -> list[Outcome]:
        return [await node.departure.order(target, order)]

    node.tasks.start(_finish(client, request, act()), name="drain")


def _list(client: Conversation, request: moderation.List) -> None:
    if request.what == "reports":
        client.send(report_page(client, request))
        return
    room = None if request.room is None else names.room_name(request.room)
    require(client.actor, LISTS[request.what], room)
    client.send(list_page(client.node, request))


def _audit(client: Conversation, request: moderation.Audit) -> None:
    require(client.actor, Command.AUDIT)
    client.node.tasks.start(_tell(client, request, audit_page(client.node, request)), name="audit")


async def _tell(client: Conversation, request: native.Request, answer: Awaitable[native.Message]) -> None:
    try:
        client.send(await answer)
    except Refused as refusal:
        client.refuse(request.id, refusal)


LISTS = {
    "nodes": Command.LIST_NODES,
    "rooms": Command.LIST_ROOMS,
    "sessions": Command.LIST_SESSIONS,
    "members": Command.LIST_MEMBERS,
}

HANDLERS: dict[type, Callable[[Conversation, Any], None]] = {
    moderation.Kick: _kick,
    moderation.Unkick: _unkick,
    moderation.Mute: _mute,
    moderation.Unmute: _unmute,
    moderation.Ban: _ban,
    moderation.Unban: _unban,
    moderation.Bans: _bans,
    moderation.SetRoom: _set_room,
    moderation.Move: _move,
    moderation.Drain: _drain,
    moderation.List: _list,
    moderation.Audit: _audit,
}
"""What is done with each request of this section."""
