"""Keeps what moderators set of rooms: who may enter, who may say something there, and when (section 7)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from server.events import Event, RoomSet, TextShown
from server.intent import Intent
from server.pace import Pace
from server.passwords import Passwords
from server.rooms import Room
from server.roomsettings import PASSWORD, Lock, Settings, Value, ruled, told
from server.rulings import ROOM, Change, key_of, parts_of
from server.session import Actor, SessionRecord
from server.unreadable import UNREADABLE
from server.views import RoomState
from server.wire.moderation import Outcome, RoomUpdated
from server.wire.names import FieldError
from server.wire.native import Code, Refused

if TYPE_CHECKING:
    from server.node import Node

logger = logging.getLogger(__name__)

_DEFAULT = Settings()


class Housekeeper:
    """Follows the rulings on rooms. What they forbid is noted at the rooms, so that no message has to ask for it."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._settings: dict[str, Settings] = {}
        """Of the rooms of which something is saved."""
        self._paces: dict[str, Pace] = {}
        """Of the rooms in slow mode."""
        self._untold: dict[str, None] = {}
        """Rooms whose members have yet to hear of a change."""
        self._unwatch: Callable[[], None] | None = None
        """What ends following the texts, where a room is in slow mode."""
        self.passwords = Passwords()
        node.orders.follow(ROOM, self._take)

    # What is set.

    def of(self, room: str) -> RoomState:
        """The settings of a room, whether somebody is there or not."""
        return self._settings.get(room, _DEFAULT).state

    def has_password(self, room: str) -> bool:
        """Whether who enters a room is asked for a password."""
        return self._settings.get(room, _DEFAULT).lock is not None

    def rooms(self) -> Iterable[str]:
        """The rooms of which something is saved, whether somebody is there or not."""
        return self._settings.keys()

    async def set(
        self, by: Actor, room: str, changes: dict[str, Value], *, reason: str = "", act: str = ""
    ) -> list[Outcome]:
        """Let a room be otherwise on every node, now and later: one outcome for each. Raises Refused."""
        node = self._node
        node.require_durable()
        fields: dict[str, Value | Lock] = {**changes}
        if isinstance(password := changes.get(PASSWORD), str):
            fields[PASSWORD] = await self.passwords.make(password)
        work, what = self._decide(by, room, fields, reason=reason, act=act), told(changes)
        intent = Intent("set_room", by=by, target=room, room=room, reason=reason, detail=what, act=act)
        return await node.audit.recorded(work, intent)

    async def _decide(
        self, by: Actor, room: str, fields: dict[str, Value | Lock], *, reason: str, act: str
    ) -> list[Outcome]:
        """Each field is a decision by itself; all of them are made at once, and asked about at once."""
        rule = self._node.orders.rule
        results = await asyncio.gather(
            *(
                rule(by, key_of(ROOM, room, field), ruled(field, value), reason=reason, act=act)
                for field, value in fields.items()
            )
        )
        return _together(results)

    def furnish(self, room: Room) -> None:
        """A room was opened: let it be as was saved."""
        if room.name in self._settings:
            room.rule(self.of(room.name), here=self._node.node_id)

    def _take(self, change: Change) -> None:
        """Another ruling on a room is in force."""
        try:
            _, name, field = parts_of(change.key)
            before = self._settings.get(name, _DEFAULT)
            after = before.changed(field, b"" if change.now is None else change.now.value)
        except (*UNREADABLE, FieldError, ValueError) as error:
            logger.warning("a setting of a room is not readable: %s", error)
            return
        if after == _DEFAULT:
            self._settings.pop(name, None)
        else:
            self._settings[name] = after
        self._set_pace(name, after.state)
        if (room := self._node.rooms.get(name)) is not None:
            room.rule(after.state, here=self._node.node_id)
            if before.state.muted != after.state.muted:
                self._mute(room)
        if not self._untold:
            self._node.soon(self.tell)
        self._untold[name] = None

    def _mute(self, room: Room) -> None:
        """A room was muted, or is so no more."""
        node = self._node
        for session in room.outboxes:
            if (conversation := node.conversations.get(session)) is not None:
                conversation.look_at_mutes()
        if room.state.muted:
            for session in list(room.talkers):
                record = node.presence.present.get(session)
                if record is not None and not record.moderates(room.name):
                    room.hush(session)

    def tell(self) -> None:
        """Tell the members of rooms what has changed; several changes that come together are told together."""
        node, untold = self._node, self._untold
        self._untold = {}
        for name in untold:
            if (room := node.rooms.get(name)) is not None:
                node.broadcast(room, RoomUpdated(room=name, room_state=room.state))
            node.emit(RoomSet(name))

    # Who may enter.

    def admit(self, record: SessionRecord, room: str) -> Lock | None:
        """What a session has to open before it enters a room. Raises Refused: room_locked, room_full."""
        if record.moderates(room):
            return None
        settings = self._settings.get(room, _DEFAULT)
        if settings.state.locked:
            raise Refused(Code.ROOM_LOCKED, f"the room {room} is locked: nobody new comes in")
        if self.is_full(record, room):
            raise Refused(Code.ROOM_FULL, f"the room {room} is full")
        return settings.lock

    def is_full(self, record: SessionRecord, room: str) -> bool:
        """Whether a session may not enter a room because all places are taken."""
        seats = self._node.presence.rooms.get(room)
        return seats is not None and not record.moderates(room) and len(seats) >= self.of(room).capacity

    def lets_back(self, record: SessionRecord, room: str) -> bool:
        """Whether a session that only says that it was in a room is let in again: where anybody would be."""
        try:
            return self.admit(record, room) is None
        except Refused:
            return False

    # Who may say something, where the room restrains them.

    def refuse_muted(self, record: SessionRecord, room: str) -> None:
        """Raises Refused muted."""
        if self.of(room).muted and not record.moderates(room):
            raise Refused(Code.MUTED, f"a moderator has muted {room}: only moderators are heard there")

    def keep_pace(self, record: SessionRecord, room: str) -> None:
        """A session wants to say something now. Raises Refused rate_limited where it is too soon."""
        pace = self._paces.get(room)
        if pace is None or record.moderates(room):
            return
        seconds = self.of(room).slow_seconds
        if wait := pace.take(record.user, seconds, self._node.clock.now()):
            self._node.counters.limited["pace"] += 1
            sentence = f"slow mode in {room}: one message in {seconds} s"
            raise Refused(Code.RATE_LIMITED, sentence, retry_after_ms=wait, floods=False)

    def tick(self, now: float) -> None:
        """Forget what counts no more; called about once a second."""
        if self._untold:
            self.tell()
        for name, pace in self._paces.items():
            pace.forget(self.of(name).slow_seconds, now)
        self.passwords.forget(now)

    def _set_pace(self, name: str, state: RoomState) -> None:
        if not state.slow_seconds:
            self._paces.pop(name, None)
        elif name not in self._paces:
            self._paces[name] = Pace()
        if self._paces and self._unwatch is None:
            self._unwatch = self._node.watch(self._hear)
        elif not self._paces and self._unwatch is not None:
            self._unwatch()
            self._unwatch = None

    def _hear(self, event: Event) -> None:
        """Note who says something on other nodes: it may come here next, or is here by another session."""
        if isinstance(event, TextShown) and self._node.synced:
            pace = self._paces.get(event.room)
            if pace is not None and event.session not in self._node.conversations:
                pace.note(event.text.user, self._node.clock.now())


def _together(results: list[list[Outcome]]) -> list[Outcome]:
    """Of each node one outcome, of the ones for each field: the worst, and the longest time."""
    worst: dict[str, Outcome] = {}
    for outcome in (outcome for outcomes in results for outcome in outcomes):
        known = worst.get(outcome.node)
        if known is None or (outcome.outcome != "done", outcome.ms) > (known.outcome != "done", known.ms):
            worst[outcome.node] = outcome
    return list(worst.values())
