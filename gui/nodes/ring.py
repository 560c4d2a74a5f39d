"""Where nodes and links stand in the drawing of the mesh: a ring in a fixed order; no Qt here."""

from __future__ import annotations

import bisect
import dataclasses
import functools
import itertools
import math
from collections.abc import Iterable, Sequence

MOST = 24
"""So many nodes are drawn; more would be a ball of wool."""
FEW = 8
"""Up to here there is room for a word below the name."""
LARGEST = 48.0
SMALLEST = 20.0
TINY = 9.0
"""The smallest circle among many."""
NAME = 108.0
"""Width that a name may take where there is room."""
LINES = 34.0
"""Height of a name with a word below."""
LINE = 17.0
RING = 5.0
"""How far the ring of CPU reaches beyond its circle."""
PILL_LENGTH = 96.0
"""A link is labelled where at least so much of it can be seen."""
PILL_HEIGHT = 22.0
_EDGE = 6.0
_PLACES = (0.5, 0.42, 0.58, 0.34, 0.66, 0.28, 0.72)
_SAMPLES = 72
_WISHES = sorted(
    itertools.product(
        (48.0, 40.0, 33.0, 26.0, 20.0, 16.0, 12.0, TINY),
        (NAME, 88.0, 72.0, 54.0, 46.0),
        (LINES, LINE),
        (False, True),
    ),
    key=lambda wish: (-wish[0] - 0.4 * wish[1] - 0.4 * wish[2], wish[3]),
)
"""Radius, width and height of names, names beside the circles or not: the best first."""


@dataclasses.dataclass(frozen=True, slots=True)
class Box:
    """A rectangle."""

    left: float
    top: float
    width: float
    height: float

    @property
    def right(self) -> float:
        """Its right edge."""
        return self.left + self.width

    @property
    def bottom(self) -> float:
        """Its lower edge."""
        return self.top + self.height

    def meets(self, other: Box) -> bool:
        """Whether the two overlap."""
        return (
            self.left < other.left + other.width
            and other.left < self.left + self.width
            and self.top < other.top + other.height
            and other.top < self.top + self.height
        )


@dataclasses.dataclass(frozen=True, slots=True)
class Circle:
    """A node in the drawing."""

    x: float
    y: float
    radius: float
    label: Box
    """Where its name and the word below stand."""
    side: str
    """On which side of the circle that is: above, below, left or right."""

    @property
    def box(self) -> Box:
        """The square around the circle and its ring."""
        reach = self.radius + RING
        return Box(self.x - reach, self.y - reach, 2 * reach, 2 * reach)


@dataclasses.dataclass(frozen=True, slots=True)
class Line:
    """The part of a link that can be seen, between the rings of its circles."""

    x1: float
    y1: float
    x2: float
    y2: float

    @property
    def length(self) -> float:
        """How long that is."""
        return math.hypot(self.x2 - self.x1, self.y2 - self.y1)

    def at(self, share: float) -> tuple[float, float]:
        """A point of it, 0 at its beginning."""
        return self.x1 + (self.x2 - self.x1) * share, self.y1 + (self.y2 - self.y1) * share

    def distance(self, x: float, y: float) -> float:
        """How far a point is from it."""
        if self.length == 0:
            return math.hypot(x - self.x1, y - self.y1)
        along = ((x - self.x1) * (self.x2 - self.x1) + (y - self.y1) * (self.y2 - self.y1)) / self.length**2
        nearest = self.at(min(1.0, max(0.0, along)))
        return math.hypot(x - nearest[0], y - nearest[1])


@dataclasses.dataclass(frozen=True, slots=True)
class Plan:
    """Where the middles of so many circles are, how large these may be, and how their names stand."""

    points: tuple[tuple[float, float], ...]
    largest: float
    name: float
    lines: float
    flanks: bool
    """Whether names at the flanks stand beside their circles."""
    middle: tuple[float, float]
    reach: tuple[float, float]
    """How far the outermost points are from the middle."""


def arrange(sessions: Sequence[int], width: float, height: float) -> list[Circle]:
    """Place so many nodes clockwise on a ring, equally far apart, the area of each by its sessions."""
    if not sessions:
        return []
    found = plan(len(sessions), int(width) // 4 * 4, int(height) // 4 * 4)
    smallest, top = min(found.largest, SMALLEST if len(sessions) <= FEW else TINY), max(1, *sessions, 1)
    return [
        _circle(found, place, math.sqrt(smallest**2 + (found.largest**2 - smallest**2) * number / top))
        for place, number in enumerate(sessions)
    ]


@functools.lru_cache(maxsize=64)
def plan(count: int, width: int, height: int) -> Plan:
    """The largest circles and the widest names for which there is room, all of the same size."""
    for radius, name, lines, flanks in _WISHES:
        if lines == LINES and count > FEW:
            continue
        across = radius + RING + (name + 5 if flanks else max(0.0, name / 2 - radius - RING))
        reach_x, reach_y = width / 2 - across - _EDGE, height / 2 - radius - RING - lines - _EDGE
        if reach_x < 8 or reach_y < 8 or min(_chord(count, reach_x), reach_x + reach_y) < 2 * (radius + RING):
            continue
        ring = [(0.0, 0.0)] if count == 1 else _points(count, reach_x, reach_y)
        if any(math.dist(a, b) < 2 * (radius + RING) + 4 for a, b in itertools.pairwise(ring)):
            continue
        points = tuple((width / 2 + x, height / 2 + y) for x, y in ring)
        found = Plan(points, radius, name, lines, flanks, (width / 2, height / 2), (reach_x, reach_y))
        if _has_room(found):
            return found
    points = tuple((width / 2 + x, height / 2 + y) for x, y in _points(count, width / 2 - 16, height / 2 - 16))
    return Plan(points, TINY, 0.0, 0.0, False, (width / 2, height / 2), (1.0, 1.0))


def _chord(count: int, reach: float) -> float:
    """More than two neighbours on a ring can be apart, so that what cannot fit is not tried."""
    return 7 * reach / count if count > 2 else 4 * reach


def _has_room(plan: Plan) -> bool:
    circles = [_circle(plan, place, plan.largest) for place in range(len(plan.points))]
    return not any(
        math.hypot(a.x - b.x, a.y - b.y) < 2 * (plan.largest + RING) + 4
        or a.label.meets(b.label)
        or a.label.meets(b.box)
        or b.label.meets(a.box)
        for a, b in itertools.chain(itertools.pairwise(circles), itertools.combinations(circles, 2))
    )


def between(a: Circle, b: Circle) -> Line:
    """The link between two circles."""
    apart = math.hypot(b.x - a.x, b.y - a.y)
    if apart <= a.radius + b.radius + 2 * RING:
        return Line(a.x, a.y, a.x, a.y)
    towards_x, towards_y = (b.x - a.x) / apart, (b.y - a.y) / apart
    from_a, from_b = a.radius + RING + 3, b.radius + RING + 3
    return Line(
        a.x + towards_x * from_a, a.y + towards_y * from_a, b.x - towards_x * from_b, b.y - towards_y * from_b
    )


def place_pills(
    wanted: Iterable[tuple[int, Line, float]], circles: Sequence[Circle], *, must: frozenset[int] = frozenset()
) -> dict[int, Box]:
    """Find room for labels on links; who comes first has the choice, and one without room is left out.

    Args:
        wanted: Number of a link, the link, the width of its label.
        circles: What must stay free, with their names.
        must: Those that are placed even where they cover another or the link is short: somebody asked for them.
    """
    taken = [box for circle in circles for box in (circle.box, circle.label)]
    found: dict[int, Box] = {}
    for number, line, width in wanted:
        if line.length < PILL_LENGTH and number not in must:
            continue
        boxes = [_pill(line, share, width) for share in _PLACES]
        free = next((box for box in boxes if not any(box.meets(other) for other in taken)), None)
        if free is None and number in must:
            free = boxes[0]
        if free is not None:
            found[number] = free
            taken.append(free)
    return found


def line_width(rate: float | None) -> float:
    """How thick a link is, by the logarithm of what goes through it."""
    return 1.0 if not rate or rate < 0 else min(6.0, 1.0 + 1.1 * math.log10(1.0 + rate / 10))


def _points(count: int, reach_x: float, reach_y: float) -> list[tuple[float, float]]:
    """Points around the middle, equally far apart along an ellipse; one at the top, or two where they are even."""
    turns = [2 * math.pi * step / _SAMPLES - math.pi / 2 for step in range(_SAMPLES + 1)]
    track = [(reach_x * math.cos(turn), reach_y * math.sin(turn)) for turn in turns]
    walked = [0.0, *itertools.accumulate(math.dist(a, b) for a, b in itertools.pairwise(track))]
    found = []
    for number in range(count):
        share = (number - (0.5 if count % 2 == 0 else 0.0)) / count % 1.0
        way = share * walked[-1]
        step = min(_SAMPLES - 1, max(0, bisect.bisect_right(walked, way) - 1))
        part = (way - walked[step]) / (walked[step + 1] - walked[step])
        (x1, y1), (x2, y2) = track[step], track[step + 1]
        found.append((x1 + (x2 - x1) * part, y1 + (y2 - y1) * part))
    xs, ys = _spread([x for x, _ in found], reach_x), _spread([y for _, y in found], reach_y)
    return list(zip(xs, ys, strict=True))


def _spread(values: Sequence[float], reach: float) -> list[float]:
    """The same from ``-reach`` to ``reach``, so that the ring fills its room; of no extent, in the middle."""
    low, high = min(values), max(values)
    if high - low < 1:
        return [0.0] * len(values)
    return [((value - low) / (high - low) * 2 - 1) * reach for value in values]


def _circle(plan: Plan, place: int, radius: float) -> Circle:
    x, y = plan.points[place]
    reach = radius + RING
    off_x, off_y = (x - plan.middle[0]) / plan.reach[0], (y - plan.middle[1]) / plan.reach[1]
    if plan.flanks and abs(off_x) > abs(off_y):
        side = "right" if off_x > 0 else "left"
        edge = x + reach + 5 if side == "right" else x - reach - 5 - plan.name
        return Circle(x, y, radius, Box(edge, y - plan.lines / 2, plan.name, plan.lines), side)
    side = "above" if off_y < -0.01 else "below"
    top = y - reach - plan.lines if side == "above" else y + reach
    return Circle(x, y, radius, Box(x - plan.name / 2, top, plan.name, plan.lines), side)


def _pill(line: Line, share: float, width: float) -> Box:
    x, y = line.at(share)
    return Box(x - width / 2, y - PILL_HEIGHT / 2, width, PILL_HEIGHT)
