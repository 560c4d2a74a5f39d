"""What moderators have decided, as registers of which the later decision wins on every node; pure."""

from __future__ import annotations

import dataclasses
import enum
from collections import OrderedDict
from collections.abc import Iterator
from typing import Annotated, TypeVar

import msgspec

from bus.record import HIGHEST, NAME_CHARS, Origin
from server.deadlines import Wheel
from server.session import Actor
from server.wire.names import TEXT_CHARS

BAN = "ban"
"""``ban/<id>``: a `server.bans.Ban`."""

MUTE = "mute"
"""``mute/<user>/<room>``, without a room ``mute/<user>/``: true."""

ROOM = "room"
"""``room/<room>/<field>``: the value of one setting."""

REPORT = "report"
"""``report/<id>``: what is reported; ``report/<id>/work``: who works on it."""

VALUE_BYTES = 48 * 1024
"""The longest value: with it a ruling fits a record."""

LONGEST_SECONDS = 1e10
"""The longest time that a ruling can have."""

DONE_WITH = 100_000
"""Rulings that are lifted or over and still known, so that none of them comes again; beyond it the oldest go."""

T = TypeVar("T")

_Name = Annotated[str, msgspec.Meta(max_length=NAME_CHARS)]


def key_of(family: str, *parts: str) -> str:
    """The key of a ruling. The stroke that parts it is in no name of a user or room; raises ValueError for others."""
    for part in parts:
        if "/" in part:
            raise ValueError(f"{part!r} cannot be a part of a key")
    return "/".join((family, *parts))


def parts_of(key: str) -> tuple[str, ...]:
    """What `key_of` was given."""
    return tuple(key.split("/"))


class Ruling(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """One decision on one key. Two of the same number and origin are the same decision, whoever passed it on."""

    key: _Name
    number: Annotated[int, msgspec.Meta(ge=1, le=HIGHEST)]
    """One more than the highest that its node knew for the key."""
    origin: _Name
    """The life of the node where it was decided."""
    value: Annotated[bytes, msgspec.Meta(max_length=VALUE_BYTES)]
    """What was decided, as MessagePack; nothing: what was decided before is lifted."""
    by: Actor
    reason: Annotated[str, msgspec.Meta(max_length=TEXT_CHARS)]
    at: int
    """When, ms since 1970 by the clock of `node`; shown, never used to decide."""
    until: int | None
    """When it ends by that clock; shown. None: not by itself."""
    seconds: Annotated[float, msgspec.Meta(ge=0, le=LONGEST_SECONDS)] | None
    """How long it is from when it is first taken, by the count of who takes it; 0: its time is over."""
    node: _Name
    """Name of the node where it was decided."""
    act: _Name = ""
    """The act that it comes from: the same one again decides nothing new."""
    doubtful: bool = False
    """Its seconds were counted by a clock on the wall, as it comes from a store: whoever knows better has it so."""

    @property
    def rank(self) -> tuple[int, Origin]:
        """The higher one is the later one."""
        return self.number, self.origin

    @property
    def lifts(self) -> bool:
        """Whether it ends what was decided before, and sets nothing in its place."""
        return not self.value

    def read(self, type: type[T]) -> T:
        """Its value. Raises one of `server.unreadable.UNREADABLE` if that is of another type."""
        return msgspec.msgpack.decode(self.value, type=type)


class Standing(enum.Enum):
    """What a ruling is beside the one that was known for its key."""

    LATER = enum.auto()
    SAME = enum.auto()
    EARLIER = enum.auto()


@dataclasses.dataclass(frozen=True, slots=True)
class Change:
    """Another ruling is the last one for a key, or its time is over."""

    key: str
    last: Ruling
    """The last one; it may lift, or be over."""
    before: Ruling | None
    """What was in force; None for nothing."""
    now: Ruling | None
    """What is in force."""


@dataclasses.dataclass(slots=True)
class _Entry:
    """The last ruling for a key."""

    ruling: Ruling
    ends: float | None
    """When its time is over, in seconds of this node."""
    over: bool
    doubtful: bool
    """Its end was counted by a clock on the wall, as it comes from a store."""

    @property
    def in_force(self) -> Ruling | None:
        return None if self.over or self.ruling.lifts else self.ruling


class Rulings:
    """The last ruling for each key. In whatever order they are taken, the same ones remain."""

    def __init__(self, *, now: float) -> None:
        self._entries: dict[str, _Entry] = {}
        self._families: dict[str, dict[str, Ruling]] = {}
        self._done_with: OrderedDict[str, None] = OrderedDict()
        self._ends: Wheel[str] = Wheel(now=now, step=0.1)
        self.recounted = 0
        """How often it turned out that a ruling in force ends at another time than was thought."""

    def __len__(self) -> int:
        return len(self._entries)

    def keys(self) -> Iterator[str]:
        """Of which a ruling is known, in force or not."""
        return iter(self._entries)

    def get(self, key: str) -> Ruling | None:
        """What is in force for a key."""
        entry = self._entries.get(key)
        return None if entry is None else entry.in_force

    def of(self, family: str) -> dict[str, Ruling]:
        """What is in force of all keys that begin so, by key; not to be changed."""
        return self._families.get(family, {})

    def last(self, key: str) -> Ruling | None:
        """The last ruling for a key, also one that lifts or is over."""
        entry = self._entries.get(key)
        return None if entry is None else entry.ruling

    def is_over(self, key: str) -> bool:
        """Whether the time of the last ruling for a key is over."""
        entry = self._entries.get(key)
        return entry is not None and entry.over

    def is_doubtful(self, key: str) -> bool:
        """Whether the end of the last ruling for a key was counted by a clock on the wall."""
        entry = self._entries.get(key)
        return entry is not None and entry.doubtful

    def left(self, key: str, now: float) -> float | None:
        """How many seconds the last ruling for a key has left; None: it does not end by itself."""
        entry = self._entries.get(key)
        if entry is None or entry.ends is None:
            return None
        return 0.0 if entry.over else max(0.0, entry.ends - now)

    def next_number(self, key: str) -> int:
        """The number of a ruling that follows on all that are known."""
        entry = self._entries.get(key)
        return 1 if entry is None else entry.ruling.number + 1

    def take(self, ruling: Ruling, now: float) -> tuple[Standing, Change | None]:
        """Take a ruling: what it is beside the one that was known, and what has changed by it."""
        known = self._entries.get(ruling.key)
        if known is None or ruling.rank > known.ruling.rank:
            before = None if known is None else known.in_force
            ends = None if ruling.seconds is None else now + ruling.seconds
            entry = _Entry(ruling, ends, ruling.seconds == 0, ruling.doubtful)
            self._entries[ruling.key] = entry
            return Standing.LATER, self._settle(entry, before, last=True)
        if ruling.rank < known.ruling.rank:
            return Standing.EARLIER, None
        if ruling.doubtful or ruling.seconds is None or known.ends is None:
            return Standing.SAME, None
        before, ends = known.in_force, now + ruling.seconds
        self.recounted += known.doubtful or ends < known.ends
        if known.doubtful:
            known.ends, known.over, known.doubtful = ends, ruling.seconds == 0, False
        elif not known.over:
            known.ends, known.over = min(known.ends, ends), ruling.seconds == 0
        return Standing.SAME, self._settle(known, before)

    def advance(self, now: float) -> list[Change]:
        """End those whose time is over."""
        changes = []
        for key in self._ends.advance(now):
            entry = self._entries[key]
            before, entry.over = entry.in_force, True
            change = self._settle(entry, before)
            if change is not None:
                changes.append(change)
        return changes

    def _settle(self, entry: _Entry, before: Ruling | None, *, last: bool = False) -> Change | None:
        """Let be seen what is in force now."""
        key, after = entry.ruling.key, entry.in_force
        if entry.ends is None or after is None:
            self._ends.cancel(key)
        else:
            self._ends.set(key, entry.ends)
        family = self._families.setdefault(key.partition("/")[0], {})
        if after is None:
            family.pop(key, None)
            self._done_with[key] = None
            if len(self._done_with) > DONE_WITH:
                del self._entries[self._done_with.popitem(last=False)[0]]
        else:
            family[key] = after
            self._done_with.pop(key, None)
        if not last and before is after:
            return None
        return Change(key, entry.ruling, before, after)


def pack(ruling: Ruling) -> bytes:
    """The ruling as bytes."""
    return _encoder.encode(ruling)


def unpack(payload: bytes) -> Ruling:
    """The ruling in `payload`. Raises one of `server.unreadable.UNREADABLE` if there is none."""
    return _decoder.decode(payload)


_encoder = msgspec.msgpack.Encoder()
_decoder: msgspec.msgpack.Decoder[Ruling] = msgspec.msgpack.Decoder(Ruling)
