"""What is filled in to launch a node, checked field by field."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import msgspec
import pytest

from gui.nodes.form import Checked, Field, Values, check, next_name
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
        "port": "9100",
        "bus_port": "9101",
        "peer": PEER.bus,
        "keep": False,
    } | fields
    return check(
        Values(**values),
        host="127.0.0.1",
        bus_host="127.0.0.1",
        names=names,
        peers=[PEER] if peers is None else peers,
        obstacle=lambda host, port: f"Port {port} is in use." if port in taken else None,
        next_free=lambda host, first, besides: next(
            port for port in range(first, 70_000) if port not in taken and port not in besides
        ),
    )


def plain(text: str) -> str:
    return text.replace("\u2068", "").replace("\u2069", "")


def test_what_is_right_can_be_launched() -> None:
    found = checked(keep=True)
    assert found.problems == {}
    assert found.spec is not None
    assert msgspec.structs.asdict(found.spec) == {
        "name": "n2",
        "host": "127.0.0.1",
        "port": 9100,
        "bus_host": "127.0.0.1",
        "bus_port": 9101,
        "peer": PEER.bus,
        "keep": True,
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
    assert found.spec is None


@pytest.mark.parametrize("name", ["x" * 32, "a; touch x", "$(id)", "<b>n</b>", "夜", " n2 "])
def test_any_other_name_will_do(name: str) -> None:
    found = checked(name=name)
    assert found.spec is not None
    assert found.spec.name == name.strip()


@pytest.mark.parametrize("text", ["", "x", "-1", "1.5", "9²", "９", "0x10", "1" * 8])
def test_a_port_is_a_number(text: str) -> None:
    found = checked(port=text)
    assert found.problems == {Field.PORT: "A port is a number from 0 to 65535."}
    assert found.spec is None


def test_a_taken_port_comes_with_one_that_is_free() -> None:
    found = checked(taken={9100, 9102})
    assert found.problems == {Field.PORT: "Port 9100 is in use, 9103 is free."}


def test_clients_and_mesh_need_a_port_each_but_may_both_be_picked() -> None:
    assert checked(bus_port="9100").problems == {Field.BUS_PORT: "Clients and mesh need a port each."}
    found = checked(port="0", bus_port="0")
    assert found.spec is not None
    assert plain(found.sentence) == "The system picks two free ports. n1 answers."
    assert checked(bus_port=" 0 ").sentence.startswith("Port 9100 is free, for the other the system picks one.")


def test_a_peer_that_is_late_may_not_answer() -> None:
    late = node("n3", state="suspect", bus="127.0.0.1:9301")
    found = checked(peers=[PEER, late], peer=late.bus)
    assert plain(found.sentence).endswith("n3 is late: it may not answer.")


def test_a_peer_that_is_gone_or_was_never_there_is_said() -> None:
    assert checked(peer="127.0.0.1:1").problems == {Field.PEER: "That node is gone. Choose another one."}
    assert checked(peers=[]).problems == {Field.PEER: "This console runs alone: no node can join it."}


def test_every_wrong_field_is_named_at_once() -> None:
    assert set(checked(name="", port="x", bus_port="y", peer="").problems) == set(Field)


@pytest.mark.parametrize(
    ("own", "names", "proposed"),
    [
        ("n1", ["n1"], "n2"),
        ("n1", ["n1", "n2", "n4"], "n3"),
        ("fra-9", ["fra-9"], "fra-10"),
        ("local", ["local"], "local-2"),
        ("local", ["local", "local-2"], "local-3"),
        ("x" * 32, ["x" * 32], "x" * 31 + "2"),
    ],
)
def test_the_next_name_counts_on(own: str, names: list[str], proposed: str) -> None:
    assert next_name(own, names) == proposed
