"""Where peers were told to be: in numbers, or by host names that are looked up beside the loop, again and again."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterable, Mapping, Sequence

from bus.interface import Sought
from bus.zeromq_address import is_name, joined, plain_host, split

AGAIN_TICKS = 40
"""5 s: how soon a name whose peer is not connected is looked up again."""


class Names:
    """The addresses that a node was given, with what is known of each in numbers."""

    def __init__(self, given: Iterable[str], moved: Callable[[str, str], None]) -> None:
        """`moved` is told the number to which no name leads any more, or nothing, and the new one."""
        self._moved = moved
        self._numbers = {each: "" if is_name(each) else each for each in given}
        self._tasks: dict[str, asyncio.Task[None]] = {}

    @property
    def numbers(self) -> tuple[str, ...]:
        """What is known in numbers."""
        return tuple(filter(None, self._numbers.values()))

    def add(self, given: str) -> str:
        """One more; returns its number, empty while a name is looked up."""
        known = self._numbers.setdefault(given, "" if is_name(given) else given)
        if not known:
            self._look(given)
        return known

    def remove(self, given: str) -> str:
        """One less; returns its number where no other has that."""
        task = self._tasks.pop(given, None)
        if task is not None:
            task.cancel()
        number = self._numbers.pop(given, "")
        return "" if number in self._numbers.values() else number

    def sought(self, links: Mapping[str, int | None]) -> Sequence[Sought]:
        """All of them, and which of their numbers are connected."""
        return [Sought(given, number, links.get(number, 0) is None) for given, number in self._numbers.items()]

    async def first(self, seconds: float) -> None:
        """Look up all names, for `seconds` at most; the others go on."""
        self.look({})
        if self._tasks:
            await asyncio.wait(list(self._tasks.values()), timeout=seconds)

    def look(self, links: Mapping[str, int | None]) -> None:
        """Look up all names that lead to no connection."""
        for given, number in self._numbers.items():
            if is_name(given) and links.get(number, 0) is not None:
                self._look(given)

    def close(self) -> None:
        """Look up nothing any more."""
        for task in list(self._tasks.values()):
            task.cancel()

    def _look(self, given: str) -> None:
        if given not in self._tasks:
            task = asyncio.get_running_loop().create_task(self._look_up(given), name=f"name {given}")
            self._tasks[given] = task
            task.add_done_callback(lambda _: self._tasks.pop(given, None))

    async def _look_up(self, given: str) -> None:
        host, port = split(given)
        try:
            infos = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError):
            return  # it may be known later
        found = [joined(plain_host(str(info[4][0])), port or 0) for info in infos]
        before = self._numbers.get(given)
        if before is None or not found or before in found:
            return
        self._numbers[given] = found[0]
        self._moved("" if before in self._numbers.values() else before, found[0])
