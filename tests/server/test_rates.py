"""The rates of the last hour: what was measured, what was not, and what happened to nodes."""

from __future__ import annotations

from typing import Literal

from server.desk import Desk
from server.rates import Mark, Rates
from server.views import NodeView, OutageView
from tests.nodes import Served

Up = Literal["up", "suspect", "down"]
Outed = Literal["late", "lost", "back"]


def node(name: str, *, rate: float = 10.0, state: Up = "up", started: int = 0) -> NodeView:
    return NodeView(
        node=name,
        name=name,
        state=state,
        here=name == "a",
        url="",
        bus="",
        sessions=0,
        cpu=None,
        memory=None,
        received_rate=rate,
        sent_rate=2 * rate,
        started=started,
        round_trip=None,
        heard=0.0,
        pid=1,
    )


def outage(name: str, *, at: int, state: Outed = "lost", until: int | None = None) -> OutageView:
    return OutageView(node=name, name=name, state=state, at=at, cut=False, ended=False, sessions=0, until=until)


def look(rates: Rates, second: float, *nodes: NodeView, outages: tuple[OutageView, ...] = ()) -> None:
    rates.look(nodes, outages, now=second, wall_ms=round(second * 1000))


def test_a_second_is_the_sum_over_the_nodes_that_are_up() -> None:
    rates = Rates(started=0)
    look(rates, 1.0, node("a"), node("b", rate=5))
    look(rates, 2.0, node("a"), node("b", rate=5, state="suspect"), node("c", state="down"))
    view = rates.view()
    assert view.received == (15.0, 10.0)
    assert view.sent == (30.0, 20.0)
    assert view.nodes == (2, 1)
    assert (view.time_of(0), view.time_of(1)) == (1000, 2000)


def test_looks_that_are_a_little_late_leave_no_gap_and_lose_no_time() -> None:
    rates = Rates(started=0)
    for number in range(101):
        look(rates, number * 1.05, node("a", rate=number))
    view = rates.view()
    assert len(view.sent) == 106
    assert None not in view.sent


def test_what_was_not_measured_is_a_gap() -> None:
    rates = Rates(started=0)
    look(rates, 1.0, node("a"))
    look(rates, 5.2, node("a"))
    assert rates.view().received == (10.0, None, None, None, 10.0)
    assert rates.view().nodes == (1, None, None, None, 1)


def test_an_hour_is_kept_and_less_can_be_asked_for() -> None:
    rates = Rates(started=0)
    for second in range(4000):
        look(rates, second, node("a", rate=second))
    view = rates.view()
    assert (len(view.sent), view.received[0], view.received[-1]) == (3600, 400.0, 3999.0)
    assert rates.view(60).received == view.received[-60:]


def test_a_node_that_is_lost_and_back_is_marked_with_the_times_of_its_outage() -> None:
    rates = Rates(started=0)
    nodes = node("a"), node("b")
    look(rates, 10, *nodes)
    look(rates, 11, *nodes, outages=(outage("b", at=9_500, state="late"),))
    assert rates.view().marks == ()
    look(rates, 12, *nodes, outages=(outage("b", at=9_500),))
    look(rates, 13, *nodes, outages=(outage("b", at=9_200),))
    assert rates.view().marks == (Mark(9_200, "lost", "b", "b"),)
    for second in (14, 15):
        look(rates, second, *nodes, outages=(outage("b", at=9_200, state="back", until=13_700),))
    look(rates, 16, *nodes)
    assert rates.view().marks == (Mark(9_200, "lost", "b", "b"), Mark(13_700, "back", "b", "b"))
    look(rates, 17, *nodes, outages=(outage("b", at=16_600),))
    assert [mark.kind for mark in rates.view().marks] == ["lost", "back", "lost"]


def test_a_node_that_began_later_is_marked_and_one_that_was_there_is_not() -> None:
    rates = Rates(started=5_000)
    look(rates, 10, node("a", started=5_000), node("old", started=4_000))
    look(rates, 11, node("a", started=5_000), node("old", started=4_000), node("new", started=10_300))
    look(rates, 12, node("a", started=5_000), node("old", started=4_000), node("new", started=10_300))
    assert rates.view().marks == (Mark(10_300, "launched", "new", "new"),)
    look(rates, 13, node("a", started=5_000), node("new", started=10_300))
    assert rates.view().marks[-1] == Mark(13_000, "left", "old", "old")


def test_marks_from_before_what_is_shown_are_left_out() -> None:
    rates = Rates(started=0)
    look(rates, 10, node("a"), node("b", started=9_000))
    for second in range(11, 100):
        look(rates, second, node("a"), node("b", started=9_000))
    assert rates.view(30).marks == ()
    assert len(rates.view(100).marks) == 1


async def test_the_desk_measures_while_nobody_looks(served: Served) -> None:
    desk = Desk(served.node, "Ops")
    ann, bob = await served.members("Ann", "Bob")
    served.advance(1.0)
    for number in range(10):
        await ann.say(str(number))
    served.advance(1.0)
    await bob.settle()
    view = desk.rates()
    assert view.nodes[-1] == 1
    assert max(rate for rate in view.received if rate is not None) > 0
    assert max(rate for rate in view.sent if rate is not None) > 0
