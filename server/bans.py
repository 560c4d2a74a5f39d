"""Who may not come in: bans by user, address and network, found without looking through them; pure."""

from __future__ import annotations

import dataclasses
import functools
import ipaddress
import math
from collections.abc import Callable, Iterator
from typing import Annotated

import msgspec

from bus.record import NAME_CHARS
from server.rulings import BAN, Change, Ruling, key_of, parts_of
from server.session import Role
from server.unreadable import UNREADABLE
from server.wire.names import FieldError

ADDRESSES = 16_384
"""Addresses of which it is remembered what number they are."""

_Name = Annotated[str, msgspec.Meta(max_length=NAME_CHARS)]

_Number = tuple[int, int]
"""An address: its bits, 32 or 128, and its value."""


class Ban(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """Value of a ruling: one user, or an address or network, may not come in; with a room not there."""

    user: _Name = ""
    ip: _Name = ""
    """In normal form (`network`)."""
    room: _Name = ""


@dataclasses.dataclass(frozen=True, slots=True)
class InForce:
    """A ban that is in force, and who decided it."""

    id: str
    ban: Ban
    ruling: Ruling

    def spares(self, user: str, role: Role) -> bool:
        """Whether it is not for somebody: nobody acts on a higher role, and nobody bans himself."""
        by = self.ruling.by
        return role.rank > by.role.rank or (role is by.role and user == by.user)


def network(text: str) -> str:
    """The normal form of an address or network: IPv4 as such wherever it stands. Raises FieldError."""
    try:
        found = ipaddress.ip_network(text.strip(), strict=False)
    except ValueError:
        sentence = "ip is no address and no network, such as 192.0.2.7 or 192.0.2.0/24"
        raise FieldError("ip", sentence) from None
    if isinstance(found, ipaddress.IPv6Network) and found.prefixlen >= 96:
        mapped = found.network_address.ipv4_mapped
        if mapped is not None:
            found = ipaddress.ip_network((mapped, found.prefixlen - 96))
    return str(found.network_address if found.prefixlen == found.max_prefixlen else found)


def key_of_ban(id: str) -> str:
    """The key of the rulings about a ban."""
    return key_of(BAN, id)


class Bans:
    """The bans in force. To look one up costs the same with ten thousand of them as with ten."""

    def __init__(self) -> None:
        self._all: dict[str, InForce] = {}
        self._users: dict[str, tuple[InForce, ...]] = {}
        self._networks: dict[_Number, dict[int, tuple[InForce, ...]]] = {}
        """By the bits of an address and of its network, then by the value of those."""

    def __len__(self) -> int:
        return len(self._all)

    def __iter__(self) -> Iterator[InForce]:
        return iter(self._all.values())

    def get(self, id: str) -> InForce | None:
        """The ban of that id, if it is in force."""
        return self._all.get(id)

    def follow(self, change: Change) -> InForce | None:
        """Another ruling on a ban is in force, or none; returns the ban that is now."""
        id = "/".join(parts_of(change.key)[1:])
        self._remove(self._all.pop(id, None))
        if change.now is None:
            return None
        try:
            entry = InForce(id, change.now.read(Ban), change.now)
        except UNREADABLE:  # of a later version, say: it bans nobody here
            return None
        self._all[id] = entry
        self._add(entry)
        return entry

    def against(self, user: str, ip: str, role: Role, room: str = "") -> InForce | None:
        """What keeps somebody out of the service, or with `room` out of that; of several what lasts longest."""
        if not self._all:
            return None
        found = [
            entry for entry in self._about(user, ip) if entry.ban.room in ("", room) and not entry.spares(user, role)
        ]
        return max(found, key=_lasting, default=None)

    def _about(self, user: str, ip: str) -> Iterator[InForce]:
        yield from self._users.get(user, ())
        if self._networks and (number := _number(ip)) is not None:
            bits, value = number
            for (size, length), networks in self._networks.items():
                if size == bits:
                    yield from networks.get(value >> (bits - length), ())

    def _add(self, entry: InForce) -> None:
        if entry.ban.user:
            self._users[entry.ban.user] = (*self._users.get(entry.ban.user, ()), entry)
        for size, start in _places(entry.ban.ip):
            networks = self._networks.setdefault(size, {})
            networks[start] = (*networks.get(start, ()), entry)

    def _remove(self, entry: InForce | None) -> None:
        if entry is None:
            return
        user = entry.ban.user
        if user:
            others = tuple(other for other in self._users[user] if other is not entry)
            if others:
                self._users[user] = others
            else:
                del self._users[user]
        for size, start in _places(entry.ban.ip):
            networks = self._networks[size]
            others = tuple(other for other in networks[start] if other is not entry)
            if others:
                networks[start] = others
            else:
                del networks[start]
            if not networks:
                del self._networks[size]


def reach(ban: Ban) -> Callable[[str], bool]:
    """Tells of addresses whether a ban of an address or network is about them; for many of them, as it looks once."""
    places = tuple(_places(ban.ip))

    def reaches(ip: str) -> bool:
        number = _number(ip)
        if number is None:
            return False
        bits, value = number
        return any(size == bits and value >> (bits - length) == start for (size, length), start in places)

    return reaches


def _places(ip: str) -> Iterator[tuple[_Number, int]]:
    """Where a network stands among others: none for what is no network."""
    if ip:
        try:
            found = ipaddress.ip_network(ip)
        except ValueError:
            return
        bits = found.max_prefixlen
        yield (bits, found.prefixlen), int(found.network_address) >> (bits - found.prefixlen)


@functools.lru_cache(ADDRESSES)
def _number(ip: str) -> _Number | None:
    """What number an address is; None for what is none."""
    try:
        address = ipaddress.ip_address(ip.partition("%")[0])
    except ValueError:
        return None
    address = getattr(address, "ipv4_mapped", None) or address
    return address.max_prefixlen, int(address)


def _lasting(entry: InForce) -> float:
    return math.inf if entry.ruling.until is None else entry.ruling.until
