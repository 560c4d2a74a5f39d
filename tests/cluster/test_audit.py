"""The audit over the deaths of nodes: real processes, each with a store of its own."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from tests.cluster.nodes import Cluster, Node, eventually
from tests.forks import fork
from tests.guest import Event, Guest
from tests.processes import environment


async def listed(guest: Guest) -> list[Event]:
    return list((await guest.ask("audit"))["items"])


async def until_listed(guest: Guest, *actions: str) -> list[Event]:
    """What a node lists as soon as that is, newest first, these actions."""

    async def all_there() -> bool:
        return [item["action"] for item in await listed(guest)] == list(actions)

    await eventually(all_there)
    return await listed(guest)


async def verify(folder: Path) -> tuple[int, str]:
    """What `main.py audit verify` says of the store of a node, and its exit code."""
    process = await fork("main", "audit", "verify", f"--data-dir={folder}", env=environment())
    out, err = await process.communicate()
    assert err == b""
    return process.returncode or 0, out.decode().strip()


async def three(cluster: Cluster) -> tuple[Node, Node, Node]:
    """Nodes that know each other."""
    a = await cluster.start("a")
    b = await cluster.start("b", a)
    c = await cluster.start("c", a, b)
    await cluster.meet()
    return a, b, c


def lines(folder: Path) -> list[tuple[str, int, str]]:
    """What a store holds."""
    with sqlite3.connect(folder / "store.db") as database:
        found = database.execute("SELECT chain, n, line FROM audit ORDER BY chain, n").fetchall()
    database.close()
    return found


async def test_a_node_that_is_killed_between_asking_and_hearing(cluster: Cluster, tmp_path: Path) -> None:
    """What it asked is known to the others, what became of it is not; and when it is back, its chain goes on."""
    a, b, c = await three(cluster)
    bob = await cluster.enter(b, "Bob", user="bob")
    mo = await cluster.enter_as("moderator", a, user="mo")
    mia = await cluster.enter_as("moderator", c, user="mia")

    async def known() -> bool:
        items = (await mo.ask("list", what="sessions"))["items"]
        return any(item["session"] == bob.session for item in items)

    await eventually(known)
    await b.stop()
    await mo.send("kick", session=bob.session, reason="spam")
    (item,) = await until_listed(mia, "kick")
    a.kill()
    assert (item["by"], item["reason"], item["outcome"], item["node"]) == ("mo", "spam", "unknown", "a")
    b.go_on()

    again = await cluster.start("a", b)
    mo = await cluster.enter_as("moderator", again, user="mo")
    await mo.ask("ban", user="eve", reason="flood")
    last: list[Event] = []

    async def told() -> bool:
        last[:] = [item for item in await listed(mia) if item["action"] == "ban"]
        return {item["outcome"] for item in last} == {"done"} and len(last) == 3

    await eventually(told)
    first = [item for item in await listed(mo) if item["action"] == "kick"]
    assert [item["outcome"] for item in first] == ["unknown"]
    for name in "abc":
        code, said = await verify(tmp_path / name)
        assert (code, said.partition(":")[0]) == (0, "the audit holds"), said
    (second,) = [
        line for chain, n, line in lines(tmp_path / "c") if chain.startswith(again.id) and '"before":{' in line
    ]
    assert f'"before":{{"chain":"{again.id}.' in second


async def test_a_byte_that_is_flipped_is_found_on_that_node_alone(cluster: Cluster, tmp_path: Path) -> None:
    a, b, c = await three(cluster)
    guests = {name: await cluster.enter(node, name) for name, node in zip("abc", (a, b, c), strict=True)}
    mo = await cluster.enter_as("moderator", b, user="mo")

    async def known() -> bool:
        sessions = {item["session"] for item in (await mo.ask("list", what="sessions"))["items"]}
        return sessions >= {guest.session for guest in guests.values()}

    await eventually(known)
    for name, guest in guests.items():
        done = await mo.ask("mute", session=guest.session, reason=f"number {name}")
        assert [(result["node"], result["outcome"]) for result in done["results"]] == [(name, "done")]
    await eventually(
        lambda: len({str(lines(tmp_path / name)) for name in "abc"}) == 1 and len(lines(tmp_path / "a")) == 7
    )
    for name in "abc":
        assert await verify(tmp_path / name) == (0, "the audit holds: 7 lines in 1 chain")
    with sqlite3.connect(tmp_path / "c" / "store.db") as database:
        database.execute("UPDATE audit SET line = replace(line, 'number b', 'number c') WHERE n = 4")
    database.close()
    code, said = await verify(tmp_path / "c")
    assert code == 1
    assert said == f"the audit is broken: line 4 of node b, chain {lines(tmp_path / 'c')[0][0]}: it was changed"
    for name in "ab":
        assert (await verify(tmp_path / name))[0] == 0


async def test_who_comes_later_gets_it_all(cluster: Cluster, tmp_path: Path) -> None:
    a = await cluster.start("a")
    mo = await cluster.enter_as("moderator", a, user="mo")
    for number in range(5):
        await mo.ask("ban", user=f"user{number}", seconds=600)
    b = await cluster.start("b", a)
    await cluster.meet()
    await eventually(lambda: lines(tmp_path / "b") == lines(tmp_path / "a"))
    mia = await cluster.enter_as("moderator", b, user="mia")
    assert await listed(mia) == await listed(mo)
