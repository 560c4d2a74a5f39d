"""Where a node is for others, and host names of peers."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Iterable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from bus import zeromq, zeromq_names
from bus.interface import BusStartError
from bus.record import Kind, NodeId, Origin
from bus.secret import SecretFile, make_secret
from bus.zeromq import ZeroMQBus
from bus.zeromq_address import is_wildcard, listening, outward, peer_address, plain_host, reachable
from bus.zeromq_place import Place
from tests.bus.contract import identity
from tests.bus.ear import Ear, eventually

PORTS = (8766, 8767, 8768)


class Ways:
    """The addresses of a machine, as its routes tell them."""

    def __init__(self, host: str) -> None:
        self.host = host

    def __call__(self, host: str, peers: Iterable[str]) -> str:
        return self.host


def place(host: str, advertised: str = "", *, way: str = "10.0.0.1") -> tuple[Place, Ways]:
    ways = Ways(way)
    made = Place(host, advertised, (), way=ways)
    made.settle(PORTS)
    return made, ways


class TestPlace:
    def test_a_node_on_one_address_tells_that_one_whatever_peers_say(self) -> None:
        made, ways = place("10.0.0.7")
        ways.host = "10.0.0.8"
        assert not made.look("192.0.2.1:9")
        assert (made.address, made.endpoints) == ("10.0.0.7:8766", ("10.0.0.7:8767", "10.0.0.7:8768"))

    def test_what_is_advertised_is_told_and_stays(self) -> None:
        made, _ = place("0.0.0.0", "192.0.2.9")
        assert not made.look("10.0.0.3:8766")
        assert made.address == "192.0.2.9:8766"

    def test_where_ports_are_mapped_those_of_the_streams_are_mapped_alike(self) -> None:
        made, _ = place("0.0.0.0", "192.0.2.9:9000")
        assert (made.address, made.endpoints) == ("192.0.2.9:9000", ("192.0.2.9:9001", "192.0.2.9:9002"))

    def test_brackets_stand_around_version_6(self) -> None:
        assert place("fd00::7")[0].address == "[fd00::7]:8766"
        assert place("::", "[fd00::9]")[0].address == "[fd00::9]:8766"
        assert place("::", "[fd00::9]:9000")[0].endpoints[1] == "[fd00::9]:9002"

    def test_on_all_addresses_it_is_where_the_way_to_others_begins_until_a_peer_has_reached_it(self) -> None:
        made, _ = place("0.0.0.0")
        assert made.address == "10.0.0.1:8766"
        assert not made.look("")
        assert made.look("10.9.9.9:8766")
        assert made.address == "10.9.9.9:8766"
        assert not made.look("10.8.8.8:8766"), "the first word counts"
        assert made.endpoints == ("10.9.9.9:8767", "10.9.9.9:8768")

    def test_a_machine_that_changes_its_address_is_told_anew(self) -> None:
        made, ways = place("0.0.0.0")
        made.look("10.9.9.9:8766")
        ways.host = "10.0.0.2"
        assert made.look("10.9.9.9:8766")
        assert made.address == "10.0.0.2:8766"
        assert made.look("10.7.7.7:8766"), "and then a new word counts"

    def test_an_advertised_host_that_is_not_known_is_said(self) -> None:
        with pytest.raises(BusStartError, match="not known"):
            Place("0.0.0.0", "no.such.host.invalid", ())


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ("10.0.0.1:8766", "10.0.0.1:8766"),
        ("[fd00::0001]:8766", "[fd00::1]:8766"),
        ("localhost:8766", "127.0.0.1:8766"),
        ("node.example:8766", "node.example:8766"),
    ],
)
def test_with_a_key_a_peer_may_be_anywhere(given: str, found: str) -> None:
    assert peer_address(given, keyed=True) == found


@pytest.mark.parametrize("given", ["0.0.0.0:1", "[::]:1", "224.0.0.1:1", "10.0.0.1", "10.0.0.1:0", ""])
def test_what_is_no_address_of_a_node_is_refused_with_a_key_too(given: str) -> None:
    with pytest.raises(BusStartError):
        peer_address(given, keyed=True)


@pytest.mark.parametrize("given", ["10.0.0.1:8766", "[fd00::1]:8766", "node.example:8766"])
def test_without_a_key_a_peer_off_loopback_is_refused_and_the_key_is_named(given: str) -> None:
    with pytest.raises(BusStartError, match="--cluster-key-file"):
        peer_address(given, keyed=False)


def test_what_is_heard_of_is_followed_in_numbers_only() -> None:
    assert reachable("10.0.0.1:1", keyed=True)
    assert not reachable("10.0.0.1:1", keyed=False)
    assert reachable("127.0.0.1:1", keyed=False)
    for never in ("example.org:1", "localhost:1", "0.0.0.0:1", "[::]:1", "224.0.0.1:1", "10.0.0.1", "nonsense", ""):
        assert not reachable(never, keyed=True)


def test_hosts() -> None:
    assert is_wildcard("0.0.0.0")
    assert is_wildcard("::")
    assert not is_wildcard("127.0.0.1")
    assert plain_host("::ffff:10.0.0.1") == "10.0.0.1"
    assert plain_host("fe80::1%eth0") == "fe80::1%eth0"
    assert listening("10.0.0.1", keyed=True) == "10.0.0.1"
    with pytest.raises(BusStartError, match="--cluster-key-file"):
        listening("10.0.0.1", keyed=False)


def test_where_the_way_to_others_begins_is_an_address_of_this_machine() -> None:
    for host in ("0.0.0.0", "::"):
        found = outward(host, ["127.0.0.1:1"])
        assert not is_wildcard(found)
        with socket.socket(socket.AF_INET6 if ":" in found else socket.AF_INET) as sock:
            sock.bind((found, 0))


# --- real nodes ---------------------------------------------------------------------------------------------


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    file = tmp_path / "cluster.key"
    make_secret(file)
    return file


class Nodes:
    """Nodes with a key."""

    def __init__(self, secret: Path) -> None:
        self._secret = secret
        self.made: list[ZeroMQBus] = []

    async def __call__(self, *peers: str, **options: Any) -> tuple[ZeroMQBus, Ear]:
        bus = ZeroMQBus(identity(len(self.made) + 1), port=0, peers=peers, secret=SecretFile(self._secret), **options)
        self.made.append(bus)
        ear = Ear()
        await bus.start(ear)
        return bus, ear


@pytest_asyncio.fixture
async def nodes(secret: Path) -> AsyncIterator[Nodes]:
    made = Nodes(secret)
    yield made
    for bus in made.made:
        await bus.stop()


def sees(ear: Ear, others: set[NodeId]) -> bool:
    return ear.up() >= others


def has_only(ear: Ear, origin: Origin, payload: bytes) -> bool:
    return ear.payloads(origin) == [payload]


async def meet(*nodes: tuple[ZeroMQBus, Ear]) -> None:
    ids = {bus.node for bus, _ in nodes}
    for bus, ear in nodes:
        await ear.until(partial(sees, ear, ids - {bus.node}))


@pytest.mark.parametrize("host", ["::1", "0.0.0.0", "::"])
async def test_nodes_meet_on_version_6_and_on_all_addresses(nodes: Nodes, host: str) -> None:
    a = await nodes(host=host)
    port = a[0].address.rpartition(":")[2]
    way = f"[::1]:{port}" if host == "::1" else f"127.0.0.1:{port}"
    b, c = await nodes(way, host=host), await nodes(way, host="127.0.0.1" if host != "::1" else "::1")
    await meet(a, b, c)
    a[0].append(Kind.TEXT, b"to all")
    for _, ear in (b, c):
        await ear.until(partial(has_only, ear, a[0].origin, b"to all"))


async def test_a_node_that_moves_is_found_by_its_new_word(nodes: Nodes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zeromq, "LOOK_TICKS", 1)
    a, b = await nodes(host="127.0.0.1"), await nodes(host="0.0.0.0", advertise="")
    b[0].join(a[0].address)
    await meet(a, b)
    place = b[0]._place
    ways = Ways("127.0.0.2")
    place._way = ways
    await eventually(lambda: b[0].address.startswith("127.0.0.2:"))
    await eventually(lambda: [peer.address for peer in a[0].peers()] == [b[0].address])
    await eventually(lambda: a[0]._ways.addresses == [b[0].address])
    b[0].append(Kind.TEXT, b"from the new place")
    await a[1].until(lambda: a[1].payloads(b[0].origin) == [b"from the new place"])
    await meet(a, b)


async def test_what_is_advertised_is_what_others_learn(nodes: Nodes) -> None:
    a = await nodes(host="0.0.0.0", advertise="127.0.0.3")
    assert a[0].address.startswith("127.0.0.3:")
    b = await nodes(a[0].address)
    c = await nodes(b[0].address)
    await meet(a, b, c)
    assert a[0].address in c[0]._ways.addresses


class Lookups:
    """What names lead to, for a while."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.found: dict[str, str] = {}
        loop = asyncio.get_running_loop()
        look = loop.getaddrinfo

        async def getaddrinfo(host: str, port: int, **how: Any) -> Any:
            if host.endswith(".example"):
                if host not in self.found:
                    raise socket.gaierror(socket.EAI_NONAME, "unknown")
                host = self.found[host]
            return await look(host, port, **how)

        monkeypatch.setattr(loop, "getaddrinfo", getaddrinfo)


async def test_a_peer_may_have_a_name_that_is_known_later_and_leads_elsewhere_then(
    nodes: Nodes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(zeromq, "AGAIN_TICKS", 1)
    names = Lookups(monkeypatch)
    a = await nodes(host="127.0.0.1")
    port = a[0].address.rpartition(":")[2]
    b = await nodes(f"a.example:{port}")
    assert [(each.given, each.address) for each in b[0].sought()] == [(f"a.example:{port}", "")]
    names.found["a.example"] = "127.0.0.9"  # nobody is there
    await eventually(lambda: b[0].sought()[0].address == f"127.0.0.9:{port}")
    names.found["a.example"] = "127.0.0.1"
    await meet(a, b)
    await eventually(lambda: b[0].sought()[0].connected)
    assert b[0]._ways.addresses == [a[0].address]
    b[0].give_up(f"a.example:{port}")
    assert b[0].sought() == []
    await meet(a, b)


async def test_a_name_that_is_known_at_the_start_is_waited_for(nodes: Nodes, monkeypatch: pytest.MonkeyPatch) -> None:
    names = Lookups(monkeypatch)
    a = await nodes()
    names.found["a.example"] = "127.0.0.1"
    b = await nodes("a.example:{}".format(a[0].address.rpartition(":")[2]))
    assert b[0]._running.membership.sought
    await meet(a, b)
    assert zeromq_names.AGAIN_TICKS > 0


async def test_peers_are_added_and_removed_while_a_node_runs(nodes: Nodes) -> None:
    a, b = await nodes(), await nodes()
    gone = "127.0.0.1:9"
    b[0].join(a[0].address)
    b[0].join(gone)
    await meet(a, b)
    assert [(each.given, each.connected) for each in b[0].sought()] == [(a[0].address, True), (gone, False)]
    b[0].give_up(gone)
    await eventually(lambda: gone not in b[0]._ways.addresses)
    assert [each.given for each in b[0].sought()] == [a[0].address]
    with pytest.raises(ValueError, match="HOST:PORT"):
        b[0].give_up("nonsense")
