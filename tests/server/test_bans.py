"""Whom a ban is for, and that it is found without looking through all of them."""

from __future__ import annotations

import ipaddress
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from server import bans
from server.bans import Ban, Bans, network
from server.rulings import Change, Ruling
from server.session import Actor, Role
from server.wire.names import FieldError


def ruling(
    id: str, ban: Ban | None, *, role: Role = Role.MODERATOR, user: str = "mod", until: int | None = None
) -> Ruling:
    return Ruling(
        key=f"ban/{id}",
        number=1,
        origin="a.1",
        value=b"" if ban is None else msgspec.msgpack.encode(ban),
        by=Actor("", user, user, role),
        reason="",
        at=0,
        until=until,
        seconds=None,
        node="a",
    )


def put(known: Bans, id: str, ban: Ban | None, **how: Any) -> None:
    """Let a ban be in force, or with None not any more."""
    decided = ruling(id, ban, **how)
    known.follow(Change(decided.key, decided, None, None if ban is None else decided))


def against(
    known: Bans, user: str = "ann", ip: str = "192.0.2.7", role: Role = Role.USER, room: str = ""
) -> str | None:
    """Id of what keeps somebody out."""
    entry = known.against(user, ip, role, room)
    return None if entry is None else entry.id


@pytest.fixture
def known() -> Bans:
    return Bans()


def test_a_user_is_banned_by_name_and_nobody_else_is(known: Bans) -> None:
    put(known, "1", Ban(user="ann"))
    assert against(known) == "1"
    assert against(known, "bob") is None


@pytest.mark.parametrize(
    ("ip", "banned", "free"),
    [
        ("192.0.2.7", ["192.0.2.7", "::ffff:192.0.2.7"], ["192.0.2.8", "::192.0.2.7", "", "nowhere"]),
        ("192.0.2.0/24", ["192.0.2.0", "192.0.2.255"], ["192.0.1.255", "192.0.3.0", "2001:db8::1"]),
        ("0.0.0.0/0", ["1.2.3.4", "255.255.255.255"], ["::1"]),
        ("2001:db8::/32", ["2001:db8::1", "2001:db8:ffff::", "2001:db8::1%eth0"], ["2001:db9::1", "32.1.13.184"]),
        ("2001:db8::7", ["2001:db8::7", "2001:0db8:0::0007"], ["2001:db8::8"]),
    ],
)
def test_an_address_is_banned_within_its_network(known: Bans, ip: str, banned: list[str], free: list[str]) -> None:
    put(known, "1", Ban(ip=network(ip)))
    assert [against(known, ip=each) for each in banned] == ["1"] * len(banned)
    assert [against(known, ip=each) for each in free] == [None] * len(free)


@given(
    st.lists(st.tuples(st.integers(0, 2**32 - 1), st.integers(0, 32)), max_size=20),
    st.lists(st.integers(0, 2**32 - 1), max_size=5),
)
def test_it_is_found_as_if_each_were_looked_at(given: list[tuple[int, int]], more: list[int]) -> None:
    known = Bans()
    networks = {str(n): ipaddress.IPv4Network(spec, strict=False) for n, spec in enumerate(given)}
    for id, each in networks.items():
        put(known, id, Ban(ip=network(str(each))))
    for value in (*more, *(value for value, _ in given)):
        address = ipaddress.IPv4Address(value)
        found = against(known, ip=str(address))
        assert (found is not None) == any(address in each for each in networks.values())
        assert found is None or address in networks[found]


@pytest.mark.parametrize(
    ("given", "normal"),
    [
        (" 192.0.2.7 ", "192.0.2.7"),
        ("192.0.2.7/24", "192.0.2.0/24"),
        ("192.0.2.7/32", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.0/120", "192.0.2.0/24"),
        ("2001:DB8::7", "2001:db8::7"),
        ("2001:db8::7/64", "2001:db8::/64"),
    ],
)
def test_an_address_has_one_normal_form(given: str, normal: str) -> None:
    assert network(given) == normal


@pytest.mark.parametrize(
    "wrong", ["", "ann", "192.0.2", "192.0.2.7/33", "192.0.2.0/-1", "2001:db8::/129", "1.2.3.4/a"]
)
def test_what_is_no_address_is_refused(wrong: str) -> None:
    with pytest.raises(FieldError, match="no address and no network"):
        network(wrong)


def test_a_ban_of_a_room_holds_there_and_nowhere_else(known: Bans) -> None:
    put(known, "1", Ban(user="ann", room="lobby"))
    assert against(known, room="lobby") == "1"
    assert against(known, room="garden") is None
    assert against(known) is None


def test_a_ban_of_the_service_holds_in_every_room(known: Bans) -> None:
    put(known, "1", Ban(user="ann"))
    assert against(known, room="lobby") == "1"


@pytest.mark.parametrize(
    ("by", "role", "banned"),
    [
        (Role.MODERATOR, Role.USER, True),
        (Role.MODERATOR, Role.MODERATOR, True),
        (Role.MODERATOR, Role.ADMIN, False),
        (Role.ADMIN, Role.ADMIN, True),
    ],
)
def test_nobody_bans_a_higher_role(known: Bans, by: Role, role: Role, banned: bool) -> None:
    put(known, "1", Ban(ip="192.0.2.0/24"), role=by)
    assert (against(known, role=role) == "1") is banned


def test_nobody_bans_himself_by_his_address_but_who_takes_his_name_is_banned(known: Bans) -> None:
    put(known, "1", Ban(ip="192.0.2.0/24"), user="mod")
    assert against(known, "mod", role=Role.MODERATOR) is None
    assert against(known, "mod", role=Role.USER) == "1"


def test_of_several_the_one_that_lasts_longest_is_told(known: Bans) -> None:
    put(known, "1", Ban(user="ann"), until=2000)
    put(known, "2", Ban(ip="192.0.2.7"), until=3000)
    put(known, "3", Ban(user="ann"), until=1000)
    assert against(known) == "2"
    put(known, "4", Ban(ip="192.0.2.0/24"))
    assert against(known) == "4"


def test_a_ban_that_is_lifted_leaves_the_others_and_no_trace(known: Bans) -> None:
    put(known, "1", Ban(user="ann"))
    put(known, "2", Ban(user="ann"))
    put(known, "3", Ban(ip="192.0.2.0/24"))
    put(known, "4", Ban(ip="192.0.2.0/24"))
    for id in "13":
        put(known, id, None)
    assert against(known, ip="") == "2"
    assert against(known, user="") == "4"
    for id in "24":
        put(known, id, None)
    assert against(known) is None
    assert not len(known)
    assert not known._users
    assert not known._networks


def test_another_ruling_on_a_ban_replaces_it(known: Bans) -> None:
    put(known, "1", Ban(user="ann"))
    put(known, "1", Ban(user="bob"))
    assert against(known) is None
    assert against(known, "bob") == "1"


def test_a_ban_that_cannot_be_read_bans_nobody_and_harms_nothing(known: Bans) -> None:
    put(known, "1", Ban(ip="no network"))
    strange = msgspec.structs.replace(ruling("2", None), value=msgspec.msgpack.encode(7))
    assert known.follow(Change(strange.key, strange, None, strange)) is None
    assert against(known) is None
    put(known, "1", None)


def test_ten_thousand_are_no_more_to_look_at_than_ten(known: Bans, monkeypatch: pytest.MonkeyPatch) -> None:
    """By counting: what is looked at for one person, whatever else is banned."""
    looked: list[str] = []
    spares = bans.InForce.spares

    def counted(entry: bans.InForce, user: str, role: Role) -> bool:
        looked.append(entry.id)
        return spares(entry, user, role)

    monkeypatch.setattr(bans.InForce, "spares", counted)
    for number in range(5_000):
        put(known, f"u{number}", Ban(user=f"user-{number}"))
        put(known, f"n{number}", Ban(ip=network(f"10.{number >> 8}.{number & 255}.0/{24 + number % 3}")))
    assert against(known) is None
    assert looked == []
    assert against(known, "user-77", "10.0.77.9") is not None
    assert sorted(looked) == ["n77", "u77"]
    assert len(known._networks) == 3
