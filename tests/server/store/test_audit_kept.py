"""The audit in stores: the same in each, going on over restarts, and verified by `main.py audit verify`."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import shutil
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

import main
from server import backfill
from server.chain import Began, Missed, encode, hash_of, unpack
from server.inspection import export, verify
from server.intent import Intent
from server.ledger import Ledger, Wanted
from server.session import Actor, Role
from server.store.address import StoreAddress
from server.store.keeper import Keeper
from server.store.rows import AuditRow
from tests.bus.ear import eventually
from tests.nodes import Served, Serving
from tests.stored import Keepers, written

MO = Actor("s_mo", "mo", "Mo", Role.MODERATOR)


@pytest.fixture
async def anew(tmp_path: Path) -> AsyncIterator[Serving]:
    """Starts the same nodes for a second time."""
    serving = Serving(tmp_path, life=2)
    yield serving
    await serving.close()


async def cluster(serve: Serving, stores: list[Keeper]) -> list[Served]:
    """Nodes that know each other, each with its store."""
    addresses = [f"m:{number}" for number in range(len(stores))]
    nodes = [
        await serve(*addresses[:number], address=address, store=store)
        for number, (address, store) in enumerate(zip(addresses, stores, strict=True))
    ]
    await eventually(lambda: all(len(served.node.cards.urls_of_others()) == len(stores) - 1 for served in nodes))
    return nodes


def act(served: Served, reason: str, *, target: str = "bob") -> None:
    """Something is done at a node."""
    audit = served.node.audit
    audit.outcome(audit.asked(Intent("kick", by=MO, target=target, room="lobby", reason=reason)), [])


async def lines(store: Keeper) -> list[AuditRow]:
    """All lines of a store."""
    await written(store)
    return [row for chain in await store.chains() async for row in store.chain(chain)]


async def agree(nodes: list[Served]) -> None:
    """All nodes know the same lines."""

    def same() -> bool:
        for served in nodes:
            served.advance(1.0)
        return len({served.node.audit.summary for served in nodes}) == 1

    await eventually(same)


async def end(serve: Serving) -> None:
    """End all nodes."""
    await serve.close()
    serve.served.clear()


def places(found: list[AuditRow]) -> list[tuple[str, int, str]]:
    return [(row.chain, row.n, row.line) for row in found]


async def three(tmp_path: Path, keep: Keepers) -> list[Keeper]:
    """A store for each of three nodes."""
    return [await keep(StoreAddress.of_file(str(tmp_path / f"{number}.db"))) for number in range(3)]


async def test_each_of_three_nodes_stores_the_same_lines(tmp_path: Path, serve: Serving, keep: Keepers) -> None:
    stores = await three(tmp_path, keep)
    nodes = await cluster(serve, stores)
    for number in range(4):
        for served in nodes:
            act(served, f"{served.node.name} {number}")
    await agree(nodes)
    kept = [await lines(store) for store in stores]
    assert len(kept[0]) == 3 * (1 + 4)
    assert places(kept[0]) == places(kept[1]) == places(kept[2])
    for store in stores:
        assert await verify(store) == (True, "the audit holds: 15 lines in 3 chains")


async def test_a_node_goes_on_where_its_store_ends(
    tmp_path: Path, serve: Serving, anew: Serving, keep: Keepers
) -> None:
    (store, *_) = await three(tmp_path, keep)
    (served,) = await cluster(serve, [store])
    act(served, "before")
    await written(store)
    await end(serve)
    (served,) = await cluster(anew, [store])
    act(served, "after")
    first, second, third, _ = await lines(store)
    began = unpack(third.line).entry
    assert isinstance(began, Began)
    assert began.before is not None
    assert (began.before.hash, began.lost, third.prev) == (second.hash, False, second.hash)
    assert [item.asked.reason for item in await served.node.audit.page(Wanted(), limit=9)] == ["after", "before"]
    assert (await verify(store))[0]


async def test_a_node_whose_store_was_lost_says_so_and_gets_its_lines_back(
    tmp_path: Path, serve: Serving, anew: Serving, keep: Keepers, caplog: pytest.LogCaptureFixture
) -> None:
    stores = await three(tmp_path, keep)
    nodes = await cluster(serve, stores)
    for served in nodes:
        act(served, "before")
    await agree(nodes)
    for store in stores:
        await written(store)
    await end(serve)
    stores[0] = await keep(StoreAddress.of_file(str(tmp_path / "new.db")))
    nodes = await cluster(anew, stores)
    await agree(nodes)
    act(nodes[0], "after")
    assert "a new chain begins" in caplog.text
    found = await nodes[0].node.audit.page(Wanted(action="audit_lost"), limit=9)
    assert [(item.asked.by.name, item.asked.target) for item in found] == [("System", "n1")]
    await agree(nodes)
    kept = [await lines(store) for store in stores]
    assert places(kept[0]) == places(kept[1]) == places(kept[2])
    holds, told = await verify(stores[1])
    assert holds
    assert told.endswith("; node n1 began anew without its lines before")


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (f"UPDATE heads SET hash = '{'ab' * 32}'", "line 2 of its own in its store is not the one that it wrote"),
        ("UPDATE heads SET n = 1", "its store has 1 of 2 lines that it wrote"),
    ],
)
async def test_others_say_so_when_a_node_comes_back_with_another_past(
    change: str, why: str, tmp_path: Path, serve: Serving, anew: Serving, keep: Keepers
) -> None:
    stores = await three(tmp_path, keep)
    nodes = await cluster(serve, stores[:2])
    act(nodes[1], "before")
    await agree(nodes)
    for store in stores:
        await written(store)
    await end(serve)
    await stores[1].close()
    changed(tmp_path / "1.db", f"{change} WHERE chain = '{2:016x}.1'")
    stores[1] = await keep(StoreAddress.of_file(str(tmp_path / "1.db")))
    nodes = await cluster(anew, stores[:2])
    act(nodes[1], "after")
    await eventually(lambda: nodes[0].node.audit.known(nodes[0].node.bus.origin) == 3)
    found = await nodes[0].node.audit.page(Wanted(action="audit_changed"), limit=9)
    assert [(item.asked.by.name, item.asked.target, item.asked.reason) for item in found] == [("System", "n2", why)]


async def test_a_node_that_comes_later_gets_what_was_written_before(
    tmp_path: Path, serve: Serving, keep: Keepers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backfill, "LINES_AT_ONCE", 3)
    stores = await three(tmp_path, keep)
    a = await serve(address="m:a", store=stores[0], log_records=100)
    for number in range(10):
        act(a, f"early {number}")
    await written(stores[0])
    b = await serve("m:a", address="m:b", store=stores[1])
    b.node.audit._heads.clear()  # as if the log had held none of it any more
    b.node.audit._summary = 0
    await eventually(lambda: bool(b.node.cards.urls_of_others()))
    await agree([a, b])
    assert b.node.audit.known(a.node.bus.origin) == 11
    assert places(await lines(stores[0])) == places(await lines(stores[1]))


async def test_lines_that_nobody_has_are_written_down_as_missed(
    tmp_path: Path, serve: Serving, keep: Keepers
) -> None:
    stores = await three(tmp_path, keep)
    a, b = await cluster(serve, stores[:2])
    origin = a.node.bus.origin
    for number in range(5):
        act(a, f"{number}")
    payloads = [row.line.encode() for row in await lines(stores[0])]
    await agree([a, b])
    b.node.audit._heads.pop(origin)
    b.node.audit.fill(origin, [(9, payloads[3]), (10, payloads[4])])
    entries = [unpack(row.line).entry for row in await lines(stores[1])]
    assert Missed(origin, 1, 3) in entries
    assert b.node.audit.known(origin) == 5


async def test_what_is_older_than_memory_comes_from_the_store(
    tmp_path: Path, serve: Serving, keep: Keepers, monkeypatch: pytest.MonkeyPatch
) -> None:
    (store, *_) = await three(tmp_path, keep)
    served = await serve(store=store)
    served.node.audit._ledger = Ledger(kept=4)
    for number in range(12):
        act(served, f"number {number}" + (" Bär" if number % 5 == 0 else ""))
    await written(store)
    mo = await served.enter_as("moderator")
    seen, after = [], None
    for size in (5, 5, 2):
        page = await mo.ask("audit", limit=5, **({"after": after} if after else {}))
        seen += [item["reason"].split()[1] for item in page["items"]]
        assert len(page["items"]) == size
        after = page["next"]
    assert seen == [str(number) for number in range(11, -1, -1)]
    for text in ("BÄR", "r 5 bär", "r 0"):
        found = await served.node.audit.page(Wanted(text=text), limit=9)
        wanted = [f"number {n}" for n in (10, 5, 0) if text.lower() in f"number {n} bär"]
        assert [item.asked.reason.removesuffix(" Bär") for item in found] == wanted
    assert served.node.audit.since(0) is None


async def test_after_a_restart_the_newest_are_in_memory(
    tmp_path: Path, serve: Serving, anew: Serving, keep: Keepers, monkeypatch: pytest.MonkeyPatch
) -> None:
    from server import audit

    (store, *_) = await three(tmp_path, keep)
    served = await serve(store=store)
    for number in range(6):
        act(served, f"{number}")
    await written(store)
    await end(serve)
    monkeypatch.setattr(audit, "KEPT", 4)
    served = await anew(store=store)
    in_memory = served.node.audit._ledger.page(Wanted(), limit=99)
    assert [item.asked.reason for item in in_memory] == ["5", "4", "3", "2"]
    assert [item.asked.reason for item in await served.node.audit.page(Wanted(), limit=99)] == list("543210")


async def test_it_is_the_same_in_every_kind_of_database(address: StoreAddress, serve: Serving, keep: Keepers) -> None:
    store = await keep(address)
    served = await serve(store=store)
    reasons = ["plain", "Ärger 🎺 'quoted' \"twice\" \\ back", "=1+1", "line\nbreak", "%_"]
    for reason in reasons:
        act(served, reason)
    await written(store)
    assert (await verify(store))[0]
    assert [item["reason"] for item in json.loads(await whole(store, "json"))] == reasons[::-1]
    rows = list(csv.DictReader(io.StringIO(await whole(store, "csv"), newline="")))
    assert [row["reason"].removeprefix("'") for row in rows] == reasons[::-1]
    served.node.audit._ledger = Ledger()
    served.node.audit._ledger.floor = (0, "", 0)  # nothing is in memory
    for text, count in {"ärger 🎺": 1, "Break": 1, "%": 1, "k\\": 0, "\\ B": 1, "TWICE": 1}.items():
        assert len(await served.node.audit.page(Wanted(text=text), limit=9)) == count, text


async def whole(store: Keeper, format: Any) -> str:
    return "".join([piece async for piece in export(store, format)])


# The command.


def filled(folder: Path, acts: int = 6) -> Path:
    """The store of a node that has written something, ended."""

    async def fill() -> None:
        serving, keepers = Serving(folder), Keepers()
        store = await keepers(StoreAddress.of_file(str(folder / "store.db")))
        served = await serving(store=store)
        for number in range(acts):
            audit = served.node.audit
            audit.outcome(audit.asked(Intent("kick", by=MO, target="bob", reason=f"reason {number}")), [])
        await written(store)
        await serving.close()
        await keepers.close()

    asyncio.run(fill())
    return folder / "store.db"


def changed(path: Path, *statements: str) -> None:
    """Do something to a store behind the back of its node."""
    with sqlite3.connect(path) as database:
        for statement in statements:
            assert database.execute(statement).rowcount > 0, statement
    database.close()


def verified(folder: Path, capfd: pytest.CaptureFixture[str], *more: str) -> tuple[int, str]:
    """What `audit verify` says, and its exit code."""
    code = main.main(["audit", "verify", f"--data-dir={folder}", *more])
    out, err = capfd.readouterr()
    assert err == ""
    assert out.count("\n") == 1
    return code, out.strip()


def test_what_was_written_is_verified(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    filled(tmp_path)
    assert verified(tmp_path, capfd) == (0, "the audit holds: 7 lines in 1 chain")


@pytest.mark.parametrize(
    ("statements", "line", "why"),
    [
        (["UPDATE audit SET line = replace(line, 'reason 2', 'reason 3') WHERE n = 4"], 4, "it was changed"),
        (["UPDATE audit SET action = 'mute' WHERE n = 4"], 4, "what is looked for in it was changed"),
        (["DELETE FROM audit WHERE n = 3"], 3, "it is missing"),
        (["DELETE FROM audit WHERE n = 1"], 1, "it is missing"),
        (["DELETE FROM audit WHERE n = 7"], 7, "it is missing"),
        (["DELETE FROM audit WHERE n > 4"], 5, "it is missing"),
        (["DELETE FROM audit"], 1, "it is missing"),
        (
            [
                "UPDATE audit SET n = 100 WHERE n = 3",
                "UPDATE audit SET n = 3 WHERE n = 5",
                "UPDATE audit SET n = 5 WHERE n = 100",
            ],
            3,
            "what stands there is line 5",
        ),
    ],
)
def test_the_first_line_that_is_not_what_was_written_is_named(
    statements: list[str], line: int, why: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    changed(filled(tmp_path), *statements)
    code, told = verified(tmp_path, capfd)
    assert code == 1
    assert told.startswith(f"the audit is broken: line {line} of ")
    assert told.endswith(f"chain {1:016x}.1: {why}")


def rewritten(path: Path, n: int) -> None:
    """Write the only chain of a store anew from a line on, so that all its hashes fit again."""
    with sqlite3.connect(path) as database:
        ((chain, prev),) = database.execute("SELECT chain, prev FROM audit WHERE n = ?", (n,)).fetchall()
        for at, text in database.execute("SELECT n, line FROM audit WHERE n >= ? ORDER BY n", (n,)).fetchall():
            line = msgspec.structs.replace(unpack(text.replace("reason 2", "no reason")), prev=prev)
            payload = encode(line)
            prev, before = hash_of(chain, payload), prev
            database.execute(
                "UPDATE audit SET line = ?, hash = ?, prev = ? WHERE n = ?", (payload.decode(), prev, before, at)
            )
        database.execute("UPDATE heads SET hash = ?", (prev,))
    database.close()


def test_a_chain_that_was_written_anew_is_found_by_the_store_of_another_node(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = filled(tmp_path)
    other = shutil.copy(path, tmp_path / "other.db")
    assert verified(tmp_path, capfd, f"--against=sqlite:///{other}")[0] == 0
    rewritten(path, 4)
    assert verified(tmp_path, capfd)[0] == 0
    code, told = verified(tmp_path, capfd, f"--against=sqlite:///{other}")
    assert code == 1
    assert told.endswith(": it is not the one that others have seen")


def test_an_export_is_read_as_what_was_written(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    filled(tmp_path)
    assert main.main(["audit", "export", f"--data-dir={tmp_path}"]) == 0
    rows = list(csv.DictReader(io.StringIO(capfd.readouterr().out, newline="")))
    assert [row["reason"] for row in rows] == [f"reason {number}" for number in range(5, -1, -1)]
    assert {row["outcome"] for row in rows} == {"unknown"}
    assert main.main(["audit", "export", "--format=json", f"--data-dir={tmp_path}"]) == 0
    assert [item["reason"] for item in json.loads(capfd.readouterr().out)] == [row["reason"] for row in rows]


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        ((), 2, "audit: nothing is asked for, it is one of verify, export"),
        (("burn",), 2, "audit: burn is not known, it is one of verify, export"),
        (("verify", "--format=csv"), 2, "--format: it is for export"),
        (("export", "--format=xml"), 2, "--format: 'xml' is none of csv, json"),
        (("verify", "--against=nowhere"), 2, "--against: it is not a URL"),
        (("export", "--against=sqlite:///x.db"), 2, "--against: it is for verify"),
        (("verify", "--port=1"), 2, "--port is not an option here"),
        (("verify",), 3, "cannot be read: there is no such file"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(
    arguments: tuple[str, ...], code: int, said: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main.main(["audit", *arguments, f"--data-dir={tmp_path}"]) == code
    out, err = capfd.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert said in err
    assert list(tmp_path.iterdir()) == []


def test_an_empty_store_holds(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    filled(tmp_path, 0)
    assert verified(tmp_path, capfd) == (0, "the audit holds: 0 lines in 0 chains")
    assert main.main(["audit", "export", "--format=json", f"--data-dir={tmp_path}"]) == 0
    assert json.loads(capfd.readouterr().out) == []
