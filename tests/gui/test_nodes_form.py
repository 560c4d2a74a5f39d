"""What is filled in to launch a node, checked field by field."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import msgspec
import pytest

from gui.nodes.form import MOST, Checked, Field, Values, check, expand, next_pattern, ports_for
from server.views import NodeView
from tests.gui.test_nodes_rows import node

PEER = node("n1", here=True)


def checked(
    *,
    peers: list[NodeView] | None = None,
    taken: Collection[int] = (),
    names: Collection[str] = ("n1",),
    **fields: Any,
) -> Checked:
    values: dict[str, Any] = {
        "name": "n2",
        "count": 1,
        "port": "9100",
        "bus_port": "9101",
        "peer": PEER.bus,
        "keep": False,
        "restart": False,
    } | fields
    return check(
        Values(**values),
        host="127.0.0.1",
        bus_host="127.0.0.1",
        names=names,
        peers=[PEER] if peers is None else peers,
        obstacle=lambda host, port: f"Port {port} is in use." if port in taken else None,
        next_free=lambda host, first, besides: next_free(host, first, {*besides, *taken}),
    )


def next_free(host: str, first: int, besides: Collection[int]) -> int:
    return next(port for port in range(first, 70_000) if port not in besides)


def plain(text: str) -> str:
    return text.replace("\u2068", "").replace("\u2069", "")


def test_what_is_right_can_be_launched() -> None:
    found = checked(keep=True, restart=True)
    assert found.problems == {}
    (spec,) = found.specs
    assert msgspec.structs.asdict(spec) == {
        "name": "n2",
        "host": "127.0.0.1",
        "port": 9100,
        "bus_host": "127.0.0.1",
        "bus_port": 9101,
        "peer": PEER.bus,
        "keep": True,
        "restart": True,
    }
    assert plain(found.sentence) == "Ports 9100 and 9101 are free. n1 answers."


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("", "It needs a name."),
        ("   ", "It needs a name."),
        ("x" * 33, "A name has 32 characters at most; this one has 33."),
        ("n1", "n1 is the name of a node that runs."),
        (" n1 ", "n1 is the name of a node that runs."),
        ("a\u202eb", "The name holds characters that cannot be seen."),
        ("a\nb", "The name holds characters that cannot be seen."),
    ],
)
def test_a_name_that_will_not_do(name: str, problem: str) -> None:
    found = checked(name=name)
    assert plain(found.problems[Field.NAME]) == problem
    assert found.specs == ()


@pytest.mark.parametrize("name", ["x" * 32, "a; touch x", "$(id)", "<b>n</b>", "夜", " n2 "])
def test_any_other_name_will_do(name: str) -> None:
    found = checked(name=name)
    assert [spec.name for spec in found.specs] == [name.strip()]


@pytest.mark.parametrize("text", ["", "x", "-1", "1.5", "9²", "９", "0x10", "1" * 8])
def test_a_port_is_a_number(text: str) -> None:
    found = checked(port=text)
    assert found.problems == {Field.PORT: "A port is a number from 0 to 65535."}
    assert found.specs == ()


def test_a_taken_port_comes_with_one_that_is_free() -> None:
    found = checked(taken={9100, 9102})
    assert found.problems == {Field.PORT: "Port 9100 is in use, 9103 is free."}


def test_clients_and_mesh_need_a_port_each_but_may_both_be_picked() -> None:
    assert checked(bus_port="9100").problems == {Field.BUS_PORT: "Clients and mesh need a port each."}
    found = checked(port="0", bus_port="0")
    assert found.specs
    assert plain(found.sentence) == "The system picks free ports. n1 answers."
    assert checked(bus_port=" 0 ").sentence.startswith("Port 9100 is free, the system picks the rest.")


def test_a_peer_that_is_late_may_not_answer() -> None:
    late = node("n3", state="suspect", bus="127.0.0.1:9301")
    found = checked(peers=[PEER, late], peer=late.bus)
    assert plain(found.sentence).endswith("n3 is late: it may not answer.")


def test_a_peer_that_is_gone_or_was_never_there_is_said() -> None:
    assert checked(peer="127.0.0.1:1").problems == {Field.PEER: "That node is gone. Choose another one."}
    assert checked(peers=[]).problems == {Field.PEER: "This console runs alone: no node can join it."}


def test_every_wrong_field_is_named_at_once() -> None:
    assert set(checked(name="", count=0, port="x", bus_port="y", peer="").problems) == set(Field)


@pytest.mark.parametrize(
    ("own", "proposed"),
    [("n1", "n{n}"), ("fra-9", "fra-{n}"), ("local", "local-{n}"), ("x" * 32, "x" * 30 + "{n}")],
)
def test_the_name_that_is_proposed_counts_on(own: str, proposed: str) -> None:
    assert next_pattern(own) == proposed


def test_a_number_counts_up_from_the_first_that_is_free() -> None:
    assert expand("n{n}", 3, ["n1", "n3"]) == ["n2", "n4", "n5"]
    assert expand("n", 2, []) == ["n", "n"]
    assert expand("{n}-{n}", 1, []) == ["1-1"]


def test_several_are_launched_with_names_and_ports_of_their_own() -> None:
    found = checked(name="fra-{n}", count=3, port="9100, 9102,9104", bus_port="9111,9114,9117", names=("n1", "fra-2"))
    assert [(spec.name, spec.port, spec.bus_port) for spec in found.specs] == [
        ("fra-1", 9100, 9111),
        ("fra-3", 9102, 9114),
        ("fra-4", 9104, 9117),
    ]
    assert plain(found.sentence) == "Ports 9100, 9102, 9104 and 9111, 9114, 9117 are free. n1 answers."
    picked = checked(name="n{n}", count=2, port="0", bus_port="0")
    assert [(spec.port, spec.bus_port) for spec in picked.specs] == [(0, 0), (0, 0)]


@pytest.mark.parametrize(
    ("fields", "field", "problem"),
    [
        ({"name": "n2"}, Field.NAME, "Several nodes need {n} in the name, which counts up."),
        ({"port": "9100"}, Field.PORT, "2 ports wanted, 1 given."),
        ({"port": "9100,9100"}, Field.PORT, "Port 9100 stands there twice."),
        ({"port": "9100,9101"}, Field.BUS_PORT, "Clients and mesh need a port each."),
        ({"port": "9100,x"}, Field.PORT, "Ports are numbers from 0 to 65535."),
        (
            {"bus_port": "9111,9113"},
            Field.BUS_PORT,
            "A mesh takes the two ports above its own as well: 9113 is needed by the mesh of 9111.",
        ),
        (
            {"bus_port": "9101,9111"},
            Field.BUS_PORT,
            "A mesh takes the two ports above its own as well: 9102 is needed by the mesh of 9101.",
        ),
        ({"taken": {9103}}, Field.BUS_PORT, "Port 9103 is in use, 9104 is free."),
        ({"count": MOST + 1}, Field.COUNT, f"1 to {MOST} at once."),
    ],
)
def test_what_will_not_do_for_several(fields: dict[str, Any], field: Field, problem: str) -> None:
    given: dict[str, Any] = {"name": "n{n}", "count": 2, "port": "9100,9102", "bus_port": "9101,9103"} | fields
    found = checked(**given)
    assert found.problems[field] == problem
    assert found.specs == ()


def test_ports_follow_the_number_of_nodes() -> None:
    assert ports_for(3, "h", 8765, "9000", next_free, [9001]) == "9000, 9002, 9003"
    assert ports_for(1, "h", 8765, "9000, 9002", next_free, []) == "9000"
    assert ports_for(2, "h", 8765, "0", next_free, []) == "0"
    assert ports_for(2, "h", 8765, "what?", next_free, []) == "what?"
    assert ports_for(3, "h", 8765, "9000", next_free, [9004, 9008], span=3) == "9000, 9005, 9009"
