"""Who may be connected (server/entrance.py), as arithmetic; over sockets: test_crowds.py."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server import entrance as entrances
from server.addresses import network_of
from server.entrance import Entrance, Refusal


def entrance(*, most: int = 0, address_most: int = 0, address_rate: float = 0) -> Entrance[int]:
    return Entrance(most=most, address_most=address_most, address_rate=address_rate)


@pytest.mark.parametrize(
    ("ip", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("127.0.0.1", ""),
        ("127.200.1.1", ""),
        ("::1", ""),
        ("::ffff:127.0.0.1", ""),
        ("nothing", "nothing"),
    ],
)
def test_an_address_stands_for_itself_and_of_ipv6_for_its_64(ip: str, network: str) -> None:
    assert network_of(ip) == network


def test_as_many_may_be_open_as_there_is_room_for() -> None:
    door = entrance(most=4)
    for visitor in range(4):
        assert door.refuses("", 0.0) is None
        assert door.enter(visitor, "", 0.0) is None
        door.is_heard(visitor)
    assert door.refuses("a", 0.0) is Refusal.FULL
    door.leave(2)
    door.leave(2)
    assert (len(door), door.refuses("a", 0.0)) == (3, None)


def test_of_one_address_some_may_be_open_and_other_addresses_do_not_care() -> None:
    door = entrance(address_most=2)
    for visitor, address in enumerate(["a", "a", "b", "", "", ""]):
        assert door.refuses(address, 0.0) is None
        door.enter(visitor, address, 0.0)
    assert door.refuses("a", 0.0) is Refusal.ADDRESS
    assert door.refuses("b", 0.0) is None
    assert door.refuses("", 0.0) is None
    door.leave(0)
    assert door.refuses("a", 0.0) is None


def test_an_address_may_come_so_often() -> None:
    door = entrance(address_rate=2)
    came = [door.refuses("a", 0.0) for _ in range(12)]
    assert came == [None] * 10 + [Refusal.RATE] * 2
    assert [door.refuses("a", 1.0) for _ in range(3)] == [None, None, Refusal.RATE]
    assert door.refuses("b", 1.0) is None
    assert all(door.refuses("", 1.0) is None for _ in range(100))


def test_when_half_of_all_places_are_taken_by_silent_ones_the_first_of_them_goes() -> None:
    door = entrance(most=6)
    assert [door.enter(visitor, "", 0.0) for visitor in range(3)] == [None] * 3
    door.is_heard(1)
    assert door.enter(3, "", 0.0) is None
    assert door.enter(4, "a", 0.0) == 0
    assert (len(door), door.unheard, door.refused[Refusal.UNHEARD]) == (4, 3, 1)


def test_who_came_through_a_proxy_counts_where_it_came_from() -> None:
    door = entrance(address_most=1)
    for visitor in (1, 2):
        assert door.refuses("", 0.0) is None
        door.enter(visitor, "", 0.0)
    assert door.comes_from(1, "a", 0.0) is None
    assert door.comes_from(1, "a", 0.0) is None
    assert door.comes_from(2, "a", 0.0) is Refusal.ADDRESS
    door.leave(2)
    door.leave(1)
    assert door.refuses("a", 0.0) is None
    assert len(door) == 0


@given(st.lists(st.tuples(st.integers(0, 30), st.sampled_from(["", "a", "b", "c"])), max_size=200))
def test_whatever_comes_and_goes_the_counts_are_right(steps: list[tuple[int, str]]) -> None:
    door = entrance(most=8, address_most=3, address_rate=5)
    there: dict[int, str] = {}
    for now, (visitor, address) in enumerate(steps):
        if visitor in there:
            del there[visitor]
            door.leave(visitor)
        elif door.refuses(address, float(now)) is None:
            there[visitor] = address
            gone = door.enter(visitor, address, float(now))
            if gone is not None:
                del there[gone]
            if visitor % 2:
                door.is_heard(visitor)
        assert len(door) == len(there) <= 8
        assert door.unheard <= 4
        assert all(list(there.values()).count(address) <= 3 for address in "abc")
    for visitor in there:
        door.leave(visitor)
    door.forget(1e6)
    assert (len(door), door.unheard, door.addresses) == (0, 0, 0)


def test_what_is_known_of_addresses_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(entrances, "ADDRESSES", 50)
    door = entrance(address_rate=1, address_most=1)
    for number in range(500):
        door.refuses(f"2001:db8:0:{number:x}::/64", 0.0)
        if number < 3:
            door.enter(number, f"2001:db8:0:{number:x}::/64", 0.0)
    assert door.addresses == 53
    assert door.refuses("2001:db8:0:1::/64", 0.0) is Refusal.ADDRESS
    for number in range(500):
        door.turn_away(str(number), Refusal.RATE, 0.0)
    assert len(door.turned_away) == entrances.TURNED_AWAY


def test_the_news_is_one_sentence_about_what_is_new() -> None:
    door = entrance(address_rate=1)
    assert door.news() == ""
    for _ in itertools.repeat(None, 8):
        door.refuses("192.0.2.7", 0.0)
    assert door.news() == "3 connections were turned away, the last from 192.0.2.7 (3 rate); 0 are open"
    assert door.news() == ""
    door.turn_away("", Refusal.DESCRIPTORS, 1.0)
    assert door.news() == "1 connections were turned away (1 descriptors); 0 are open"
    assert door.turned_away["192.0.2.7"].count == 3
