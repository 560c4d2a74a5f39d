"""Plays faults on three real nodes: `make namespaces`, as root; ARGS="6 short" plays one row, shortened."""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from tests.namespaces.network import Places, inside
from tests.namespaces.scene import Scene

CLIENTS = "clients"
NODES = ("a", "b", "c")

Row = Callable[[Scene, bool], Awaitable[dict[str, object]]]


async def opened(scene: Scene) -> None:
    """Three nodes that know each other, two clients on each who all talk."""
    for place in NODES:
        await scene.start(place)
    await scene.meet()
    talkers = [await scene.enter(place, f"{place}{number}") for place in NODES for number in (1, 2)]
    for talker in talkers:
        talker.read.clear()
    scene.talk(*talkers)
    await asyncio.sleep(2)


async def closed(scene: Scene, **more: object) -> dict[str, object]:
    """Hush, let all settle, and say what came of it."""
    await scene.hush()
    settled = await scene.settle()
    return {**scene.verdict(), "settled_s": round(settled, 2), **more}


async def stopped(scene: Scene, short: bool) -> dict[str, object]:
    """3: a node stands still for 10 s."""
    await opened(scene)
    scene.signal("c", signal.SIGSTOP)
    began = time.monotonic()
    await scene.until(("a", "c", False))
    suspected = time.monotonic() - began
    await asyncio.sleep(4 if short else 10 - suspected)
    scene.signal("c", signal.SIGCONT)
    met = await scene.meet()
    return await closed(scene, suspected_s=round(suspected, 2), up_again_s=round(met, 2))


async def blackhole(scene: Scene, short: bool) -> dict[str, object]:
    """5: nothing passes between two nodes for 6 s, and before and after 10 % is lost."""
    await opened(scene)
    for one, other in (("a", "b"), ("b", "a")):
        scene.places.lose(one, other, 10)
    await asyncio.sleep(2)
    scene.places.part("a", "b")
    await asyncio.sleep(6)
    scene.places.heal()
    began = time.monotonic()
    result = await closed(scene)
    return {**result, "healed_s": round(time.monotonic() - began, 2)}


async def one_way(scene: Scene, short: bool) -> dict[str, object]:
    """6: nothing passes from a to b for 10 s; b still reaches a."""
    await opened(scene)
    scene.places.cut("a", "b")
    began = time.monotonic()
    await scene.until(("a", "b", False), ("b", "a", False))
    agreed = time.monotonic() - began
    await asyncio.sleep(2 if short else 6)
    scene.places.heal()
    await scene.meet()
    return await closed(scene, both_see_it_s=round(agreed, 2))


async def partition(scene: Scene, short: bool) -> dict[str, object]:
    """7: one node is cut off from the two others for 60 s; both sides serve."""
    await opened(scene)
    scene.places.part(["a"], ["b", "c"])
    await asyncio.sleep(12 if short else 60)
    sides = {place: sum(state == "up" for state in (await scene.states(place)).values()) for place in NODES}
    scene.places.heal()
    met = await scene.meet()
    return await closed(scene, up_on_the_sides=sides, up_again_s=round(met, 2))


async def lossy(scene: Scene, short: bool) -> dict[str, object]:
    """9: a fifth of all packets between nodes is lost."""
    await opened(scene)
    for source in NODES:
        for target in NODES:
            if source != target:
                scene.places.lose(source, target, 20)
    for talker in scene.talkers:
        talker.took.clear()
    await asyncio.sleep(8 if short else 20)
    took = sorted(second for talker in scene.talkers for second in talker.took)
    result = await closed(scene, sent_p50_ms=round(took[len(took) // 2] * 1000))
    scene.places.heal()
    return {**result, "sent_p99_ms": round(took[len(took) * 99 // 100] * 1000)}


async def restarts(scene: Scene, short: bool) -> dict[str, object]:
    """10: killed and started with its state, without it, and beside a copy of it."""
    await opened(scene)
    first = scene.nodes["c"].id
    await scene.kill("c")
    again = await scene.start("c")
    await scene.meet()
    await scene.kill("c")
    fresh = await scene.start("c", data="new")
    await scene.meet()
    scene.copy("b", "copy")
    b, began = scene.nodes["b"], time.monotonic()
    await scene.kill("c")
    copy = await scene.start("c", data="copy")
    code = await asyncio.wait_for(b.process.wait(), 20)
    fenced = time.monotonic() - began
    del scene.nodes["b"]
    await scene.meet()
    return await closed(
        scene,
        same_id=again.id == first,
        new_id=fresh.id != first,
        copied_id=copy.id == b.id,
        older_exit_code=code,
        older_ended_s=round(fenced, 2),
    )


ROWS: dict[int, Row] = {3: stopped, 5: blackhole, 6: one_way, 7: partition, 9: lossy, 10: restarts}


async def play(numbers: list[int], *, short: bool, places: Places) -> bool:
    """Play rows one after the other; False if anything was lost, doubled or out of order."""
    good = True
    for number in numbers:
        row = ROWS[number]
        with tempfile.TemporaryDirectory() as folder:
            async with Scene(places, Path(folder)) as scene:
                result = await row(scene, short)
        wrong = any(result[what] for what in ("lost", "twice", "out of order"))
        good &= not wrong
        figures = ", ".join(f"{name} {value}" for name, value in result.items())
        print(f"| {(row.__doc__ or '').strip()} | {figures} | {'**fails**' if wrong else 'holds'} |", flush=True)
        places.heal()
    return good


def main() -> int:
    """Make the places, and play within the one of the clients."""
    parser = argparse.ArgumentParser(prog="make namespaces", description=__doc__)
    parser.add_argument("what", nargs="*", help="numbers of rows, and short")
    given = parser.parse_args().what
    numbers = [int(word) for word in given if word.isdigit()] or list(ROWS)
    places = Places(CLIENTS, *NODES)
    if os.environ.get("SWITCHBOARD_NAMESPACES") == "inside":
        del os.environ["SWITCHBOARD_NAMESPACES"]
        return not asyncio.run(play(numbers, short="short" in given, places=places))
    if os.geteuid() != 0:
        print("make namespaces needs root, for network namespaces", file=sys.stderr)
        return 1
    with places:
        command = (*inside(CLIENTS), sys.executable, "-m", "tests.namespaces", *given)
        return subprocess.run(command, env={**os.environ, "SWITCHBOARD_NAMESPACES": "inside"}, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
