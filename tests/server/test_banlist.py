"""The bans as a window shows them: the same however often it looked before, and made anew only where they changed."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server import orders, rulings
from server.banlist import BanList
from server.bans import Ban, key_of_ban
from server.desk import Desk
from server.rulings import Ruling
from server.session import Actor, Role
from server.views import BanView
from tests.fuzz.ground import Ground

MO = Actor("s_m", "mo", "Mo", Role.MODERATOR)


def ban(ground: Ground, id: str, *, seconds: float | None = None) -> Ruling:
    """Decide on a ban."""
    return ground.node.orders.decide(MO, key_of_ban(id), Ban(user=f"of-{id}"), seconds=seconds)


@pytest.fixture
def ground() -> Ground:
    """A node under a clock set by hand."""
    return Ground()


ids = st.sampled_from([f"b_{number}" for number in range(6)])
steps = st.tuples(st.sampled_from(["ban", "for a time", "lift", "wait", "look"]), ids)


@settings(max_examples=40)
@given(st.lists(steps, max_size=30))
def test_what_was_kept_is_what_would_be_made_anew(played: list[tuple[str, str]]) -> None:
    ground = Ground()
    desk = Desk(ground.node, "Olga")
    for step, id in played:
        match step:
            case "ban":
                ban(ground, id)
            case "for a time":
                ban(ground, id, seconds=5)
            case "lift":
                ground.node.orders.decide(MO, key_of_ban(id), None)
            case "wait":
                ground.pass_time(2)
            case _:
                desk.bans()
    bans = desk.bans()
    assert bans == BanList(ground.node).views()
    assert {one.ban for one in bans} == {one.id for one in ground.node.exclusion.bans}
    assert [(-one.at, one.ban) for one in bans] == sorted((-one.at, one.ban) for one in bans)


def test_it_is_the_same_list_until_a_ban_changes(ground: Ground) -> None:
    desk = Desk(ground.node, "Olga")
    ban(ground, "b_1")
    ban(ground, "b_2", seconds=60)
    before = desk.bans()
    ground.pass_time(1)
    assert desk.bans() is before
    ban(ground, "b_3")
    after = desk.bans()
    assert [one.ban for one in after] == ["b_3", "b_1", "b_2"]
    kept = {id(one) for one in before}
    assert [one.ban for one in after if id(one) not in kept] == ["b_3"], "the others were not made again"
    ground.pass_time(60)
    assert [one.ban for one in desk.bans()] == ["b_3", "b_1"]


def test_when_a_ban_ends_follows_the_clock_on_the_wall(ground: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    desk, clock = Desk(ground.node, "Olga"), ground.clock
    ban(ground, "b_1", seconds=60)
    decided = until(desk.bans())
    wall = clock.wall_ms
    monkeypatch.setattr(clock, "wall_ms", lambda: wall() + 7000)
    assert until(desk.bans()) == round((decided + 7000) / 1000) * 1000


def test_an_end_that_was_counted_by_a_clock_on_the_wall_is_put_right(ground: Ground) -> None:
    desk = Desk(ground.node, "Olga")
    ruling = ban(ground, "b_1", seconds=60)
    other = Ground()
    other.node.orders.restore([msgspec.structs.replace(ruling, seconds=10.0)])
    looks = Desk(other.node, "Olga")
    wrong = until(looks.bans())
    other.node.orders.answer(orders.CALL + rulings.pack(ruling))
    assert wrong < until(looks.bans()) == until(desk.bans())


def until(bans: list[BanView]) -> int:
    """When the only one ends."""
    (one,) = bans
    assert one.until is not None
    return one.until
