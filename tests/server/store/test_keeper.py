"""A store keeps what it is given and finds it again, whichever database it is."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from server.store.address import StoreAddress
from server.store.keeper import DAY_MS, Keeper
from server.store.reading import PAGE, REMOVED
from server.store.rows import AuditRow, HeadRow, Sought, place_of
from tests.stored import CHAIN, NOW, Keepers, line, ruling, said, until, written

ODD = "Zoë \U0001f50a 漢字 ' \" \\ % %s :x $1 {} ; --"


async def lines_of(keeper: Keeper, chain: str = CHAIN) -> list[AuditRow]:
    return [row async for row in keeper.chain(chain)]


async def test_what_is_saved_is_found_as_it_was(keeper: Keeper) -> None:
    decided = ruling(key=f"mute/ann/{ODD}", ends=NOW + 5, ruling=f'["{ODD}"]')
    told = line(by="a@b", user="ann", room=ODD, line=ODD)
    head, text = HeadRow(chain=CHAIN, n=1, hash="ab", at=NOW), said(room=ODD, text=ODD * 50)
    for row in (decided, told, head, text):
        keeper.save(row)
    await written(keeper)
    assert await keeper.rulings() == [decided]
    assert await keeper.audit_page(Sought()) == [told]
    assert await keeper.heads() == [head]
    assert await keeper.history(ODD, NOW, NOW + 1) == [text]
    assert keeper.state.written == 4


async def test_what_is_there_already_stays_as_it_is(keeper: Keeper, keep: Keepers, address: StoreAddress) -> None:
    other = await keep(address)
    keeper.save(ruling(ruling='["first"]'))
    await keeper.settled()
    other.save(ruling(ruling='["second"]', ends=NOW))
    other.save(line())
    await other.settled()
    keeper.save(line(line="other words"))
    await keeper.settled()
    assert [row.ruling for row in await keeper.rulings()] == ['["first"]']
    assert await lines_of(keeper) == [line()]


async def test_several_nodes_write_the_same_at_once(keep: Keepers, address: StoreAddress) -> None:
    stores = [await keep(address) for _ in range(3)]
    for n in range(1, 1201):
        for store in stores:
            store.save(said(n))
            if n % 3 == 0:
                store.save(line(n))
                store.save(HeadRow(chain=CHAIN, n=n, hash=f"{n:064x}", at=NOW))
            if n % 10 == 0:
                store.save(ruling(number=n))
        if n % 100 == 0:
            await asyncio.sleep(0)
    for store in stores:
        await written(store)
        assert store.failing == ""
    assert [row.number for row in await stores[0].rulings()] == [1200]
    assert len(await lines_of(stores[0])) == 400
    assert len(await stores[0].history("lobby", 0, NOW + 1, limit=5000)) == 1200
    assert [head.n for head in await stores[0].heads()] == [1200]


async def test_of_each_key_the_latest_ruling_comes_back(keeper: Keeper) -> None:
    later = ruling("a", 2, origin="b.1")
    rows = [ruling("a", 1, origin="z.9"), ruling("a", 2, origin="a.1"), later, ruling("A", 1), ruling("b/é", 7)]
    for row in rows:
        keeper.save(row)
    await keeper.settled()
    assert sorted(row.key for row in await keeper.rulings()) == ["A", "a", "b/é"]
    assert later in await keeper.rulings()


async def test_names_that_differ_in_case_or_accent_are_two(keeper: Keeper) -> None:
    for n, (room, user) in enumerate((("Lobby", "ann"), ("lobby", "Ann"), ("löbby", "ann")), 1):
        keeper.save(said(n, room=room))
        keeper.save(line(n, user=user, room=room))
    await written(keeper)
    assert len(await keeper.history("lobby", 0, NOW + 1)) == 1
    assert [row.n for row in await keeper.audit_page(Sought(room="Lobby"))] == [1]
    assert [row.n for row in await keeper.audit_page(Sought(user="ann"))] == [3, 1]


async def test_of_each_chain_the_furthest_head_stays_in_all_its_forms(keeper: Keeper) -> None:
    for chain, n, hash in (("a", 1, "x"), ("a", 3, "x"), ("a", 3, "y"), ("a", 2, "x"), ("b", 1, "x")):
        keeper.save(HeadRow(chain=chain, n=n, hash=hash, at=NOW))
        await keeper.settled()
    found = [(head.chain, head.n, head.hash) for head in await keeper.heads()]
    assert sorted(found) == [("a", 3, "x"), ("a", 3, "y"), ("b", 1, "x")]


async def test_the_audit_is_read_in_pages_newest_first(keeper: Keeper) -> None:
    rows = [line(n, chain=chain, at=NOW + n // 3) for n in range(1, 40) for chain in ("a", "b")]
    for row in rows:
        keeper.save(row)
    await keeper.settled()
    expected = sorted(rows, key=place_of, reverse=True)
    found: list[AuditRow] = []
    while page := await keeper.audit_page(Sought(), limit=7, before=place_of(found[-1]) if found else None):
        assert len(page) <= 7
        found += page
    assert found == expected


async def test_the_audit_is_searched(keeper: Keeper) -> None:
    rows = [
        line(1, action="ban", user="ann", room="lobby"),
        line(2, action="mute", user="bob", by="other"),
        line(3, kind="outcome", act="act1", user="ann"),
        line(4, action="ban", user="bob", chain="b"),
    ]
    for row in rows:
        keeper.save(row)
    await keeper.settled()

    async def found(**sought: Any) -> list[int]:
        return [row.n for row in await keeper.audit_page(Sought(**sought))]

    assert await found(action="ban") == [4, 1]
    assert await found(by="other") == [2]
    assert await found(user="ann", kind="asked") == [1]
    assert await found(room="lobby") == [1]
    assert await found(chain="b") == [4]
    assert await found(since=NOW + 2, until=NOW + 4) == [3, 2]
    assert [row.n for row in await keeper.audit_of(["act1"])] == [1, 3]
    assert [row.n for row in await keeper.actions_on("ann")] == [1]
    assert list(await keeper.chains()) == [CHAIN, "b"]


async def test_a_long_chain_comes_in_its_order_and_a_fork_of_it_whole(keeper: Keeper) -> None:
    rows = [line(n) for n in range(1, 2 * PAGE + 3)]
    fork = line(PAGE, hash="f" * 64)
    for row in (*rows, fork):
        keeper.save(row)
    await keeper.settled()
    assert await lines_of(keeper) == [*rows[:PAGE], fork, *rows[PAGE:]]
    assert await lines_of(keeper, "nobody") == []


async def test_of_a_room_the_newest_is_found_oldest_first(keeper: Keeper) -> None:
    for n in range(1, 21):
        keeper.save(said(n, at=NOW + n, room="a" if n % 2 else "b"))
    await written(keeper)
    assert [row.seq for row in await keeper.history("a", NOW + 5, NOW + 15)] == [5, 7, 9, 11, 13]
    assert [row.seq for row in await keeper.history("a", NOW, NOW + 99, limit=2)] == [17, 19]
    assert await keeper.history("a", NOW, NOW + 99, user="nobody") == []


async def test_what_is_too_old_is_removed_a_few_at_a_time(keep: Keepers, address: StoreAddress) -> None:
    first = await keep(address, history_days=2)
    old, young = NOW - 2 * DAY_MS - 1, NOW - 2 * DAY_MS
    count = 2 * REMOVED + 10
    for n in range(1, count + 1):
        first.save(said(n, at=old - n))
    for n in range(1, 6):
        first.save(said(count + n, at=young))
    await written(first)
    again = await keep(address, history_days=2)
    again.save(said(count + 6, at=NOW))
    await written(again)
    left: list[int] = []

    async def looked() -> bool:
        left[:] = [row.seq for row in await again.history("lobby", 0, NOW + 1, limit=5000)]
        return len(left) == 6

    await until(looked)
    assert left == [*range(count + 1, count + 7)]


async def test_reports_that_have_left_are_removed_with_what_they_brought_along(
    keep: Keepers, address: StoreAddress
) -> None:
    first = await keep(address)
    over, still = NOW - DAY_MS - 1, NOW - DAY_MS + 1
    stay = {"report/r2": still, "report/r3": None, "ban/b1": over, "mute/report/r4": over}
    for key, ends in {"report/r1": over, "report/r1/work": over, **stay}.items():
        first.save(ruling(key, ends=ends))
    await written(first)
    again = await keep(address)

    async def are_left() -> bool:
        return {row.key for row in await again.rulings()} == set(stay)

    await until(are_left)


async def test_with_no_days_nothing_said_is_kept(
    keep: Keepers, address: StoreAddress, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server.store.keeper.LOOK_SECONDS", 0.05)
    before = await keep(address)
    before.save(said(at=NOW - 1))
    await written(before)
    assert before.keeps_texts
    now = await keep(address, history_days=0)
    assert not now.keeps_texts

    async def none_left() -> bool:
        return not await now.history("lobby", 0, NOW + 1)

    await until(none_left)


async def test_what_waits_is_written_when_the_store_is_closed(
    keeper: Keeper, keep: Keepers, address: StoreAddress
) -> None:
    for n in range(1, 100):
        keeper.save(said(n))
    keeper.save(line())
    await keeper.close()
    assert keeper.state.waiting == 0
    other = await keep(address)
    assert len(await other.history("lobby", 0, NOW + 1)) == 99
    assert await lines_of(other) == [line()]


async def test_settled_means_on_disk_for_whoever_else_looks(
    keeper: Keeper, keep: Keepers, address: StoreAddress
) -> None:
    other = await keep(address)
    for n in range(1, 20):
        keeper.save(ruling(number=n))
        await keeper.settled()
        assert [row.number for row in await other.rulings()] == [n]


async def test_what_no_column_takes_is_cut_and_holds_nothing_up(keeper: Keeper) -> None:
    keeper.save(said(1, text="a\0b"))
    keeper.save(said(2, room="r" * 1000))
    keeper.save(said(3))
    keeper.save(line(user="u" * 1000))
    await written(keeper)
    assert keeper.failing == ""
    assert [row.text for row in await keeper.history("lobby", 0, NOW + 1)] == ["a\ufffdb", "hello"]


async def test_a_store_that_does_nothing_costs_a_look_now_and_then(keeper: Keeper) -> None:
    await until(lambda: keeper.state.waiting == 0)
    assert keeper.state.failing == ""
    assert keeper.state.since is None
