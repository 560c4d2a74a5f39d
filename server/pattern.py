"""Regular expressions that cannot run away: each character of the text is looked at once; pure.

What `re` offers takes exponential time for some patterns, and a filter is matched inside the loop that serves
people. Here a pattern is a set of states that all move on at once, so that no pattern and no text is slow. It knows
``. [a-z] [^a-z] \\d \\w \\s \\D \\W \\S * + ? {2} {2,5} {2,} | ( ) ^ $`` and takes no notice of case.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Iterable

PATTERN_CHARS = 100
DEPTH = 20
"""Brackets within brackets."""
STATES = 400
"""Repeats are written out; a pattern that would need more states than this is refused."""
KNOWN_STEPS = 4000
"""Steps remembered, so that most characters cost two looks into a dictionary."""
KNOWN_CHARS = 20_000
"""Characters of which it is remembered what they lead on from."""

Test = Callable[[str], bool]
_START, _FINISH = "start", "finish"


class PatternError(ValueError):
    """A pattern that cannot be read; `position` is the place in it, the text one plain sentence."""

    def __init__(self, position: int, message: str) -> None:
        super().__init__(message)
        self.position = position


@dataclasses.dataclass(slots=True)
class _State:
    """One place in a pattern."""

    test: Test | None = None
    """What a character must be to get to `then`; None where nothing is taken."""
    anchor: str = ""
    """Taken only at the start or the end of the text."""
    then: list[int] = dataclasses.field(default_factory=list)


@dataclasses.dataclass(frozen=True, slots=True)
class _Piece:
    """A part of a pattern: where it begins, and the state behind it."""

    first: int
    last: int


_Builder = Callable[[], _Piece]


class Pattern:
    """One compiled pattern. Equal sources make equal patterns."""

    __slots__ = ("_first", "_follow", "_goal", "_kinds", "_known", "_ready", "_states", "_takers", "source")

    def __init__(self, source: str) -> None:
        """Raises PatternError."""
        self.source = source
        if len(source) > PATTERN_CHARS:
            raise PatternError(PATTERN_CHARS, f"a pattern has {PATTERN_CHARS} characters at most")
        reader = _Reader(source)
        piece = reader.read()
        # Sets of states are numbers with a bit for each, so that they are joined and looked up at once.
        self._states = reader.states
        self._goal = 1 << piece.last
        self._first = self._closure(1 << piece.first, start=True)
        self._ready = self._closure(1 << piece.first)
        self._follow = [self._closure(_bits(state.then)) for state in self._states]
        self._takers: dict[Test, int] = {}
        """The states that each test leads on from."""
        for index, state in enumerate(self._states):
            if state.test is not None:
                self._takers[state.test] = self._takers.get(state.test, 0) | 1 << index
        self._kinds: dict[str, int] = {}
        """The states that each character leads on from."""
        self._known: dict[tuple[int, int], int] = {}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Pattern) and other.source == self.source

    def __hash__(self) -> int:
        return hash(self.source)

    def __repr__(self) -> str:
        return f"Pattern({self.source!r})"

    def found(self, text: str) -> bool:
        """Whether the pattern fits somewhere in `text`."""
        now, kinds, known, goal = self._first, self._kinds, self._known, self._goal
        for char in _fold(text):
            if now & goal:
                return True
            kind = kinds.get(char)
            if kind is None:
                kind = self._learn(char)
            after = known.get((now, kind))
            if after is None:
                after = self._step(now, kind)
            now = after
        return bool(self._closure(now, start=not text, finish=True) & goal)

    def _learn(self, char: str) -> int:
        if len(self._kinds) >= KNOWN_CHARS:
            self._kinds.clear()
        kind = 0
        for test, takers in self._takers.items():
            if test(char):
                kind |= takers
        self._kinds[char] = kind
        return kind

    def _step(self, now: int, kind: int) -> int:
        if len(self._known) >= KNOWN_STEPS:
            self._known.clear()
        after, moving = self._ready, now & kind
        while moving:
            last = moving.bit_length() - 1
            after |= self._follow[last]
            moving ^= 1 << last
        self._known[now, kind] = after
        return after

    def _closure(self, states: int, *, start: bool = False, finish: bool = False) -> int:
        """Everything that is reached without another character."""
        reached = waiting = states
        while waiting:
            index = waiting.bit_length() - 1
            waiting ^= 1 << index
            state = self._states[index]
            if state.test is not None or (state.anchor == _START and not start):
                continue
            if state.anchor == _FINISH and not finish:
                continue
            fresh = _bits(state.then) & ~reached
            reached |= fresh
            waiting |= fresh
        return reached


def _bits(indices: Iterable[int]) -> int:
    return functools.reduce(lambda bits, index: bits | 1 << index, indices, 0)


class _Reader:
    """Makes states of a source."""

    def __init__(self, source: str) -> None:
        self.states: list[_State] = []
        self._source = source
        self._at = 0
        self._depth = 0

    def read(self) -> _Piece:
        """The whole pattern."""
        piece = self._choice()()
        if self._at < len(self._source):
            raise PatternError(self._at, "this bracket closes nothing")
        return piece

    # A part is read into a builder, since a repeat needs its states more than once.

    def _choice(self) -> _Builder:
        branches = [self._sequence()]
        while self._take("|"):
            branches.append(self._sequence())
        return branches[0] if len(branches) == 1 else lambda: self._fork(branches)

    def _sequence(self) -> _Builder:
        parts: list[_Builder] = []
        while self._at < len(self._source) and self._source[self._at] not in "|)":
            parts.append(self._repeated())
        return lambda: self._chain(parts)

    def _repeated(self) -> _Builder:
        begun = self._at
        part = self._atom()
        bounds = self._bounds()
        if bounds is None:
            return part
        if self._at < len(self._source) and self._source[self._at] in "*+?{":
            raise PatternError(self._at, "a repeat cannot be repeated")
        low, high = bounds
        if high is not None and high < low:
            raise PatternError(begun, "this repeat ends before it begins")
        return lambda: self._repeat(part, low, high)

    def _bounds(self) -> tuple[int, int | None] | None:
        if self._take("*"):
            return 0, None
        if self._take("+"):
            return 1, None
        if self._take("?"):
            return 0, 1
        if not self._take("{"):
            return None
        low = self._number()
        high: int | None = low
        if self._take(","):
            high = None if self._peek() == "}" else self._number()
        if not self._take("}"):
            raise PatternError(self._at, "the closing } is missing")
        return low, high

    def _number(self) -> int:
        begun = self._at
        while self._peek().isdecimal() and self._peek().isascii():
            self._at += 1
        if not 0 < self._at - begun <= 2:
            raise PatternError(begun, "here a number below 100 is missing")
        return int(self._source[begun : self._at])

    def _atom(self) -> _Builder:
        begun, char = self._at, self._source[self._at]
        self._at += 1
        if char == "(":
            if self._peek() == "?" and self._source[self._at : self._at + 2] != "?:":
                raise PatternError(self._at, "(? is not understood here")
            self._at += 2 if self._peek() == "?" else 0
            self._depth += 1
            if self._depth > DEPTH:
                raise PatternError(begun, f"brackets stand {DEPTH} deep at most")
            part = self._choice()
            if not self._take(")"):
                raise PatternError(begun, "the closing bracket is missing")
            self._depth -= 1
            return part
        if char in "*+?{":
            raise PatternError(begun, f"{char} has nothing to repeat")
        if char in "^$":
            return lambda: self._anchor(_START if char == "^" else _FINISH)
        test = (
            self._class() if char == "[" else self._escape() if char == "\\" else _any if char == "." else _is(char)
        )
        return lambda: self._single(test)

    def _escape(self) -> Test:
        if self._at == len(self._source):
            raise PatternError(self._at - 1, "\\ has nothing behind it")
        char = self._source[self._at]
        self._at += 1
        if char in _CLASSES:
            return _CLASSES[char]
        if char.isalnum():
            raise PatternError(self._at - 2, f"\\{char} is not understood here")
        return _is(char)

    def _class(self) -> Test:
        begun = self._at - 1
        negated = self._take("^")
        tests: list[Test] = []
        while not tests or self._peek() != "]":
            if self._at == len(self._source):
                raise PatternError(begun, "the closing ] is missing")
            tests.append(self._class_item())
        self._at += 1
        return lambda char: any(test(char) for test in tests) is not negated

    def _class_item(self) -> Test:
        low = self._source[self._at]
        self._at += 1
        if low == "\\":
            return self._escape()
        if self._peek() == "-" and self._source[self._at + 1 : self._at + 2] not in ("", "]"):
            high = self._source[self._at + 1]
            self._at += 2
            if high < low:
                raise PatternError(self._at - 3, "this range ends before it begins")
            return _between(low, high)
        return _is(low)

    def _peek(self) -> str:
        return self._source[self._at : self._at + 1]

    def _take(self, char: str) -> bool:
        taken = self._peek() == char
        self._at += taken
        return taken

    # States.

    def _new(self, test: Test | None = None, anchor: str = "") -> int:
        if len(self.states) >= STATES:
            raise PatternError(0, "this pattern repeats too much")
        self.states.append(_State(test, anchor))
        return len(self.states) - 1

    def _single(self, test: Test) -> _Piece:
        first, last = self._new(test), self._new()
        self.states[first].then.append(last)
        return _Piece(first, last)

    def _anchor(self, where: str) -> _Piece:
        first, last = self._new(anchor=where), self._new()
        self.states[first].then.append(last)
        return _Piece(first, last)

    def _chain(self, parts: list[_Builder]) -> _Piece:
        first = last = self._new()
        for part in parts:
            piece = part()
            self.states[last].then.append(piece.first)
            last = piece.last
        return _Piece(first, last)

    def _fork(self, branches: list[_Builder]) -> _Piece:
        first, last = self._new(), self._new()
        for branch in branches:
            piece = branch()
            self.states[first].then.append(piece.first)
            self.states[piece.last].then.append(last)
        return _Piece(first, last)

    def _repeat(self, part: _Builder, low: int, high: int | None) -> _Piece:
        piece = self._chain([part] * low)
        first, last = piece.first, piece.last
        if high is None:
            again = part()
            self.states[last].then.append(again.first)
            self.states[again.last].then.append(last)
            return _Piece(first, last)
        end = self._new()
        for _ in range(high - low):
            once = part()
            self.states[last].then += [once.first, end]
            last = once.last
        self.states[last].then.append(end)
        return _Piece(first, end)


def _fold(text: str) -> str:
    """`text` without case, of the same length."""
    lower = text.lower()
    return lower if len(lower) == len(text) else "".join(c if len(c.lower()) > 1 else c.lower() for c in text)


def _any(char: str) -> bool:
    return char != "\n"


@functools.lru_cache(maxsize=1024)
def _is(wanted: str) -> Test:
    folded = _fold(wanted)
    return lambda char: char == folded


def _between(low: str, high: str) -> Test:
    return lambda char: low <= char <= high or low <= char.upper() <= high


def _word(char: str) -> bool:
    return char.isalnum() or char == "_"


_CLASSES: dict[str, Test] = {
    "d": str.isdecimal,
    "w": _word,
    "s": str.isspace,
    "D": lambda char: not char.isdecimal(),
    "W": lambda char: not _word(char),
    "S": lambda char: not char.isspace(),
}
