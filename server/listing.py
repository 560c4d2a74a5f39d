"""What `list` answers: pages of nodes, rooms, sessions and members (protocol.md section 7)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from itertools import islice
from typing import TYPE_CHECKING, Any

import msgspec

from server.views import DrainView, NodeView
from server.wire import moderation, names
from server.wire.native import Code, Refused

if TYPE_CHECKING:
    from server.node import Node


def list_page(node: Node, request: moderation.List) -> moderation.Listed:
    """One page, in the order of the items' keys. Raises Refused, FieldError."""
    room = None if request.room is None else names.room_name(request.room)
    match request.what:
        case "nodes":
            items: Iterable[tuple[str, Any]] = [
                (view.node, _node_item(view))
                for view in node_views(node)
                if request.node is None or request.node in (view.node, view.name)
            ]
        case "rooms":
            items = _rooms(node, room)
        case "sessions":
            items = _sessions(node, room, request.node)
        case "members":
            items = _members(node, room)
    page = list(islice(_after(sorted(items, key=_key), request.after), request.limit + 1))
    more = len(page) > request.limit
    page = page[: request.limit]
    return moderation.Listed(
        id=msgspec.UNSET if request.id is None else request.id,
        what=request.what,
        items=[item for _, item in page],
        next=page[-1][0] if more else None,
    )


def node_views(node: Node) -> list[NodeView]:
    """Every node of the cluster as this one knows it, itself first."""
    own, now, presence = node.cards.card, node.clock.now(), node.presence
    away = Counter(presence.present[session].node for session in presence.reconnecting)
    views = [
        NodeView(
            node=node.node_id,
            name=node.name,
            state="up",
            here=True,
            url=node.url,
            bus=node.bus.address,
            sessions=presence.per_node[node.node_id] - away[node.node_id],
            cpu=own.cpu,
            memory=own.memory,
            received_rate=own.received_rate,
            sent_rate=own.sent_rate,
            started=own.started,
            round_trip=None,
            heard=0.0,
            pid=own.pid,
            draining=node.departure.view(),
        )
    ]
    for peer, card in node.cards.peers.values():
        views.append(
            NodeView(
                node=peer.node,
                name=card.name if card else peer.node,
                state=peer.state.value,
                here=False,
                url=card.url if card else "",
                bus=peer.address,
                sessions=presence.per_node[peer.node] - away[peer.node],
                cpu=card.cpu if card else None,
                memory=card.memory if card else None,
                received_rate=card.received_rate if card else 0.0,
                sent_rate=card.sent_rate if card else 0.0,
                started=card.started if card else 0,
                round_trip=None if peer.round_trip is None else peer.round_trip * 1000,
                heard=max(0.0, now - peer.heard),
                pid=card.pid if card else 0,
                draining=DrainView(*card.drain) if card and card.drain else None,
            )
        )
    return views


def _node_item(view: NodeView) -> dict[str, Any]:
    return {"node": view.node, "name": view.name, "state": view.state, "url": view.url, "sessions": view.sessions}


def _rooms(node: Node, only: str | None) -> Iterable[tuple[str, Any]]:
    for name in node.rooms.keys() | node.settings.rooms():
        if only is None or name == only:
            room, members = node.rooms.get(name), len(node.presence.rooms.get(name, ()))
            speaking = 0 if room is None else len(room.talkers)
            state = node.settings.of(name)
            yield name, {"room": name, "members": members, "speaking": speaking, "room_state": state}


def _sessions(node: Node, room: str | None, where: str | None) -> Iterable[tuple[str, Any]]:
    for session, record in node.presence.present.items():
        if room is not None and record.seat(room) is None:
            continue
        if where is not None and where not in (record.node, record.node_name):
            continue
        yield (
            session,
            {
                "session": session,
                "user": record.user,
                "name": record.name,
                "role": record.role,
                "node": record.node_name,
                "rooms": [seat.room for seat in record.seats],
                "muted": record.muted(),
                "state": "reconnecting" if node.presence.is_reconnecting(session) else "online",
                "ip": record.ip,
            },
        )


def _members(node: Node, room: str | None) -> Iterable[tuple[str, Any]]:
    if room is None:
        raise Refused(Code.BAD_REQUEST, "members of which room?", field="room")
    if room not in node.presence.rooms and room not in node.settings.rooms():
        raise Refused(Code.NOT_FOUND, f"there is no room {room}")
    for member in node.members(room):
        yield member.session, member


def _key(item: tuple[str, Any]) -> str:
    return item[0]


def _after(items: list[tuple[str, Any]], after: str | None) -> Iterable[tuple[str, Any]]:
    return items if after is None else (item for item in items if item[0] > after)
