"""Every place at which a node holds a text, by session and id; pure."""

from __future__ import annotations

import collections
from collections.abc import Sequence

from bus.record import ClientId, Kind, Record

IDS = 256
"""Of a session, as many of the last ids stay known when their records have left the logs, until its end has too."""

LATE, LATE_BYTES = 200_000, 32 << 20
"""How many ids are known at most though no log holds their records any more, and the bytes of those."""

_Key = tuple[str, ClientId]


class Places:
    """`(session, id)` is the identity of a text (cluster.md rule 5): it may stand in the logs of several origins."""

    def __init__(self) -> None:
        self._sessions: dict[str, dict[ClientId, tuple[Record, ...]]] = {}
        self._several: dict[_Key, int] = {}  # of texts with several places, how many of them are in a log
        self._late: collections.OrderedDict[_Key, int] = collections.OrderedDict()  # in none, with their bytes
        self._late_bytes = 0

    def __len__(self) -> int:
        return sum(map(len, self._sessions.values()))

    def of(self, session: str, id: ClientId) -> Sequence[Record]:
        """The records that say a text, in the order in which they came."""
        return self._sessions.get(session, {}).get(id, ())

    def add(self, record: Record) -> None:
        """A record that stands for itself has joined the prefix of its log."""
        if record.id is None or record.slot is not None:
            return
        ids = self._sessions.setdefault(record.session, {})
        known = ids.get(record.id)
        if known is None:
            ids[record.id] = (record,)
            if self._late and len(ids) > IDS:
                self._forget_late(record.session, keep=IDS)
        else:
            key = (record.session, record.id)
            ids[record.id] = (*known, record)
            self._several[key] = self._several.get(key, 0 if key in self._late else 1) + 1
            self._leave_late(key)

    def drop(self, record: Record) -> None:
        """A record has left its log. The last ids of its session stay known, unless it is the end of that."""
        if record.kind is Kind.SESSION:
            self._forget_late(record.session, keep=0)
            return
        if record.id is None or record.slot is not None:
            return
        key = (record.session, record.id)
        left = self._several.get(key, 1) - 1
        if left:
            self._several[key] = left
            return
        self._several.pop(key, None)
        if len(self._sessions[record.session]) > IDS:
            self._remove(key)
            return
        self._late[key] = size = sum(len(place.payload) for place in self._sessions[record.session][record.id])
        self._late_bytes += size
        while len(self._late) > LATE or self._late_bytes > LATE_BYTES:
            self._remove(next(iter(self._late)))

    def _forget_late(self, session: str, *, keep: int) -> None:
        """Forget the oldest ids that no log holds, as long as more than `keep` are known."""
        ids = self._sessions.get(session, {})
        for id in list(ids):
            if len(ids) <= keep or (keep and (session, id) not in self._late):
                return
            if (session, id) in self._late:
                self._remove((session, id))

    def _remove(self, key: _Key) -> None:
        self._leave_late(key)
        session, id = key
        del self._sessions[session][id]
        if not self._sessions[session]:
            del self._sessions[session]

    def _leave_late(self, key: _Key) -> None:
        self._late_bytes -= self._late.pop(key, 0)
