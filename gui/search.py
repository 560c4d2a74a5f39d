"""Finds what a person means by a few letters: first prefixes, then letters inside, then in order; no Qt here."""

from __future__ import annotations

import dataclasses
import functools
import heapq
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Generic, TypeVar

T = TypeVar("T")

Marks = tuple[tuple[int, int], ...]
"""What of a text was typed: (start, length), ascending, without overlap."""

_MOST_LOOSE = 200
"""Texts that are looked at for letters in order, so that a key never takes long."""


@dataclasses.dataclass(frozen=True, slots=True)
class Match:
    """How well a text fits."""

    score: int
    """0 is best."""
    marks: Marks


def words_of(text: str) -> tuple[str, ...]:
    """The words of what was typed, ready to be compared."""
    return tuple(text.casefold().split())


def match(words: Sequence[str], text: str, *, loose: bool = True) -> Match | None:
    """How every one of the words is found in the text, or None where one is not.

    Args:
        words: As `words_of` gives them.
        text: What is looked at.
        loose: Whether the letters of a word may have others between them.
    """
    folded = text.casefold()
    same = len(folded) == len(text)
    score = 0
    marks: list[tuple[int, int]] = []
    for word in words:
        found = _place(word, folded, loose=loose)
        if found is None:
            return None
        score += found[0]
        marks.extend(found[1])
    return Match(score * 100 + min(len(text), 99), _merged(marks) if same else ())


def _place(word: str, folded: str, *, loose: bool) -> tuple[int, Marks] | None:
    """Where a word is: at the beginning, where a word begins, inside one, or letter by letter."""
    at = folded.find(word)
    if at == 0:
        return 0, ((0, len(word)),)
    if at > 0:
        inside = at
        while at > 0 and folded[at - 1].isalnum():
            at = folded.find(word, at + 1)
        return (1, ((at, len(word)),)) if at > 0 else (3, ((inside, len(word)),))
    if not loose or len(word) < 2:
        return None
    found = _in_order(word).search(folded)
    if found is None:
        return None
    marks = tuple((found.start(group), 1) for group in range(1, len(word) + 1))
    return 6 + found.end() - found.start() - len(word), marks


@functools.lru_cache(maxsize=256)
def _in_order(word: str) -> re.Pattern[str]:
    """The letters of a word with few others between them, each the next there is; the first one begins a word.

    What was found is not looked for elsewhere, as letters that repeat can lie in a text in millions of ways.
    """
    first, *others = (re.escape(letter) for letter in word)
    return re.compile(rf"\b({first})" + "".join(rf"(?>[^\n]{{0,12}}?({letter}))" for letter in others))


def _merged(marks: Iterable[tuple[int, int]]) -> Marks:
    found: list[tuple[int, int]] = []
    for start, length in sorted(marks):
        if found and start <= found[-1][0] + found[-1][1]:
            first, before = found[-1]
            found[-1] = first, max(before, start + length - first)
        else:
            found.append((start, length))
    return tuple(found)


class Index(Generic[T]):
    """Many things by their names, folded once, so that thousands are searched between two keys."""

    def __init__(self, things: Iterable[T], name: Callable[[T], str]) -> None:
        """Take the things; `name` gives what is searched and shown."""
        self.things = list(things)
        self._names = [name(thing) for thing in self.things]
        self._folded = [name.casefold() for name in self._names]

    def __len__(self) -> int:
        return len(self.things)

    def find(self, words: Sequence[str], most: int) -> list[tuple[T, Match]]:
        """The best of those in which every word is found; the letters of a word apart only where nothing else is."""
        if not words:
            return []
        folded = self._folded
        places: Sequence[int] = range(len(folded))
        for word in words:
            places = [place for place in places if word in folded[place]]
        if len(words) == 1:
            first = [place for place in places if folded[place].startswith(words[0])]
            places = first if len(first) >= most else places  # nothing is better than a beginning
        loose = not places
        if loose and all(len(word) > 1 for word in words):
            patterns = [_in_order(word) for word in words]
            places = [
                place for place, name in enumerate(folded) if all(pattern.search(name) for pattern in patterns)
            ][:_MOST_LOOSE]
        found = (
            (fit.score, place, fit)
            for place in places
            if (fit := match(words, self._names[place], loose=loose)) is not None
        )
        best = heapq.nsmallest(most, found, key=lambda each: each[:2])
        return [(self.things[place], fit) for _, place, fit in best]
