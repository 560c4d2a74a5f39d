"""The drawing of the mesh as geometry: nothing overlaps, everything is inside, areas tell sessions."""

from __future__ import annotations

import itertools
import math

import pytest

from gui.nodes.ring import FEW, MOST, PILL_LENGTH, Box, Circle, Line, arrange, between, line_width, place_pills

SIZES = [(655.0, 430.0), (560.0, 380.0), (960.0, 240.0), (420.0, 300.0)]


def apart(a: Circle, b: Circle) -> float:
    return math.hypot(a.x - b.x, a.y - b.y) - a.radius - b.radius


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 17, 24])
@pytest.mark.parametrize("sessions", ["none", "one", "all"])
def test_circles_and_names_are_inside_and_nothing_overlaps(
    size: tuple[float, float], count: int, sessions: str
) -> None:
    numbers = {"none": [0] * count, "one": [500] + [0] * (count - 1), "all": [500] * count}[sessions]
    circles = arrange(numbers, *size)
    assert len(circles) == count
    for circle in circles:
        for box in (circle.box, circle.label):
            assert box.left >= 0, circle
            assert box.top >= 0, circle
            assert box.right <= size[0], circle
            assert box.bottom <= size[1], circle
    for a, b in itertools.combinations(circles, 2):
        assert apart(a, b) > 0
        assert not a.label.meets(b.label), (a, b)
        assert not a.label.meets(b.box), (a, b)
        assert not b.label.meets(a.box), (a, b)


def test_the_place_of_a_node_does_not_depend_on_what_it_carries() -> None:
    idle, busy = arrange([0] * 6, 655, 430), arrange([0, 500, 20, 3, 9, 100], 655, 430)
    assert [(circle.x, circle.y) for circle in idle] == [(circle.x, circle.y) for circle in busy]


def test_twice_the_sessions_are_twice_the_area_beyond_that_of_an_empty_node() -> None:
    empty, half, whole = (circle.radius**2 for circle in arrange([0, 250, 500], 655, 430))
    assert whole - empty == pytest.approx(2 * (half - empty))


def test_the_ring_begins_at_the_top_and_goes_clockwise() -> None:
    first, second, third = arrange([1, 1, 1], 600, 400)
    assert first.y < second.y
    assert third.x < first.x < second.x


def test_no_nodes_are_no_circles() -> None:
    assert arrange([], 600, 400) == []


def test_a_link_is_seen_between_its_circles() -> None:
    a, b = arrange([1, 1], 600, 400)
    line = between(a, b)
    assert line.length < math.hypot(a.x - b.x, a.y - b.y) - a.radius - b.radius
    assert line.distance(*line.at(0.3)) == pytest.approx(0)
    assert line.distance(line.x1, line.y1 + 7) == pytest.approx(7)


def test_labels_find_room_or_are_left_out_unless_somebody_asks() -> None:
    circles = arrange([5] * 6, 655, 430)
    links = [(number, between(a, b), 92.0) for number, (a, b) in enumerate(itertools.combinations(circles, 2))]
    found = place_pills(links, circles)
    assert len(found) >= 5
    for (_, one), (_, other) in itertools.combinations(found.items(), 2):
        assert not one.meets(other)
    for box in found.values():
        assert not any(box.meets(circle.box) or box.meets(circle.label) for circle in circles)
    short = Line(0, 0, PILL_LENGTH - 1, 0)
    assert place_pills([(1, short, 92.0)], []) == {}
    assert place_pills([(1, short, 92.0)], [], must=frozenset({1})) == {
        1: Box((PILL_LENGTH - 1) / 2 - 46, -11, 92, 22)
    }


def test_a_line_is_wider_by_the_logarithm_of_its_rate() -> None:
    widths = [line_width(rate) for rate in (None, 0.0, 10.0, 100.0, 1e3, 1e4, 1e9)]
    assert widths == sorted(widths)
    assert (widths[0], widths[-1]) == (1.0, 6.0)


def test_the_numbers_fit_each_other() -> None:
    assert FEW < MOST
