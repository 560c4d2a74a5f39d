"""People who come, go, speak and write on nodes that `bench_window.py` has launched; runs until it is ended.

``python tests/bench/crowd.py PEOPLE ROOMS URL…``. A tenth of a second is a tick: two come and two go in each, a
twentieth of them speak, and one writes. A line on stdout says when all are there.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import random
import sys
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from server.client import Client, Closed, Talk

TICK_SECONDS = 0.1
TURNOVER, WRITERS = 2, 1
"""People who come and go, and who write, in each tick."""
SPEAKING = 20
"""One in so many speaks."""
VOICE = b"opus" * 10


class Person:
    """Somebody in a room."""

    def __init__(self, client: Client, room: str, talk: Talk) -> None:
        self.client, self.room, self.talk = client, room, talk


async def come(url: str, room: str, number: int) -> Person:
    """Connect and enter a room."""
    client = Client(url, name=f"Person {number}", hears=False)
    await client.open()
    return Person(client, room, client.talk(await client.join(room)))


async def live(people: int, rooms: int, urls: Sequence[str]) -> None:
    """Have that many people there, and let them live."""
    chance = random.Random(1)
    numbers = itertools.count(1)

    async def fresh() -> Person:
        number = next(numbers)
        return await come(urls[number % len(urls)], f"r{chance.randrange(rooms):04}", number)

    there = [await fresh() for _ in range(people)]
    print('{"event":"there"}', flush=True)
    loop = asyncio.get_running_loop()
    due = loop.time()
    for tick in itertools.count():
        for _ in range(TURNOVER):
            place = chance.randrange(len(there))
            gone, there[place] = there[place], await fresh()
            await gone.client.close()
        for person in chance.sample(there, WRITERS):
            with contextlib.suppress(Closed):
                await person.client.say(person.room, "a few words " * chance.randrange(1, 12))
        turn = tick // 30  # three seconds are a turn
        for person in there[turn % SPEAKING :: SPEAKING]:
            with contextlib.suppress(Closed):
                await person.talk.send(VOICE, level=chance.randrange(10, 60))
        due = max(due + TICK_SECONDS, loop.time())
        await asyncio.sleep(due - loop.time())


if __name__ == "__main__":
    asyncio.run(live(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]))
