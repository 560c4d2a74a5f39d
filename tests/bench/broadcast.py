"""The room relay a user of `websockets` would write by hand: broadcast.py PORT [asyncio|uvloop]"""
import asyncio
import sys
from collections import defaultdict

from websockets.asyncio.server import broadcast, serve

rooms = defaultdict(set)


async def handler(ws):
    room = None
    try:
        async for message in ws:
            if room is None:                        # first message: "JOIN <room>"
                room = rooms[message[5:]]
                room.add(ws)
                await ws.send("OK")
            else:
                broadcast(room - {ws}, message)
    finally:
        if room is not None:
            room.discard(ws)


async def main():
    async with serve(handler, "127.0.0.1", int(sys.argv[1]), compression=None, backlog=1024):
        await asyncio.Future()


if sys.argv[2:] == ["uvloop"]:
    import uvloop
    uvloop.run(main())
else:
    asyncio.run(main())
