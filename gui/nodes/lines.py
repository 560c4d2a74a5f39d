"""The lines of several logs as one list: in order of time, equal neighbours folded, narrowed by level and words."""

from __future__ import annotations

import dataclasses
import operator
from collections import Counter, deque
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from PySide6.QtCore import QAbstractListModel, QModelIndex, QObject, Qt

from gui import wording
from gui.rows import Index
from gui.widgets.labels import literal
from server.childlog import Level, LogLine, LogRing
from server.query import Field, Fields, Type, parse

MOST = 2_500
"""Lines held of all logs together; the oldest fall out. To read a filter against all must not hold up the loop."""

LEVELS: dict[Level, str] = {"debug": "DEBUG", "info": "INFO", "warning": "WARN", "error": "ERROR"}

_ROOT = QModelIndex()


@dataclasses.dataclass(frozen=True, slots=True)
class Source:
    """One log."""

    id: str
    name: str
    ring: LogRing


@dataclasses.dataclass(frozen=True, slots=True)
class Entry:
    """A line, or equal ones that came one after the other."""

    node: str
    line: LogLine
    count: int = 1

    def folds(self, other: Entry) -> bool:
        """Whether the other says the same."""
        return (self.node, self.line.level, self.line.text) == (other.node, other.line.level, other.line.text)


Matches = Callable[[Entry], bool]


class LogModel(QAbstractListModel):
    """The lines of one log, or of all."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._sources: dict[str, Source] = {}
        self._next: dict[str, int] = {}
        self._held: deque[Entry] = deque(maxlen=MOST)
        self._shown: deque[Entry] = deque()
        self._off: frozenset[Level] = frozenset()
        self._matches: Matches | None = None
        self.counts: Counter[Level] = Counter()
        """Lines held of each level, whatever is narrowed."""
        self.several = False
        """Whether lines are of more than one log, so that each says of which."""

    def show(self, sources: Iterable[Source], *, several: bool = False) -> None:
        """Show these logs from now on."""
        self._sources = {source.id: source for source in sources}
        self.several = several
        self._held.clear()
        self._next = {}
        self.counts.clear()
        self._keep(self._fresh())
        self._rebuild()

    def add(self, source: Source) -> None:
        """Show another log beside those that are shown; `sync` takes what it has."""
        self._sources[source.id] = source

    @property
    def sources(self) -> Sequence[str]:
        """The ids of the logs that are shown."""
        return tuple(self._sources)

    def narrow(self, off: Iterable[Level], matches: Matches | None) -> None:
        """Show only lines whose level is not `off` and that match."""
        self._off, self._matches = frozenset(off), matches
        self._rebuild()

    def sync(self) -> int:
        """Take what was said since the last look; give the number of rows that fell out at the top."""
        fresh = self._fresh()
        if not fresh:
            return 0
        self._keep(fresh)
        shown = [entry for entry in fresh if self._is_shown(entry)]
        self._append(shown)
        gone = len(self._shown) - MOST
        if gone > 0:
            self.beginRemoveRows(_ROOT, 0, gone - 1)
            for _ in range(gone):
                self._shown.popleft()
            self.endRemoveRows()
        return max(0, gone)

    def entry(self, row: int) -> Entry:
        """What is in a row."""
        return self._shown[row]

    def text(self, first: int, last: int) -> str:
        """The lines of a range of rows as they are copied."""
        return "\n".join(written(self._shown[row], several=self.several) for row in range(first, last + 1))

    @property
    def silent(self) -> bool:
        """Whether nothing was said at all, or nothing that is held."""
        return not self._held

    def rowCount(self, parent: Index = _ROOT) -> int:
        return 0 if parent.isValid() else len(self._shown)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        entry = self._shown[index.row()]
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            return written(entry, several=self.several)
        if role == Qt.ItemDataRole.ToolTipRole:
            return literal(entry.line.text)
        return None

    def _fresh(self) -> list[Entry]:
        """What was said since the last look, in order of time."""
        fresh: list[tuple[int, str, LogLine]] = []
        for source in self._sources.values():
            ring, first = source.ring, max(self._next.get(source.id, 0), source.ring.next - MOST)
            fresh += [(line.at, source.name, line) for line in ring.since(first)]
            self._next[source.id] = ring.next
        if len(self._sources) > 1:
            fresh.sort(key=operator.itemgetter(0))
        return [Entry(name, line) for _, name, line in fresh[-MOST:]]

    def _keep(self, fresh: Sequence[Entry]) -> None:
        for entry in fresh:
            if len(self._held) == MOST:
                self.counts[self._held[0].line.level] -= 1
            self._held.append(entry)
            self.counts[entry.line.level] += 1

    def _is_shown(self, entry: Entry) -> bool:
        return entry.line.level not in self._off and (self._matches is None or self._matches(entry))

    def _append(self, entries: Sequence[Entry]) -> None:
        entries = list(entries)
        folded = folding(entries)
        if folded and self._shown and self._shown[-1].folds(folded[0]):
            last, first = self._shown.pop(), folded.pop(0)
            self._shown.append(Entry(last.node, first.line, last.count + first.count))
            index = self.index(len(self._shown) - 1)
            self.dataChanged.emit(index, index)
        if folded:
            self.beginInsertRows(_ROOT, len(self._shown), len(self._shown) + len(folded) - 1)
            self._shown.extend(folded)
            self.endInsertRows()

    def _rebuild(self) -> None:
        self.beginResetModel()
        self._shown = deque(folding([entry for entry in self._held if self._is_shown(entry)]))
        self.endResetModel()


def folding(entries: Iterable[Entry]) -> list[Entry]:
    """Equal neighbours as one, with the time of the last."""
    made: list[Entry] = []
    for entry in entries:
        if made and made[-1].folds(entry):
            made[-1] = Entry(entry.node, entry.line, made[-1].count + entry.count)
        else:
            made.append(entry)
    return made


def moment(line: LogLine) -> str:
    """When it was said, to the millisecond."""
    return f"{wording.clock(line.at, seconds=True)}.{line.at % 1000:03d}"


def written(entry: Entry, *, several: bool) -> str:
    """A line as text."""
    line = entry.line
    node = f"{wording.name(entry.node):12}  " if several else ""
    times = f"  × {entry.count}" if entry.count > 1 else ""
    return f"{moment(line)}  {node}{LEVELS[line.level]:5}  {line.text}{times}"


FIELDS = Fields(
    Field("node", Type.NAME, "which node said it", searched=True),
    Field("level", Type.TEXT, "error, warning, info, debug"),
    Field("text", Type.TEXT, "what was said", searched=True),
)
"""What the filter language knows of a line."""


def matching(text: str) -> Matches | None:
    """What holds of the lines that a filter means; None for an empty one. Raises QueryError."""
    query = parse(text, FIELDS)
    if query.everything:
        return None
    return lambda entry: query.matches({"node": entry.node, "level": entry.line.level, "text": entry.line.text})
