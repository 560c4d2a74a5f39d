"""What became of a lost node's sessions, in words: the same for row, banner, status bar and details."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from gui.nodes.facts import Fact
from gui.nodes.losses import account, attempt, cluster_facts, facts, has_lost_the_mesh, is_news, resumed, speaking
from gui.tokens import Colour
from server.child import Child, ChildState
from server.views import AgainView, OutageView
from tests.gui.test_nodes_rows import NOW, child, node

ON = (("cedar", 6), ("birch", 3))


def plain(text: str) -> str:
    return text.replace("\u2068", "").replace("\u2069", "").replace("\xa0", " ")


def outage(**changes: Any) -> OutageView:
    values: dict[str, Any] = {
        "node": "n",
        "name": "fra-2",
        "state": "lost",
        "at": NOW,
        "cut": True,
        "ended": False,
        "sessions": 12,
    }
    return OutageView(**(values | changes))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"sessions": 0}, "It had no sessions."),
        ({"sessions": 1}, "1 session lost its connection and is not resumed yet."),
        (
            {"sessions": 1, "resumed": 1, "places": (("cedar", 1),)},
            "1 session lost its connection and is resumed on cedar.",
        ),
        ({"sessions": 1, "over": 1}, "1 session lost its connection and has ended."),
        ({}, "12 sessions lost their connection, none is resumed yet."),
        (
            {"resumed": 9, "places": ON},
            "9 of 12 sessions resumed on cedar and birch, 3 not yet.",
        ),
        (
            {"resumed": 9, "over": 1, "places": ON},
            "9 of 12 sessions resumed on cedar and birch, 1 ended, 2 not yet.",
        ),
        ({"over": 2}, "0 of 12 sessions resumed, 2 ended, 10 not yet."),
        ({"resumed": 12, "places": (("cedar", 12),)}, "All 12 sessions resumed on cedar."),
        (
            {"sessions": 1200, "resumed": 1009, "over": 191, "places": tuple((f"n{n}", 9) for n in range(4))},
            "1,009 of 1,200 sessions resumed, 191 ended.",
        ),
        ({"state": "late", "cut": False}, "12 sessions are on it."),
        (
            {"state": "late", "cut": False, "resumed": 1, "places": (("n1", 1),)},
            "1 of 12 sessions resumed on n1, 11 not yet.",
        ),
        ({"state": "back", "resumed": 11}, "11 of 12 sessions resumed, 1 not yet."),
    ],
)
def test_what_became_of_the_sessions_is_a_sentence(changes: dict[str, object], words: str) -> None:
    assert plain(account(outage(**changes))) == words


@pytest.mark.parametrize(
    ("again", "words"),
    [
        (AgainView(), ""),
        (AgainView(2), "Speaking again: none of 2 yet."),
        (AgainView(1, 1, 1.12, 1.12), "Speaking again after 1.1 s."),
        (AgainView(3, 2, 1.1, 1.94), "Speaking again: 2 of 3, p50 1.1 s, p95 1.9 s."),
    ],
)
def test_how_long_speakers_were_not_heard_is_a_sentence(again: AgainView, words: str) -> None:
    assert plain(speaking(again)) == words


def test_the_figures_of_a_loss_name_the_nodes_and_mark_what_is_missing() -> None:
    found = facts(outage(resumed=9, over=1, places=ON, again=AgainView(3, 2, 1.1, 1.9)))
    assert [(fact.caption.strip("\u2068\u2069"), plain(fact.value)) for fact in found] == [
        ("Sessions that it had", "12"),
        ("Resumed", "9"),
        ("On \u2068cedar", "6"),
        ("On \u2068birch", "3"),
        ("Ended without that", "1"),
        ("Not yet", "2"),
        ("Spoke at that time", "3"),
        ("Heard again", "2"),
        ("Speaking again after", "p50 1.1 s, p95 1.9 s"),
    ]
    assert {fact.caption for fact in found if fact.tone is Colour.WARN} == {"Not yet", "Heard again"}
    quiet = facts(outage(resumed=12))
    assert all(fact.tone is Colour.TEXT for fact in quiet)
    assert cluster_facts(40, AgainView())[-1] == Fact("Speaking again after", "–")


def test_the_status_bar_adds_up_the_nodes_that_are_lost() -> None:
    assert resumed([]) == ""
    assert resumed([outage(state="back"), outage(sessions=0)]) == ""
    assert resumed([outage(resumed=9), outage(sessions=3, resumed=1)]) == "10 of 15 sessions resumed"


def test_a_heart_beat_that_is_only_late_is_no_news() -> None:
    assert not is_news(outage(state="late"), NOW + 1400)
    assert is_news(outage(state="late"), NOW + 1500)
    assert is_news(outage(), NOW)
    assert not is_news(outage(state="back"), NOW + 9000)


def test_only_nodes_that_fall_silent_together_mean_that_the_console_is_cut_off() -> None:
    nodes = [node("here", here=True), node("a", state="down"), node("b", state="suspect")]
    one, other = outage(node="id-a"), outage(node="id-b", state="late", at=NOW + 2_000)
    assert has_lost_the_mesh(nodes, [one, other], NOW + 9_000)
    assert not has_lost_the_mesh(nodes, [one, msgspec.structs.replace(other, at=NOW + 60_000)], NOW + 90_000)
    assert not has_lost_the_mesh(nodes, [one], NOW + 9_000)
    assert not has_lost_the_mesh(nodes, [msgspec.structs.replace(one, ended=True), other], NOW + 9_000)
    assert not has_lost_the_mesh(nodes[:2], [one], NOW + 9_000)


def test_the_next_start_is_counted_down() -> None:
    made: Child = child("n2", ChildState.EXITED, code=-9, ended=NOW, again=NOW + 3100)
    assert attempt(made, NOW) == "It starts again in 4 s."
    made.restarts.crashed(0.0)
    made.restarts.crashed(1.0)
    assert attempt(made, NOW + 9000) == "It starts again in 0 s (crash 2)."
    made.again, made.given_up = None, True
    assert attempt(made, NOW) == "It crashed 5 times within 10 minutes and is not started again."
