"""Measures how fast moderators are: `make bench-moderation`. Three nodes, 1,000 sessions in rooms of 20.

A moderator on one node mutes, kicks and bans people on the two others, one after the other: from the sending of the
request until its target is told, at which instant that is silenced. Then one request acts on 500 people, until its
answer comes to a moderator in a process of its own. The people are clients of this process; what it costs them to
read is in the figures.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import itertools
import json
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import uvloop

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from server.client import Client
from server.descriptors import raise_limit
from server.identity import Key, mint
from server.session import Role
from server.wire import moderation
from server.wire.moderation import Whom
from tests.bench import run as bench
from tests.bench.promises import Section
from tests.cluster.nodes import eventually

SESSIONS, MEMBERS = 1_000, 20
ACTS = 120
"""Of each kind, measured one by one."""
MANY = 500
EVERY_SECONDS = 0.03
"""Between two acts, below what one moderator may ask for."""
WITHIN_MS, MANY_MS = 50.0, 1_000.0
COMING = 20
KEY = "the key of this measurement, 32 bytes and more"


async def come(url: str, number: int) -> Client:
    """Somebody in a room."""
    client = Client(url, name=f"Person {number}", user=f"user-{number}", hears=False, resume=False)
    await client.open()
    await client.join(f"room {number // MEMBERS}")
    return client


async def took(act: Callable[[], Awaitable[Any]], target: Client) -> tuple[float, float]:
    """Do something to somebody; milliseconds until that one is told, and until who did it is answered."""
    told = asyncio.ensure_future(target.next(moderation.Moderated))
    await asyncio.sleep(EVERY_SECONDS)
    began = time.monotonic()
    done = asyncio.ensure_future(act())
    await told
    silenced = time.monotonic()
    await done
    return (silenced - began) * 1000, (time.monotonic() - began) * 1000


async def many(url: str, sessions: Sequence[str], users: Sequence[str]) -> dict[str, float]:
    """Act on many, by a moderator in a process of his own, who does not wait for what the people here read."""
    command = [sys.executable, __file__, "--many", url]
    process = await asyncio.create_subprocess_exec(
        *command, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    told, _ = await process.communicate(json.dumps({"sessions": sessions, "users": users}).encode())
    times: dict[str, float] = json.loads(told)
    return times


async def moderate(url: str, sessions: Sequence[str], users: Sequence[str]) -> dict[str, float]:
    """Milliseconds until what is done to many is answered, all of it as wanted."""
    found: dict[str, float] = {}
    async with Client(url, token=moderators_token()) as moderator:
        kinds: dict[str, Callable[[], Awaitable[moderation.Done]]] = {
            "mute": lambda: moderator.mute(Whom.of(sessions=sessions)),
            "unmute": lambda: moderator.unmute(Whom.of(sessions=sessions)),
            "mute of users": lambda: moderator.mute(Whom.of(users=users)),
            "kick": lambda: moderator.kick(Whom.of(sessions=sessions), reason="all of you"),
        }
        for name, act in kinds.items():
            await asyncio.sleep(1.0)
            began = time.monotonic()
            done = await act()
            found[name] = (time.monotonic() - began) * 1000
            assert len(done.results) == MANY
            assert all(result.outcome == "done" for result in done.results)
    return found


def moderators_token() -> str:
    return mint(Key("HS256", KEY.encode()), user="mod", role=Role.MODERATOR)


async def measure(urls: Sequence[str], acts: int) -> dict[str, Any]:
    """Have the people come, and act on them from the first node."""
    people: list[Client] = []
    for begin in range(0, SESSIONS, COMING):
        people += await asyncio.gather(*(come(urls[n % len(urls)], n) for n in range(begin, begin + COMING)))
    async with Client(urls[0], token=moderators_token()) as moderator:

        async def all_known() -> bool:
            return len((await moderator.list("sessions", limit=1000)).items) >= SESSIONS

        await eventually(all_known)
        await asyncio.sleep(2.0)
        elsewhere = iter([person for n, person in enumerate(people) if n % len(urls)])
        found: dict[str, Any] = {}
        kinds: dict[str, Callable[[Client], Awaitable[Any]]] = {
            "mute of a session": lambda target: moderator.mute(Whom.of(session=target.session)),
            "mute of a user": lambda target: moderator.mute(Whom.of(user=target.welcome.user), seconds=3600),
            "kick": lambda target: moderator.kick(Whom.of(session=target.session)),
            "ban": lambda target: moderator.ban(user=target.welcome.user),
        }
        gone: set[Client] = set()
        for name, act in kinds.items():
            targets = list(itertools.islice(elsewhere, acts))
            found[name] = [await took(lambda act=act, one=one: act(one), one) for one in targets]  # type: ignore[misc]
            if name in ("kick", "ban"):
                gone.update(targets)
        left = [person for person in people if person not in gone][:MANY]
        sessions, users = [one.session for one in left], [one.welcome.user for one in left]
        found["many"] = await many(urls[0], sessions, users)
    for person in people:
        with contextlib.suppress(Exception):
            await person.close()
    return found


def report(found: dict[str, Any]) -> Section:
    section = Section(f"Moderation: 3 nodes, {SESSIONS:,} sessions")
    for name, times in found.items():
        if name == "many":
            continue
        silenced, answered = (sorted(one[index] for one in times) for index in (0, 1))
        p99 = silenced[min(len(silenced) - 1, int(len(silenced) * 0.99))]
        said = f"{silenced[len(silenced) // 2]:.1f} / {p99:.1f} / {silenced[-1]:.1f} ms"
        section.say(
            f"{name}, until its target is silenced: half / p99 / worst", said, "p99 under 50 ms", p99 < WITHIN_MS
        )
        section.say(f"{name}, until it is answered: half", f"{answered[len(answered) // 2]:.1f} ms")
    for name, ms in found["many"].items():
        section.say(f"{name}, of {MANY} in one request", f"{ms:.0f} ms", "under 1 s", ms < MANY_MS)
    return section


def run(acts: int) -> dict[str, Any]:
    """Start the nodes and measure."""
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        key = folder / "auth.key"
        key.write_text(KEY)
        key.chmod(0o600)
        nodes: list[bench.Running] = []
        for name in ("a", "b", "c"):
            peers = [option for node in nodes for option in ("--peer", node.ready["bus"])]
            options = ("node", "--name", name, "--bus-port", "0", "--auth-key-file", str(key), *peers)
            subject = bench.Subject(name, bench.ours(*options), ready_line=True)
            nodes.append(stack.enter_context(bench.serving(subject, core=None)))
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(measure([node.ready["url"] for node in nodes], acts))


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(
        prog="make bench-moderation", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--acts", type=int, default=ACTS, help=f"of each kind (default {ACTS})")
    parser.add_argument("--save", action="store_true", help="keep the table as docs/results/moderation-<date>.md")
    parser.add_argument("--many", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.many is not None:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            print(json.dumps(runner.run(moderate(options.many, **json.load(sys.stdin)))))
        return
    raise_limit()
    bench.BUILD.mkdir(parents=True, exist_ok=True)
    without, began = bench.starved(), time.monotonic()
    section = report(run(options.acts))
    waited = (bench.starved() - without) / (time.monotonic() - began) * 100
    section.say("the one who measures waited for a core", f"{waited:.0f} %")
    lines = bench.header(arguments, make="bench-moderation", runs=1, secs=options.acts * EVERY_SECONDS)
    bench.publish([*lines, *section.lines()], save="moderation" if options.save else None)
    sys.exit(0 if section.wanted else 1)


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except bench.BenchError as error:
        sys.exit(f"bench: {error}")
