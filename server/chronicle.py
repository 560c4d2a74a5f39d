"""What a console keeps of what happened at its node: lines, talk, rates and losses; and who is told of changes."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from server import lines
from server.aftermath import Aftermath
from server.events import (
    AnnouncementShown,
    Audited,
    Event,
    MemberChanged,
    Moderated,
    NodeChanged,
    ReportChanged,
    RoomEntered,
    RoomLeft,
    RoomSet,
    SessionLost,
    SessionResumed,
    SpeakersChanged,
    TextShown,
)
from server.lines import Lines
from server.listing import node_views
from server.node import Node
from server.rates import Rates
from server.rulings import BAN
from server.talk import Talks
from server.views import ChatView, NodeView


class Chronicle:
    """Watches a node for its desk, from the time of its making on."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self.lines = Lines()
        self.talks = Talks()
        self.rates = Rates(started=node.started)
        self.aftermath = Aftermath(node)
        self._spread: dict[str, int] = {}
        """Of rooms where nobody came or went since it was counted."""
        self._observers: list[Callable[[str, str], None]] = []
        node.watch(self._note)
        node.orders.follow(BAN, lambda _: self.tell("audit", "bans"))

    def watch(self, observer: Callable[[str, str], None]) -> Callable[[], None]:
        """See `Desk.watch`."""
        self._observers.append(observer)
        return lambda: self._observers.remove(observer)

    def nodes(self) -> list[NodeView]:
        """See `Desk.nodes`."""
        ended = self.aftermath.ended()
        return [
            msgspec.structs.replace(view, state="down") if view.node in ended else view
            for view in node_views(self._node)
            if view.state == "up" or not self.aftermath.excused(view.node)
        ]

    def levels(self, room: str) -> dict[str, int]:
        """See `Desk.levels`."""
        found = self._node.rooms.get(room)
        return {} if found is None else {session: talker.level for session, talker in found.talkers.items()}

    def spread(self, room: str) -> int:
        """On how many nodes the members of a room are."""
        known = self._spread.get(room)
        if known is None:
            present = self._node.presence.present
            known = len({present[session].node for session in self._node.presence.rooms.get(room, {})})
            self._spread[room] = known
        return known

    def add(self, line: ChatView, rooms: Sequence[str]) -> None:
        """Keep a line of these rooms, and tell of it."""
        self.lines.add(line, rooms)
        for room in rooms:
            self.tell("chat", room)

    def tell(self, what: str, key: str) -> None:
        """Tell the observers that something changed, as `Desk.watch` names it."""
        for observer in self._observers:
            observer(what, key)

    def _note(self, event: Event) -> None:
        match event:
            case RoomEntered(room, record):
                self._spread.pop(room, None)
                self.add(self.lines.coming("joined", record, at=self._node.clock.wall_ms()), [room])
                self.tell("room", room)
            case RoomLeft(room, record, reason):
                self._spread.pop(room, None)
                self.lines.left(record, room, reason, at=self._node.clock.wall_ms())
                self.tell("chat", room)
                if room not in self._node.rooms:
                    self.talks.close(room)
                self.tell("room", room)
            case RoomSet(room):
                self.tell("room", room)
            case TextShown(room):
                self.add(lines.said(event), [room])
                if room in self._node.rooms:  # who said it may have left before two nodes held it
                    self.talks.text(room, now=self._node.clock.now())
            case MemberChanged(room):
                self._spread.pop(room, None)
                self.tell("room", room)
            case AnnouncementShown(room):
                self.add(lines.said(event), list(self._node.rooms) if room is None else [room])
            case SessionLost(record):
                at = self._node.clock.wall_ms()
                self.aftermath.lost(record, at)
                self.add(self.lines.coming("away", record, at=at), [seat.room for seat in record.seats])
            case SessionResumed(record, before):
                at = self._node.clock.wall_ms()
                line = self.lines.back(record, self.aftermath.goes_on(record, before, at), before, at=at)
                self.add(line, [seat.room for seat in record.seats])
            case Moderated(action="kick" | "ban"):
                for name in self.lines.kick(event):
                    self.tell("chat", name)
            case Moderated(action="unkick"):
                self.lines.unkick(event)
            case Moderated(action="mute" | "unmute", session=session, room=room):
                target = self._node.presence.present.get(session)
                where = self._rooms_of(session) if room is None else [room]
                self.add(lines.moderated(event, target.user if target else ""), where)
            case Audited():
                self.tell("audit", "acts")
            case ReportChanged(report):
                self.tell("report", report)
            case SpeakersChanged(room):
                self.talks.hear(room, self.levels(room), now=self._node.clock.now())
                self.tell("speaking", room)
            case NodeChanged(node):
                if node == self._node.node_id:
                    self.aftermath.second()
                    self._listen()
                    self._look_at_rates()
                self.aftermath.look_at(node)
                self.tell("node", node)

    def _listen(self) -> None:
        """Note how loud those are who speak; once a second."""
        now = self._node.clock.now()
        for room in self._node.rooms.values():
            if room.talkers:
                self.talks.hear(room.name, self.levels(room.name), now=now)

    def _look_at_rates(self) -> None:
        clock = self._node.clock
        self.rates.look(self.nodes(), self.aftermath.plain(), now=clock.now(), wall_ms=clock.wall_ms())

    def _rooms_of(self, session: str) -> list[str]:
        record = self._node.presence.present.get(session)
        return [seat.room for seat in record.seats] if record else []
