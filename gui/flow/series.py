"""Figures of each second as a chart needs them: gathered into columns, with gaps as gaps; no Qt here."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence

Value = float | None

_NICE = (1, 2, 3, 4, 5, 6, 8, 10, 12, 16, 20)
"""What an axis may end with, times a power of ten; each has a half that reads well."""


@dataclasses.dataclass(frozen=True, slots=True)
class Track:
    """One figure for each second from `first` on; None where it is not known."""

    first: int = 0
    """Seconds since 1970."""
    values: Sequence[Value] = ()

    def at(self, second: int) -> Value:
        """The figure of a second."""
        place = second - self.first
        return self.values[place] if 0 <= place < len(self.values) else None


UNKNOWN = Track()


@dataclasses.dataclass(frozen=True, slots=True)
class Mark:
    """Something that happened to a node."""

    at: int
    """ms since 1970."""
    text: str
    bad: bool = False


@dataclasses.dataclass(frozen=True, slots=True)
class Rates:
    """What the chart shows."""

    received: Track = UNKNOWN
    sent: Track = UNKNOWN
    marks: Sequence[Mark] = ()


def columns(track: Track, start: int, span: int, width: int) -> list[Value]:
    """The figures of `span` seconds from `start` on, as the mean of each column of seconds.

    There are `width` columns, or one for each second where these are fewer. A column of which nothing is known is
    a gap.
    """
    count = max(1, min(width, span))
    made: list[Value] = []
    for column in range(count):
        low, high = start + column * span // count, start + (column + 1) * span // count
        known = [value for second in range(low, high) if (value := track.at(second)) is not None]
        made.append(sum(known) / len(known) if known else None)
    return made


def stretches(values: Sequence[Value]) -> list[tuple[int, list[float]]]:
    """What is known between the gaps: the place of the first value of each stretch, and its values."""
    made: list[tuple[int, list[float]]] = []
    open_ = False
    for place, value in enumerate(values):
        if value is None:
            open_ = False
        elif open_:
            made[-1][1].append(value)
        else:
            made.append((place, [value]))
            open_ = True
    return made


def ceiling(values: Iterable[Value]) -> int:
    """Where an axis ends that has room for all these: a round number, 4 at the least."""
    most = max((value for value in values if value is not None), default=0.0)
    scale = 1
    while True:
        for step in _NICE:
            if step * scale >= max(4.0, most) and step * scale % 2 == 0:
                return step * scale
        scale *= 10


def ticks(start: int, span: int, shift: int = 0) -> list[int]:
    """The seconds that an axis names: whole minutes, or tens of them, five or six in all.

    Args:
        start: First second.
        span: How many there are.
        shift: How far the clock of this place is ahead of UTC, in seconds.
    """
    step = next((step for step in (60, 180, 300, 600) if span / step <= 6), 1200)
    first = -(-(start + shift) // step) * step - shift
    return list(range(first, start + span + 1, step))
