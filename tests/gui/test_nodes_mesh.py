"""The drawing of the mesh: what is drawn, what is labelled, how one selects in it, what it costs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import Any

import pytest
from PySide6.QtCore import QEvent, QPoint, Qt
from PySide6.QtGui import QPaintEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from gui import theme
from gui.nodes.mesh import BUSIEST, SLOW_MS, Mesh, draw, up
from gui.nodes.ring import MOST
from gui.nodes.rows import NodeRow, Standing, merge
from gui.tokens import DARK_SCHEME, LIGHT_SCHEME
from server.views import LinkView, NodeView
from tests.gui.test_nodes_rows import NOW, node

NAMES = ("ams-1", "fra-1", "fra-2", "iad-1", "local", "sgp-1")


class Painted(Mesh):
    """A mesh that counts how often it is painted."""

    def __init__(self) -> None:
        super().__init__()
        self.times = 0

    def paintEvent(self, event: QPaintEvent) -> None:
        self.times += 1
        super().paintEvent(event)


@pytest.fixture
def mesh(qapp: QApplication) -> Iterator[Painted]:
    theme.apply(qapp)
    theme.dress(qapp)
    made = Painted()
    made.resize(655, 430)
    made.show()
    QApplication.sendPostedEvents()
    yield made
    made.close()
    made.deleteLater()


def rows(*names: str, **changes: dict[str, Any]) -> list[NodeRow]:
    nodes: list[NodeView] = [
        node(name, here=name == "local", **changes.get(name.replace("-", "_"), {})) for name in names
    ]
    return merge(nodes, [], NOW)


def links(names: Sequence[str] = NAMES, **changes: Any) -> list[LinkView]:
    made = []
    for number, (a, b) in enumerate(combinations(sorted(names), 2)):
        values: dict[str, Any] = {"state": "up", "rate": 10.0 * number, "round_trip": 1.5} | changes
        made.append(LinkView(f"id-{a}", f"id-{b}", **values))
    return made


def labelled(mesh: Mesh) -> set[frozenset[str]]:
    """The links that have a label, by the names of their ends."""
    dots, strands = mesh.drawing.dots, mesh.drawing.strands
    return {frozenset((dots[strands[at].a].name, dots[strands[at].b].name)) for at in mesh.pills()}


def place(mesh: Mesh, name: str) -> QPoint:
    at = next(at for at, dot in enumerate(mesh.drawing.dots) if dot.name == name)
    return QPoint(round(mesh.circles[at].x), round(mesh.circles[at].y))


def test_nodes_stand_in_the_order_of_their_names_whatever_comes_first() -> None:
    drawing = draw(list(reversed(rows(*NAMES))), links())
    assert [dot.name for dot in drawing.dots] == list(NAMES)
    assert [dot.word for dot in drawing.dots if dot.here] == ["this console"]
    assert up(drawing) == "15 links up"


def test_a_lost_node_has_its_time_and_its_links_are_lost() -> None:
    drawing = draw(rows(*NAMES, fra_2={"state": "down", "heard": 103.0}), links())
    (lost,) = [dot for dot in drawing.dots if dot.name == "fra-2"]
    assert (lost.standing, lost.word) == (Standing.LOST, "lost 1:43 ago")
    assert up(drawing) == "10 of 15 links up"


def test_what_is_not_known_of_a_link_is_a_dash() -> None:
    (strand,) = draw(rows("a", "b"), [LinkView("id-a", "id-b", "up", None, None)]).strands
    assert strand.label == "–\t–"


def test_a_slow_link_is_an_exception_but_it_stands() -> None:
    drawing = draw(rows("a", "b"), [LinkView("id-a", "id-b", "up", 4400.0, SLOW_MS + 31)])
    assert drawing.strands[0].slow
    assert drawing.strands[0].label.replace("\xa0", " ") == "4.4k/s\t231 ms"
    assert up(drawing) == "1 link up"


def test_of_too_many_nodes_those_that_matter_most_are_drawn_and_the_rest_is_said() -> None:
    names = [f"n{number:02}" for number in range(30)]
    drawing = draw(rows("local", *names, n29={"state": "down"}, n28={"sessions": 900}), [])
    drawn = {dot.name for dot in drawing.dots}
    assert len(drawn) == MOST
    assert {"local", "n28", "n29"} <= drawn
    assert up(drawing) == "no links, 7 nodes not drawn"


def test_the_busiest_and_the_unwell_links_are_labelled(mesh: Painted) -> None:
    made = links()
    made[2] = LinkView(made[2].a, made[2].b, "late", None, 9.0)
    mesh.follow(rows(*NAMES), made)
    assert frozenset(("ams-1", "iad-1")) in labelled(mesh)
    assert 3 <= len(labelled(mesh)) <= BUSIEST + 1


def test_a_click_selects_and_labels_the_links_of_the_node(mesh: Painted) -> None:
    chosen: list[str] = []
    mesh.chosen.connect(chosen.append)
    mesh.follow(rows(*NAMES), links(rate=0.0))
    assert labelled(mesh) == set()
    QTest.mouseClick(mesh, Qt.MouseButton.LeftButton, pos=place(mesh, "iad-1"))
    assert chosen == ["id-iad-1"]
    assert len(labelled(mesh)) >= 3
    assert all("iad-1" in ends for ends in labelled(mesh))
    assert "selected: " in mesh.accessibleDescription()
    mesh.select("")
    assert labelled(mesh) == set()


def test_arrows_go_around_the_ring(mesh: Painted) -> None:
    mesh.follow(rows(*NAMES), links())
    keys = (Qt.Key.Key_Right, Qt.Key.Key_Right, Qt.Key.Key_Left, Qt.Key.Key_Left, Qt.Key.Key_Down)
    met = []
    for key in keys:
        QTest.keyClick(mesh, key)
        met.append(mesh.selected)
    assert met == ["id-ams-1", "id-fra-1", "id-ams-1", "id-sgp-1", "id-ams-1"]


def test_the_link_under_the_pointer_is_labelled(mesh: Painted) -> None:
    mesh.follow(rows("a", "b"), links(("a", "b"), rate=0.0))
    a, b = place(mesh, "a"), place(mesh, "b")
    QTest.mouseMove(mesh, QPoint((a.x() + b.x()) // 2, (a.y() + b.y()) // 2))
    assert labelled(mesh) == {frozenset("ab")}
    QApplication.sendEvent(mesh, QEvent(QEvent.Type.Leave))
    assert labelled(mesh) == set()


def test_what_looks_the_same_is_not_painted_again(mesh: Painted) -> None:
    mesh.follow(rows(*NAMES), links(rate=10.01))
    mesh.repaint()
    before = mesh.times
    mesh.follow(rows(*NAMES, ams_1={"cpu": 0.2501, "memory": 5, "sent_rate": 9.0}), links(rate=10.01))
    QApplication.sendPostedEvents()
    assert mesh.times == before
    mesh.follow(rows(*NAMES, ams_1={"sessions": 8}), links(rate=10.01))
    assert mesh.drawing.dots[0].sessions == 8


def test_a_theme_change_keeps_the_drawing_and_changes_its_colours(mesh: Painted, qapp: QApplication) -> None:
    mesh.follow(rows(*NAMES, fra_2={"state": "down"}), links())
    mesh.select("id-ams-1")
    dark = mesh.grab().toImage()
    theme.apply(qapp, LIGHT_SCHEME)
    light = mesh.grab().toImage()
    theme.apply(qapp, DARK_SCHEME)
    assert dark != light
    assert mesh.grab().toImage() == dark
    assert mesh.selected == "id-ams-1"


@pytest.mark.parametrize("count", [0, 1, 2, 24])
def test_few_and_many_nodes_are_drawn_and_described(mesh: Painted, count: int) -> None:
    names = [f"n{number:02}" for number in range(count)]
    mesh.follow(rows(*names), links(names))
    assert not mesh.grab().isNull()
    if count:
        assert mesh.accessibleDescription().startswith(f"{count} node")
