"""How a launched node is heard from outside: its pipes as they fill, its answer over HTTP."""

from __future__ import annotations

import asyncio
import ssl
import urllib.parse
from collections.abc import AsyncGenerator
from typing import IO

_ANSWER_SECONDS = 1.0
_PIECE = 65_536


async def pieces(pipe: IO[bytes]) -> AsyncGenerator[bytes]:
    """Read `pipe` to its end as data comes."""
    reader = asyncio.StreamReader()
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), pipe
    )
    try:
        while piece := await reader.read(_PIECE):
            yield piece
    finally:
        transport.close()


async def answers(http: str) -> bool:
    """Whether the node at the address `http` says that it can serve."""
    address = urllib.parse.urlsplit(http)
    secure = None
    if address.scheme == "https":
        # It is asked whether it lives, and told nothing: whoever has signed its certificate does not matter, and
        # those whom this machine trusts are not read, which would hold the loop for 20 ms.
        secure = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        secure.check_hostname, secure.verify_mode = False, ssl.CERT_NONE
    try:
        async with asyncio.timeout(_ANSWER_SECONDS):
            reader, writer = await asyncio.open_connection(address.hostname, address.port, ssl=secure)
            try:
                writer.write(f"GET /healthz HTTP/1.1\r\nHost: {address.netloc}\r\nConnection: close\r\n\r\n".encode())
                status = await reader.readline()
            finally:
                writer.close()
    except (OSError, ValueError, TimeoutError):
        return False
    return status.split(b" ")[1:2] == [b"200"]
