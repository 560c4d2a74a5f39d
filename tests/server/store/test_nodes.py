"""Nodes and their stores: one shared or one each, all started anew, and rooms that go on while a store fails."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from functools import partial
from pathlib import Path

import pytest

from server.bans import Ban, key_of_ban
from server.session import Actor, Role
from server.store.address import StoreAddress
from server.store.keeper import Keeper
from server.store.rows import StoreError
from server.wire.native import Code, Refused
from tests.guest import fetch
from tests.nodes import Served, Serving
from tests.server.store.conftest import Place
from tests.stored import Keepers, ruling, until, written

MODERATOR = Actor("s_mod", "mod", "Mod", Role.MODERATOR)
LATER = 1 << 50


@pytest.fixture(autouse=True)
def _nothing_is_old(keep: Keepers) -> None:
    keep.wall = 0


def _knows(served: Served, others: int) -> bool:
    return served.node.synced and len(served.node.bus.peers()) == others


async def cluster(serve: Serving, stores: Sequence[Keeper]) -> list[Served]:
    """Nodes that know each other, each with its store."""
    nodes = [await serve(*["m:0"][:n], address=f"m:{n}", store=store) for n, store in enumerate(stores)]
    for node in nodes:
        await until(partial(_knows, node, len(stores) - 1))
    return nodes


def _has_written(store: Keeper, rows: int) -> bool:
    return store.state.written >= rows


async def end(serve: Serving, stores: Sequence[Keeper]) -> None:
    """End all nodes."""
    await serve.close()
    serve.served.clear()
    for store in stores:
        await store.close()


@pytest.fixture
async def anew(tmp_path: Path) -> AsyncIterator[Serving]:
    """Starts the same nodes for a second time."""
    serving = Serving(tmp_path, life=2)
    yield serving
    await serving.close()


@pytest.mark.parametrize("shared", [True, False], ids=["shared", "one each"])
async def test_all_nodes_are_started_anew_and_a_ban_holds_still(
    place: Place, shared: bool, serve: Serving, anew: Serving, keep: Keepers
) -> None:
    first = await place()
    addresses = [first if shared else await place() for _ in range(2)]
    addresses.insert(0, first)
    stores = [await keep(address) for address in addresses]
    nodes = await cluster(serve, stores)
    ann = (await nodes[1].members("Ann"))[0]
    for n in range(20):
        await ann.ask("say", room="lobby", text=f"text {n}")
    await nodes[0].node.exclusion.ban(MODERATOR, Ban(user="bob", ip="", room=""), reason="spam", id="b1")
    await nodes[0].node.exclusion.ban(MODERATOR, Ban(user="cid", ip="", room=""), id="b2")
    await nodes[2].node.exclusion.unban(MODERATOR, "b2")
    for store in stores:
        await until(partial(_has_written, store, 20 + 3))
        await written(store)
    for store in stores:  # whoever is asked, each of them is there once
        assert [row.text for row in await store.history("lobby", 0, LATER)] == [f"text {n}" for n in range(20)]
        latest = {row.key: row.number for row in await store.rulings()}
        assert latest == {key_of_ban("b1"): 1, key_of_ban("b2"): 2}
    await end(serve, stores)

    for served in await cluster(anew, [await keep(address) for address in addresses]):
        guest = await served.connect()
        refused = await guest.ask("hello", name="Bob", user="bob")
        assert refused["code"] == "banned"
        assert (await served.enter("Cid", user="cid")).welcome["user"] == "cid"


async def test_a_mute_that_was_half_over_is_so_after_the_night(
    address: StoreAddress, serve: Serving, anew: Serving, keep: Keepers
) -> None:
    store = await keep(address)
    (before,) = await cluster(serve, [store])
    orders = before.node.orders
    await orders.rule(MODERATOR, "mute/ann/", True, seconds=1000)
    await orders.rule(MODERATOR, "mute/bob/", True)
    await orders.rule(MODERATOR, "mute/cid/", True, seconds=1)
    before.clock.advance(2)
    before.node.tick(0.0)
    await end(serve, [store])

    (after,) = await cluster(anew, [await keep(address)])
    now = after.clock.now()
    left = after.node.rulings.left("mute/ann/", now)
    assert left is not None
    assert 900 < left <= 1000
    assert after.node.rulings.left("mute/bob/", now) is None
    assert after.node.rulings.get("mute/bob/") is not None


async def test_what_a_damaged_row_says_is_left_out_and_told(
    serve: Serving, anew: Serving, keep: Keepers, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    address = StoreAddress.of_file(str(tmp_path / "store.db"))
    store = await keep(address)
    (before,) = await cluster(serve, [store])
    await before.node.orders.rule(MODERATOR, "mute/bob/", True)
    store.save(ruling("mute/ann/", ruling='["what is this'))
    await end(serve, [store])
    (after,) = await cluster(anew, [await keep(address)])
    assert after.node.rulings.get("mute/bob/") is not None
    assert after.node.rulings.last("mute/ann/") is None
    assert "mute/ann/ is not readable" in caplog.text


# While a store fails.


@pytest.fixture
async def failing(tmp_path: Path, serve: Serving, keep: Keepers, monkeypatch: pytest.MonkeyPatch) -> Served:
    """A node whose store has lost its file; `mend` puts it back."""
    monkeypatch.setattr("server.store.keeper.LOOK_SECONDS", 0.05)
    store = await keep(StoreAddress.of_file(str(tmp_path / "store.db")))
    (served,) = await cluster(serve, [store])
    (tmp_path / "store.db").rename(tmp_path / "aside.db")
    await until(lambda: store.failing)
    return served


async def mend(served: Served, tmp_path: Path) -> None:
    (tmp_path / "aside.db").rename(tmp_path / "store.db")
    store = served.node.store
    assert store is not None
    await until(lambda: not store.failing and not store.state.waiting)


async def test_rooms_go_on_and_what_was_said_is_kept_later(failing: Served, tmp_path: Path) -> None:
    ann, bob = await failing.members("Ann", "Bob")
    assert (await ann.ask("say", room="lobby", text="hello"))["type"] == "sent"
    assert (await bob.next("message"))["text"] == "hello"
    await mend(failing, tmp_path)
    store = failing.node.store
    assert store is not None
    assert [row.text for row in await store.history("lobby", 0, LATER)] == ["hello"]


async def test_what_must_last_is_refused_and_not_done(failing: Served, tmp_path: Path) -> None:
    node = failing.node
    with pytest.raises(Refused) as raised:
        await node.exclusion.ban(MODERATOR, Ban(user="bob", ip="", room=""), id="b1")
    assert raised.value.code is Code.UNAVAILABLE
    assert "gone" in raised.value.message
    assert node.rulings.last(key_of_ban("b1")) is None
    await mend(failing, tmp_path)
    await node.exclusion.ban(MODERATOR, Ban(user="bob", ip="", room=""), id="b1")


async def test_of_acts_on_people_those_that_must_last_are_refused_and_the_others_go_on(
    failing: Served, tmp_path: Path
) -> None:
    bob = await failing.enter("Bob", user="bob")
    await bob.join()
    mo = await failing.enter_as("moderator")
    for act, how in (("mute", {"user": "bob"}), ("kick", {"session": bob.session, "block_seconds": 60})):
        refused = await mo.ask(act, **how)
        assert (refused["code"], "store" in refused["message"]) == ("unavailable", True)
    await bob.settle()
    assert not bob.unread
    for act, more in (("mute", {}), ("unmute", {}), ("move", {"room": "lobby", "to": "second"}), ("kick", {})):
        done = await mo.ask(act, session=bob.session, **more)
        assert [result["outcome"] for result in done["results"]] == ["done"], act
    assert (await bob.closed())[0] == 4403
    await mend(failing, tmp_path)


async def test_a_mute_of_a_user_holds_after_all_nodes_were_started_anew_and_its_lift_too(
    serve: Serving, anew: Serving, keep: Keepers, tmp_path: Path
) -> None:
    address = StoreAddress.of_file(str(tmp_path / "store.db"))
    store = await keep(address)
    (before,) = await cluster(serve, [store])
    for user in ("bob", "cid"):
        await (await before.enter("Bob", user=user)).join()
    mo = await before.enter_as("moderator")
    await mo.ask("mute", users=["bob", "cid"])
    await mo.ask("unmute", user="cid")
    await store.settled()
    await end(serve, [store])
    (after,) = await cluster(anew, [await keep(address)])
    for user, code in (("bob", "muted"), ("cid", None)):
        guest = await after.enter("Bob", user=user)
        await guest.join()
        assert (await guest.ask("say", room="lobby", text="may I?")).get("code") == code


async def test_members_report_and_moderators_take_but_nothing_is_closed_that_might_be_open_again(
    failing: Served, tmp_path: Path
) -> None:
    ann, bob = await failing.members("Ann", "Bob")
    mo = await failing.enter_as("moderator")
    assert (await ann.ask("report", session=bob.session, room="lobby", text="he insults me"))["type"] == "ok"
    report = (await mo.next("reported"))["report"]
    assert (await mo.ask("report_take", report=report))["type"] == "done"
    refused = await mo.ask("report_close", report=report)
    assert (refused["code"], "store" in refused["message"]) == ("unavailable", True)
    assert [item["state"] for item in (await mo.ask("list", what="reports"))["items"]] == ["taken"]
    await mend(failing, tmp_path)
    assert (await mo.ask("report_close", report=report))["type"] == "done"


async def test_who_decided_when_it_began_to_fail_is_not_told_that_it_is_kept(failing: Served, tmp_path: Path) -> None:
    with pytest.raises(Refused) as raised:
        await failing.node.orders.rule(MODERATOR, "mute/ann/", True)
    assert raised.value.code is Code.UNAVAILABLE
    await mend(failing, tmp_path)
    store = failing.node.store
    assert store is not None
    assert [row.key for row in await store.rulings()] == ["mute/ann/"]


async def test_the_port_says_so(failing: Served, tmp_path: Path) -> None:
    ready = await fetch(failing.url, "/readyz")
    assert (ready.status, ready.body) == (200, b"ready; the store fails, so that what has to last is refused\n")
    metrics = (await fetch(failing.url, "/metrics")).body.decode()
    assert "switchboard_store_failing 1.0" in metrics
    await mend(failing, tmp_path)
    assert (await fetch(failing.url, "/readyz")).body == b"ready\n"
    metrics = (await fetch(failing.url, "/metrics")).body.decode()
    for figure in ("failing 0.0", "waiting 0.0", "dropped_total 0.0", "written_total "):
        assert f"switchboard_store_{figure}" in metrics


async def test_a_node_does_not_start_with_a_store_that_cannot_be_read(
    serve: Serving, keep: Keepers, tmp_path: Path
) -> None:
    store = await keep(StoreAddress.of_file(str(tmp_path / "store.db")))
    await store.close()
    with pytest.raises(StoreError):
        await serve(store=store)


async def test_a_whisper_is_not_kept(serve: Serving, keep: Keepers, tmp_path: Path) -> None:
    store = await keep(StoreAddress.of_file(str(tmp_path / "store.db")))
    (served,) = await cluster(serve, [store])
    ann, bob = await served.members("Ann", "Bob")
    await ann.ask("whisper", to={"session": bob.session}, text="between us")
    await ann.ask("say", room="lobby", text="for all")
    await store.close()
    assert b"between us" not in b"".join(path.read_bytes() for path in tmp_path.glob("store.db*"))
    assert b"for all" in b"".join(path.read_bytes() for path in tmp_path.glob("store.db*"))
