"""Rows of the fault matrix about those who have no part in a mesh, and about the key that keeps them out."""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Sequence
from pathlib import Path

import psutil

from bus.secret import previous_file, read_secret
from bus.zeromq_curve import Key
from tests.faults.field import MESH, SPARE, Field
from tests.faults.network import BUS_PORT
from tests.faults.result import Result, heard_again, whole

REASONS = ("key", "plain", "garbage", "silent")
CHANGED_SECONDS = 30.0


async def kept_out(field: Field, long: bool) -> Result:
    """Row 22: unknown keys, no keys, bytes and the key of before a change; and the change itself."""
    result = Result()
    await field.pass_time(1)
    begun = field.history.mark("strangers")
    await _tries_everything(field, result, 10.0 if long else 4.0)
    await whole(field, result, begun, 10.0)
    await heard_again(field, result, field.history.mark("strangers left"), 3.0, 1.0)

    old = field.folder / "old.key"
    shutil.copy2(field.key_file("a"), old)
    changed = field.history.mark("the key is changed")
    code, told = await field.run("a", "main", "cluster-key", "rotate", f"--cluster-key-file={field.key_file('a')}")
    result.check(code == 0, "the key is changed by command")
    carry(field, "a", "b", "c")
    result.within(await gone_over(field, told.strip(), changed), CHANGED_SECONDS, "all nodes have the new key alone")
    await whole(field, result, field.history.mark("changed"), 3.0)
    await heard_again(field, result, field.history.mark("settled"), 3.0, 1.0)
    # A node that opens anew may meet one that still tries the other key; it is tried in turn, and nothing is lost.
    result.figures.append(f"refusals between nodes while the key was changed: {len(_refused(field, MESH))}")
    await _comes_with(field, result, old, "the key of before the change")
    result.texts(await field.settle(alone=True))
    return result


async def _tries_everything(field: Field, result: Result, seconds: float) -> None:
    """Somebody tries all that can be tried without the key, and gets nothing."""
    server = Key.of(read_secret(field.key_file("a"))).public.decode()
    targets = [field.network.port(node, BUS_PORT + port) for node in MESH for port in range(3)]
    given = json.dumps({"targets": targets, "server": server, "seconds": seconds})
    before = {node: _memory(field, node) for node in MESH}
    intruder = await field.begin(SPARE, "tests.faults.intruder", given)
    address = field.network.address(SPARE)
    for node in MESH:
        for reason in REASONS:
            name = f'switchboard_mesh_refused_total{{reason="{reason}"}}'

            def counted(node: str = node, name: str = name) -> bool:
                return bool(field.figure(node, name)[-1:] > [0])

            result.check(await field.until(counted), f"{node} has refused somebody for {reason}")

        def named(node: str = node) -> bool:
            return address in _addresses(field, node)

        result.check(await field.until(named), f"{node} names {address}")
    got = (await intruder.communicate())[0].decode().strip()
    result.check(intruder.returncode == 0 and got == "{}", f"a stranger got {got} from {len(targets)} ports")
    grown = max(_memory(field, node) - before[node] for node in MESH)
    # With little load a node has not yet what it takes by itself.
    result.check(grown < 5_000_000 or seconds < 10, "no node has taken more than 5 MB for it")
    result.figures.append(f"the memory of a node grew by {grown / 1e6:.1f} MB at most while somebody tried")


def _memory(field: Field, node: str) -> int:
    """The bytes that a node has in memory."""
    return int(psutil.Process(field.nodes[node].ready["pid"]).memory_info().rss)


def _addresses(field: Field, node: str) -> set[str]:
    """Whom a node has named in its log as refused."""
    return {line.partition("refused ")[2].partition(" ")[0] for line in lines_of(field, node) if "refused" in line}


def lines_of(field: Field, node: str) -> list[str]:
    """What a node has logged, the sentences."""
    found = []
    for line in field.logged(node).splitlines():
        with contextlib.suppress(ValueError):
            found.append(str(json.loads(line).get("message", line)))
    return found


def _refused(field: Field, nodes: Sequence[str]) -> list[str]:
    """What nodes have logged about others of them that they refused."""
    ours = {field.network.address(node) for node in nodes}
    lines = [line for node in nodes for line in lines_of(field, node)]
    return [line for line in lines if any(f"refused {each} " in line for each in ours)]


def carry(field: Field, source: str, *targets: str) -> None:
    """Bring the secret of one host to others, with the one before it, as an operator does."""
    for target in targets:
        for name in (previous_file, Path):
            fresh = field.folder / "carried"
            shutil.copy2(name(field.key_file(source)), fresh)
            fresh.replace(name(field.key_file(target)))


async def gone_over(field: Field, fingerprint: str, since: float) -> float | None:
    """Wait until every node listens with a key and takes no other; returns how long that took."""

    def done() -> bool:
        for node in MESH:
            said = [line for line in lines_of(field, node) if "the mesh " in line and " the key " in line]
            if not said or fingerprint not in said[-1] or "listens with" not in said[-1]:
                return False
        return True

    if not await field.until(done, within=CHANGED_SECONDS):
        return None
    return field.history.mark("all have the new key") - since


async def _comes_with(field: Field, result: Result, secret: Path, what: str) -> None:
    """A node with a secret that does not hold has no part in the mesh."""
    before = {node: len(lines_of(field, node)) for node in MESH}
    shutil.copy2(secret, field.key_file(SPARE))
    thief = await field.start("thief", host=SPARE)
    address = field.network.address(SPARE)

    def named() -> bool:
        return all(
            any(f"refused {address} (wrong key" in line for line in lines_of(field, node)[before[node] :])
            for node in MESH
        )

    result.check(await field.until(named, within=15), f"{what} is refused everywhere as a wrong one")
    seen = {other for node in MESH for other in field.states(node)}
    result.check(thief.id not in seen, "who has it is a node for nobody")
    await thief.end()
    del field.nodes["thief"]
