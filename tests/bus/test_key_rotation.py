"""The secret of a mesh is changed while its nodes run and texts flow."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest
import pytest_asyncio

from bus import rotation
from bus.interface import PeerState, Reason
from bus.record import Kind
from bus.secret import SecretFile, previous_file, read_secret, rotate_secret
from bus.zeromq import ZeroMQBus
from bus.zeromq_curve import Key
from tests.bus.contract import identity
from tests.bus.ear import Ear, all_hear, eventually
from tests.bus.test_curve import KeyedMesh

Nodes = list[tuple[ZeroMQBus, Ear]]


@pytest_asyncio.fixture
async def mesh(tmp_path: Path) -> AsyncIterator[KeyedMesh]:
    made = KeyedMesh(tmp_path)
    yield made
    await made.stop()


@pytest_asyncio.fixture
async def nodes(mesh: KeyedMesh, monkeypatch: pytest.MonkeyPatch) -> Nodes:
    monkeypatch.setattr(rotation, "UP_TICKS", 4)
    return [(bus, ear) for bus, ear in await mesh.joined(3) if isinstance(bus, ZeroMQBus)]


def knows_both(bus: ZeroMQBus) -> bool:
    """Whether a node has read the new secret, and still knows the old one."""
    return len(bus.derived("a test")) == 2


def has_refused_a_key(bus: ZeroMQBus) -> bool:
    return any(each.reason is Reason.KEY for each in bus.refusals())


def carry(mesh: KeyedMesh, *numbers: int) -> None:
    """Bring the files of the first host to others, as an operator does."""
    for number in numbers:
        for source, target in (
            (mesh.file(1), mesh.file(number)),
            (previous_file(mesh.file(1)), previous_file(mesh.file(number))),
        ):
            fresh = target.with_suffix(".fresh")
            shutil.copy2(source, fresh)
            fresh.replace(target)


def fingerprint(file: Path) -> str:
    return Key.of(read_secret(file)).fingerprint


async def changed(nodes: Nodes, to: str) -> None:
    """Wait until all of these listen with this key and have no other."""
    await eventually(
        lambda: all(bus.fingerprint == to and len(bus.derived("a test")) == 1 for bus, _ in nodes),
    )


async def test_texts_flow_on_and_none_is_lost_or_shown_twice(mesh: KeyedMesh, nodes: Nodes) -> None:
    before = nodes[0][0].fingerprint
    going = True
    count = 0

    async def talk() -> None:
        nonlocal count
        while going:
            for bus, _ in nodes:
                bus.append(Kind.TEXT, b"%d" % count, room="lobby", session=bus.node, id=count)
            count += 1
            await asyncio.sleep(0.01)

    talking = asyncio.create_task(talk())
    rotate_secret(mesh.file(1))
    carry(mesh, 2, 3)
    after = fingerprint(mesh.file(1))
    assert after != before
    await changed(nodes, after)
    going = False
    await talking
    await all_hear((ear for _, ear in nodes), lambda ear: len(ear.records) >= 3 * count)
    for _, ear in nodes:
        for bus, _ in nodes:
            assert ear.seqs(bus.origin) == list(range(1, count + 1))
        assert not ear.gaps
    await eventually(lambda: all(peer.state is PeerState.UP for bus, _ in nodes for peer in bus.peers()))
    # Who opens anew may meet one that still tries the other key, and comes again; nobody goes without a key.
    assert not [each for bus, _ in nodes for each in bus.refusals() if each.reason in (Reason.PLAIN, Reason.GARBAGE)]


async def cast_on(bus: ZeroMQBus) -> None:
    """Speak until cancelled."""
    while True:
        bus.cast("t", b"voice")
        await asyncio.sleep(0.02)


async def test_nobody_goes_over_before_all_know_the_new_key_and_voice_goes_on_after(
    mesh: KeyedMesh, nodes: Nodes
) -> None:
    before = nodes[0][0].fingerprint
    rotate_secret(mesh.file(1))
    carry(mesh, 2)
    await eventually(lambda: all(len(bus.derived("a test")) == 2 for bus, _ in nodes[:2]))
    (a, _), (b, ear_b), (c, ear_c) = nodes
    a.append(Kind.TEXT, b"to all, with the old key")
    await all_hear([ear_b, ear_c], lambda ear: bool(ear.payloads(a.origin)))
    assert {bus.fingerprint for bus, _ in nodes} == {before}
    carry(mesh, 3)
    await changed(nodes, fingerprint(mesh.file(1)))
    for bus, _ in nodes[1:]:
        bus.subscribe("t")
    going = asyncio.create_task(cast_on(a))
    await all_hear([ear_b, ear_c], lambda ear: bool(ear.frames("t")))
    going.cancel()
    assert await c.call(b.node, b"control too") == b"control too"


async def test_the_key_of_before_is_worth_nothing_when_the_change_is_over(mesh: KeyedMesh, nodes: Nodes) -> None:
    old = mesh.folder / "stolen.key"
    shutil.copy2(mesh.file(1), old)
    thief, heard = (
        ZeroMQBus(identity(9), port=0, peers=[nodes[0][0].address], secret=SecretFile(old)),
        Ear(),
    )
    mesh.buses.append(thief)
    await thief.start(heard)
    await heard.until(lambda: heard.up() >= {bus.node for bus, _ in nodes})  # it is in while its key holds
    rotate_secret(mesh.file(1))
    carry(mesh, 2, 3)
    # The thief does not know the new one, so the others do not wait for it beyond their time.
    for bus, _ in nodes:
        await eventually(partial(knows_both, bus))
        assert bus._ring is not None
        bus._ring.rotation._since -= rotation.OVERLAP_TICKS
    await changed(nodes, fingerprint(mesh.file(1)))
    await eventually(lambda: not heard.up())
    shown = len(heard.records)
    for bus, _ in nodes:
        await eventually(partial(has_refused_a_key, bus))
    nodes[0][0].append(Kind.TEXT, b"not for thieves")
    thief.append(Kind.TEXT, b"from a thief")
    await nodes[1][1].until(lambda: nodes[1][1].payloads(nodes[0][0].origin) == [b"not for thieves"])
    assert len(heard.records) in (shown, shown + 1)  # its own, once it is alone
    assert not heard.payloads(nodes[0][0].origin)
    assert not any(ear.payloads(thief.origin) for _, ear in nodes)


async def test_a_node_that_gets_the_new_key_late_comes_back(mesh: KeyedMesh, nodes: Nodes) -> None:
    rotate_secret(mesh.file(1))
    carry(mesh, 2)
    for bus, _ in nodes[:2]:
        await eventually(partial(knows_both, bus))
        assert bus._ring is not None
        bus._ring.rotation._since -= rotation.OVERLAP_TICKS
    await changed(nodes[:2], fingerprint(mesh.file(1)))
    (a, ear_a), _, (c, ear_c) = nodes
    await ear_a.until(lambda: c.node not in ear_a.up())
    c.append(Kind.TEXT, b"while it was out")
    carry(mesh, 3)
    await mesh.whole([(bus, ear) for bus, ear in nodes])
    await ear_a.until(lambda: ear_a.payloads(c.origin) == [b"while it was out"])
    await changed(nodes, a.fingerprint)


async def test_a_node_that_starts_during_a_change_has_a_part_in_it(mesh: KeyedMesh, nodes: Nodes) -> None:
    rotate_secret(mesh.file(1))
    carry(mesh, 2)
    shutil.copy2(mesh.file(1), mesh.file(4))
    mesh.secret = mesh.file(1).read_text()
    shutil.copy2(previous_file(mesh.file(1)), previous_file(mesh.file(4)))
    late, ear = await mesh.add(peers=[nodes[2][0].address])
    await ear.until(lambda: ear.up() >= {bus.node for bus, _ in nodes})
    carry(mesh, 3)
    await changed(nodes, fingerprint(mesh.file(1)))
    await eventually(lambda: late.fingerprint == nodes[0][0].fingerprint)
