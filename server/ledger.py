"""What was done, newest first: the lines of all chains put together, the newest of them in memory; pure."""

from __future__ import annotations

import bisect
import dataclasses
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from bus.record import Origin
from server.chain import Asked, Came, Line, Person, Result

KEPT = 1000
"""Items in memory."""

Place = tuple[int, Origin, int]
"""`at`, chain and number of the line that asked: the order of the audit."""


@dataclasses.dataclass(slots=True)
class Item:
    """One thing that was asked to be done to one person or thing, and what came of it."""

    chain: Origin
    line: Line
    """What the node wrote where it was asked."""
    asked: Asked
    """What that line says."""
    results: list[Result] = dataclasses.field(default_factory=list)
    """Of each executing node; empty while that is not known, perhaps for good."""

    @property
    def place(self) -> Place:
        """Where it stands in the audit."""
        return self.line.at, self.chain, self.line.n

    def hear(self, results: Iterable[Result]) -> None:
        """Take what came of the act to which it belongs."""
        for result in results:
            if _is_for(self.asked.person, result):
                others = [one for one in self.results if (one.node, one.session) != (result.node, result.session)]
                self.results = [*others, result]


def _is_for(person: Person | None, result: Result) -> bool:
    """Whether a result of an act is about one of those for whom it was."""
    if person is None:
        return True
    if person.session and result.session:
        return person.session == result.session
    return not result.user or person.user == result.user


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """Which items are looked for; what is empty or None excludes none."""

    text: str = ""
    """Stands in the reason, or in a name, a user, a room or whatever else was named; small or capital letters."""
    by: str = ""
    """User id of who asked."""
    action: str = ""
    user: str = ""
    """User id of whom it was for."""
    room: str = ""
    since: int | None = None
    """ms since 1970, inclusive."""
    until: int | None = None
    """ms since 1970, exclusive."""

    def fits(self, line: Line) -> bool:
        """Whether a line asked for one of these."""
        asked = line.entry
        return isinstance(asked, Asked) and (
            (not self.by or asked.by.user == self.by)
            and (not self.action or asked.action == self.action)
            and (not self.user or (asked.person is not None and asked.person.user == self.user))
            and (not self.room or asked.room == self.room)
            and (self.since is None or line.at >= self.since)
            and (self.until is None or line.at < self.until)
            and (not self.text or self.text.casefold() in words_of(asked))
        )


def words_of(asked: Asked) -> str:
    """Everything in which a person looks for words, folded."""
    person = asked.person
    named = (asked.target, asked.room or "", asked.by.name, asked.by.user, asked.reason, asked.detail)
    return "\n".join((*named, *((person.name, person.user) if person else ()))).casefold()


class Ledger:
    """The newest items, at most so many."""

    def __init__(self, kept: int = KEPT) -> None:
        self._kept = kept
        self._places: list[Place] = []
        """Rising."""
        self._items: dict[Place, Item] = {}
        self._by_act: dict[str, dict[Place, Item]] = {}
        self.floor: Place | None = None
        """At or below it are items that are not in memory; None: all are."""

    def __len__(self) -> int:
        return len(self._places)

    @property
    def oldest(self) -> Place | None:
        """The last in memory; None where that is empty."""
        return self._places[0] if self._places else None

    @property
    def newest(self) -> Place | None:
        """The first in memory; None where that is empty."""
        return self._places[-1] if self._places else None

    def of_act(self, act: str) -> Sequence[Item]:
        """The items in memory that belong to an act."""
        return list(self._by_act.get(act, {}).values())

    def note(self, chain: Origin, line: Line) -> None:
        """Take a line of a chain; one that is known already changes nothing."""
        match line.entry:
            case Asked() as asked:
                self._add(Item(chain, line, asked))
            case Came(act, results):
                items, of_session = self.of_act(act), defaultdict[str, list[Result]](list)
                for result in results:
                    of_session[result.session].append(result)
                for item in items:  # of many each has its own, and is not to look through all
                    person = item.asked.person
                    own = person is not None and person.session
                    item.hear([*of_session[""], *of_session[own]] if own else results)

    def close(self) -> None:
        """Take nothing any more that is older than what is in memory."""
        self.floor = self.oldest

    def page(self, wanted: Wanted, *, limit: int, before: Place | None = None) -> list[Item]:
        """The newest items that are wanted, behind `before` where it is given, as far as they are in memory."""
        found: list[Item] = []
        for item in self._down(before):
            if wanted.since is not None and item.line.at < wanted.since:
                break
            if wanted.fits(item.line):
                found.append(item)
                if len(found) == limit:
                    break
        return found

    def _down(self, before: Place | None) -> Iterator[Item]:
        end = len(self._places) if before is None else bisect.bisect_left(self._places, before)
        return (self._items[self._places[at]] for at in range(end - 1, -1, -1))

    def _add(self, item: Item) -> None:
        place = item.place
        if place in self._items or (self.floor is not None and place <= self.floor):
            return
        bisect.insort(self._places, place)
        self._items[place] = item
        self._by_act.setdefault(item.asked.act, {})[place] = item
        if len(self._places) > self._kept:
            self.floor = self._places.pop(0)
            self._drop(self._items.pop(self.floor))

    def _drop(self, item: Item) -> None:
        of_act = self._by_act[item.asked.act]
        del of_act[item.place]
        if not of_act:
            del self._by_act[item.asked.act]


def items_of(lines: Iterable[tuple[Origin, Line]]) -> list[Item]:
    """The items of which `lines` tell, newest first."""
    ledger = Ledger(kept=1 << 62)
    lines = list(lines)
    for kind in (Asked, Came):
        for chain, line in lines:
            if isinstance(line.entry, kind):
                ledger.note(chain, line)
    return list(ledger._down(None))


# Where a page of results ends, as `next` and `after` say it.

Cursor = tuple[Place, int]
"""An item, and how many of its results have been told."""


def cursor_text(cursor: Cursor) -> str:
    """The cursor for a client."""
    (at, chain, n), told = cursor
    return f"{at}:{chain}:{n}:{told}"


def read_cursor(text: str) -> Cursor:
    """The cursor that a client gives back. Raises ValueError."""
    at, chain, n, told = text.split(":")
    if not all(number.isascii() and number.isdigit() and len(number) < 20 for number in (at, n, told)):
        raise ValueError("it is not a number")
    return (int(at), chain, int(n)), int(told)
