"""Nodes of the cluster and launched nodes become one list of rows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from gui.nodes.rows import NodeRow, Standing, describe, merge, sentence, total
from server.child import Child, ChildState, Ready, Spec
from server.childlog import LogLine
from server.views import DrainView, NodeView

NOW = 1_700_000_000_000


def node(name: str, **changes: Any) -> NodeView:
    made = NodeView(
        node=f"id-{name}",
        name=name,
        state="up",
        here=False,
        url=f"ws://127.0.0.1:9000/{name}",
        bus="127.0.0.1:9001",
        sessions=7,
        cpu=0.25,
        memory=100_000_000,
        received_rate=10.0,
        sent_rate=200.0,
        started=NOW - 61_000,
        round_trip=0.8,
        heard=0.2,
        pid=1,
    )
    return msgspec.structs.replace(made, **changes)


def child(name: str, state: ChildState = ChildState.RUNNING, *, ready: bool = True, **changes: Any) -> Child:
    keep, earlier = changes.pop("keep", False), changes.pop("earlier", False)
    made = Child(
        f"c-{name}",
        Spec(name=name, host="127.0.0.1", port=9000, bus_host="127.0.0.1", bus_port=9001, peer="", keep=keep),
        Path("folder"),
        earlier=earlier,
    )
    made.state, made.started = state, NOW - 5_000
    if ready:
        made.ready = Ready(
            name, f"id-{name}", "ws://127.0.0.1:9000/ws", "http://127.0.0.1:9000/", "127.0.0.1:9001", 1
        )
    for key, value in changes.items():
        setattr(made, key, value)
    return made


def one(nodes: list[NodeView], children: list[Child]) -> NodeRow:
    (row,) = merge(nodes, children, NOW)
    return row


def test_this_console_comes_first_and_the_others_by_name() -> None:
    rows = merge([node("here", here=True), node("b"), node("C"), node("a")], [], NOW)
    assert [row.name for row in rows] == ["here", "a", "b", "C"]
    assert [row.note for row in rows] == ["this console", "", "", ""]


def test_a_launched_node_keeps_its_identity_from_launch_to_end() -> None:
    starting = one([], [child("n2", ChildState.STARTING, ready=False)])
    joining = one([], [child("n2")])
    up = one([node("n2")], [child("n2")])
    stopping = one([node("n2")], [child("n2", ChildState.STOPPING)])
    ended = one([], [child("n2", ChildState.EXITED, asked=True, code=0, ended=NOW)])
    rows = [starting, joining, up, stopping, ended]
    assert {row.id for row in rows} == {"c-n2"}
    assert [row.standing for row in rows] == [
        Standing.STARTING,
        Standing.JOINING,
        Standing.UP,
        Standing.STOPPING,
        Standing.STOPPED,
    ]
    assert [row.stoppable for row in rows] == [True, True, True, False, False]
    assert [row.removable for row in rows] == [False, False, False, False, True]
    assert [row.restartable for row in rows] == [False, True, True, False, True]


def test_a_node_of_somebody_else_can_not_be_stopped_from_here() -> None:
    row = one([node("far")], [])
    assert (row.id, row.stoppable, row.removable) == ("id-far", False, False)


@pytest.mark.parametrize(
    ("made", "note"),
    [
        (child("n2"), "launched here"),
        (child("n2", keep=True), "keeps running"),
        (child("n2", keep=True, earlier=True), "launched earlier"),
    ],
)
def test_what_a_node_has_to_do_with_this_console_is_said(made: Child, note: str) -> None:
    assert one([node("n2")], [made]).note == note


def test_a_late_node_keeps_its_figures() -> None:
    row = one([node("n2", state="suspect")], [])
    assert (row.standing, row.sessions, row.message) == (Standing.LATE, 7, "")


def test_a_node_that_drains_says_how_many_are_left_and_can_be_kept() -> None:
    row = one([node("n2", draining=DrainView(12, 40, 18))], [child("n2")])
    assert (row.standing, row.sessions, row.message) == (Standing.DRAINING, 7, "Draining, 12 of 40 left")
    assert row.advice == "The last one goes within 18 s. It takes no new ones."
    assert (row.drainable, row.keepable, row.stoppable, row.restartable) == (False, True, True, True)
    assert "draining" in describe(row)


def test_a_node_that_is_drained_says_what_can_be_done() -> None:
    row = one([node("n2", draining=DrainView(0, 40, 0))], [])
    assert row.message == "Drained, no sessions are left"
    assert row.advice == "It takes no new ones: stop it, or cancel (Shift+D)."


def test_a_node_that_ends_can_not_be_kept() -> None:
    row = one([node("n2", draining=DrainView(3, 4, 5, True))], [])
    assert (row.message, row.advice) == ("Ending, 3 of 4 left", "The last one goes within 5 s.")
    assert (row.drainable, row.keepable) == (False, False)


def test_a_node_that_is_stopped_counts_who_is_left() -> None:
    row = one([node("n2", draining=DrainView(3, 4, 5, True))], [child("n2", ChildState.STOPPING)])
    assert (row.standing, row.message) == (Standing.STOPPING, "Stopping, 3 of 4 left")


def test_what_a_lost_node_said_of_its_drain_is_past() -> None:
    row = one([node("n2", state="down", draining=DrainView(3, 4, 5))], [])
    assert (row.standing, row.drain) == (Standing.LOST, None)


def test_a_lost_node_says_since_when_and_has_no_figures() -> None:
    row = one([node("n2", state="down", heard=103.0)], [])
    assert row.standing is Standing.LOST
    assert row.message.startswith("No heart-beat since ")
    assert (row.span, row.sessions, row.cpu, row.sent) == (103, 0, None, 0.0)


def test_a_lost_node_that_is_launched_anew_stands_once() -> None:
    row = one([node("n2", state="down")], [child("n2", ChildState.STARTING, ready=False)])
    assert row.standing is Standing.STARTING


def test_a_node_that_the_mesh_knows_before_it_has_told_its_id_stands_once() -> None:
    starting = child("n2", ChildState.STARTING, ready=False, pid=77)
    row = one([node("n2", pid=77)], [starting])
    assert (row.id, row.standing) == ("c-n2", Standing.UP)
    assert len(merge([node("n2", pid=78)], [starting], NOW)) == 2


def test_one_of_another_name_does_not_hide_a_lost_node() -> None:
    rows = merge([node("n2", state="down")], [child("n3", ChildState.STARTING, ready=False)], NOW)
    assert [row.standing for row in rows] == [Standing.LOST, Standing.STARTING]


@pytest.mark.parametrize(
    ("changes", "standing", "message", "advice"),
    [
        ({"ready": False, "code": 3}, Standing.FAILED, "Did not start: port 9 is in use", "Launch it again with"),
        ({"ready": False, "code": 1}, Standing.FAILED, "Did not start: port 9 is in use", "Its log below"),
        ({"code": -9}, Standing.FAILED, "Killed by signal 9 at ", "Restart it (R)"),
        ({"code": 1}, Standing.FAILED, "Ended with exit code 1 at ", "Restart it (R)"),
        ({"code": None}, Standing.FAILED, "Ended at ", "Restart it (R)"),
        ({"code": 0}, Standing.STOPPED, "Ended at ", ""),
        ({"code": 0, "asked": True}, Standing.STOPPED, "Stopped at ", ""),
        ({"code": -9, "asked": True}, Standing.STOPPED, "Stopped at ", ""),
    ],
)
def test_how_a_node_ended_is_said_in_a_sentence(
    changes: dict[str, Any], standing: Standing, message: str, advice: str
) -> None:
    made = child("n2", ChildState.EXITED, ended=NOW - 2_000, **changes)
    made.log.append(LogLine(NOW, "error", "port 9 is in use"))
    for nodes in ([], [node("n2", state="down")]) if made.ready else ([],):
        row = one(nodes, [made])
        assert row.standing is standing
        assert row.message.startswith(message)
        assert row.advice.startswith(advice)
        assert (row.sessions, row.span, row.note) == (0, 2, "")


def test_totals_count_those_that_live() -> None:
    rows = merge([node("a"), node("b", cpu=0.75), node("c", state="down"), node("d", cpu=None, memory=None)], [], NOW)
    found = total(rows)
    assert (found.sessions, found.cpu, found.memory) == (21, 0.5, 200_000_000)
    assert (found.received, found.sent) == (30.0, 600.0)


def test_totals_of_nothing_known_are_unknown() -> None:
    assert total([]).cpu is None
    assert total([]).memory is None


def test_the_state_of_the_cluster_is_one_sentence() -> None:
    nodes = [node("a"), node("b", state="suspect"), node("c", state="down")]
    children = [
        child("d", ChildState.STARTING, ready=False),
        child("e", ChildState.EXITED, ready=False, code=3),
        child("f", ChildState.STOPPING),
        child("g", ChildState.EXITED, asked=True, code=0),
    ]
    assert sentence(merge(nodes, children, NOW)) == "2 running, 1 late, 1 lost, 1 failed, 1 stopping, 1 starting"
    assert sentence(merge([node("a")], [], NOW)) == "1 running"


def test_a_row_reads_well() -> None:
    def read(row: NodeRow) -> str:
        return describe(row).replace("\u2068", "").replace("\u2069", "").replace("\xa0", " ")

    assert read(one([node("n2", here=True)], [])) == (
        "n2, this console, up, 7 sessions, CPU 25 %, memory 100 MB, 200 out a second, up 0:01:01, 127.0.0.1:9000"
    )
    lost = read(one([node("n2", state="down")], []))
    assert lost.startswith("n2, lost, No heart-beat since ")


def test_what_cannot_be_seen_in_the_words_of_a_node_is_shown_as_a_mark() -> None:
    made = child("n2", ChildState.EXITED, ready=False, code=3)
    made.log.append(LogLine(NOW, "error", "no\u202egood"))
    assert "no[202E]good" in one([], [made]).message
