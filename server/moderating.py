"""What moderators and admins may ask of any node, and what they are answered (protocol.md section 7)."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from server import roomsettings
from server.departure import Begin
from server.exclusion import ban_of
from server.listing import list_page
from server.session import Role
from server.trail import audit_page
from server.wire import moderation, names, native
from server.wire.moderation import Outcome
from server.wire.native import OUR_MISTAKE, Code, Refused

if TYPE_CHECKING:
    from server.conversation import Conversation

logger = logging.getLogger(__name__)


def _kick(client: Conversation, request: moderation.Kick) -> None:
    require_moderator(client, "kick")
    for field in ("grace_seconds", "block_seconds"):
        if getattr(request, field):
            raise Refused(Code.BAD_REQUEST, f"this node kicks at once: {field} must be 0 or absent", field=field)
    _act(client, request, partial(client.node.moderation.kick, client.actor))


def _mute(client: Conversation, request: moderation.Mute) -> None:
    require_moderator(client, "mute")
    _act(client, request, partial(client.node.moderation.mute, client.actor, seconds=request.seconds))


def _unmute(client: Conversation, request: moderation.Unmute) -> None:
    require_moderator(client, "unmute")
    _act(client, request, partial(client.node.moderation.unmute, client.actor), silenced=True)


def require_moderator(client: Conversation, what: str) -> None:
    """Raises Refused forbidden."""
    if client.session.role is Role.USER:
        raise Refused(Code.FORBIDDEN, f"only moderators may {what}")


def _act(
    client: Conversation,
    request: moderation.Kick | moderation.Mute | moderation.Unmute,
    act: Callable[..., Awaitable[list[Outcome]]],
    *,
    silenced: bool = False,
) -> None:
    """Begin an act on those whom `request` names; `silenced` as in `Moderation.targets`."""
    room = None if request.room is None else names.room_name(request.room)
    reason = names.chat_text(request.reason, field="reason") if request.reason else ""
    targets = client.node.moderation.targets(
        client.actor, session=request.session, user=request.user, room=room, silenced=silenced
    )
    work = _finish(client, request, act(targets, room=room, reason=reason))
    client.node.tasks.start(work, name=type(request).__name__.lower())


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
    require_moderator(client, "ban")
    ban = ban_of(request.user, request.ip, request.room)
    work = client.node.exclusion.ban(client.actor, ban, reason=_reason(request.reason), seconds=request.seconds)
    client.node.tasks.start(_finish(client, request, work), name="ban")


def _unban(client: Conversation, request: moderation.Unban) -> None:
    require_moderator(client, "unban")
    work = client.node.exclusion.unban(client.actor, request.ban, reason=_reason(request.reason))
    client.node.tasks.start(_finish(client, request, work), name="unban")


def _bans(client: Conversation, request: moderation.Bans) -> None:
    require_moderator(client, "list bans")
    items, after = client.node.exclusion.page(limit=request.limit, after=request.after)
    client.send(moderation.Listed(id=native.given(request.id), what="bans", items=items, next=after))


def _reason(reason: str | None) -> str:
    return names.chat_text(reason, field="reason") if reason else ""


def _set_room(client: Conversation, request: moderation.SetRoom) -> None:
    require_moderator(client, "change a room")
    room, changes = names.room_name(request.room), roomsettings.changes(request)
    if not changes:
        raise Refused(Code.BAD_REQUEST, "name what is to be otherwise: locked, capacity, title and so on")
    act = client.node.settings.set(client.actor, room, changes, reason=_reason(request.reason))
    client.node.tasks.start(_finish(client, request, act), name="set_room")


def _drain(client: Conversation, request: moderation.Drain) -> None:
    node = client.node
    if client.session.role is not Role.ADMIN:
        raise Refused(Code.FORBIDDEN, "only admins may drain a node")
    target = node.cards.find(request.node)
    if target is None:
        raise Refused(Code.NOT_FOUND, "there is no node of that name or id", field="node")
    order = Begin(by=client.actor, seconds=request.seconds, reason=_reason(request.reason))

    async def act() -> list[Outcome]:
        return [await node.departure.order(target, order)]

    node.tasks.start(_finish(client, request, act()), name="drain")


def _list(client: Conversation, request: moderation.List) -> None:
    if client.session.role is Role.USER and request.what != "rooms":
        raise Refused(Code.FORBIDDEN, "only moderators may list that")
    client.send(list_page(client.node, request))


def _audit(client: Conversation, request: moderation.Audit) -> None:
    require_moderator(client, "read the audit")
    client.node.tasks.start(_tell(client, request, audit_page(client.node, request)), name="audit")


async def _tell(client: Conversation, request: native.Request, answer: Awaitable[native.Message]) -> None:
    try:
        client.send(await answer)
    except Refused as refusal:
        client.refuse(request.id, refusal)


HANDLERS: dict[type, Callable[[Conversation, Any], None]] = {
    moderation.Kick: _kick,
    moderation.Mute: _mute,
    moderation.Unmute: _unmute,
    moderation.Ban: _ban,
    moderation.Unban: _unban,
    moderation.Bans: _bans,
    moderation.SetRoom: _set_room,
    moderation.Drain: _drain,
    moderation.List: _list,
    moderation.Audit: _audit,
}
"""What is done with each request of this section."""
