"""What bans cost: to look somebody up as a hello does, what a text pays, and what the window does, with ten thousand.

``python tests/bench/bench_bans.py [BANS]`` prints microseconds of a processor, by itself and without sockets.
"""

from __future__ import annotations

import itertools
import random
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from server.bans import Ban, key_of_ban, network
from server.conversation import Conversation
from server.desk import Desk
from server.session import Actor, Role
from tests.fuzz.ground import Ground, Line

BY = Actor("s_m", "mod", "Mod", Role.MODERATOR)
ROUNDS = 9
HELLOS, SAYS, LOOKS = 2_000, 400, 10


def bans(count: int, chance: random.Random) -> Iterator[Ban]:
    """A third each of users, of addresses and of networks of any length."""
    for number in range(count):
        address = (
            f"{chance.randint(1, 223)}.{chance.randint(0, 255)}.{chance.randint(0, 255)}.{chance.randint(0, 255)}"
        )
        match number % 3:
            case 0:
                yield Ban(user=f"user-{number}")
            case 1:
                yield Ban(ip=network(address))
            case _:
                yield Ban(ip=network(f"{address}/{chance.randint(12, 30)}"))


def microseconds(act: Callable[[int], object], times: int, between: Callable[[], object]) -> float:
    """Of a processor for each call, in the median of some rounds; what is done between them is not in it."""
    found, number = [], 0
    for _ in range(ROUNDS):
        took = 0.0
        for _ in range(times):
            began = time.thread_time()
            act(number)
            took += time.thread_time() - began
            number += 1
            between()
        found.append(took / times * 1e6)
    return statistics.median(found)


def look_up(ground: Ground) -> float:
    """What a hello pays: everybody comes from another address."""
    against = ground.node.exclusion.bans.against
    people = [(f"guest-{n}", f"10.{n >> 16 & 255}.{n >> 8 & 255}.{n & 255}") for n in range(HELLOS * ROUNDS)]
    return microseconds(lambda number: against(*people[number], Role.USER), HELLOS, lambda: None)


def say(ground: Ground) -> float:
    """What a text pays, from its bytes to the node's log."""
    client = Conversation(ground.node, Line(ground.node))
    client.hear_text(b'{"type":"hello","name":"Ann"}')
    client.hear_text(b'{"type":"join","room":"lobby"}')
    texts = [
        b'{"type":"say","id":%d,"room":"lobby","text":"hi %d"}' % (number, number) for number in range(SAYS * ROUNDS)
    ]

    def between() -> None:
        ground.pass_time(0.06)  # nobody says more than 20 a second
        client.outbox.frames.clear()

    took = microseconds(lambda number: client.hear_text(texts[number]), SAYS, between)
    assert not ground.node.counters.refused, "what is refused costs less"
    return took


def look(ground: Ground) -> tuple[float, float]:
    """What the window pays that looks every second: while nothing changes, and after one more ban."""
    desk, numbers = Desk(ground.node, "Olga"), itertools.count()
    desk.bans()

    def one_more() -> None:
        ground.node.orders.decide(BY, key_of_ban(f"w_{next(numbers)}"), Ban(user="somebody"))

    still = microseconds(lambda _: desk.bans(), LOOKS, lambda: None)
    return still, microseconds(lambda _: desk.bans(), LOOKS, one_more)


def main(count: int) -> None:
    """Measure without bans and with so many."""
    chance = random.Random(7)
    for number in (0, count):
        ground = Ground()
        began = time.thread_time()
        for at, ban in enumerate(bans(number, chance)):
            ground.node.orders.decide(BY, key_of_ban(f"b_{at}"), ban)
        took = time.thread_time() - began
        print(f"{number:>7,} bans", f"to decide {took / number * 1e6:6.1f} µs each" if number else "", sep="   ")
        print(f"    hello, looked up   {look_up(ground):8.2f} µs")
        print(f"    say, altogether    {say(ground):8.2f} µs")
        still, changed = look(ground)
        print(f"    the window looks   {still:8.2f} µs, after one more ban {changed:8.2f} µs", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)
